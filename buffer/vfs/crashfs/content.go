package crashfs

import "slices"

const pageSize = 4096

type page [pageSize]byte

// content is the bytes of a file. Pages are shared between the states of a
// file and between clones, and copied before the first write; nil is a page
// of zeros.
type content struct {
	size  int64
	pages []*page
	owned []bool // by this content alone, so it may be written
}

// share returns a second content with the same pages.
func (c *content) share() content {
	clear(c.owned)
	return content{c.size, slices.Clone(c.pages), make([]bool, len(c.pages))}
}

// readAt copies the bytes at off to p and returns how many there were.
func (c *content) readAt(p []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	p = p[:min(int64(len(p)), c.size-off)]
	for n := 0; n < len(p); {
		at := off + int64(n)
		part := p[n:min(len(p), n+int(pageSize-at%pageSize))]
		if pg := c.pages[at/pageSize]; pg != nil {
			copy(part, pg[at%pageSize:])
		} else {
			clear(part)
		}
		n += len(part)
	}
	return len(p)
}

// writeAt writes p at off; a hole before it reads as zeros.
func (c *content) writeAt(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	if end := off + int64(len(p)); end > c.size {
		c.resize(end)
	}
	for len(p) > 0 {
		n := copy(c.page(off / pageSize)[off%pageSize:], p)
		p, off = p[n:], off+int64(n)
	}
}

// page returns a page for writing.
func (c *content) page(i int64) *page {
	if !c.owned[i] {
		pg := new(page)
		if c.pages[i] != nil {
			*pg = *c.pages[i]
		}
		c.pages[i], c.owned[i] = pg, true
	}
	return c.pages[i]
}

// resize cuts the content or extends it with zeros.
func (c *content) resize(size int64) {
	n := int((size + pageSize - 1) / pageSize)
	if size < c.size {
		if tail := size % pageSize; tail > 0 && c.pages[n-1] != nil {
			clear(c.page(int64(n - 1))[tail:])
		}
		c.pages, c.owned = c.pages[:n], c.owned[:n]
	}
	for len(c.pages) < n {
		c.pages, c.owned = append(c.pages, nil), append(c.owned, false)
	}
	c.size = size
}

// bytes returns a copy of everything.
func (c *content) bytes() []byte {
	b := make([]byte, c.size)
	c.readAt(b, 0)
	return b
}
