package orc

import (
	"encoding/binary"
	"errors"
	"math"
)

var errMessage = errors.New("damaged message")

// value is a field of a Protocol Buffers message.
type value struct {
	field int
	n     uint64 // a number of any wire type
	bytes []byte // of a text, a message, or packed numbers
}

func (v value) sint() int64     { return unzigzag(v.n) }
func (v value) double() float64 { return math.Float64frombits(v.n) }
func (v value) text() string    { return string(v.bytes) }

// fields calls f for each field of a message, in order.
func fields(m []byte, f func(v value) error) error {
	for len(m) > 0 {
		tag, n := binary.Uvarint(m)
		if n <= 0 || tag>>3 > math.MaxInt32 {
			return errMessage
		}
		m = m[n:]
		v := value{field: int(tag >> 3)}
		switch tag & 7 {
		case wireVarint:
			v.n, n = binary.Uvarint(m)
		case wireFixed8:
			if n = 8; len(m) >= n {
				v.n = binary.LittleEndian.Uint64(m)
			}
		case wireFixed4:
			if n = 4; len(m) >= n {
				v.n = uint64(binary.LittleEndian.Uint32(m))
			}
		case wireBytes:
			var size uint64
			size, n = binary.Uvarint(m)
			if n <= 0 || size > uint64(len(m)-n) {
				return errMessage
			}
			v.bytes = m[n : n+int(size)]
			n += int(size)
		default:
			return errMessage
		}
		if n <= 0 || n > len(m) {
			return errMessage
		}
		m = m[n:]
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// numbers returns those of a repeated field, packed or not.
func (v value) numbers(dst []uint64) ([]uint64, error) {
	if v.bytes == nil {
		return append(dst, v.n), nil
	}
	for p := v.bytes; len(p) > 0; {
		x, n := binary.Uvarint(p)
		if n <= 0 {
			return nil, errMessage
		}
		dst = append(dst, x)
		p = p[n:]
	}
	return dst, nil
}
