package parquet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

// corpusBatches returns records of a corpus as batches of about half a
// megabyte of JSON, and the size of all.
func corpusBatches(t testing.TB, name string, size int) (*column.Schema, []*column.Batch, int) {
	t.Helper()
	s := corpusSchema(t, name)
	root := s.Root()
	c := corpus.New(name, 1)
	var batches []*column.Batch
	bytes := 0
	for bytes < size {
		var rows []map[string]any
		for _, record := range c.Records(512 << 10) {
			rows = append(rows, fromJSON(t, &root, record))
			bytes += len(record) + 1
		}
		batches = append(batches, columntest.Build(s, rows))
	}
	return s, batches, bytes
}

func corpusSchema(t testing.TB, name string) *column.Schema {
	s := &column.Schema{}
	for _, c := range corpus.Columns(name) {
		parsed, err := column.ParseType(c.Type)
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: c.Name, Type: parsed})
	}
	return s
}

func fromJSON(t testing.TB, typ *column.Type, record []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(record))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return typed(t, typ, v).(map[string]any)
}

// typed turns what encoding/json gives into what columntest takes.
func typed(t testing.TB, typ *column.Type, v any) any {
	switch v := v.(type) {
	case map[string]any:
		row := map[string]any{}
		for i := range typ.Fields {
			f := &typ.Fields[i]
			if x := v[f.Name]; x != nil {
				row[f.Name] = typed(t, &f.Type, x)
			}
		}
		return row
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = typed(t, &typ.Fields[0].Type, x)
		}
		return list
	case json.Number:
		switch typ.Kind {
		case column.Double:
			f, err := v.Float64()
			if err != nil {
				t.Fatal(err)
			}
			return f
		case column.Timestamp:
			ms, err := v.Int64()
			if err != nil {
				t.Fatal(err)
			}
			return unixMilli(ms)
		case column.String:
			return v.String()
		}
		n, err := v.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return v
}

// BenchmarkWrite counts the JSON that the batches were made from.
func BenchmarkWrite(b *testing.B) {
	for _, name := range corpus.Names() {
		s, batches, size := corpusBatches(b, name, 32<<20)
		for _, codec := range []Compression{Uncompressed, Snappy, ZSTD, GZIP, LZ4Raw} {
			for _, e := range []Encodings{Plain, Modern} {
				b.Run(fmt.Sprintf("%s/%s/%s", name, codec, e), func(b *testing.B) {
					c := Default().(*Config)
					c.Compression, c.Encodings = codec, e
					benchmarkWrite(b, c, s, batches, size)
				})
			}
		}
	}
}

func benchmarkWrite(b *testing.B, c *Config, s *column.Schema, batches []*column.Batch, size int) {
	f, err := c.NewFile(io.Discard, s)
	if err != nil {
		b.Fatal(err)
	}
	g := f.NewGroup()
	b.SetBytes(int64(size))
	writeGroups(b, f, g, batches)
	before := f.(*File).offset
	b.ResetTimer()
	for b.Loop() {
		writeGroups(b, f, g, batches)
	}
	written := f.(*File).offset - before
	b.ReportMetric(float64(written)/float64(b.N)/float64(size), "out/in")
	b.ReportAllocs()
}

// writeGroups writes row groups of 122,880 rows, as DuckDB does.
func writeGroups(b *testing.B, f column.File, g column.Group, batches []*column.Batch) {
	rows := 0
	for _, batch := range batches {
		if err := g.Write(batch); err != nil {
			b.Fatal(err)
		}
		if rows += batch.Rows(); rows >= 122880 {
			if err := f.Append(g); err != nil {
				b.Fatal(err)
			}
			rows = 0
		}
	}
	if err := f.Append(g); err != nil {
		b.Fatal(err)
	}
}
