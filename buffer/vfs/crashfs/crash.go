package crashfs

import (
	"math/rand/v2"
	"slices"
)

// Mode says what a power loss leaves of what was not synced.
type Mode struct {
	Data Data
	Dirs Dirs
}

func (m Mode) String() string { return m.Data.String() + "/" + m.Dirs.String() }

// Data says what is left of the pending writes of a file. What is random is
// drawn for each file on its own.
type Data uint8

// The fates of pending writes.
const (
	DataNone    Data = iota // nothing
	DataAll                 // everything
	DataPrefix              // the first writes, the last of them perhaps in part
	DataSectors             // some 512-byte sectors, each as old or new as it likes
	DataZeros               // the final size, but some sectors that were new read as zeros
)

func (d Data) String() string {
	return [...]string{"none", "all", "prefix", "sectors", "zeros"}[d]
}

// Dirs says what is left of the pending changes of the directories.
type Dirs uint8

// The fates of pending changes of directories.
const (
	DirsNone    Dirs = iota // nothing
	DirsAll                 // everything
	DirsOrdered             // the first ones over all directories, as a journaling file system does it
	DirsWorst               // any of them, which is all that POSIX promises
)

func (d Dirs) String() string {
	return [...]string{"none", "all", "ordered", "worst"}[d]
}

// Modes returns all modes.
func Modes() []Mode {
	var modes []Mode
	for data := DataNone; data <= DataZeros; data++ {
		for dirs := DirsNone; dirs <= DirsWorst; dirs++ {
			modes = append(modes, Mode{data, dirs})
		}
	}
	return modes
}

// CrashClone returns the file system as a power loss at this moment may leave
// it. Everything in it is durable, nobody holds a lock and no faults are
// injected. Equal histories, seeds and modes give equal clones.
func (f *FS) CrashClone(seed uint64, m Mode) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := cloner{to: f.empty(), seed: seed, mode: m, done: map[*node]*node{}}
	if n := len(f.unsynced); m.Dirs == DirsOrdered && n > 0 {
		if kept := c.luck(0).IntN(n + 1); kept > 0 {
			c.lastKept = f.unsynced[kept-1]
		}
	}
	c.to.root = c.crash(f.root)
	return c.to
}

// KillClone returns the file system as it is after the process was killed and
// the machine went on: nothing is lost, nothing became durable, the locks are
// gone.
func (f *FS) KillClone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := cloner{to: f.empty(), done: map[*node]*node{}}
	c.to.unsynced = slices.Clone(f.unsynced)
	c.to.root = c.copy(f.root)
	return c.to
}

func (f *FS) empty() *FS {
	return &FS{lastID: f.lastID, lastSeq: f.lastSeq, locked: map[*node]bool{}, capacity: f.capacity}
}

type cloner struct {
	to       *FS
	seed     uint64
	mode     Mode
	lastKept uint64          // of the pending changes, for DirsOrdered
	done     map[*node]*node // a node may have two names after half a rename
}

// luck returns the randomness of a node, whatever order nodes are visited in.
func (c *cloner) luck(id uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, id)) }

func (c *cloner) crash(n *node) *node {
	if made := c.done[n]; made != nil {
		return made
	}
	made := &node{id: n.id, path: n.path}
	c.done[n] = made
	if n.dir == nil {
		made.durable = c.survivors(n)
		made.live = made.durable.share()
		c.to.used += made.live.size
		return made
	}
	made.dir = &directory{
		live:    make(map[string]*node, len(n.dir.durable)),
		durable: make(map[string]*node, len(n.dir.durable)),
	}
	for name, child := range c.entries(n) {
		kept := c.crash(child)
		made.dir.live[name], made.dir.durable[name] = kept, kept
	}
	return made
}

// entries returns what is left of a directory.
func (c *cloner) entries(n *node) map[string]*node {
	d := n.dir
	if len(d.pending) == 0 {
		return d.durable
	}
	kept := make(map[string]*node, len(d.live))
	for name, child := range d.durable {
		kept[name] = child
	}
	for _, change := range d.pending {
		if c.keeps(change) {
			change.apply(kept)
		}
	}
	return kept
}

