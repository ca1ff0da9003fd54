package orc

import (
	"fmt"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Group is a stripe being filled.
type Group struct {
	shared  shared
	codecs  *codecs
	nodes   []*node // by column id; the first is the row
	perMark int     // rows to a stride

	rows     int // in all
	inStride int // rows
}

var _ column.Group = (*Group)(nil)

// Write adds the rows of a batch.
func (g *Group) Write(b *column.Batch) error {
	if err := g.open(); err != nil {
		return err
	}
	defer g.close()
	root := g.nodes[0]
	for rows := b.Rows(); rows > 0; {
		// A stride begins when its first row comes: one without rows, after an
		// exact multiple of strides, is an index entry that readers choke on.
		if g.inStride == 0 {
			root.begin()
		}
		n := min(rows, g.perMark-g.inStride)
		root.write(b, &b.Root, n)
		rows -= n
		g.rows += n
		if g.inStride += n; g.inStride == g.perMark {
			g.endStride()
		}
	}
	root.rewind()
	return nil
}

func (g *Group) endStride() {
	g.nodes[0].end()
	g.inStride = 0
}

// open gets what compresses; close gives it back.
func (g *Group) open() (err error) {
	g.shared.codec, err = g.codecs.take(g.shared.compression)
	return err
}

func (g *Group) close() {
	g.codecs.give(g.shared.codec)
	g.shared.codec = nil
}

// Buffered returns how much memory the stripe takes so far.
func (g *Group) Buffered() int64 {
	if g.rows == 0 {
		return 0
	}
	return g.nodes[0].held()
}

// finish completes all streams.
func (g *Group) finish() {
	if g.inStride > 0 {
		g.endStride()
	}
	for _, n := range g.nodes {
		n.finish()
	}
}

func (g *Group) reset() {
	for _, n := range g.nodes {
		n.reset()
	}
	g.rows, g.inStride = 0, 0
}

// add makes the nodes of a type and those below it, in the order of column
// ids.
func (g *Group) add(c *Config, t *column.Type) *node {
	n := &node{t: t, id: len(g.nodes)}
	n.present.bytes.out.shared = &g.shared
	n.stride = statistics{kind: t.Kind, scale: t.Scale}
	n.stripe = n.stride
	n.content = g.content(c, t)
	g.nodes = append(g.nodes, n)
	for i := range t.Fields {
		n.children = append(n.children, g.add(c, &t.Fields[i].Type))
	}
	return n
}

func (g *Group) content(c *Config, t *column.Type) content {
	s := stream{shared: &g.shared}
	signed := ints{out: s, signed: true, old: c.FormatVersion == V0_11}
	unsigned := ints{out: s, old: signed.old}
	switch t.Kind {
	case column.Boolean:
		return &booleans{data: bitsRLE{bytes: bytesRLE{out: s}}}
	case column.TinyInt:
		return &tiny{data: bytesRLE{out: s}}
	case column.SmallInt, column.Int, column.BigInt, column.Date:
		return &integers{data: signed}
	case column.Float:
		return &floats{data: s, size: 4}
	case column.Double:
		return &floats{data: s, size: 8}
	case column.Decimal:
		return &decimals{data: s, scale: signed, t: t}
	case column.String, column.Varchar, column.Char:
		x := &texts{plain: plain{data: s, lengths: unsigned}, references: unsigned, dictionary: newDictionary(), threshold: c.DictionaryKeyThreshold}
		if t.Kind == column.Char {
			x.length = t.Length
		}
		x.given = x.threshold <= 0
		return x
	case column.Binary:
		return &binaries{plain{data: s, lengths: unsigned}}
	case column.Timestamp:
		return &timestamps{seconds: signed, nanos: unsigned}
	case column.Array, column.Map:
		return &lists{lengths: unsigned}
	case column.Struct:
		return nil
	}
	panic(fmt.Sprintf("orc: no content for %v", t.Kind))
}
