package column

// object reads the object at i as the value of a struct.
func (p *Parser) object(n *node, d []byte, i, slot int) int {
	if p.depth == maxDepth {
		return fault(i, tooDeep)
	}
	if n.slots() != slot {
		n.adjust(slot)
	}
	inner := n.v.Present
	n.v.Present++
	p.depth++
	i++
	last := &n.keys.start
	if i = space(d, i); i < len(d) && d[i] == '}' {
		return p.endObject(n, d, i, inner)
	}
	for {
		k, name := last.next, i
		if k.starts(d, i) && (k.length <= 16 || k.ends(d, i)) {
			i += k.length
		} else if next := space(d, i); next > i {
			i = next
			continue
		} else if k, i = n.keys.find(last, d, i); i < 0 {
			return i
		}
		last = k
		switch {
		case k.node != nil:
			i = p.value(k.node, d, i, inner)
		case n.strict && !k.left:
			i = p.unknown(d, name, i)
		default:
			i = skip(d, i, p.depth)
		}
		if i < 0 {
			return i
		}
		if i < len(d) && d[i] <= ' ' {
			i = space(d, i)
		}
		if i < len(d) && d[i] == ',' {
			i++
			continue
		}
		if i < len(d) && d[i] == '}' {
			return p.endObject(n, d, i, inner)
		}
		return fault(i, unexpected)
	}
}

// endObject checks that the struct at slot has all its values.
func (p *Parser) endObject(n *node, d []byte, i, slot int) int {
	p.depth--
	for _, child := range n.demanded {
		if child.slots() <= slot {
			return p.refuse(i, "%s is required, but missing or null", child)
		}
	}
	if len(p.extra) > 0 && p.depth == 0 {
		p.collect(d, slot)
	}
	return i + 1
}
