package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// order says how the values of a column compare. Source: ColumnOrder in
// parquet.thrift.
type order uint8

const (
	noOrder     order = iota // no statistics
	signedOrder              // int32, int64 and booleans
	floatOrder
	doubleOrder
	bytesOrder // unsigned, byte by byte
	wideOrder  // big-endian two's complement of one width
)

// longestBound is to how many bytes bounds of byte arrays are cut.
const longestBound = 64

// bounds are the least and the greatest value of a page or a column, encoded
// as statistics have them. They may be wider than the values: not exact.
type bounds struct {
	known              bool // there are bounds
	min, max           []byte
	minExact, maxExact bool
}

// numberBounds appends the bounds of numbers to arena and returns them. NaNs
// are left out; zeros are -0 below and +0 above, as the format demands.
func numberBounds(arena []byte, l *leaf, values []uint64) ([]byte, bounds) {
	var low, high uint64
	switch {
	case len(values) == 0 || l.order == noOrder:
		return arena, bounds{}
	case l.order == signedOrder:
		least, most := int64(values[0]), int64(values[0])
		for _, v := range values {
			least, most = min(least, int64(v)), max(most, int64(v))
		}
		low, high = uint64(least), uint64(most)
	case l.order == floatOrder:
		least, most := math.Inf(1), math.Inf(-1)
		for _, v := range values {
			f := float64(math.Float32frombits(uint32(v)))
			least, most = narrow(least, most, f)
		}
		if least > most { // nothing but NaN
			return arena, bounds{}
		}
		least, most = zeros(least, most)
		low, high = uint64(math.Float32bits(float32(least))), uint64(math.Float32bits(float32(most)))
	default:
		least, most := math.Inf(1), math.Inf(-1)
		for _, v := range values {
			least, most = narrow(least, most, math.Float64frombits(v))
		}
		if least > most {
			return arena, bounds{}
		}
		least, most = zeros(least, most)
		low, high = math.Float64bits(least), math.Float64bits(most)
	}
	width := max(l.width, 1) // of a boolean: a byte
	start := len(arena)
	arena = appendLow(arena, low, width)
	arena = appendLow(arena, high, width)
	return arena, bounds{known: true, min: arena[start : start+width], max: arena[start+width:], minExact: true, maxExact: true}
}

// narrow takes v into the bounds, unless it is NaN, which is less and greater
// than nothing.
func narrow(least, most, v float64) (float64, float64) {
	if v < least {
		least = v
	}
	if v > most {
		most = v
	}
	return least, most
}

func zeros(least, most float64) (float64, float64) {
	if least == 0 {
		least = math.Copysign(0, -1)
	}
	if most == 0 {
		most = 0
	}
	return least, most
}

// less compares two bounds of a column.
func (o order) less(a, b []byte) bool {
	switch o {
	case signedOrder:
		return signed(a) < signed(b)
	case floatOrder:
		return math.Float32frombits(binary.LittleEndian.Uint32(a)) < math.Float32frombits(binary.LittleEndian.Uint32(b))
	case doubleOrder:
		return math.Float64frombits(binary.LittleEndian.Uint64(a)) < math.Float64frombits(binary.LittleEndian.Uint64(b))
	case wideOrder:
		return lessWide(a, b)
	}
	return bytes.Compare(a, b) < 0
}

func signed(b []byte) int64 {
	switch len(b) {
	case 1:
		return int64(b[0])
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

func lessWide(a, b []byte) bool {
	if a[0]>>7 != b[0]>>7 {
		return a[0]>>7 == 1
	}
	return bytes.Compare(a, b) < 0
}

// byteBounds gathers the bounds of byte strings. It keeps copies.
type byteBounds struct {
	wide     bool // compare as two's complement
	any      bool
	low      uint64 // the first bytes of min and max, to compare most values without a look at the rest
	high     uint64
	min, max []byte
}

func (b *byteBounds) reset() {
	b.any, b.min, b.max = false, b.min[:0], b.max[:0]
	b.low, b.high = math.MaxUint64, 0
}

// head returns the first 8 bytes in an order that numbers have; shorter values
// are filled with zeros, so equal heads say nothing.
func head(s []byte) uint64 {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64(s)
	}
	return shortHead(s)
}

func shortHead(s []byte) uint64 {
	var h uint64
	for i, c := range s {
		h |= uint64(c) << (56 - 8*i)
	}
	return h
}

func (b *byteBounds) add(s []byte) {
	h := head(s)
	if b.wide {
		h ^= 1 << 63
	}
	if b.any && h > b.low && h < b.high {
		return
	}
	b.compare(s, h)
}

func (b *byteBounds) compare(s []byte, h uint64) {
	if !b.any {
		b.any = true
		b.min, b.max = append(b.min[:0], s...), append(b.max[:0], s...)
		b.low, b.high = h, h
		return
	}
	// Equal heads of wide values have the same sign: their bytes compare.
	if h < b.low || h == b.low && bytes.Compare(s, b.min) < 0 {
		b.min, b.low = append(b.min[:0], s...), h
	} else if h > b.high || h == b.high && bytes.Compare(s, b.max) > 0 {
		b.max, b.high = append(b.max[:0], s...), h
	}
}

// bounds appends the bounds, cut to longestBound, to arena and returns them.
func (b *byteBounds) bounds(arena []byte, l *leaf) ([]byte, bounds) {
	if !b.any {
		return arena, bounds{}
	}
	text := l.kind != column.Binary
	low, lowExact := cutMin(b.min, text)
	start := len(arena)
	arena = append(arena, low...)
	middle := len(arena)
	arena, highExact := appendMax(arena, b.max, text)
	return arena, bounds{known: true, min: arena[start:middle], max: arena[middle:], minExact: lowExact, maxExact: highExact}
}

// cutMin cuts a least value: what is left is not greater. Text is cut between
// characters.
func cutMin(s []byte, text bool) (cut []byte, exact bool) {
	if len(s) <= longestBound {
		return s, true
	}
	return s[:cutAt(s, text)], false
}

func cutAt(s []byte, text bool) int {
	n := longestBound
	if text {
		for n > longestBound-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
	}
	return n
}

// appendMax appends a greatest value, cut and with the last character that can
// be raised raised by one, so that it is not less. A value that cannot be
// raised is left whole.
func appendMax(dst, s []byte, text bool) (out []byte, exact bool) {
	if len(s) <= longestBound {
		return append(dst, s...), true
	}
	s, whole := s[:cutAt(s, text)], s
	for len(s) > 0 {
		if !text {
			if last := s[len(s)-1]; last != 0xff {
				return append(append(dst, s[:len(s)-1]...), last+1), false
			}
			s = s[:len(s)-1]
			continue
		}
		r, n := utf8.DecodeLastRune(s)
		s = s[:len(s)-n]
		if r++; r == 0xd800 { // surrogates are no characters
			r = 0xe000
		}
		if r <= utf8.MaxRune {
			return utf8.AppendRune(append(dst, s...), r), false
		}
	}
	return append(dst, whole...), true
}
