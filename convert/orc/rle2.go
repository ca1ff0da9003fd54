package orc

import (
	"encoding/binary"
	"math/bits"
)

// The encodings of version 2, in the upper two bits of a run's first byte.
const (
	shortRepeat = iota
	direct
	patchedBase
	delta
)

// longestRepeat is the most values of a short repeat.
const longestRepeat = 10

// widths are the bit widths by their codes. Writers use only those that
// are not deprecated: 1, 2, 4 and whole bytes.
var widths = [32]uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
	26, 28, 30, 32, 40, 48, 56, 64}

// widthCode returns the code of the narrowest width for so many bits.
func widthCode(n int) int {
	switch {
	case n <= 1:
		return 0
	case n <= 24:
		return n - 1
	case n <= 32:
		return 24 + (n-25)/2
	}
	return 28 + (n-33)/8
}

// aligned returns the narrowest width for n bits that is not deprecated.
func aligned(n int) int {
	switch {
	case n <= 2:
		return max(n, 1)
	case n <= 4:
		return 4
	}
	return (n + 7) &^ 7
}

// narrower returns the widest of these widths that is less than n.
func narrower(n int) int {
	switch {
	case n > 8:
		return (n - 1) &^ 7
	case n > 4:
		return 4
	case n > 2:
		return 2
	}
	return 1
}

// survey is what decides how values are encoded.
type survey struct {
	low, high int64
	width     int  // aligned, of the widest value
	changes   int  // values unlike the one before
	rises     bool // no value is less than the one before
	falls     bool // none is more
}

// look surveys values. It has no branches, since values are often random, and
// goes by index, which takes few registers: it is half of the time of a run.
func look(v []int64, signed bool) survey {
	low, high := v[0], v[0]
	var fell, rose int64 // negative if there was such a step
	same := 0
	for i := 1; i < len(v); i++ {
		step := v[i] - v[i-1]
		low, high = min(low, v[i]), max(high, v[i])
		fell |= step
		rose |= -step
		if step == 0 {
			same++
		}
	}
	s := survey{low: low, high: high, changes: len(v) - 1 - same}
	widest := uint64(high)
	if signed {
		widest = zigzag(low) | zigzag(high)
	}
	s.width = aligned(bits.Len64(widest))
	if uint64(high)-uint64(low) < 1<<63 { // else steps overflow
		s.rises, s.falls = fell >= 0, rose >= 0
	}
	return s
}

// appendRLE2 appends up to longestIntRun values as one run or several.
// Unsigned values are not negative.
func appendRLE2(dst []byte, v []int64, signed bool) []byte {
	s := look(v, signed)
	if (s.rises || s.falls) && len(v) > 2 && v[0] != v[1] {
		width := deltaWidth(v)
		// Either all steps, or a run for each change of about 5 bytes.
		if width < s.width && len(v)*width <= s.changes*5*8 {
			return appendDelta(dst, v, width, signed)
		}
	}
	// A repeat interrupts its neighbours: it must be shorter than they
	// would be with it, and the 5 bytes of headers.
	enough := max(shortestRun, (40+s.width)/s.width)
	if len(v)-s.changes < enough {
		return appendLiteralRun(dst, v, &s, signed)
	}
	start := 0
	for start < len(v) {
		from, to := equalRun(v[start:], enough)
		if from > 0 {
			literals := v[start : start+from]
			s = look(literals, signed)
			dst = appendLiteralRun(dst, literals, &s, signed)
		}
		if to > from {
			dst = appendRepeat(dst, v[start+from], to-from, signed)
		}
		start += to
	}
	return dst
}

// equalRun finds the first enough equal values. It looks at few of the others:
// where there are enough, two at half the distance are equal.
func equalRun(v []int64, enough int) (from, to int) {
	half := enough / 2
	for at := 0; at+half < len(v); at += half {
		x := v[at]
		if v[at+half] != x {
			continue
		}
		for from = at; from > 0 && v[from-1] == x; from-- {
		}
		for to = at + 1; to < len(v) && v[to] == x; to++ {
		}
		if to-from >= enough {
			return from, to
		}
	}
	return len(v), len(v)
}

