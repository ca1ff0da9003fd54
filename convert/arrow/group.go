package arrow

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// group is a record batch that is being filled: the buffers of its arrays.
type group struct {
	schema *arrow.Schema
	root   node
}

// Write adds the rows of a batch.
func (g *group) Write(b *column.Batch) error { return g.root.write(b, &b.Root, nil) }

// Buffered returns the bytes in all buffers.
func (g *group) Buffered() int64 { return g.root.size() }

// record makes the record batch. It shares the memory of the group.
func (g *group) record() (arrow.Record, error) {
	columns := make([]arrow.Array, len(g.root.children))
	for i := range columns {
		data := g.root.children[i].data()
		columns[i] = array.MakeFromData(data)
		data.Release()
	}
	return array.NewRecord(g.schema, columns, int64(g.root.slots)), nil
}

// node is an array that is being filled.
type node struct {
	name     string
	t        *column.Type
	dtype    arrow.DataType
	required bool

	slots, nulls int
	valid        bitmap  // a bit for each slot; without bits as long as there is no null
	bits         bitmap  // of booleans
	fixed        []byte  // of numbers
	ends         []int32 // of strings, arrays and maps: where each slot ends
	bytes        []byte  // of strings
	children     []node

	gaps []column.Gap // reused
}

func newNode(name string, t *column.Type, required bool) node {
	n := node{name: name, t: t, dtype: typeOf(t), required: required, children: make([]node, len(t.Fields))}
	for i := range t.Fields {
		n.children[i] = newNode(t.Fields[i].Name, &t.Fields[i].Type, t.Fields[i].Required)
	}
	n.reset()
	return n
}

// reset empties the node and keeps its memory.
func (n *node) reset() {
	n.slots, n.nulls = 0, 0
	n.valid.reset()
	n.bits.reset()
	n.fixed, n.bytes = n.fixed[:0], n.bytes[:0]
	if n.t.Kind.Bytes() || n.t.Kind == column.Array || n.t.Kind == column.Map {
		n.ends = append(n.ends[:0], 0)
	}
	for i := range n.children {
		n.children[i].reset()
	}
}

func (n *node) size() int64 {
	size := len(n.valid.bytes) + len(n.bits.bytes) + len(n.fixed) + 4*len(n.ends) + len(n.bytes)
	for i := range n.children {
		size += int(n.children[i].size())
	}
	return int64(size)
}

var (
	errNull     = errors.New("a required value is null")
	errTooLarge = errors.New("more than 2 GiB in one record batch; make record_batch_size smaller")
)

// write adds the slots of v. holes are the runs of slots that v lacks because
// a struct above is null there: Arrow has slots everywhere. A hole stands
// before the slot At of v.
func (n *node) write(b *column.Batch, v *column.Vector, holes []column.Gap) error {
	if n.required && v.Nulls > 0 {
		return fmt.Errorf("write column %s: %w", n.name, errNull)
	}
	n.gaps = merge(n.gaps[:0], v.Gaps, holes)
	n.mark(v.Present)
	var err error
	switch {
	case n.t.Kind == column.Struct:
		err = n.writeChildren(b, v, n.gaps)
	case n.t.Kind.Nested():
		if err = n.writeEnds(v); err == nil {
			err = n.writeChildren(b, v, nil)
		}
	case n.t.Kind.Bytes():
		err = n.writeBytes(b, v)
	case n.t.Kind == column.Boolean:
		n.writeBits(v)
	default:
		n.writeFixed(b, v)
	}
	return err
}

func (n *node) writeChildren(b *column.Batch, v *column.Vector, holes []column.Gap) error {
	for i := range n.children {
		if err := n.children[i].write(b, &v.Children[i], holes); err != nil {
			return err
		}
	}
	return nil
}

// merge appends to dst the runs of slots without a value: nulls, which stand
// before the value At, and holes, which stand before the slot At.
func merge(dst, nulls, holes []column.Gap) []column.Gap {
	before := uint32(0) // nulls so far
	for _, gap := range nulls {
		first := gap.At + before
		for len(holes) > 0 && holes[0].At < first {
			dst = append(dst, column.Gap{At: holes[0].At - before, N: holes[0].N})
			holes = holes[1:]
		}
		before += gap.N
		for behind := first + gap.N; len(holes) > 0 && holes[0].At <= behind; {
			gap.N += holes[0].N
			holes = holes[1:]
		}
		dst = append(dst, gap)
	}
	for _, hole := range holes {
		dst = append(dst, column.Gap{At: hole.At - before, N: hole.N})
	}
	return dst
}

