package orc

import "github.com/hydrant-dev/hydrant/convert/column"

// plain is bytes one after the other, and their lengths.
type plain struct {
	marks
	data    stream
	lengths ints
}

func (c *plain) write(p []byte) {
	c.data.write(p)
	c.lengths.add(int64(len(p)))
}

func (c *plain) mark()                { c.marks = c.lengths.position(c.data.position(c.marks)) }
func (c *plain) finish()              { c.lengths.flush() }
func (c *plain) encoding() (int, int) { return c.lengths.encoding(), 0 }
func (c *plain) held() int64          { return c.data.held() + c.lengths.held() }

func (c *plain) streams(dst []part) []part {
	return append(dst, part{kindData, &c.data}, part{kindLength, &c.lengths.out})
}

func (c *plain) reset() {
	c.marks = c.marks[:0]
	c.data.reset()
	c.lengths.reset()
}

// binaries is binary.
type binaries struct{ plain }

func (c *binaries) add(s *statistics, b *column.Batch, v *column.Vector, from, to int) {
	for _, place := range v.Values[from:to] {
		p := b.Bytes(place)
		c.write(p)
		s.sum.low += uint64(len(p))
	}
	s.values += uint64(to - from)
}