// runHeader appends the two bytes most runs begin with.
func runHeader(dst []byte, kind, code, n int) []byte {
	return append(dst, byte(kind<<6|code<<1|(n-1)>>8), byte(n-1))
}

func appendRepeat(dst []byte, v int64, n int, signed bool) []byte {
	if n > longestRepeat {
		dst = runHeader(dst, delta, 0, n)
		return append(appendInt(dst, v, signed), 0)
	}
	x := uint64(v)
	if signed {
		x = zigzag(v)
	}
	size := max(1, (bits.Len64(x)+7)/8)
	dst = append(dst, byte(shortRepeat<<6|(size-1)<<3|(n-shortestRun)))
	return appendBig(dst, x, size)
}

// appendBig appends the lowest size bytes of x, the highest first.
func appendBig(dst []byte, x uint64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(x>>(8*i)))
	}
	return dst
}

// deltaWidth returns how many bits each step takes, 0 if all are equal.
func deltaWidth(v []int64) int {
	first, previous := v[1]-v[0], v[0]
	var all, unlike int64
	for _, x := range v[1:] {
		step := x - previous
		previous = x
		all |= max(step, -step)
		unlike |= step ^ first
	}
	if unlike == 0 {
		return 0
	}
	return max(2, aligned(bits.Len64(uint64(all)))) // code 0 means no steps here, so there is no width 1
}

// appendDelta appends values that only rise, or only fall, and differ in the
// first step, whose sign is that of all.
func appendDelta(dst []byte, v []int64, width int, signed bool) []byte {
	code := 0
	if width > 0 {
		code = widthCode(width)
	}
	dst = runHeader(dst, delta, code, len(v))
	dst = appendInt(dst, v[0], signed)
	dst = appendInt(dst, v[1]-v[0], true)
	if width == 0 {
		return dst
	}
	var steps [longestIntRun]int64
	for i := 2; i < len(v); i++ {
		step := v[i] - v[i-1]
		steps[i-2] = max(step, -step)
	}
	return appendPacked(dst, steps[:len(v)-2], width, false)
}

// appendLiteralRun appends values with no long repeats.
func appendLiteralRun(dst []byte, v []int64, s *survey, signed bool) []byte {
	if p, ok := patch(v, s); ok {
		return p.append(dst, v)
	}
	dst = runHeader(dst, direct, widthCode(s.width), len(v))
	return appendPacked(dst, v, s.width, signed)
}

// appendPacked appends values in so many bits, aligned, the highest first.
func appendPacked(dst []byte, v []int64, width int, signed bool) []byte {
	shift, sign := 0, int64(0) // without branches: either nothing, or zigzag
	if signed {
		shift, sign = 1, -1
	}
	at := len(dst)
	dst = grow(dst, (len(v)*width+7)/8+8) // each store is of 8 bytes
	if width < 8 {
		for len(v) > 0 {
			n := min(64/width, len(v))
			var b uint64
			for _, x := range v[:n] {
				b = b<<(width&15) | uint64(x<<(shift&1)^x>>63&sign)
			}
			binary.BigEndian.PutUint64(dst[at:], b<<(64-n*width))
			at += (n*width + 7) / 8
			v = v[n:]
		}
		return dst[:at]
	}
	for _, x := range v {
		binary.BigEndian.PutUint64(dst[at:], uint64(x<<(shift&1)^x>>63&sign)<<((64-width)&63))
		at += width / 8
	}
	return dst[:at]
}

// appendBits appends values in any number of bits, the highest first.
func appendBits(dst []byte, v []uint64, width int) []byte {
	var b byte
	room := 8
	for _, x := range v {
		for left := width; left > 0; {
			n := min(left, room)
			left -= n
			room -= n
			b |= byte(x>>left&(1<<n-1)) << room
			if room == 0 {
				dst = append(dst, b)
				b, room = 0, 8
			}
		}
	}
	if room < 8 {
		dst = append(dst, b)
	}
	return dst
}

// grow makes dst n bytes longer.
func grow(dst []byte, n int) []byte {
	for cap(dst)-len(dst) < n {
		dst = append(dst[:cap(dst)], 0)[:len(dst)]
	}
	return dst[:len(dst)+n]
}
