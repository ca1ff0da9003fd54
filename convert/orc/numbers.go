package orc

import (
	"encoding/binary"
	"math"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// integers is smallint to bigint, and date.
type integers struct {
	outputs
	data ints
}

func (c *integers) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	s.addInts(v.Values[from:to])
	addInts(&c.data, v.Values[from:to])
}

// tiny is tinyint.
type tiny struct {
	outputs
	data bytesRLE
}

func (c *tiny) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	s.addInts(values)
	for _, x := range values {
		c.data.add(byte(x))
	}
}

// booleans is boolean.
type booleans struct {
	outputs
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

// floats is float and double.
type floats struct {
	outputs
	data stream
	size int // of a value, in bytes
}

func (c *floats) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	total := s.total // in the order of the values: sums of doubles depend on it
	for len(values) > 0 {
		places := c.data.next(len(values) * c.size)
		now := values[:len(places)/c.size]
		values = values[len(now):]
		for _, x := range now {
			if c.size == 4 {
				binary.LittleEndian.PutUint32(places, uint32(x))
				x = math.Float64bits(float64(math.Float32frombits(uint32(x))))
				places = places[4:]
			} else {
				binary.LittleEndian.PutUint64(places, x)
				places = places[8:]
			}
			o := order(x)
			low, high = min(low, o), max(high, o)
			total += math.Float64frombits(x)
		}
	}
	s.add(to-from, narrow(low), narrow(high), int128{})
	s.total = total
}

// decimals is decimal: digits without a point, and each time the scale.
type decimals struct {
	outputs
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
