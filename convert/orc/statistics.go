package orc

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// statistics sum up the values of a column: in a stride, a stripe or a file.
// Of nested kinds only how many there are.
type statistics struct {
	kind   column.Kind
	scale  int
	values uint64 // not null
	nulls  bool

	// Integers, days, milliseconds, decimals; doubles by order. Valid with values.
	low, high int128
	// Of integers and decimals; of texts and binaries their lengths; of
	// booleans those that are true.
	sum   int128
	total float64 // of doubles
	// Bounds of texts, in textLimit bytes if possible.
	least, most []byte
	bounded     bool   // there are such
	low8, high8 uint64 // their heads
}

// textLimit is how long bounds of texts are. They are cut then: the format has
// fields for bounds that are no values, but readers from before ORC 1.6
// believe that a column without minimum is all null.
const textLimit = 1024

func (s *statistics) reset() {
	*s = statistics{kind: s.kind, scale: s.scale, least: s.least[:0], most: s.most[:0]}
}

// merge adds what o sums up.
func (s *statistics) merge(o *statistics) {
	s.nulls = s.nulls || o.nulls
	if o.values == 0 {
		return
	}
	switch {
	case s.values == 0:
		s.low, s.high = o.low, o.high
		s.least, s.most = append(s.least[:0], o.least...), append(s.most[:0], o.most...)
	default:
		s.span(o.low, o.high)
		if bytes.Compare(o.least, s.least) < 0 {
			s.least = append(s.least[:0], o.least...)
		}
		if bytes.Compare(o.most, s.most) > 0 {
			s.most = append(s.most[:0], o.most...)
		}
	}
	s.values += o.values
	s.sum = s.sum.add(o.sum)
	s.total += o.total
}

// span widens the bounds. Not for the first values.
func (s *statistics) span(low, high int128) {
	if low.less(s.low) {
		s.low = low
	}
	if s.high.less(high) {
		s.high = high
	}
}

// addInts adds integers, days or small decimals.
func (s *statistics) addInts(values []uint64) {
	if len(values) == 0 {
		return
	}
	low, high := int64(values[0]), int64(values[0])
	// In halves the sums cannot overflow, and need no look at carries.
	var upper int64
	var lower uint64
	for _, v := range values {
		x := int64(v)
		low, high = min(low, x), max(high, x)
		upper += x >> 32
		lower += v & (1<<32 - 1)
	}
	sum := int128{upper >> 32, uint64(upper) << 32}
	s.add(len(values), narrow(low), narrow(high), sum.add(int128{0, lower}))
}

// add adds n values by what they come to.
func (s *statistics) add(n int, low, high, sum int128) {
	if s.values == 0 {
		s.low, s.high = low, high
	} else {
		s.span(low, high)
	}
	s.values += uint64(n)
	s.sum = s.sum.add(sum)
}

// order maps doubles to integers that compare as they do, with -0 before 0 and
// NaN at the ends.
func order(bits uint64) int64 {
	return int64(bits) ^ int64(uint64(int64(bits)>>63)>>1)
}

func unorder(v int64) float64 {
	return math.Float64frombits(uint64(v ^ int64(uint64(v>>63)>>1)))
}

// bound widens the bounds of texts. Most texts are between them by their first
// bytes alone.
func (s *statistics) bound(p []byte) {
	if h := head(p); !s.bounded || h <= s.low8 || h >= s.high8 {
		s.widen(p)
	}
}

func (s *statistics) widen(p []byte) {
	if !s.bounded || bytes.Compare(p, s.least) < 0 {
		s.least = append(s.least[:0], lower(p)...)
		s.low8 = head(s.least)
	}
	if !s.bounded || bytes.Compare(p, s.most) > 0 {
		s.most = upper(s.most[:0], p)
		s.high8 = head(s.most)
	}
	s.bounded = true
}

// head returns the first 8 bytes as a number. Less means less; equal says
// nothing, since short texts are filled up with zeros.
func head(p []byte) uint64 {
	if len(p) >= 8 {
		return binary.BigEndian.Uint64(p)
	}
	var h uint64
	for i, b := range p {
		h |= uint64(b) << (56 - 8*i)
	}
	return h
}

// lower cuts a text, so that it is not larger.
func lower(p []byte) []byte {
	if len(p) <= textLimit {
		return p
	}
	n := textLimit
	for n > 0 && !utf8.RuneStart(p[n]) {
		n--
	}
	return p[:n]
}

// upper appends a text that is cut, and not smaller: its last character is
// replaced by the next one there is.
func upper(dst, p []byte) []byte {
	cut := lower(p)
	if len(cut) == len(p) {
		return append(dst, p...)
	}
	for len(cut) > 0 {
		r, n := utf8.DecodeLastRune(cut)
		cut = cut[:len(cut)-n]
		if r++; r == 0xd800 {
			r = 0xe000 // over the surrogates
		}
		if r <= utf8.MaxRune {
			return utf8.AppendRune(append(dst, cut...), r)
		}
	}
	return append(dst, p...)
}

// put appends a ColumnStatistics message.
func (s *statistics) put(m []byte) []byte {
	m = putUint(m, 1, s.values)
	if s.values > 0 {
		m = s.putValues(m)
	}
	nulls := uint64(0)
	if s.nulls {
		nulls = 1
	}
	return putUint(m, 10, nulls)
}

func (s *statistics) putValues(m []byte) []byte {
	var at int
	switch s.kind {
	case column.TinyInt, column.SmallInt, column.Int, column.BigInt:
		m, at = begin(m, 2)
		m = putSint(putSint(m, 1, int64(s.low.low)), 2, int64(s.high.low))
		if sum, ok := s.sum.int64(); ok {
			m = putSint(m, 3, sum)
		}
	case column.Float, column.Double:
		m, at = begin(m, 3)
		low, high := s.doubles()
		m = putDouble(putDouble(m, 1, low), 2, high)
		if !math.IsInf(s.total, 0) && !math.IsNaN(s.total) {
			m = putDouble(m, 3, s.total)
		}
	case column.String, column.Varchar, column.Char:
		m, at = begin(m, 4)
		m = putSint(putBytes(putBytes(m, 1, s.least), 2, s.most), 3, int64(s.sum.low))
	case column.Boolean:
		m, at = begin(m, 5)
		var count int
		m, count = begin(m, 1)
		m = end(binary.AppendUvarint(m, s.sum.low), count)
	case column.Decimal:
		m, at = begin(m, 6)
		var text [48]byte
		m = putBytes(m, 1, s.low.appendDecimal(text[:0], s.scale))
		m = putBytes(m, 2, s.high.appendDecimal(text[:0], s.scale))
		if s.sum.digits() <= column.MaxPrecision {
			m = putBytes(m, 3, s.sum.appendDecimal(text[:0], s.scale))
		}
	case column.Date:
		m, at = begin(m, 7)
		m = putSint(putSint(m, 1, int64(s.low.low)), 2, int64(s.high.low))
	case column.Binary:
		m, at = begin(m, 8)
		m = putSint(m, 1, int64(s.sum.low))
	case column.Timestamp:
		m, at = begin(m, 9)
		m = putSint(putSint(m, 3, int64(s.low.low)), 4, int64(s.high.low))
	default:
		return m
	}
	return end(m, at)
}

// doubles returns the bounds. With a NaN among the values both are NaN, which
// tells readers to look at them all.
func (s *statistics) doubles() (low, high float64) {
	low, high = unorder(int64(s.low.low)), unorder(int64(s.high.low))
	if math.IsNaN(low) || math.IsNaN(high) {
		return math.NaN(), math.NaN()
	}
	return low, high
}
