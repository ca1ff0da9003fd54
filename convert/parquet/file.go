package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/internal/version"
)

const magic = "PAR1"

// File writes row groups and the footer. It implements column.File.
type File struct {
	w      io.Writer
	offset int64
	config *Config
	layout *layout
	lent   []*Group // by NewGroup
	groups []rowGroup
	rows   int64
	thrift thrift
}

// rowGroup is what the footer says about a row group.
type rowGroup struct {
	columns    []columnChunk
	rows       int
	offset     int64
	raw, bytes int64 // before and after compression
}

// columnChunk is what the footer says about a column, encoded, and its page
// index, which is written before the footer.
type columnChunk struct {
	meta, columnIndex, offsetIndex []byte
}

// layout is what the files of a table share.
type layout struct {
	schema    *column.Schema
	tree      *tree
	codec     Compression
	scratches scratches
	// idle are the row groups of files that were closed. A new one would have
	// to grow its memory again, which small files feel.
	idle sync.Pool // of *Group
}

// NewGroup returns an empty row group. It is used until the file is closed.
func (f *File) NewGroup() column.Group {
	g, ok := f.layout.idle.Get().(*Group)
	if !ok {
		g = newGroup(f.layout, f.config)
	}
	f.lent = append(f.lent, g)
	return g
}

func (f *File) write(p []byte) error {
	n, err := f.w.Write(p)
	f.offset += int64(n)
	if err != nil {
		return fmt.Errorf("write parquet file: %w", err)
	}
	return nil
}

func (f *File) begin() error {
	if f.offset > 0 {
		return nil
	}
	return f.write([]byte(magic))
}

// Append writes a row group of this file and empties it.
func (f *File) Append(group column.Group) error {
	g := group.(*Group)
	if g.rows == 0 {
		return nil
	}
	if err := f.begin(); err != nil {
		return err
	}
	if err := g.Finish(); err != nil {
		return err
	}
	r := rowGroup{rows: g.rows, offset: f.offset, columns: make([]columnChunk, len(g.chunks))}
	starts := make([]int64, len(g.chunks))
	for i, c := range g.chunks {
		starts[i] = f.offset
		if len(c.dictionary) > 0 {
			if err := f.write(c.dictionary); err != nil {
				return err
			}
		}
		for i := range c.done {
			if err := f.write(c.done[i].bytes); err != nil {
				return err
			}
		}
		r.raw += c.raw
	}
	r.bytes = f.offset - r.offset
	for i, c := range g.chunks {
		bloom, err := f.writeBloom(c)
		if err != nil {
			return err
		}
		r.columns[i] = f.describe(c, starts[i], bloom)
	}
	f.groups = append(f.groups, r)
	f.rows += int64(g.rows)
	g.reset()
	return nil
}

// span is a place in the file.
type span struct{ offset, size int64 }

func (f *File) writeBloom(c *chunk) (span, error) {
	if !c.leaf.bloom {
		return span{}, nil
	}
	hashes := c.values.hashes()
	f.thrift.out = f.thrift.out[:0]
	appendBloom(&f.thrift, hashes, float64(f.config.BloomFilterFalsePositiveProbability))
	s := span{f.offset, int64(len(f.thrift.out))}
	return s, f.write(f.thrift.out)
}

// describe encodes what the footer says about a column.
func (f *File) describe(c *chunk, start int64, bloom span) columnChunk {
	pages := start + int64(len(c.dictionary))
	var described columnChunk
	t := &f.thrift
	t.out = t.out[:0]
	c.offsetIndex(t, pages)
	described.offsetIndex = append([]byte(nil), t.out...)
	if c.indexed() {
		t.out = t.out[:0]
		c.columnIndex(t)
		described.columnIndex = append([]byte(nil), t.out...)
	}
	t.out = t.out[:0]
	c.metaData(t, start, pages, bloom)
	described.meta = append([]byte(nil), t.out...)
	return described
}

// metaData writes the ColumnMetaData.
func (c *chunk) metaData(t *thrift, start, pages int64, bloom span) {
	t.begin()
	t.i32Field(1, int(c.leaf.physical))
	used := c.encodings()
	t.listField(2, compactI32, len(used))
	for _, e := range used {
		t.integer(int64(e))
	}
	t.listField(3, compactBinary, len(c.leaf.path))
	for _, name := range c.leaf.path {
		t.binary([]byte(name))
	}
	t.i32Field(4, c.config.Compression.number())
	t.i64Field(5, c.entered)
	t.i64Field(6, c.raw)
	t.i64Field(7, int64(len(c.dictionary)+c.packed))
	t.i64Field(9, pages)
	if len(c.dictionary) > 0 {
		t.i64Field(11, start)
	}
	c.statistics(t)
	c.encodingStats(t)
	if bloom.size > 0 {
		t.i64Field(14, bloom.offset)
		t.i32Field(15, int(bloom.size))
	}
	t.end()
}

