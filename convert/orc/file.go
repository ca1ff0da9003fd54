package orc

import (
	"fmt"
	"io"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// File is a file being written.
type File struct {
	config   *Config
	schema   *column.Schema
	blooms   map[string]bool // names of columns
	metadata []string        // names
	w        io.Writer

	written int64
	rows    uint64
	total   []statistics // by column id
	stripes []byte       // StripeInformation, as fields of the footer
	parts   []byte       // statistics of stripes, as fields of the metadata
	err     error        // of an earlier call; there is no going on
}

var _ column.File = (*File)(nil)

const magic = "ORC"

func (f *File) start() error {
	root := f.schema.Root()
	f.total = appendTotals(nil, &root)
	return f.put([]byte(magic))
}

// appendTotals makes room for the statistics of a type and those below it.
func appendTotals(dst []statistics, t *column.Type) []statistics {
	dst = append(dst, statistics{kind: t.Kind, scale: t.Scale})
	for i := range t.Fields {
		dst = appendTotals(dst, &t.Fields[i].Type)
	}
	return dst
}

// NewGroup returns an empty stripe. It may be filled while others are.
func (f *File) NewGroup() column.Group { return f.newGroup() }

func (f *File) newGroup() *Group {
	g := &Group{
		shared:  shared{compression: f.config.Compression},
		codecs:  &f.config.codecs,
		perMark: f.config.RowIndexStride,
	}
	root := f.schema.Root()
	for i, child := range g.add(f.config, &root).children {
		if f.blooms[f.schema.Columns[i].Name] {
			child.bloom = newBloom(f.config.RowIndexStride, f.config.BloomFilterProbability)
		}
	}
	return g
}

// put writes bytes.
func (f *File) put(p []byte) error {
	if f.err != nil {
		return f.err
	}
	n, err := f.w.Write(p)
	f.written += int64(n)
	if err != nil {
		f.err = fmt.Errorf("write orc file: %w", err)
	}
	return f.err
}

// Append writes a stripe: the indexes, the data, and the footer that says what
// is where.
func (f *File) Append(group column.Group) error {
	g := group.(*Group)
	if g.rows == 0 || f.err != nil {
		return f.err
	}
	if err := g.open(); err != nil {
		return err
	}
	defer g.close()
	g.finish()

	var footer, indexes, message []byte
	index := func(n *node, kind int, m []byte) {
		start := len(indexes)
		indexes = pack(indexes, g.shared.codec, g.shared.compression, m)
		footer = putStream(footer, kind, n.id, len(indexes)-start)
	}
	for _, n := range g.nodes {
		message = n.index(message[:0])
		index(n, kindRowIndex, message)
		if n.bloom != nil {
			index(n, kindBloom, n.bloom.done)
		}
	}
	dataSize := 0
	var parts []part
	for _, n := range g.nodes {
		for _, p := range n.streams(parts[:0]) {
			size := p.writer.bytes().size
			footer = putStream(footer, p.kind, n.id, size)
			dataSize += size
		}
	}
	for _, n := range g.nodes {
		kind, size := encodingDirect, 0
		if n.content != nil {
			kind, size = n.content.encoding()
		}
		footer = putEncoding(footer, kind, size)
	}
	footer = pack(nil, g.shared.codec, g.shared.compression, putBytes(footer, 3, "UTC")) // time zone of the writer

	if err := f.pad(len(indexes) + dataSize + len(footer)); err != nil {
		return err
	}
	var m int
	f.stripes, m = begin(f.stripes, 3)
	f.stripes = putUint(f.stripes, 1, uint64(f.written))
	f.stripes = putUint(f.stripes, 2, uint64(len(indexes)))
	f.stripes = putUint(f.stripes, 3, uint64(dataSize))
	f.stripes = putUint(f.stripes, 4, uint64(len(footer)))
	f.stripes = putUint(f.stripes, 5, uint64(g.rows))
	f.stripes = end(f.stripes, m)

	if err := f.put(indexes); err != nil {
		return err
	}
	for _, n := range g.nodes {
		for _, p := range n.streams(parts[:0]) {
			for _, chunk := range p.writer.bytes().done {
				if err := f.put(chunk); err != nil {
					return err
				}
			}
		}
	}
	f.sumUp(g)
	g.reset()
	return f.put(footer)
}

// pad fills a block of the file system that has no room for the stripe, if
// little of it is left.
func (f *File) pad(stripe int) error {
	if !f.config.EnablePadding {
		return nil
	}
	left := int64(f.config.BlockSize) - f.written%int64(f.config.BlockSize)
	if int64(stripe) <= left || float64(left) > f.config.PaddingTolerance*float64(f.config.StripeSize) {
		return nil
	}
	return f.put(make([]byte, left))
}

// sumUp adds the statistics of a stripe to those of the file.
func (f *File) sumUp(g *Group) {
	f.rows += uint64(g.rows)
	var m int
	f.parts, m = begin(f.parts, 1)
	for i, n := range g.nodes {
		var s int
		f.parts, s = begin(f.parts, 1)
		f.parts = end(n.stripe.put(f.parts), s)
		f.total[i].merge(&n.stripe)
	}
	f.parts = end(f.parts, m)
}

// Close writes the footer.
func (f *File) Close() error {
	if f.err != nil {
		return f.err
	}
	tail, err := f.tail()
	if err != nil {
		return err
	}
	return f.put(tail)
}
