package orc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// config returns a valid configuration that differs from the default.
func config(change func(c *Config)) *Config {
	c := Default().(*Config)
	c.RowIndexStride = 1000
	if change != nil {
		change(c)
	}
	return c
}

// write makes a file of stripes of so many rows, in batches of so many.
func write(t testing.TB, c *Config, s *column.Schema, rows []map[string]any, stripe, batch int) []byte {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	f, err := c.NewFile(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	g := f.NewGroup()
	for len(rows) > 0 {
		part := rows[:min(stripe, len(rows))]
		rows = rows[len(part):]
		for len(part) > 0 {
			n := min(batch, len(part))
			if err := g.Write(columntest.Build(s, part[:n])); err != nil {
				t.Fatal(err)
			}
			part = part[n:]
		}
		if err := f.Append(g); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read returns all rows of a file.
func read(t testing.TB, file []byte) (*column.Schema, []map[string]any) {
	t.Helper()
	r, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	for i := range r.Info().Stripes {
		var b column.Batch
		if err := r.Read(i, 1<<30, &b); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, columntest.Rows(r.Schema(), &b)...)
	}
	if uint64(len(rows)) != r.Info().Rows {
		t.Errorf("%d rows came back, the footer says %d", len(rows), r.Info().Rows)
	}
	return r.Schema(), rows
}

// randomConfig returns settings that change the bytes of a file.
func randomConfig(r *rand.Rand, s *column.Schema) *Config {
	return config(func(c *Config) {
		c.Compression = []Compression{None, Zlib, Snappy, Zstd}[r.IntN(4)]
		c.DictionaryKeyThreshold = []float64{0, 0.5, 0.8, 1}[r.IntN(4)]
		c.FormatVersion = []Version{V0_11, V0_12, V0_12}[r.IntN(3)]
		for _, f := range s.Columns {
			if bloomable(f.Type.Kind) && r.IntN(4) == 0 {
				c.BloomFilterColumns = append(c.BloomFilterColumns, f.Name)
			}
		}
	})
}

func TestRowsComeBack(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			s := columntest.Schema(r, 6)
			rows := columntest.Random(r, s, []int{0, 1, 50, 1000, 3000}[r.IntN(5)])
			file := write(t, randomConfig(r, s), s, rows, 1+r.IntN(3000), 1+r.IntN(500))
			schema, got := read(t, file)
			if diff := cmp.Diff(plainSchema(s), schema); diff != "" {
				t.Fatalf("schema:\n%s", diff)
			}
			if len(rows) == 0 && len(got) == 0 {
				return
			}
			if diff := cmp.Diff(rows, got); diff != "" {
				t.Fatalf("%v:\n%.2000s", s.Root(), diff)
			}
		})
	}
}

// plainSchema is a schema as ORC keeps it: it does not know what is required.
func plainSchema(s *column.Schema) *column.Schema {
	root := s.Root()
	clear := func(t column.Type) column.Type { return t }
	clear = func(t column.Type) column.Type {
		fields := t.Fields
		t.Fields = nil
		for i, f := range fields {
			f.Type = clear(f.Type)
			f.Required = t.Kind == column.Map && i == 0
			t.Fields = append(t.Fields, f)
		}
		return t
	}
	return &column.Schema{Columns: clear(root).Fields}
}

func TestBytesDoNotDependOnTheBatches(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := columntest.Schema(r, 6)
		rows := columntest.Random(r, s, 2500)
		c := randomConfig(r, s)
		want := write(t, c, s, rows, 2500, 2500)
		for _, batch := range []int{1, 7, 1000, 1 + r.IntN(2500)} {
			if got := write(t, c, s, rows, 2500, batch); !bytes.Equal(got, want) {
				t.Errorf("seed %d: in batches of %d rows the file has other bytes", seed, batch)
			}
		}
	}
}
