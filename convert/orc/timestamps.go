package orc

import "github.com/hydrant-dev/hydrant/convert/column"

// epoch is where seconds are counted from: 2015-01-01T00:00:00Z.
const epoch = 1_420_070_400

// timestamps is timestamp: seconds, and the nanoseconds of the second.
type timestamps struct {
	marks
	seconds, nanos ints
}

func (c *timestamps) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	low, high := int64(values[0]), int64(values[0])
	for _, x := range values {
		t := int64(x)
		low, high = min(low, t), max(high, t)
		second := floorDiv(t, 1e9)
		nano := t - second*1e9
		// Readers take a second from times before 1970 that have milliseconds,
		// since Java once rounded those towards 1970. They cannot tell the last
		// second before 1970, which becomes the first one after.
		if second < 0 && nano > 999_999 {
			second++
		}
		c.seconds.add(second - epoch)
		c.nanos.add(packNanos(nano))
	}
	s.add(len(values), narrow(floorDiv(low, 1e6)), narrow(floorDiv(high, 1e6)), int128{})
}

// packNanos puts how many zeros are at the end, less one, into the lowest
// three bits, if there are at least two.
func packNanos(n int64) int64 {
	if n == 0 || n%100 != 0 {
		return n << 3
	}
	n /= 100
	zeros := int64(1)
	for n%10 == 0 && zeros < 7 {
		n /= 10
		zeros++
	}
	return n<<3 | zeros
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (c *timestamps) mark()                { c.marks = c.nanos.position(c.seconds.position(c.marks)) }
func (c *timestamps) encoding() (int, int) { return c.seconds.encoding(), 0 }
func (c *timestamps) held() int64          { return c.seconds.held() + c.nanos.held() }

func (c *timestamps) finish() {
	c.seconds.flush()
	c.nanos.flush()
}

func (c *timestamps) streams(dst []part) []part {
	return append(dst, part{kindData, &c.seconds.out}, part{kindSecondary, &c.nanos.out})
}

func (c *timestamps) reset() {
	c.marks = c.marks[:0]
	c.seconds.reset()
	c.nanos.reset()
}
