package orc

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// int128 is a signed integer of 128 bits: an unscaled decimal, or a sum.
type int128 struct {
	high int64
	low  uint64
}

func narrow(v int64) int128 { return int128{v >> 63, uint64(v)} }

// wide reads 16 bytes, big-endian two's complement.
func wide(p []byte) int128 {
	return int128{int64(binary.BigEndian.Uint64(p)), binary.BigEndian.Uint64(p[8:])}
}

func (a int128) less(b int128) bool {
	return a.high < b.high || a.high == b.high && a.low < b.low
}

// add adds with 128 bits; what does not fit is lost.
func (a int128) add(b int128) int128 {
	low, carry := bits.Add64(a.low, b.low, 0)
	return int128{a.high + b.high + int64(carry), low}
}

func (a int128) neg() int128 {
	low, borrow := bits.Sub64(0, a.low, 0)
	return int128{-a.high - int64(borrow), low}
}

// int64 returns the value, if it is one.
func (a int128) int64() (v int64, ok bool) {
	v = int64(a.low)
	return v, a.high == v>>63
}

// appendVarint appends the number zigzag encoded, seven bits to a byte.
func (a int128) appendVarint(dst []byte) []byte {
	sign := uint64(a.high >> 63)
	high := (uint64(a.high)<<1 | a.low>>63) ^ sign
	low := a.low<<1 ^ sign
	for high != 0 || low >= 0x80 {
		dst = append(dst, byte(low)|0x80)
		low = low>>7 | high<<57
		high >>= 7
	}
	return append(dst, byte(low))
}

// fromVarint undoes appendVarint. It returns how many bytes it read, 0 if they
// are no such number.
func fromVarint(p []byte) (int128, int) {
	var high, low uint64
	for i := 0; i < len(p) && i < 19; i++ {
		b := uint64(p[i] & 0x7f)
		switch shift := uint(7 * i); {
		case shift < 64:
			low |= b << shift
			high |= b >> (64 - shift)
		default:
			if shift == 126 && b > 3 {
				return int128{}, 0
			}
			high |= b << (shift - 64)
		}
		if p[i] < 0x80 {
			sign := -(low & 1)
			return int128{int64(high>>1 ^ sign), (low>>1 | high<<63) ^ sign}, i + 1
		}
	}
	return int128{}, 0
}

const tenTo19 = 10_000_000_000_000_000_000

// appendDecimal appends the number with the point before its last scale
// digits.
func (a int128) appendDecimal(dst []byte, scale int) []byte {
	if a.high < 0 {
		dst = append(dst, '-')
		a = a.neg()
	}
	// Three groups of 19 digits are more than 128 bits.
	var digits [3 * 19]byte
	at := len(digits)
	high, low := uint64(a.high), a.low
	for range 3 {
		var rest uint64
		top, r := bits.Div64(0, high, tenTo19)
		low, rest = bits.Div64(r, low, tenTo19)
		high = top
		for range 19 {
			at--
			digits[at] = byte('0' + rest%10)
			rest /= 10
		}
	}
	first := 0
	for first < len(digits)-scale-1 && digits[first] == '0' {
		first++
	}
	dst = append(dst, digits[first:len(digits)-scale]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, digits[len(digits)-scale:]...)
	}
	return dst
}

// digits returns how many decimal digits the number has.
func (a int128) digits() int {
	var text [48]byte
	n := len(a.appendDecimal(text[:0], 0))
	if a.high < 0 {
		n--
	}
	return n
}

func (a int128) String() string {
	if v, ok := a.int64(); ok {
		return strconv.FormatInt(v, 10)
	}
	return string(a.appendDecimal(nil, 0))
}

// tenfold returns ten times the number.
func (a int128) tenfold() int128 {
	high, low := bits.Mul64(a.low, 10)
	return int128{a.high*10 + int64(high), low}
}
