package arrow

import (
	"encoding/binary"
	"slices"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// width returns how many bytes a number takes in Arrow.
func width(t *column.Type) int {
	switch t.Kind {
	case column.TinyInt:
		return 1
	case column.SmallInt:
		return 2
	case column.Int, column.Float, column.Date:
		return 4
	case column.Decimal:
		return 16
	}
	return 8
}

// appendFixed appends numbers in Arrow's form: little-endian.
func appendFixed(dst []byte, b *column.Batch, t *column.Type, values []uint64) []byte {
	at := len(dst)
	w := width(t)
	dst = slices.Grow(dst, len(values)*w)[:at+len(values)*w]
	out := dst[at:]
	switch w {
	case 1:
		for i, x := range values {
			out[i] = byte(x)
		}
	case 2:
		for i, x := range values {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(x))
		}
	case 4:
		for i, x := range values {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(x))
		}
	case 8:
		for i, x := range values {
			binary.LittleEndian.PutUint64(out[8*i:], x)
		}
	case 16:
		for i, x := range values {
			putDecimal(out[16*i:], b, t, x)
		}
	}
	return dst
}

func putDecimal(out []byte, b *column.Batch, t *column.Type, x uint64) {
	low, high := x, uint64(int64(x)>>63)
	if t.Wide() {
		bytes := b.Bytes(x)
		high, low = binary.BigEndian.Uint64(bytes), binary.BigEndian.Uint64(bytes[8:])
	}
	binary.LittleEndian.PutUint64(out, low)
	binary.LittleEndian.PutUint64(out[8:], high)
}

func appendZeros(dst []byte, n int) []byte {
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	clear(dst[at:])
	return dst
}

// bitmap is bits, the lowest of each byte first.
type bitmap struct {
	bytes []byte
	n     int // bits
}

func (m *bitmap) reset() { m.bytes, m.n = m.bytes[:0], 0 }

// add appends n times the same bit.
func (m *bitmap) add(n int, set bool) {
	for ; n > 0 && m.n%8 != 0; n-- {
		m.bit(set)
	}
	if n <= 0 {
		return
	}
	at := len(m.bytes)
	m.bytes = appendZeros(m.bytes, (n+7)/8)
	m.n += n
	if !set {
		return
	}
	for i := at; i < at+n/8; i++ {
		m.bytes[i] = 0xff
	}
	if n%8 != 0 {
		m.bytes[at+n/8] = 1<<(n%8) - 1
	}
}

// addAll appends a bit for each value, which is 0 or 1.
func (m *bitmap) addAll(values []uint64) {
	for len(values) > 0 && m.n%8 != 0 {
		m.bit(values[0] != 0)
		values = values[1:]
	}
	for ; len(values) >= 8; values = values[8:] {
		var octet byte
		for i, x := range values[:8] {
			octet |= byte(x) << i
		}
		m.bytes = append(m.bytes, octet)
		m.n += 8
	}
	for _, x := range values {
		m.bit(x != 0)
	}
}

func (m *bitmap) bit(set bool) {
	if m.n%8 == 0 {
		m.bytes = append(m.bytes, 0)
	}
	if set {
		m.bytes[m.n/8] |= 1 << (m.n % 8)
	}
	m.n++
}
