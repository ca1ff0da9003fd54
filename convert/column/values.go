package column

import (
	"encoding/base64"
	"math"
	"math/bits"
	"unicode/utf8"
)

// value reads the value at i, and the white space before it, into a slot of a
// node. Short forms of strings, integers and doubles, which most values have,
// are read right here: a call for each took a tenth of the time.
func (p *Parser) value(n *node, d []byte, i, slot int) int {
	if i >= len(d) || d[i] <= ' ' {
		if i = space(d, i); i >= len(d) {
			return fault(i, unexpected)
		}
	}
	if d[i] == 'n' {
		n.null(slot)
		return literal(d, i, "null")
	}
	switch n.typ.Kind {
	case String:
		if d[i] != '"' {
			return p.text(n, d, i, slot)
		}
		end := i + 1
		for fits(d, end, 8) {
			special := specials(load(d, end))
			if special == 0 {
				end += 8
				continue
			}
			if end += bits.TrailingZeros64(special) >> 3; d[end] != '"' {
				break
			}
			n.put(slot, Place(i+1, end-i-1))
			return end + 1
		}
		return p.text(n, d, i, slot)
	case TinyInt, SmallInt, Int, BigInt:
		if fits(d, i, 8) {
			if x, length := shortInteger(load(d, i)); length > 0 && int64(x) <= n.most {
				n.put(slot, x)
				return i + length
			}
		}
		return p.integer(n, d, i, slot)
	case Double:
		if fits(d, i, 8) {
			if x, decimals, length := shortDecimal(load(d, i)); length > 0 {
				n.put(slot, math.Float64bits(float64(x)/exactPowers[decimals&7]))
				return i + length
			}
		}
		return p.double(n, d, i, slot)
	case Struct:
		if d[i] != '{' {
			return p.unfit(n, d, i)
		}
		return p.object(n, d, i, slot)
	case Array:
		return p.array(n, d, i, slot)
	case Map:
		return p.entries(n, d, i, slot)
	case Timestamp:
		return p.timestamp(n, d, i, slot)
	case Boolean:
		return p.boolean(n, d, i, slot)
	case Float:
		return p.float(n, d, i, slot)
	case Decimal:
		return p.decimal(n, d, i, slot)
	case Varchar, Char:
		return p.shortText(n, d, i, slot)
	case Binary:
		return p.binary(n, d, i, slot)
	}
	return p.date(n, d, i, slot)
}

// unfit refuses the value at i, unless it is no JSON.
func (p *Parser) unfit(n *node, d []byte, i int) int {
	end := skip(d, i, p.depth)
	if end < 0 {
		return end
	}
	return p.refuse(i, "%v: %s is not %s", n, shorten(d[i:end]), n.typ.describe())
}

// describe names the type for messages.
func (t *Type) describe() string {
	switch t.Kind {
	case Int, Array:
		return "an " + t.Kind.String()
	case Decimal:
		return "a " + t.String()
	case Date:
		return "a date like 2006-01-02"
	case Binary:
		return "base64"
	case Struct, Map:
		return "an object for a " + t.Kind.String()
	}
	return "a " + t.Kind.String()
}

// text reads a value of any kind as a string: what is no string as the JSON it
// is.
func (p *Parser) text(n *node, d []byte, i, slot int) int {
	if d[i] == '"' {
		if end := plain(d, i+1); end < len(d) && d[end] == '"' {
			n.put(slot, Place(i+1, end-i-1))
			return end + 1
		}
	}
	place, end := p.place(d, i)
	if end >= 0 {
		n.put(slot, place)
	}
	return end
}

// place returns the text of the value at i.
func (p *Parser) place(d []byte, i int) (place uint64, end int) {
	if d[i] != '"' {
		if end = skip(d, i, p.depth); end < 0 {
			return 0, end
		}
		return Place(i, end-i), end
	}
	end, escapes := stringEnd(d, i+1, i+1)
	if end < 0 {
		return 0, end
	}
	if !escapes {
		return Place(i+1, end-i-2), end
	}
	start := len(p.side)
	p.side = appendUnescaped(p.side, d[i+1:end-1])
	return SidePlace(start, len(p.side)-start), end
}

// shortText reads a varchar or a char: it is cut to its length.
func (p *Parser) shortText(n *node, d []byte, i, slot int) int {
	place, end := p.place(d, i)
	if end < 0 {
		return end
	}
	if size := int(uint32(place)); size > n.typ.Length {
		cut := firstRunes(p.bytes(place), n.typ.Length)
		place -= uint64(size - cut)
	}
	n.put(slot, place)
	return end
}

