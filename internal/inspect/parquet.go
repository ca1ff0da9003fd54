package inspect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// largestFooter bounds what is read because a damaged file says so.
const largestFooter = 256 << 20

func (r *Report) parquet(o Object, rows int) error {
	r.Kind = "Parquet file"
	if err := parquetEnd(o); err != nil {
		return err
	}
	f, err := parquet.OpenFile(o, o.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("it is a damaged Parquet file: %w", err)
	}
	meta := f.Metadata()
	r.add("version", fmt.Sprint(meta.Version))
	r.add("written by", meta.CreatedBy)
	r.Rows = &meta.NumRows
	for _, kv := range meta.KeyValueMetadata {
		r.Metadata = append(r.Metadata, Detail{kv.Key, kv.Value})
	}
	leaves := parquetColumns(r, f.Root(), nil)
	r.GroupKind = "row group"
	bounds := make([][2]parquet.Value, len(leaves)) // over all groups
	for i, g := range f.RowGroups() {
		r.parquetGroup(&meta.RowGroups[i], g, leaves, bounds)
	}
	for i, leaf := range leaves {
		if c := &r.Columns[leaf.at]; !bounds[i][0].IsNull() {
			c.Min, c.Max = parquetText(leaf.column.Type(), bounds[i][0]), parquetText(leaf.column.Type(), bounds[i][1])
		}
	}
	if codec := unreadable(meta); codec != "" {
		r.add("first rows", "not shown: hydrant inspect cannot decompress "+codec+"; DuckDB and pyarrow can")
		return nil
	}
	if r.First, err = parquetRows(f, rows); err != nil {
		return fmt.Errorf("its footer is right, but rows cannot be read: %w", err)
	}
	return nil
}

// unreadable returns a codec of the file whose pages parquet-go does not
// decompress, or "". It has LZ4_RAW, but v0.32 reads what is in a page's buffer
// already when the page is more than a third of its size before compression,
// and decompresses a damaged page for ever.
func unreadable(meta *format.FileMetaData) string {
	for i := range meta.RowGroups {
		for j := range meta.RowGroups[i].Columns {
			switch codec := meta.RowGroups[i].Columns[j].MetaData.Codec; codec {
			case format.Uncompressed, format.Snappy, format.Gzip, format.Brotli, format.Zstd:
			default:
				return codec.String()
			}
		}
	}
	return ""
}

// parquetEnd looks at what must be at the end of the file.
func parquetEnd(o Object) error {
	end := make([]byte, 8)
	if o.Size < 12 {
		return errors.New("it begins as a Parquet file and ends after a few bytes; it was cut off, or is still being written")
	}
	if _, err := o.ReadAt(end, o.Size-8); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read footer: %w", err)
	}
	footer := int64(binary.LittleEndian.Uint32(end))
	switch magic := string(end[4:]); {
	case magic == "PARE":
		return errors.New("it is a Parquet file with an encrypted footer; hydrant has no keys: read it with the program that wrote it")
	case magic != "PAR1":
		return errors.New("it begins as a Parquet file but its footer is missing; it was cut off, or is still being written")
	case footer == 0 || footer > min(o.Size-12, largestFooter):
		return fmt.Errorf("it is a damaged Parquet file: its footer is said to have %d bytes", footer)
	}
	return nil
}

type parquetLeaf struct {
	column *parquet.Column
	at     int // in Report.Columns
}

// parquetColumns lists the columns and their parts, and returns those with
// values.
func parquetColumns(r *Report, c *parquet.Column, leaves []parquetLeaf) []parquetLeaf {
	for _, child := range c.Columns() {
		r.Columns = append(r.Columns, Column{
			Name:     strings.Join(child.Path(), "."),
			Type:     parquetType(child),
			Physical: parquetPhysical(child),
			Required: child.Required(),
		})
		if child.Leaf() {
			leaves = append(leaves, parquetLeaf{child, len(r.Columns) - 1})
		}
		leaves = parquetColumns(r, child, leaves)
	}
	return leaves
}

func (r *Report) parquetGroup(m *format.RowGroup, g parquet.RowGroup, leaves []parquetLeaf, bounds [][2]parquet.Value) {
	group := Group{Rows: m.NumRows, Uncompressed: m.TotalByteSize, Compressed: m.TotalCompressedSize, Offset: m.FileOffset}
	chunks := g.ColumnChunks()
	compressed := int64(0)
	for i := range m.Columns {
		if i >= len(leaves) {
			break
		}
		c := &m.Columns[i]
		chunk := parquetChunk(c)
		compressed += chunk.Compressed
		if file, ok := chunks[i].(*parquet.FileColumnChunk); ok {
			least, most, ok := file.Bounds()
			if ok && !least.IsNull() {
				t := leaves[i].column.Type()
				chunk.Min, chunk.Max = parquetText(t, least), parquetText(t, most)
				if all := &bounds[i]; all[0].IsNull() {
					*all = [2]parquet.Value{least.Clone(), most.Clone()}
				} else {
					if t.Compare(least, all[0]) < 0 {
						all[0] = least.Clone()
					}
					if t.Compare(most, all[1]) > 0 {
						all[1] = most.Clone()
					}
				}
			}
		}
		group.Chunks = append(group.Chunks, chunk)
		r.Columns[leaves[i].at].include(chunk, len(r.Groups) == 0)
	}
	if group.Compressed == 0 {
		group.Compressed = compressed
	}
	r.Groups = append(r.Groups, group)
}

func parquetChunk(c *format.ColumnChunk) Chunk {
	m := &c.MetaData
	chunk := Chunk{
		Codec: m.Codec.String(), Compressed: m.TotalCompressedSize, Uncompressed: m.TotalUncompressedSize, Values: m.NumValues,
		Index: c.ColumnIndexOffset > 0 && c.OffsetIndexOffset > 0,
	}
	if m.BloomFilterOffset > 0 {
		chunk.Bloom = &Bloom{Size: int64(m.BloomFilterLength)}
	}
	for _, e := range m.Encoding {
		chunk.Encodings = append(chunk.Encodings, e.String())
	}
	if s := &m.Statistics; s.NullCount > 0 || s.MinValue != nil || s.Min != nil {
		chunk.Nulls = &s.NullCount
	}
	return chunk
}

// with is the filters of two groups, nil if one has none.
func (b *Bloom) with(other *Bloom) *Bloom {
	if b == nil || other == nil {
		return nil
	}
	sum := *b
	sum.Size += other.Size
	return &sum
}

// include adds a chunk to the sums of its column.
func (c *Column) include(chunk Chunk, first bool) {
	if first {
		c.Codec, c.Bloom, c.Index = chunk.Codec, chunk.Bloom, chunk.Index
	} else if !strings.Contains(c.Codec, chunk.Codec) {
		c.Codec += ", " + chunk.Codec
	}
	c.Index = c.Index && chunk.Index
	if !first {
		c.Bloom = c.Bloom.with(chunk.Bloom)
	}
	for _, e := range chunk.Encodings {
		if !slices.Contains(c.Encodings, e) {
			c.Encodings = append(c.Encodings, e)
		}
	}
	c.Compressed += chunk.Compressed
	c.Uncompressed += chunk.Uncompressed
	c.Values += chunk.Values
	if chunk.Nulls != nil {
		if c.Nulls == nil {
			c.Nulls = new(int64)
		}
		*c.Nulls += *chunk.Nulls
	}
}
