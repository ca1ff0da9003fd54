package orc

import "github.com/hydrant-dev/hydrant/convert/column"

// lists is array and map: how many elements each has.
type lists struct {
	outputs
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