// firstRunes returns how many bytes the first n characters of a text have.
func firstRunes(text []byte, n int) int {
	at := 0
	for ; n > 0 && at < len(text); n-- {
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return at
}

// word returns the text of the value at i and the offset behind it. With
// escapes it is at the end of p.side, which the caller cuts off again: the text
// is valid until something else is written there.
func (p *Parser) word(d []byte, i int) (text []byte, end int) {
	place, end := p.place(d, i)
	if end < 0 {
		return nil, end
	}
	return p.bytes(place), end
}

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
	v := int64(u.low)
	if x.negative {
		v = -v
	}
	if !ok || u.high != 0 || u.low > 1<<63 || u.low == 1<<63 && !x.negative || v < n.least || v > n.most {
		return p.refuse(i, "%v: %s is out of the range of %v, %d to %d", n, shorten(text), n.typ.Kind, n.least, n.most)
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

func (p *Parser) double(n *node, d []byte, i, slot int) int {
	x, text, end := p.number(n, d, i)
	if end < 0 {
		return end
	}
	f, ok := x.float64(text)
	if !ok {
		return p.refuse(i, "%v: %s is out of the range of double", n, shorten(text))
	}
	n.put(slot, math.Float64bits(f))
	return end
}

func (p *Parser) float(n *node, d []byte, i, slot int) int {
	x, text, end := p.number(n, d, i)
	if end < 0 {
		return end
	}
	f, ok := x.float32(text)
	if !ok {
		return p.refuse(i, "%v: %s is out of the range of float", n, shorten(text))
	}
	n.put(slot, uint64(math.Float32bits(f)))
	return end
}

func (p *Parser) decimal(n *node, d []byte, i, slot int) int {
	x, text, end := p.number(n, d, i)
	if end < 0 {
		return end
	}
	u, r, ok := x.unscaled(text, n.typ.Scale)
	if u = u.round(r); !ok || !u.less(n.limit) {
		return p.refuse(i, "%v: %s has too many digits for %v", n, shorten(text), n.typ)
	}
	if n.typ.Wide() {
		start := len(p.side)
		p.side = u.appendSigned(p.side, x.negative)
		n.put(slot, SidePlace(start, 16))
		return end
	}
	v := int64(u.low)
	if x.negative {
		v = -v
	}
	n.put(slot, uint64(v))
	return end
}

func (p *Parser) boolean(n *node, d []byte, i, slot int) int {
	end, x := i, uint64(0)
	switch d[i] {
	case 't':
		end, x = literal(d, i, "true"), 1
	case 'f':
		end = literal(d, i, "false")
	default:
		side := len(p.side)
		text, after := p.word(d, i)
		p.side = p.side[:side]
		switch {
		case after < 0:
			return after
		case d[i] == '"' && equalFold(text, "true"):
			x = 1
		case d[i] != '"' || !equalFold(text, "false"):
			return p.unfit(n, d, i)
		}
		end = after
	}
	if end >= 0 {
		n.put(slot, x)
	}
	return end
}

// binary reads base64 in either alphabet, padded or not.
func (p *Parser) binary(n *node, d []byte, i, slot int) int {
	if d[i] != '"' {
		return p.unfit(n, d, i)
	}
	start := len(p.side)
	text, end := p.word(d, i)
	if end < 0 {
		return end
	}
	encoding := base64.RawStdEncoding
	for _, c := range text {
		if c == '-' || c == '_' {
			encoding = base64.RawURLEncoding
		}
	}
	for pad := 0; pad < 2 && len(text) > 0 && text[len(text)-1] == '='; pad++ {
		text = text[:len(text)-1]
	}
	at := len(p.side)
	side, err := encoding.AppendDecode(p.side, text)
	if err != nil {
		p.side = p.side[:start]
		return p.unfit(n, d, i)
	}
	p.side = side
	n.put(slot, SidePlace(at, len(p.side)-at))
	return end
}

func (p *Parser) date(n *node, d []byte, i, slot int) int {
	if d[i] != '"' {
		return p.unfit(n, d, i)
	}
	side := len(p.side)
	text, end := p.word(d, i)
	p.side = p.side[:side]
	if end < 0 {
		return end
	}
	days, ok := parseDate(text)
	if !ok {
		// A timestamp at midnight is a date, too.
		ns, read := p.parseTimestamp(text)
		if days = ns / (daySeconds * 1e9); !read || days*daySeconds*1e9 != ns {
			return p.unfit(n, d, i)
		}
	}
	n.put(slot, uint64(days))
	return end
}

// parseTimestamp reads a whole text in the first of the formats that fits.
func (p *Parser) parseTimestamp(text []byte) (ns int64, ok bool) {
	for i := range p.options.TimestampFormats {
		if ns, _, fits := p.options.TimestampFormats[i].parse(text); fits {
			return ns, true
		}
	}
	return 0, false
}

func (p *Parser) timestamp(n *node, d []byte, i, slot int) int {
	if d[i] == '"' && p.iso {
		if ns, end, ok := p.day.timestamp(d, i+1); ok && end < len(d) && d[end] == '"' {
			n.put(slot, uint64(ns))
			return end + 1
		}
	}
	if d[i] != '"' && d[i] != '-' && d[i]-'0' > 9 {
		return p.unfit(n, d, i)
	}
	side := len(p.side)
	text, end := p.word(d, i)
	p.side = p.side[:side]
	if end < 0 {
		return end
	}
	ns, ok := p.parseTimestamp(text)
	if !ok {
		return p.unfitTime(n, text, i)
	}
	n.put(slot, uint64(ns))
	return end
}

// unfitTime says why a text is no timestamp.
func (p *Parser) unfitTime(n *node, text []byte, i int) int {
	for k := range p.options.TimestampFormats {
		if _, read, _ := p.options.TimestampFormats[k].parse(text); read {
			return p.refuse(i, "%v: there is no time %s, or it is not between the years 1677 and 2262", n, shorten(text))
		}
	}
	return p.refuse(i, "%v: %s is not a timestamp of the format %v", n, shorten(text), p.options.TimestampFormats)
}
