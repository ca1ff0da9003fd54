package inspect

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/orc"
)

func (r *Report) orc(o Object, rows int) error {
	r.Kind = "ORC file"
	f, err := orc.Open(o, o.Size)
	if err != nil {
		return fmt.Errorf("it begins as an ORC file, but it was cut off, is still being written, or is damaged: %w", err)
	}
	info := f.Info()
	r.add("version", info.Version)
	r.add("written by", info.Writer)
	r.add("compression", info.Compression)
	if info.RowIndexStride > 0 {
		r.add("row index", fmt.Sprintf("every %d rows", info.RowIndexStride))
	}
	n := int64(info.Rows)
	r.Rows = &n
	for _, key := range slices.Sorted(maps.Keys(info.Metadata)) {
		r.Metadata = append(r.Metadata, Detail{key, info.Metadata[key]})
	}
	for _, c := range info.Columns[1:] {
		column := Column{Name: c.Name, Type: c.Type}
		column.Values = int64(c.Statistics.Values)
		column.Min, column.Max = c.Statistics.Min, c.Statistics.Max
		column.Codec = info.Compression
		r.Columns = append(r.Columns, column)
	}
	r.GroupKind = "stripe"
	blooms := map[int]Bloom{} // by column, without sizes
	var b column.Batch
	for i := range info.Stripes {
		s, err := f.Stripe(i)
		if err != nil {
			return fmt.Errorf("its footer is right, but a stripe is damaged: %w", err)
		}
		group := Group{Rows: int64(s.Rows), Offset: int64(s.Offset), Compressed: int64(s.Index + s.Data + s.Footer)}
		for at, e := range s.Encodings[min(1, len(s.Encodings)):] {
			chunk := Chunk{Codec: info.Compression, Encodings: []string{e.Kind}, Compressed: int64(e.Size)}
			if e.Bloom > 0 {
				// The first stripe says for all how they are made.
				if i == 0 {
					b, err := f.Bloom(i, at+1)
					if err != nil {
						return fmt.Errorf("its footer is right, but a stripe is damaged: %w", err)
					}
					blooms[at] = Bloom{Hashes: int(b.Hashes), Bits: int64(b.Bits)}
				}
				b := blooms[at]
				b.Size = int64(e.Bloom)
				chunk.Bloom = &b
			}
			group.Chunks = append(group.Chunks, chunk)
			if at < len(r.Columns) {
				r.Columns[at].include(chunk, i == 0)
			}
		}
		r.Groups = append(r.Groups, group)
		if want := rows - len(r.First); want > 0 {
			if err := f.Read(i, want, &b); err != nil {
				return fmt.Errorf("its footer is right, but rows cannot be read: %w", err)
			}
			r.First = append(r.First, batchRows(f.Schema(), &b)...)
		}
	}
	return nil
}