// mark counts the slots and notes which are null. What is required is never
// null, not even where a struct above is: its slots are valid zeros there.
func (n *node) mark(present int) {
	absent := 0
	for _, gap := range n.gaps {
		absent += int(gap.N)
	}
	if !n.required && absent > 0 {
		if n.nulls == 0 {
			n.valid.add(n.slots, true)
		}
		n.nulls += absent
	}
	n.slots += present + absent
	if n.nulls == 0 {
		return
	}
	at := 0
	for _, gap := range n.gaps {
		n.valid.add(int(gap.At)-at, true)
		n.valid.add(int(gap.N), false)
		at = int(gap.At)
	}
	n.valid.add(present-at, true)
}

func (n *node) writeBits(v *column.Vector) {
	at := 0
	for _, gap := range n.gaps {
		n.bits.addAll(v.Values[at:gap.At])
		n.bits.add(int(gap.N), false)
		at = int(gap.At)
	}
	n.bits.addAll(v.Values[at:])
}

func (n *node) writeFixed(b *column.Batch, v *column.Vector) {
	at := 0
	for _, gap := range n.gaps {
		n.fixed = appendFixed(n.fixed, b, n.t, v.Values[at:gap.At])
		n.fixed = appendZeros(n.fixed, int(gap.N)*width(n.t))
		at = int(gap.At)
	}
	n.fixed = appendFixed(n.fixed, b, n.t, v.Values[at:])
}

func (n *node) writeBytes(b *column.Batch, v *column.Vector) error {
	at := 0
	for _, gap := range n.gaps {
		n.appendBytes(b, v.Values[at:gap.At])
		n.repeatEnd(int(gap.N))
		at = int(gap.At)
	}
	n.appendBytes(b, v.Values[at:])
	if len(n.bytes) > math.MaxInt32 {
		return fmt.Errorf("write column %s: %w", n.name, errTooLarge)
	}
	return nil
}

func (n *node) appendBytes(b *column.Batch, places []uint64) {
	for _, place := range places {
		n.bytes = append(n.bytes, b.Bytes(place)...)
		n.ends = append(n.ends, int32(len(n.bytes)))
	}
}

func (n *node) repeatEnd(times int) {
	last := n.ends[len(n.ends)-1]
	for range times {
		n.ends = append(n.ends, last)
	}
}

func (n *node) writeEnds(v *column.Vector) error {
	base := n.ends[len(n.ends)-1]
	if int(base)+v.Elements() > math.MaxInt32 {
		return fmt.Errorf("write column %s: %w", n.name, errTooLarge)
	}
	at := 0
	for _, gap := range n.gaps {
		n.appendEnds(base, v.Ends[at:gap.At])
		n.repeatEnd(int(gap.N))
		at = int(gap.At)
	}
	n.appendEnds(base, v.Ends[at:])
	return nil
}

func (n *node) appendEnds(base int32, ends []uint32) {
	for _, end := range ends {
		n.ends = append(n.ends, base+int32(end))
	}
}

// data describes the buffers to Arrow.
func (n *node) data() *array.Data {
	var valid *memory.Buffer
	if n.nulls > 0 {
		valid = memory.NewBufferBytes(n.valid.bytes)
	}
	buffers := []*memory.Buffer{valid}
	switch {
	case n.t.Kind == column.Struct:
	case n.t.Kind.Nested():
		buffers = append(buffers, endsBuffer(n.ends))
	case n.t.Kind.Bytes():
		buffers = append(buffers, endsBuffer(n.ends), memory.NewBufferBytes(n.bytes))
	case n.t.Kind == column.Boolean:
		buffers = append(buffers, memory.NewBufferBytes(n.bits.bytes))
	default:
		buffers = append(buffers, memory.NewBufferBytes(n.fixed))
	}
	children := make([]arrow.ArrayData, len(n.children))
	for i := range n.children {
		children[i] = n.children[i].data()
	}
	if n.t.Kind == column.Map { // the entries are a struct of their own
		entries := n.dtype.(*arrow.MapType).Elem()
		children = []arrow.ArrayData{array.NewData(entries, n.children[0].slots, []*memory.Buffer{nil}, children, 0, 0)}
	}
	return array.NewData(n.dtype, n.slots, buffers, children, n.nulls, 0)
}

func endsBuffer(ends []int32) *memory.Buffer {
	return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(ends))
}
