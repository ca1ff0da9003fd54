package orc

import "github.com/hydrant-dev/hydrant/convert/column"

// epoch is where seconds are counted from: 2015-01-01T00:00:00Z.
const epoch = 1_420_070_400

// timestamps is timestamp: seconds, and the nanoseconds of the second.
type timestamps struct {
	outputs
	seconds, nanos ints
}

func (c *timestamps) add(s *statistics, _ *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	low, high := int64(values[0]), int64(values[0])
	for len(values) > 0 {
		seconds := c.seconds.next(len(values))
		nanos := c.nanos.next(len(seconds)) // as many
		for i, x := range values[:len(seconds)] {
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
			seconds[i], nanos[i] = second-epoch, packNanos(nano)
		}
		c.seconds.settle()
		c.nanos.settle()
		values = values[len(seconds):]
	}
	s.add(to-from, narrow(floorDiv(low, 1e6)), narrow(floorDiv(high, 1e6)), int128{})
}

// packNanos puts how many zeros are at the end, less one, into the lowest
// three bits, if there are at least two.
func packNanos(n int64) int64 {
	if n == 0 || n%100 != 0 {
		return n << 3
	}
	zeros := int64(2)
	if n /= 100; n%1e4 == 0 { // most times are of milliseconds
		n, zeros = n/1e4, 6
	}
	for ; n%10 == 0; n /= 10 {
		zeros++
	}
	return n<<3 | (zeros - 1)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
