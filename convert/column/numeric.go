package column

import (
	"math"
	"math/bits"
)

// integer reads tinyint to bigint.
func (p *Parser) integer(n *node, d []byte, i, slot int) int {
	x, end := scanNumber(d, i)
	if end < 0 || x.exponent != 0 || x.digits > 18 {
		return p.integerSlow(n, d, i, slot)
	}
	v := int64(x.mantissa)
	if x.negative {
		v = -v
	}
	if v < n.least || v > n.most {
		return p.integerSlow(n, d, i, slot)
	}
	n.put(slot, uint64(v))
	return end
}

// integerSlow reads integers that are written unusually, or are none.
func (p *Parser) integerSlow(n *node, d []byte, i, slot int) int {
	x, text, end := p.number(n, d, i)
	if end < 0 {
		return end
	}
	u, r, ok := x.unscaled(text, 0)
	if r != restNone {
		return p.unfit(n, d, i)
	}
	v, inRange := u.int64(x.negative)
	if !ok || !inRange || v < n.least || v > n.most {
		return p.refuseValue(n, i, "%s is out of the range of %v, %d to %d", shorten(text), n.typ.Kind, n.least, n.most)
	}
	n.put(slot, uint64(v))
	return end
}

// number reads a number or a string with a number. The text is that of the
// number.
func (p *Parser) number(n *node, d []byte, i int) (x number, text []byte, end int) {
	if d[i] != '"' {
		if d[i] != '-' && d[i]-'0' > 9 {
			return x, nil, p.unfit(n, d, i)
		}
		x, end = scanNumber(d, i)
		if end < 0 {
			return x, nil, end
		}
		return x, d[i:end], end
	}
	side := len(p.side)
	text, end = p.word(d, i)
	p.side = p.side[:side]
	if end < 0 {
		return x, nil, end
	}
	x, ok := parseNumeric(text)
	if !ok {
		return x, nil, p.unfit(n, d, i)
	}
	return x, text, end
}

// double reads a number as the nearest double.
func (p *Parser) double(n *node, d []byte, i, slot int) int {
	if m, decimals, length := longDecimal(d, i); length > 0 {
		f, ok := exactFloat(m, -decimals)
		if !ok {
			f, ok = eiselLemire(m, -decimals)
		}
		if ok {
			n.put(slot, math.Float64bits(f))
			return i + length
		}
	}
	x, text, end := p.number(n, d, i)
	if end < 0 {
		return end
	}
	f, ok := x.float64(text)
	if !ok {
		return p.refuseValue(n, i, "%s is out of the range of double", shorten(text))
	}
	n.put(slot, math.Float64bits(f))
	return end
}

// float reads a number as the nearest float.
func (p *Parser) float(n *node, d []byte, i, slot int) int {
	x, text, end := p.number(n, d, i)
	if end < 0 {
		return end
	}
	f, ok := x.float32(text)
	if !ok {
		return p.refuseValue(n, i, "%s is out of the range of float", shorten(text))
	}
	n.put(slot, uint64(math.Float32bits(f)))
	return end
}

// decimal reads a number exactly, but for digits behind the scale: they are
// rounded half up.
func (p *Parser) decimal(n *node, d []byte, i, slot int) int {
	if fits(d, i, 8) {
		x, decimals, length := shortDecimal(load(d, i))
		if shift := n.typ.Scale - decimals; length > 0 && shift >= 0 && n.typ.Precision <= MaxSmallPrecision {
			if high, v := bits.Mul64(x, integerPowers[shift]); high == 0 && v < n.limit.low {
				n.put(slot, v)
				return i + length
			}
		}
	}
	x, text, end := p.number(n, d, i)
	if end < 0 {
		return end
	}
	u, r, ok := x.unscaled(text, n.typ.Scale)
	if u = u.round(r); !ok || !u.less(n.limit) {
		return p.refuseValue(n, i, "%s has too many digits for %v", shorten(text), n.typ)
	}
	if n.typ.Wide() {
		start := len(p.side)
		p.side = u.appendSigned(p.side, x.negative)
		n.put(slot, SidePlace(start, 16))
		return end
	}
	v, _ := u.int64(x.negative)
	n.put(slot, uint64(v))
	return end
}
