package column

import (
	"encoding/base64"
	"unicode/utf8"
)

// text reads a value of any kind as a string: what is no string as the JSON it
// is.
func (p *Parser) text(n *node, d []byte, i, slot int) int {
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
	p.side = AppendUnescaped(p.side, d[i+1:end-1])
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
