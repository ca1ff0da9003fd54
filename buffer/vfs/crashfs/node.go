package crashfs

import (
	"maps"
	"slices"
)

// node is a file or a directory (an inode).
type node struct {
	id   uint64 // draws this node's luck in a crash
	path string // where it was last linked; for matching faults
	dir  *directory

	// Of a file: what readers see, what survives a crash for sure, and what
	// happened between the two, in order.
	live    content
	durable content
	pending []write
	// dropped: a failed sync has thrown away pending writes, and the disk will
	// never get what live still shows.
	dropped bool
}

// write is one change of a file: data written at off or, if data is nil, the
// size set to off.
type write struct {
	off  int64
	data []byte
}

func (w write) apply(c *content) {
	if w.data == nil {
		c.resize(w.off)
		return
	}
	c.writeAt(w.data, w.off)
}

func (n *node) write(w write) {
	w.apply(&n.live)
	n.pending = append(n.pending, w)
}

// sync makes the pending writes durable.
func (n *node) sync() {
	if !n.dropped {
		n.durable = n.live.share()
	} else {
		for _, w := range n.pending {
			w.apply(&n.durable)
		}
	}
	n.pending = nil
}

// drop forgets the pending writes as Linux does when a sync fails: the cache
// still shows them, but counts them as clean.
func (n *node) drop() {
	n.pending, n.dropped = nil, true
}

// directory is the entries of a directory, with the same three states.
type directory struct {
	live    map[string]*node
	durable map[string]*node
	pending []change
}

func newDirectory() *directory {
	return &directory{live: map[string]*node{}, durable: map[string]*node{}}
}

// change is one atomic change of a directory: an entry less, an entry more,
// or both (a rename).
type change struct {
	seq    uint64 // order among the changes of all directories
	remove string
	add    string
	node   *node // linked as add
}

func (c change) apply(entries map[string]*node) {
	if c.remove != "" {
		delete(entries, c.remove)
	}
	if c.add != "" {
		entries[c.add] = c.node
	}
}

func (d *directory) change(c change) {
	c.apply(d.live)
	d.pending = append(d.pending, c)
}

func (d *directory) sync() {
	for _, c := range d.pending {
		c.apply(d.durable)
	}
	d.pending = nil
}

func (d *directory) names() []string { return slices.Sorted(maps.Keys(d.live)) }
