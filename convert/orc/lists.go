package orc

import "github.com/hydrant-dev/hydrant/convert/column"

// lists is array and map: how many elements each has.
type lists struct {
	marks
	lengths ints
}

func (c *lists) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	start := uint32(0)
	if from > 0 {
		start = v.Ends[from-1]
	}
	for _, stop := range v.Ends[from:to] {
		c.lengths.add(int64(stop - start))
		start = stop
	}
	s.values += uint64(to - from)
}

func (c *lists) mark()                { c.marks = c.lengths.position(c.marks) }
func (c *lists) finish()              { c.lengths.flush() }
func (c *lists) encoding() (int, int) { return c.lengths.encoding(), 0 }
func (c *lists) held() int64          { return c.lengths.held() }

func (c *lists) streams(dst []part) []part {
	return append(dst, part{kindLength, &c.lengths.out})
}

func (c *lists) reset() {
	c.marks = c.marks[:0]
	c.lengths.reset()
}
