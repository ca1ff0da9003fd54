package orc

import (
	"encoding/binary"
	"math"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// marks are the positions of a column's streams at the start of each stride.
type marks []uint64

func (m marks) positions() []uint64 { return m }

// integers is smallint to bigint, and date.
type integers struct {
	marks
	data ints
}

func (c *integers) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	s.addInts(v.Values[from:to])
	c.data.addAll(v.Values[from:to])
}

func (c *integers) mark()                { c.marks = c.data.position(c.marks) }
func (c *integers) finish()              { c.data.flush() }
func (c *integers) encoding() (int, int) { return c.data.encoding(), 0 }
func (c *integers) held() int64          { return c.data.held() }

func (c *integers) streams(dst []part) []part {
	return append(dst, part{kindData, &c.data.out})
}

func (c *integers) reset() {
	c.marks = c.marks[:0]
	c.data.reset()
}

// tiny is tinyint.
type tiny struct {
	marks
	data bytesRLE
}

func (c *tiny) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	s.addInts(values)
	for _, x := range values {
		c.data.add(byte(x))
	}
}

func (c *tiny) mark()                { c.marks = c.data.position(c.marks) }
func (c *tiny) finish()              { c.data.flush() }
func (c *tiny) encoding() (int, int) { return encodingDirect, 0 }
func (c *tiny) held() int64          { return c.data.held() }

func (c *tiny) streams(dst []part) []part {
	return append(dst, part{kindData, &c.data.out})
}

func (c *tiny) reset() {
	c.marks = c.marks[:0]
	c.data.reset()
}

// booleans is boolean.
type booleans struct {
	marks
	data bitsRLE
}

func (c *booleans) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	c.data.add(values)
	for _, x := range values {
		s.sum.low += x
	}
	s.values += uint64(len(values))
}

func (c *booleans) mark()                { c.marks = c.data.position(c.marks) }
func (c *booleans) finish()              { c.data.flush() }
func (c *booleans) encoding() (int, int) { return encodingDirect, 0 }
func (c *booleans) held() int64          { return c.data.held() }

func (c *booleans) streams(dst []part) []part {
	return append(dst, part{kindData, &c.data.bytes.out})
}

func (c *booleans) reset() {
	c.marks = c.marks[:0]
	c.data.reset()
}

// floats is float and double.
type floats struct {
	marks
	data stream
	size int // of a value, in bytes
}

func (c *floats) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	total := s.total // in the order of the values: sums of doubles depend on it
	var buf [512]byte
	n := 0
	for _, x := range values {
		if n == len(buf) {
			c.data.write(buf[:])
			n = 0
		}
		if c.size == 4 {
			binary.LittleEndian.PutUint32(buf[n:], uint32(x))
			x = math.Float64bits(float64(math.Float32frombits(uint32(x))))
		} else {
			binary.LittleEndian.PutUint64(buf[n:], x)
		}
		n += c.size
		o := order(x)
		low, high = min(low, o), max(high, o)
		total += math.Float64frombits(x)
	}
	c.data.write(buf[:n])
	s.add(len(values), narrow(low), narrow(high), int128{})
	s.total = total
}

func (c *floats) mark()                { c.marks = c.data.position(c.marks) }
func (c *floats) finish()              {}
func (c *floats) encoding() (int, int) { return encodingDirect, 0 }
func (c *floats) held() int64          { return c.data.held() }

func (c *floats) streams(dst []part) []part {
	return append(dst, part{kindData, &c.data})
}

func (c *floats) reset() {
	c.marks = c.marks[:0]
	c.data.reset()
}

// decimals is decimal: digits without a point, and each time the scale.
type decimals struct {
	marks
	data  stream
	scale ints
	t     *column.Type
}

func (c *decimals) add(s *statistics, b *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	var buf [19]byte // the longest varint of 128 bits
	if c.t.Wide() {
		for _, place := range values {
			x := wide(b.Bytes(place))
			s.add(1, x, x, x)
			c.data.write(x.appendVarint(buf[:0]))
		}
	} else {
		s.addInts(values)
		for _, x := range values {
			c.data.write(buf[:binary.PutUvarint(buf[:], zigzag(int64(x)))])
		}
	}
	c.scale.repeat(int64(c.t.Scale), len(values))
}

func (c *decimals) mark()                { c.marks = c.scale.position(c.data.position(c.marks)) }
func (c *decimals) finish()              { c.scale.flush() }
func (c *decimals) encoding() (int, int) { return c.scale.encoding(), 0 }
func (c *decimals) held() int64          { return c.data.held() + c.scale.held() }

func (c *decimals) streams(dst []part) []part {
	return append(dst, part{kindData, &c.data}, part{kindSecondary, &c.scale.out})
}

func (c *decimals) reset() {
	c.marks = c.marks[:0]
	c.data.reset()
	c.scale.reset()
}
