package parquet

import "github.com/hydrant-dev/hydrant/convert/column"

// Group is a row group. It implements column.Group.
type Group struct {
	layout   *layout
	branches []*branch
	chunks   []*chunk
	scratch  *scratch // while there is something to encode
	packed   arena
	top      runs // the levels of the rows
	rows     int
	finished bool
}

// branch is a field of the table, with memory for its levels.
type branch struct {
	*node
	children         []*branch
	chunk            *chunk
	refined          runs // definition levels, with the nulls of the field
	listDef, listRep runs // of the elements
}

func newGroup(l *layout, c *Config) *Group {
	g := &Group{layout: l}
	for _, n := range l.tree.roots {
		g.branches = append(g.branches, g.branch(n, c))
	}
	return g
}

func (g *Group) branch(n *node, c *Config) *branch {
	b := &branch{node: n}
	if n.leaf != nil {
		b.chunk = newChunk(n.leaf, c, g)
		g.chunks = append(g.chunks, b.chunk)
	}
	for _, child := range n.children {
		b.children = append(b.children, g.branch(child, c))
	}
	return b
}

// Write adds the rows of a batch.
func (g *Group) Write(b *column.Batch) error {
	rows := b.Rows()
	if rows == 0 {
		return nil
	}
	g.scratch = g.layout.scratches.take(g.layout.codec)
	defer g.layout.scratches.give(&g.scratch)
	g.rows += rows
	g.top = g.top[:0].add(0, uint32(rows))
	for i, branch := range g.branches {
		if err := branch.write(b, &b.Root.Children[i], levels{entries: rows, def: g.top}); err != nil {
			return err
		}
	}
	return nil
}

// write adds the values of a field; above are the levels of what it is in.
func (n *branch) write(b *column.Batch, v *column.Vector, above levels) error {
	at := above
	if !n.field.Required {
		n.refined = refine(n.refined, at.def, v, n.def-1)
		at.def = n.refined
	}
	if n.chunk != nil {
		return n.chunk.write(b, v, at)
	}
	if n.field.Type.Kind != column.Struct {
		at = repeat(n.listDef, n.listRep, at, v.Ends, n.def, n.rep)
		n.listDef, n.listRep = at.def, at.rep
	}
	for i, child := range n.children {
		if err := child.write(b, &v.Children[i], at); err != nil {
			return err
		}
	}
	return nil
}

// Buffered returns how much memory the row group holds.
func (g *Group) Buffered() int64 {
	n := 0
	for _, c := range g.chunks {
		n += c.memory()
	}
	return int64(n)
}

// Finish ends all pages. It implements column.Finisher.
func (g *Group) Finish() error {
	if g.finished {
		return nil
	}
	g.finished = true
	g.scratch = g.layout.scratches.take(g.layout.codec)
	defer g.layout.scratches.give(&g.scratch)
	for _, c := range g.chunks {
		if err := c.finish(); err != nil {
			return err
		}
	}
	return nil
}

// reset empties the row group and keeps its memory.
func (g *Group) reset() {
	g.rows, g.finished = 0, false
	g.packed.reset()
	for _, c := range g.chunks {
		c.reset()
	}
}