// encodings lists what the pages use, levels included.
func (c *chunk) encodings() []encoding {
	var has [encodings]bool
	has[encodingRLE] = c.leaf.maxDef+c.leaf.maxRep > 0
	has[encodingPlain] = len(c.dictionary) > 0
	for i := range c.done {
		has[c.done[i].encoding] = true
	}
	var used []encoding
	for e := range has {
		if has[e] {
			used = append(used, encoding(e))
		}
	}
	return used
}

func (c *chunk) statistics(t *thrift) {
	nulls := 0
	for i := range c.done {
		nulls += c.done[i].nulls
	}
	t.structField(12)
	t.i64Field(3, int64(nulls))
	if b := c.bounds(); b.known {
		t.binaryField(5, b.max)
		t.binaryField(6, b.min)
		t.boolField(7, b.maxExact)
		t.boolField(8, b.minExact)
	}
	t.end()
}

// encodingStats counts pages: readers see there whether a column is all
// dictionary.
func (c *chunk) encodingStats(t *thrift) {
	var counts [encodings]int
	kinds := 0
	for i := range c.done {
		if counts[c.done[i].encoding]++; counts[c.done[i].encoding] == 1 {
			kinds++
		}
	}
	if len(c.dictionary) > 0 {
		kinds++
	}
	t.listField(13, compactStruct, kinds)
	one := func(kind int, e encoding, n int) {
		t.begin()
		t.i32Field(1, kind)
		t.i32Field(2, int(e))
		t.i32Field(3, n)
		t.end()
	}
	if len(c.dictionary) > 0 {
		one(pageDictionary, encodingPlain, 1)
	}
	kind := pageData
	if c.config.WriterVersion == V2 {
		kind = pageDataV2
	}
	for e, n := range counts {
		if n > 0 {
			one(kind, encoding(e), n)
		}
	}
}

// Close writes the page index and the footer.
func (f *File) Close() error {
	for _, g := range f.lent {
		g.reset()
		f.layout.idle.Put(g)
	}
	f.lent = nil
	if err := f.begin(); err != nil {
		return err
	}
	indexes := f.thrift.out[:0]
	at := f.offset
	column, offset := make([][]span, len(f.groups)), make([][]span, len(f.groups))
	place := func(index []byte) span {
		s := span{at + int64(len(indexes)), int64(len(index))}
		indexes = append(indexes, index...)
		return s
	}
	for i := range f.groups {
		for _, c := range f.groups[i].columns {
			column[i] = append(column[i], place(c.columnIndex))
		}
	}
	for i := range f.groups {
		for _, c := range f.groups[i].columns {
			offset[i] = append(offset[i], place(c.offsetIndex))
		}
	}
	if err := f.write(indexes); err != nil {
		return err
	}
	t := thrift{}
	f.metaData(&t, column, offset)
	footer := binary.LittleEndian.AppendUint32(t.out, uint32(len(t.out)))
	return f.write(append(footer, magic...))
}

// metaData writes the FileMetaData.
func (f *File) metaData(t *thrift, columnIndexes, offsetIndexes [][]span) {
	t.begin()
	t.i32Field(1, 1)
	t.listField(2, compactStruct, f.layout.tree.count)
	t.out = append(t.out, f.layout.tree.elements...)
	t.i64Field(3, f.rows)
	t.listField(4, compactStruct, len(f.groups))
	for i := range f.groups {
		f.groups[i].describe(t, i, columnIndexes[i], offsetIndexes[i])
	}
	if own := f.config.KeyValueMetadata; len(own) > 0 {
		t.listField(5, compactStruct, len(own))
		for _, key := range slices.Sorted(maps.Keys(own)) {
			t.begin()
			t.stringField(1, key)
			t.stringField(2, own[key])
			t.end()
		}
	}
	t.stringField(6, createdBy())
	t.listField(7, compactStruct, len(f.layout.tree.leaves))
	for range f.layout.tree.leaves {
		t.begin()
		t.emptyField(1) // the order that the type defines
		t.end()
	}
	t.end()
}

// describe writes the RowGroup.
func (r *rowGroup) describe(t *thrift, number int, columnIndexes, offsetIndexes []span) {
	t.begin()
	t.listField(1, compactStruct, len(r.columns))
	for i, c := range r.columns {
		t.begin()
		t.i64Field(2, 0)
		t.field(3, compactStruct)
		t.out = append(t.out, c.meta...)
		t.i64Field(4, offsetIndexes[i].offset)
		t.i32Field(5, int(offsetIndexes[i].size))
		if len(c.columnIndex) > 0 {
			t.i64Field(6, columnIndexes[i].offset)
			t.i32Field(7, int(columnIndexes[i].size))
		}
		t.end()
	}
	t.i64Field(2, r.raw)
	t.i64Field(3, int64(r.rows))
	t.i64Field(5, r.offset)
	t.i64Field(6, r.bytes)
	if number <= math.MaxInt16 {
		t.i16Field(7, number)
	}
	t.end()
}

// createdBy names the program in the form that readers take apart.
func createdBy() string {
	v := version.Read()
	if v.Revision == "" {
		return "hydrant version " + v.Version
	}
	return "hydrant version " + v.Version + " (build " + v.Revision + ")"
}
