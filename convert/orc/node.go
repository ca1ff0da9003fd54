package orc

import "github.com/hydrant-dev/hydrant/convert/column"

// node is a node of the schema within a stripe.
type node struct {
	t        *column.Type
	id       int
	children []*node

	content content // nil for a struct
	present bitsRLE
	nulls   bool // in the stripe
	bloom   *bloom

	stride statistics // of the stride being filled
	stripe statistics // of strides before

	// For each stride: where PRESENT stood at its start, and its statistics.
	marks   []uint64
	entries []byte // statistics, back to back
	ends    []int  // of each in entries

	next cursor
}

// content is what a stripe keeps of a column's values, beside which are null.
type content interface {
	// add adds the values of v from..to-1, and sums them up.
	add(s *statistics, b *column.Batch, v *column.Vector, from, to int)
	// mark notes where the streams stand at the start of a stride.
	mark()
	// finish completes the streams. What follows is valid after it.
	finish()
	positions() []uint64 // for each mark as many
	streams(dst []part) []part
	encoding() (kind int, dictionary int)

	held() int64
	reset()
}

// cursor is how far a vector was read.
type cursor struct {
	value int // values read
	gap   int // gaps read
	nulls int // nulls read of the next gap
}

// write adds the next slots of v.
func (n *node) write(b *column.Batch, v *column.Vector, slots int) {
	from := n.next.value
	n.spread(v, slots)
	to := n.next.value
	if n.content == nil {
		n.stride.values += uint64(to - from)
	} else if to > from {
		n.content.add(&n.stride, b, v, from, to)
	}
	if n.bloom != nil {
		n.bloom.add(b, n.t, v.Values[from:to])
	}
	below := to - from
	if n.t.Kind == column.Array || n.t.Kind == column.Map {
		below = elements(v, from, to)
	}
	for i, child := range n.children {
		child.write(b, &v.Children[i], below)
	}
}

// elements returns how many there are in lists from..to-1.
func elements(v *column.Vector, from, to int) int {
	if to == from {
		return 0
	}
	start := 0
	if from > 0 {
		start = int(v.Ends[from-1])
	}
	return int(v.Ends[to-1]) - start
}

// spread moves on by so many slots and writes which of them are null.
func (n *node) spread(v *column.Vector, slots int) {
	c := &n.next
	for slots > 0 && c.gap < len(v.Gaps) {
		g := v.Gaps[c.gap]
		values := min(slots, int(g.At)-c.value)
		n.present.repeat(true, values)
		c.value += values
		slots -= values
		if slots == 0 {
			return
		}
		nulls := min(slots, int(g.N)-c.nulls)
		n.present.repeat(false, nulls)
		n.stride.nulls, n.nulls = true, true
		slots -= nulls
		if c.nulls += nulls; c.nulls == int(g.N) {
			c.gap, c.nulls = c.gap+1, 0
		}
	}
	n.present.repeat(true, slots)
	c.value += slots
}

// rewind comes after the last rows of a batch.
func (n *node) rewind() {
	n.next = cursor{}
	for _, child := range n.children {
		child.rewind()
	}
}

// begin starts a stride.
func (n *node) begin() {
	n.marks = n.present.position(n.marks)
	if n.content != nil {
		n.content.mark()
	}
	for _, child := range n.children {
		child.begin()
	}
}

// end ends a stride.
func (n *node) end() {
	n.entries = n.stride.put(n.entries)
	n.ends = append(n.ends, len(n.entries))
	n.stripe.merge(&n.stride)
	n.stride.reset()
	if n.bloom != nil {
		n.bloom.next()
	}
	for _, child := range n.children {
		child.end()
	}
}

// finish completes the streams of the column.
func (n *node) finish() {
	n.present.finish()
	if n.content != nil {
		n.content.finish()
	}
}

func (n *node) streams(dst []part) []part {
	if n.nulls {
		dst = append(dst, part{kindPresent, &n.present})
	}
	if n.content != nil {
		dst = n.content.streams(dst)
	}
	return dst
}

// index appends the RowIndex message of the stripe.
func (n *node) index(m []byte) []byte {
	var own []uint64
	if n.content != nil {
		own = n.content.positions()
	}
	strides := len(n.ends)
	start := 0
	for i, stop := range n.ends {
		var entry, positions int
		m, entry = begin(m, 1)
		m, positions = begin(m, 1)
		if n.nulls {
			m = putPositions(m, n.marks, strides, i)
		}
		m = putPositions(m, own, strides, i)
		m = end(m, positions)
		m = putBytes(m, 2, n.entries[start:stop])
		m = end(m, entry)
		start = stop
	}
	return m
}

func (n *node) held() int64 {
	held := n.present.held() + int64(len(n.entries)+8*len(n.marks))
	if n.content != nil {
		held += n.content.held()
	}
	if n.bloom != nil {
		held += int64(len(n.bloom.done) + 8*len(n.bloom.words))
	}
	for _, child := range n.children {
		held += child.held()
	}
	return held
}

func (n *node) reset() {
	n.present.reset()
	n.nulls = false
	n.stride.reset()
	n.stripe.reset()
	n.marks, n.entries, n.ends = n.marks[:0], n.entries[:0], n.ends[:0]
	if n.content != nil {
		n.content.reset()
	}
	if n.bloom != nil {
		n.bloom.reset()
	}
}
