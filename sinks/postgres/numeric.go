package postgres

import (
	"bytes"
	"encoding/binary"
)

// The limits of a numeric without a precision.
const (
	mostWhole    = 131072 // digits before the point
	mostDecimals = 16383  // and behind it
)

// numeric appends a number as groups of four decimal digits: how many, the
// weight of the first as a power of 10000, the sign, and how many decimals are
// shown. The text is a number of JSON or, in a string, one like it.
//
// Source: numeric_recv in the server's src/backend/utils/adt/numeric.c.
func (e *encoder) numeric(dst []byte, c *cursor, value []byte) []byte {
	n, ok := e.number(value)
	if !ok {
		e.refuse(c, "22P02", "%s is no %s", shown(value), c.typ.declared)
		return dst
	}
	decimals := max(0, n.decimals)
	if c.typ.limited {
		decimals = max(0, c.typ.scale)
		e.round(&n, c.typ.scale)
	}
	switch {
	case c.typ.limited && len(e.digits) > 0 && n.point > c.typ.digits-c.typ.scale:
		e.refuse(c, "22003", "%s has too many digits for %s", shown(value), c.typ.declared)
		return dst
	case n.point > mostWhole || decimals > mostDecimals:
		e.refuse(c, "22003", "%s is out of the range of numeric", shown(value))
		return dst
	}
	return e.appendNumeric(dst, n, decimals)
}

// number is 0.digits · 10^point, with the digits in the encoder: the first of
// them is not zero.
type number struct {
	negative bool
	point    int
	decimals int // as it was written
}

// farAway bounds exponents, so that sums with them do not overflow.
const farAway = 1 << 24

func (e *encoder) number(value []byte) (n number, ok bool) {
	i := 0
	if i < len(value) && (value[i] == '-' || value[i] == '+') {
		n.negative = value[i] == '-'
		i++
	}
	e.digits = e.digits[:0]
	seen, behind := false, false // digits; the point
	for ; i < len(value); i++ {
		b := value[i]
		if b == '.' && !behind {
			behind = true
			continue
		}
		if b < '0' || b > '9' {
			break
		}
		seen = true
		if behind {
			n.decimals++
		}
		if b == '0' && len(e.digits) == 0 {
			if behind {
				n.point--
			}
			continue
		}
		e.digits = append(e.digits, b-'0')
		if !behind {
			n.point++
		}
	}
	if !seen {
		return n, false
	}
	if i < len(value) && value[i]|0x20 == 'e' {
		exponent, end := scanExponent(value, i+1)
		if end < 0 {
			return n, false
		}
		n.point += exponent
		n.decimals -= exponent
		i = end
	}
	e.digits = bytes.TrimRight(e.digits, "\x00")
	return n, i == len(value)
}

// scanExponent reads what follows the e; end is -1 if that is none.
func scanExponent(value []byte, i int) (exponent, end int) {
	negative := i < len(value) && value[i] == '-'
	if negative || i < len(value) && value[i] == '+' {
		i++
	}
	start := i
	for ; i < len(value) && value[i] >= '0' && value[i] <= '9'; i++ {
		exponent = min(exponent*10+int(value[i]-'0'), farAway)
	}
	if i == start {
		return 0, -1
	}
	if negative {
		exponent = -exponent
	}
	return exponent, i
}

// round keeps scale decimals, half away from zero.
func (e *encoder) round(n *number, scale int) {
	keep := n.point + scale
	if keep >= len(e.digits) {
		return
	}
	if keep < 0 || e.digits[keep] < 5 {
		e.digits = bytes.TrimRight(e.digits[:max(0, keep)], "\x00")
		return
	}
	e.digits = e.digits[:keep]
	for len(e.digits) > 0 && e.digits[len(e.digits)-1] == 9 {
		e.digits = e.digits[:len(e.digits)-1]
	}
	if len(e.digits) > 0 {
		e.digits[len(e.digits)-1]++
		return
	}
	e.digits = append(e.digits, 1)
	n.point++
}

func (e *encoder) appendNumeric(dst []byte, n number, decimals int) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	if len(e.digits) > 0 {
		first := n.point - 1 // the power of ten of the first digit
		weight := first >> 2
		place := first & 3
		group, groups := uint16(0), 0
		for _, d := range e.digits {
			group += uint16(d) * [4]uint16{1, 10, 100, 1000}[place]
			if place--; place < 0 {
				dst = binary.BigEndian.AppendUint16(dst, group)
				group, place, groups = 0, 3, groups+1
			}
		}
		if place < 3 {
			dst = binary.BigEndian.AppendUint16(dst, group)
			groups++
		}
		binary.BigEndian.PutUint16(dst[start+4:], uint16(groups))
		binary.BigEndian.PutUint16(dst[start+6:], uint16(int16(weight)))
		if n.negative {
			dst[start+8] = 0x40
		}
	}
	binary.BigEndian.PutUint16(dst[start+10:], uint16(decimals))
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}
