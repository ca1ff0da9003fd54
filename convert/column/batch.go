package column

import (
	"math"
	"slices"
)

// Batch is rows of a table as vectors, one for each node of the schema. It is
// used by one goroutine and reused.
type Batch struct {
	// Root is the vector of the rows: a struct that is never null, whose
	// children are the columns. Root.Present is the number of rows.
	Root Vector
	// Data and Side hold the bytes that values of strings, binaries and wide
	// decimals point to: Data is the records themselves, and belongs to their
	// chunk; Side is what had to be written anew, such as strings with escapes.
	Data, Side []byte
	// New are the rows of the chunk, among those in the batch, that have fields
	// which are to be columns: see AddColumn.
	New []int
}

// Rows returns the number of rows.
func (b *Batch) Rows() int { return b.Root.Present }

// Vector is the values of one node of the schema, in the manner of ORC: it has
// a slot for each value of its parent that is not null, and what is null has
// no slots below. The slots of a struct's fields are the structs present, the
// slots of an array's element all elements of all arrays present.
//
// Which members are used depends on the kind of the node:
//
//	plain kinds  Values
//	array, map   Ends, Children (the element; the key and the value)
//	struct       Children (the fields)
type Vector struct {
	Present int // slots that hold a value
	Nulls   int // slots that are null

	// Gaps are the runs of nulls, in order, with at least one value between
	// them. There are none in a vector without nulls.
	Gaps []Gap

	// Values has one entry for each value present:
	//
	//	boolean                     0 or 1
	//	tinyint to bigint           int64
	//	float                       math.Float32bits
	//	double                      math.Float64bits
	//	decimal to precision 18     int64, unscaled
	//	decimal from precision 19   a place of 16 bytes, big-endian two's complement, unscaled
	//	string to binary            a place, see Batch.Bytes; text is valid UTF-8
	//	date                        int64, days since 1970-01-01
	//	timestamp                   int64, nanoseconds since 1970-01-01T00:00:00Z
	Values []uint64

	// Ends has one entry for each list present: how many slots of the children
	// there are up to its end.
	Ends []uint32

	Children []Vector
}

// Gap is a run of nulls: N of them, before the value At (counted without
// nulls, from 0).
type Gap struct{ At, N uint32 }

// Slots returns the number of slots, null or not.
func (v *Vector) Slots() int { return v.Present + v.Nulls }

// sideBit marks a place in Batch.Side.
const sideBit = 1 << 63

// Place makes the value for Data[start:start+n].
func Place(start, n int) uint64 { return uint64(start)<<32 | uint64(uint32(n)) }

// SidePlace makes the value for Side[start:start+n].
func SidePlace(start, n int) uint64 { return Place(start, n) | sideBit }

// Bytes returns the bytes at a place.
func (b *Batch) Bytes(place uint64) []byte {
	n := uint32(place)
	if place&sideBit != 0 {
		start := place >> 32 & (1<<31 - 1)
		return b.Side[start : start+uint64(n)]
	}
	start := place >> 32
	return b.Data[start : start+uint64(n)]
}

// Locate returns where the bytes at a place are: in[start:start+n]. What is
// around them may be read, too.
func (b *Batch) Locate(place uint64) (in []byte, start, n int) {
	if place&sideBit != 0 {
		return b.Side, int(place >> 32 & (1<<31 - 1)), int(uint32(place))
	}
	return b.Data, int(place >> 32), int(uint32(place))
}

// JSON returns the value of a string column as it stands in its record: a
// string with its quotes, anything else as the JSON it is. ok is false for a
// string that had escapes: Bytes returns its text.
func (b *Batch) JSON(place uint64) (text []byte, ok bool) {
	if place&sideBit != 0 {
		return nil, false
	}
	start, end := place>>32, place>>32+place&math.MaxUint32
	if b.Data[start-1] == '"' { // no other value has a quote before it
		start, end = start-1, end+1
	}
	return b.Data[start:end], true
}

// Init gives the batch the vectors of a schema.
func (b *Batch) Init(s *Schema) {
	*b = Batch{Root: newVector(s.Columns)}
}

func newVector(fields []Field) Vector {
	v := Vector{Children: make([]Vector, len(fields))}
	for i := range fields {
		v.Children[i] = newVector(fields[i].Type.Fields)
	}
	if len(fields) == 0 {
		v.Children = nil
	}
	return v
}

// Reset empties the batch and keeps its memory. Places refer to data from now
// on.
func (b *Batch) Reset(data []byte) {
	b.Data, b.Side, b.New = data, b.Side[:0], b.New[:0]
	b.Root.reset()
}

func (v *Vector) reset() {
	v.Present, v.Nulls = 0, 0
	v.Gaps, v.Values, v.Ends = v.Gaps[:0], v.Values[:0], v.Ends[:0]
	for i := range v.Children {
		v.Children[i].reset()
	}
}

// Null adds nulls until the vector has the given number of slots.
func (v *Vector) Null(slots int) {
	n := slots - v.Slots()
	if n <= 0 {
		return
	}
	v.Nulls += n
	if last := len(v.Gaps) - 1; last >= 0 && v.Gaps[last].At == uint32(v.Present) {
		v.Gaps[last].N += uint32(n)
		return
	}
	v.Gaps = append(v.Gaps, Gap{uint32(v.Present), uint32(n)})
}

// Truncate removes slots from the end until so many are left, with everything
// below them. t is the type of the node.
func (v *Vector) Truncate(t *Type, slots int) {
	for v.Slots() > slots {
		last := len(v.Gaps) - 1
		if last < 0 || v.Gaps[last].At < uint32(v.Present) {
			floor := 0
			if last >= 0 {
				floor = int(v.Gaps[last].At)
			}
			v.Present = max(floor, slots-v.Nulls)
			continue
		}
		g := &v.Gaps[last]
		n := uint32(min(v.Slots()-slots, int(g.N)))
		v.Nulls -= int(n)
		if g.N -= n; g.N == 0 {
			v.Gaps = v.Gaps[:last]
		}
	}
	below := v.Present
	switch {
	case !t.Kind.Nested():
		v.Values = v.Values[:v.Present]
	case t.Kind != Struct:
		v.Ends = v.Ends[:v.Present]
		below = v.Elements()
	}
	for i := range v.Children {
		v.Children[i].Truncate(&t.Fields[i].Type, below)
	}
}

// Level ends the vectors below v: what was left out is null. t is the type of
// the node.
func (v *Vector) Level(t *Type) {
	below := v.Present
	if t.Kind != Struct {
		below = v.Elements()
	}
	for i := range v.Children {
		v.Children[i].Null(below)
		v.Children[i].Level(&t.Fields[i].Type)
	}
}

// Elements returns how many slots the children of an array or a map have.
func (v *Vector) Elements() int {
	if len(v.Ends) == 0 {
		return 0
	}
	return int(v.Ends[len(v.Ends)-1])
}

// Clone returns a copy that shares nothing with b but Data: for tests.
func (b *Batch) Clone() *Batch {
	return &Batch{Root: b.Root.clone(), Data: b.Data, Side: slices.Clone(b.Side)}
}

func (v *Vector) clone() Vector {
	c := *v
	c.Gaps, c.Values, c.Ends = slices.Clone(v.Gaps), slices.Clone(v.Values), slices.Clone(v.Ends)
	c.Children = slices.Clone(v.Children)
	for i := range c.Children {
		c.Children[i] = v.Children[i].clone()
	}
	return c
}
