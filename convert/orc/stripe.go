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
	g.shared.slabs.reset()
	g.rows, g.inStride = 0, 0
}

// add makes the nodes of a type and those below it, in the order of column
// ids.
func (g *Group) add(c *Config, t *column.Type) *node {
	n := &node{t: t, id: len(g.nodes)}
	n.present.packed.out.shared = &g.shared
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
	version := signed.version()
	switch t.Kind {
	case column.Boolean:
		x := &booleans{data: bitsRLE{packed: bytesRLE{out: s}}}
		x.outputs = outputs{parts: []part{{kindData, &x.data}}}
		return x
	case column.TinyInt:
		x := &tiny{data: bytesRLE{out: s}}
		x.outputs = outputs{parts: []part{{kindData, &x.data}}}
		return x
	case column.SmallInt, column.Int, column.BigInt, column.Date:
		x := &integers{data: signed}
		x.outputs = outputs{parts: []part{{kindData, &x.data}}, kind: version}
		return x
	case column.Float, column.Double:
		x := &floats{data: s, size: 8}
		if t.Kind == column.Float {
			x.size = 4
		}
		x.data.how.doubles = true
		x.outputs = outputs{parts: []part{{kindData, &x.data}}}
		return x
	case column.Decimal:
		x := &decimals{data: s, scale: signed, t: t}
		x.outputs = outputs{parts: []part{{kindData, &x.data}, {kindSecondary, &x.scale}}, kind: version}
		return x
	case column.String, column.Varchar, column.Char:
		x := newTexts(s, unsigned, c.DictionaryKeyThreshold)
		if t.Kind == column.Char {
			x.length = t.Length
		}
		return x
	case column.Binary:
		x := &binaries{data: s, lengths: unsigned}
		x.outputs = outputs{parts: []part{{kindData, &x.data}, {kindLength, &x.lengths}}, kind: version}
		return x
	case column.Timestamp:
		x := &timestamps{seconds: signed, nanos: unsigned}
		x.outputs = outputs{parts: []part{{kindData, &x.seconds}, {kindSecondary, &x.nanos}}, kind: version}
		return x
	case column.Array, column.Map:
		x := &lists{lengths: unsigned}
		x.outputs = outputs{parts: []part{{kindLength, &x.lengths}}, kind: version}
		return x
	case column.Struct:
		return nil
	}
	panic(fmt.Sprintf("orc: no content for %v", t.Kind))
}
