package schema

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
)

// inParquet is what is left of a type in a Parquet file: texts have no length.
func inParquet(t column.Type) column.Type {
	if t.Kind == column.Varchar || t.Kind == column.Char {
		return column.Type{Kind: column.String}
	}
	fields := make([]column.Field, len(t.Fields))
	for i, f := range t.Fields {
		f.Type = inParquet(f.Type)
		fields[i] = f
	}
	t.Fields = fields
	return t
}

// inORC is what is left of a type in an ORC file: everything may be null.
func inORC(t column.Type) column.Type {
	fields := make([]column.Field, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = column.Field{Name: f.Name, Type: inORC(f.Type)}
	}
	t.Fields = fields
	return t
}

func TestColumnsComeBackFromFilesOfOurOwn(t *testing.T) {
	for _, c := range []struct {
		kind   string
		output column.Output
		keeps  func(column.Type) column.Type
	}{
		{"Parquet file", parquet.Default(), inParquet},
		{"ORC file", orc.Default(), inORC},
	} {
		t.Run(c.kind, func(t *testing.T) {
			for seed := range uint64(50) {
				r := rand.New(rand.NewPCG(seed, 6))
				want := columntest.Schema(r, 6)
				var out bytes.Buffer
				f, err := c.output.NewFile(&out, want)
				if err != nil {
					t.Fatal(err)
				}
				g := f.NewGroup()
				if err := g.Write(columntest.Build(want, columntest.Random(r, want, 3))); err != nil {
					t.Fatal(err)
				}
				if err := f.Append(g); err != nil {
					t.Fatal(err)
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				got, err := read("t", bytes.NewReader(out.Bytes()), int64(out.Len()))
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if diff := cmp.Diff(c.keeps(want.Root()).String(), row(got.Schema)); got.Kind != c.kind || diff != "" {
					t.Fatalf("seed %d, a %s: %s", seed, got.Kind, diff)
				}
			}
		})
	}
}
