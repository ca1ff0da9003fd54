package column

import (
	"encoding/binary"
	"math/bits"
)

// rest is what is left of a number behind the last digit that is kept.
type rest uint8

const (
	restNone  rest = iota
	restBelow      // less than half
	restHalf       // half or more
)

// scale returns the number's mantissa·10^shift without sign, for an exact
// mantissa. ok is false when it is too large.
func scale(mantissa uint64, shift int) (whole uint64, r rest, ok bool) {
	switch {
	case shift == 0 || mantissa == 0:
		return mantissa, restNone, true
	case shift > maxDigits:
		return 0, restNone, false
	case shift > 0:
		high, low := bits.Mul64(mantissa, integerPowers[shift])
		return low, restNone, high == 0
	case shift < -maxDigits:
		return 0, restBelow, true // below 2^64·10^-20 = 0.18
	}
	power := integerPowers[-shift]
	whole, left := mantissa/power, mantissa%power
	switch {
	case left == 0:
		return whole, restNone, true
	case left < power-left:
		return whole, restBelow, true
	}
	return whole, restHalf, true
}

var integerPowers = [maxDigits + 1]uint64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// uint128 holds up to 38 digits.
type uint128 struct{ high, low uint64 }

// timesTen returns 10·u+digit.
func (u uint128) timesTen(digit byte) uint128 {
	carry, low := bits.Mul64(u.low, 10)
	low, c := bits.Add64(low, uint64(digit), 0)
	return uint128{u.high*10 + carry + c, low}
}

func (u uint128) less(v uint128) bool {
	return u.high < v.high || u.high == v.high && u.low < v.low
}

// int64 returns ±u; ok is false when an int64 does not hold it.
func (u uint128) int64(negative bool) (x int64, ok bool) {
	if negative {
		return -int64(u.low), u.high == 0 && u.low <= 1<<63
	}
	return int64(u.low), u.high == 0 && u.low < 1<<63
}

// tenTo returns 10^n, n up to 38.
func tenTo(n int) uint128 {
	u := uint128{0, 1}
	for range n {
		u = u.timesTen(0)
	}
	return u
}

// appendSigned appends 16 bytes, big-endian two's complement.
func (u uint128) appendSigned(dst []byte, negative bool) []byte {
	if negative {
		low, borrow := bits.Sub64(0, u.low, 0)
		high, _ := bits.Sub64(0, u.high, borrow)
		u = uint128{high, low}
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, u.high), u.low)
}

// scaleText does what scale does for a number of any length: it returns
// number·10^scale without sign. ok is false with more than 38 digits.
func scaleText(text []byte, scale int) (whole uint128, r rest, ok bool) {
	exponent, point, digits := shape(text)
	weight := point + exponent + scale - 1 // of the next digit, as a power of ten
	kept := 0
	for _, c := range text[:digits] {
		if c-'0' > 9 {
			continue
		}
		switch {
		case weight >= 0:
			if kept > 0 || c != '0' {
				kept++
			}
			if kept > MaxPrecision {
				return uint128{}, restNone, false
			}
			whole = whole.timesTen(c - '0')
		case weight == -1 && c >= '5':
			r = restHalf
		case c != '0' && r == restNone:
			r = restBelow
		}
		weight--
	}
	if kept > 0 && weight >= 0 {
		if kept+weight+1 > MaxPrecision {
			return uint128{}, restNone, false
		}
		for ; weight >= 0; weight-- {
			whole = whole.timesTen(0)
		}
	}
	return whole, r, true
}

// shape takes a number apart: its exponent, how many digits are before the
// point, and where the digits end.
func shape(text []byte) (exponent, point, digits int) {
	point = -1
	n := 0
	for digits < len(text) && text[digits]|0x20 != 'e' {
		if text[digits] == '.' {
			point = n
		} else if text[digits]-'0' <= 9 {
			n++
		}
		digits++
	}
	if point < 0 {
		point = n
	}
	if digits < len(text) {
		exponent, _ = scanExponent(text, digits+1)
	}
	return exponent, point, digits
}

// round returns the number with the rest rounded half up: away from zero, as
// Hive does.
func (u uint128) round(r rest) uint128 {
	if r != restHalf {
		return u
	}
	low, carry := bits.Add64(u.low, 1, 0)
	return uint128{u.high + carry, low}
}

// unscaled returns number·10^scale without sign, rounded. ok is false with
// more than 38 digits.
func (n *number) unscaled(text []byte, decimals int) (u uint128, r rest, ok bool) {
	if n.exact() {
		if whole, r, ok := scale(n.mantissa, n.exponent+decimals); ok {
			return uint128{0, whole}, r, true
		}
	}
	return scaleText(text, decimals)
}
