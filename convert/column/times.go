package column

import "strings"

// date reads yyyy-[M]M-[d]d, or a timestamp at midnight.
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

// timestamp reads a string or a number in the first format that fits.
func (p *Parser) timestamp(n *node, d []byte, i, slot int) int {
	if d[i] == '"' && p.iso {
		if ns, end, ok := p.day.timestamp(d, i+1); ok && end < len(d) && d[end] == '"' {
			n.put(slot, uint64(ns))
			return end + 1
		}
	}
	if d[i] != '"' {
		if d[i] != '-' && d[i]-'0' > 9 {
			return p.unfit(n, d, i)
		}
		if x, end := scanNumber(d, i); end >= 0 && p.options.TimestampFormats[0].read == readOpenX {
			if ns, ok := x.epochBySize(d[i:end]); ok {
				n.put(slot, uint64(ns))
				return end
			}
		}
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
			return p.refuseValue(n, i, "there is no time %q, or it is not between the years 1677 and 2262", shorten(text))
		}
	}
	var formats []string
	for _, f := range p.options.TimestampFormats {
		formats = append(formats, f.String())
	}
	return p.refuseValue(n, i, "%q is not a timestamp (formats: %s)", shorten(text), strings.Join(formats, ", "))
}
