package column

import (
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Finding is how a record fits the columns.
type Finding struct {
	Fits bool // it is a row of the table
	New  bool // it is one with fields that are to be columns

	// Path leads to the type whose value does not fit: indexes of Fields, from
	// the columns on. It is nil if the record is no row for another reason.
	Path  []int
	Value []byte // as it stands in the record, which it points into
}

// Examine reads one record only to say how it fits. It is for the few that did
// not: it allocates.
func (p *Parser) Examine(record []byte) Finding {
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{})
	c.AppendCopy(record, time.Time{})
	var b Batch
	p.at = nil
	p.Parse(c, []int{0}, &b)
	if c.Pending(0) {
		return Finding{Fits: true, New: len(b.New) > 0}
	}
	if p.at == nil || validRecord(record) != nil {
		return Finding{}
	}
	path, _ := p.root.way(p.at, nil)
	return Finding{Path: path, Value: record[p.atByte:skip(record, p.atByte, 0)]}
}

// way returns the indexes that lead to a node below n.
func (n *node) way(to *node, path []int) ([]int, bool) {
	for i := range n.children {
		child := &n.children[i]
		if found, ok := child.way(to, append(path, i)); ok || child == to {
			return found, true
		}
	}
	return path, false
}
