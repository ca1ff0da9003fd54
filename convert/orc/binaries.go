package orc

import "github.com/hydrant-dev/hydrant/convert/column"

// binaries is binary: bytes one after the other, and their lengths.
type binaries struct {
	outputs
	data    stream
	lengths ints
}

func (c *binaries) add(s *statistics, b *column.Batch, v *column.Vector, from, to int) {
	for _, place := range v.Values[from:to] {
		p := b.Bytes(place)
		c.data.write(p)
		c.lengths.add(int64(len(p)))
		s.sum.low += uint64(len(p))
	}
	s.values += uint64(to - from)
}
