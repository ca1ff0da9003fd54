package orc

import (
	"encoding/binary"
	"math"
)

// Protocol Buffers, as far as ORC's footers need them: functions append a
// field to a message. Numbers of fields are those of orc_proto.proto.

const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	wireFixed4 = 5
)

func putTag(m []byte, field, wire int) []byte {
	return binary.AppendUvarint(m, uint64(field)<<3|uint64(wire))
}

func putUint(m []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(putTag(m, field, wireVarint), v)
}

// putSint writes a sint32 or sint64.
func putSint(m []byte, field int, v int64) []byte { return putUint(m, field, zigzag(v)) }

func putDouble(m []byte, field int, v float64) []byte {
	return binary.LittleEndian.AppendUint64(putTag(m, field, wireFixed8), math.Float64bits(v))
}

func putBytes[T string | []byte](m []byte, field int, v T) []byte {
	m = binary.AppendUvarint(putTag(m, field, wireBytes), uint64(len(v)))
	return append(m, v...)
}

func putPacked(m []byte, field int, v []uint64) []byte {
	m, start := begin(m, field)
	for _, x := range v {
		m = binary.AppendUvarint(m, x)
	}
	return end(m, start)
}

// begin starts a message inside a message; its fields follow, and then end
// with the number it returned.
func begin(m []byte, field int) ([]byte, int) {
	m = putTag(m, field, wireBytes)
	return m, len(m)
}

// end puts the length in front of what was written since begin.
func end(m []byte, start int) []byte {
	n := len(m) - start
	var length [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(length[:], uint64(n))
	m = append(m, length[:k]...)
	copy(m[start+k:], m[start:start+n])
	copy(m[start:], length[:k])
	return m
}

// zigzag gives numbers near zero small codes.
func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// putPositions appends the i-th of so many equal parts of v.
func putPositions(m []byte, v []uint64, parts, i int) []byte {
	n := len(v) / parts
	for _, x := range v[i*n : (i+1)*n] {
		m = binary.AppendUvarint(m, x)
	}
	return m
}