func (c *cloner) keeps(change change) bool {
	switch c.mode.Dirs {
	case DirsAll:
		return true
	case DirsOrdered:
		return change.seq <= c.lastKept
	case DirsWorst:
		return c.luck(^change.seq).IntN(2) == 0
	}
	return false
}

const sectorSize = 512

// survivors returns what is left of a file.
func (c *cloner) survivors(n *node) content {
	switch {
	case len(n.pending) == 0 || c.mode.Data == DataNone:
		return n.durable.share()
	case c.mode.Data == DataAll && !n.dropped:
		return n.live.share()
	}
	left := n.durable.share()
	r := c.luck(n.id)
	switch c.mode.Data {
	case DataAll:
		for _, w := range n.pending {
			w.apply(&left)
		}
	case DataPrefix:
		k := r.IntN(len(n.pending) + 1)
		for _, w := range n.pending[:k] {
			w.apply(&left)
		}
		if k < len(n.pending) && r.IntN(2) == 0 {
			w := n.pending[k]
			left.writeAt(w.data[:r.IntN(len(w.data)+1)], w.off)
		}
	case DataSectors:
		sectors(&left, n.pending, r)
	case DataZeros:
		zeros(&left, n.pending, r)
	}
	return left
}

// sectors gives every sector the state it had after some number of the
// writes, and the file the size it had after some number of them.
func sectors(left *content, pending []write, r *rand.Rand) {
	sizes := make([]int64, 1, len(pending)+1)
	sizes[0] = left.size
	final := left.share()
	for _, w := range pending {
		w.apply(&final)
		sizes = append(sizes, final.size)
	}
	size := sizes[r.IntN(len(sizes))]
	odds := r.IntN(5) // some files lose little, some nearly everything
	for at := int64(0); at < slices.Max(sizes); at += sectorSize {
		upto := len(pending)
		if r.IntN(4) >= odds {
			upto = r.IntN(len(pending))
		}
		for _, w := range pending[:upto] {
			w.clip(at, at+sectorSize).apply(left)
		}
	}
	left.resize(size)
}

// zeros gives the file its final size and contents, but zeros in some of the
// sectors behind the durable end: the file system had grown the file, and the
// data never came.
func zeros(left *content, pending []write, r *rand.Rand) {
	end := left.size
	for _, w := range pending {
		w.apply(left)
	}
	odds := r.IntN(5)
	var nothing [sectorSize]byte
	for at := end; at < left.size; at = at/sectorSize*sectorSize + sectorSize {
		if r.IntN(4) < odds {
			continue
		}
		left.writeAt(nothing[:min(left.size, at/sectorSize*sectorSize+sectorSize)-at], at)
	}
}

// clip returns the part of the write that falls between from and to. Of a
// truncation that is the zeros it leaves there; the size is not its business.
func (w write) clip(from, to int64) write {
	if w.data == nil {
		start := max(from, w.off)
		if start >= to {
			return write{data: []byte{}}
		}
		return write{off: start, data: make([]byte, to-start)}
	}
	start, end := max(from, w.off), min(to, w.off+int64(len(w.data)))
	if start >= end {
		return write{data: []byte{}}
	}
	return write{off: start, data: w.data[start-w.off : end-w.off]}
}

// copy clones a node with all its states.
func (c *cloner) copy(n *node) *node {
	if made := c.done[n]; made != nil {
		return made
	}
	made := &node{id: n.id, path: n.path, dropped: n.dropped, pending: slices.Clone(n.pending)}
	c.done[n] = made
	if n.dir == nil {
		made.live, made.durable = n.live.share(), n.durable.share()
		return made
	}
	made.dir = newDirectory()
	for name, child := range n.dir.live {
		made.dir.live[name] = c.copy(child)
		c.to.used += child.live.size
	}
	for name, child := range n.dir.durable {
		made.dir.durable[name] = c.copy(child)
	}
	for _, x := range n.dir.pending {
		if x.node != nil {
			x.node = c.copy(x.node)
		}
		made.dir.pending = append(made.dir.pending, x)
	}
	return made
}
