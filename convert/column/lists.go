package column

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
)

// array reads the value at i as the value of an array. What is no array is one
// of one element.
func (p *Parser) array(n *node, d []byte, i, slot int) int {
	if n.slots() != slot {
		n.adjust(slot)
	}
	element := &n.children[0]
	end := n.v.Elements()
	if d[i] != '[' {
		if i = p.value(element, d, i, end); i >= 0 {
			n.v.Ends = append(n.v.Ends, uint32(end+1))
		}
		return i
	}
	if p.depth == maxDepth {
		return fault(i, tooDeep)
	}
	p.depth++
	if i = space(d, i+1); i >= len(d) || d[i] != ']' {
		for {
			if i = p.value(element, d, i, end); i < 0 {
				return i
			}
			if element.required && element.slots() == end {
				return p.refuse(i, "%s is required, but null", element)
			}
			end++
			if i = space(d, i); i >= len(d) || d[i] != ',' {
				break
			}
			i++
		}
		if i >= len(d) || d[i] != ']' {
			return fault(i, unexpected)
		}
	}
	p.depth--
	n.v.Ends = append(n.v.Ends, uint32(end))
	return i + 1
}

// entries reads the object at i as the value of a map.
func (p *Parser) entries(n *node, d []byte, i, slot int) int {
	if n.slots() != slot {
		n.adjust(slot)
	}
	if d[i] != '{' {
		return p.unfit(n, d, i)
	}
	if p.depth == maxDepth {
		return fault(i, tooDeep)
	}
	p.depth++
	begin := n.v.Elements()
	after := p.entriesBut(n, d, i, nil)
	if after < 0 {
		return after
	}
	if replaced := p.replaced(n, begin); len(replaced) > 0 {
		n.v.Ends = n.v.Ends[:len(n.v.Ends)-1]
		for k := range n.children {
			n.children[k].settle()
			n.children[k].v.Truncate(&n.children[k].typ, begin)
		}
		after = p.entriesBut(n, d, i, replaced)
	}
	p.depth--
	return after
}

// entriesBut reads the entries of the object at i but those whose numbers are
// in skipped, in order.
func (p *Parser) entriesBut(n *node, d []byte, i int, skipped []int) int {
	key, value := &n.children[0], &n.children[1]
	end := n.v.Elements()
	i = space(d, i+1)
	if i < len(d) && d[i] == '}' {
		n.v.Ends = append(n.v.Ends, uint32(end))
		return i + 1
	}
	for number := 0; ; number++ {
		if i >= len(d) || d[i] != '"' {
			return fault(i, unexpected)
		}
		left := len(skipped) > 0 && skipped[0] == number
		if left {
			skipped = skipped[1:]
			i = skipString(d, i)
		} else {
			i = p.value(key, d, i, end)
		}
		if i < 0 {
			return i
		}
		if i = space(d, i); i >= len(d) || d[i] != ':' {
			return fault(i, unexpected)
		}
		if left {
			i = skip(d, i+1, p.depth)
		} else {
			if i = p.value(value, d, i+1, end); i >= 0 && value.required && value.slots() == end {
				return p.refuse(i, "%s is required, but null", value)
			}
			end++
		}
		if i < 0 {
			return i
		}
		if i = space(d, i); i >= len(d) || d[i] != ',' {
			break
		}
		i = space(d, i+1)
	}
	if i >= len(d) || d[i] != '}' {
		return fault(i, unexpected)
	}
	n.v.Ends = append(n.v.Ends, uint32(end))
	return i + 1
}

// manyEntries is from how many entries on a map's keys are compared through a
// hash table.
const manyEntries = 16

// replaced returns the numbers of the entries from begin on whose key comes
// again later, in order.
func (p *Parser) replaced(n *node, begin int) []int {
	keys := n.children[0].v.Values[begin:]
	var numbers []int
	if len(keys) >= manyEntries {
		return p.replacedOfMany(&n.children[0], keys)
	}
	for i, k := range keys {
		for _, later := range keys[i+1:] {
			if p.equal(&n.children[0], k, later) {
				numbers = append(numbers, i)
				break
			}
		}
	}
	return numbers
}

// equal compares two values of a plain node.
func (p *Parser) equal(n *node, a, b uint64) bool {
	if !n.typ.Kind.Bytes() && !n.typ.Wide() {
		return a == b
	}
	return uint32(a) == uint32(b) && bytes.Equal(p.bytes(a), p.bytes(b))
}

func (p *Parser) replacedOfMany(n *node, keys []uint64) []int {
	size := 1 << bits.Len(uint(2*len(keys)))
	p.table = slices.Grow(p.table[:0], size)[:size]
	clear(p.table)
	var numbers []int
	for i, k := range keys {
		at := p.hash(n, k)
		for ; ; at++ {
			at &= uint64(size - 1)
			if earlier := p.table[at]; earlier == 0 {
				break
			} else if p.equal(n, keys[earlier-1], k) {
				numbers = append(numbers, int(earlier-1))
				break
			}
		}
		p.table[at] = uint32(i + 1)
	}
	slices.Sort(numbers)
	return numbers
}

func (p *Parser) hash(n *node, x uint64) uint64 {
	if n.typ.Kind.Bytes() || n.typ.Wide() {
		return maphash.Bytes(p.seed, p.bytes(x))
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	return maphash.Bytes(p.seed, b[:])
}
