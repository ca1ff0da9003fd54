package parquet

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// encode writes rows in batches of the given sizes, repeated, and a row group
// for each size of groups.
func encode(t testing.TB, c *Config, s *column.Schema, rows []map[string]any, batch, group int) []byte {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	f, err := c.NewFile(&file, s)
	if err != nil {
		t.Fatal(err)
	}
	g := f.NewGroup()
	for len(rows) > 0 {
		n := min(group, len(rows))
		for in := rows[:n]; len(in) > 0; {
			k := min(batch, len(in))
			if err := g.Write(columntest.Build(s, in[:k])); err != nil {
				t.Fatal(err)
			}
			in = in[k:]
		}
		if err := f.Append(g); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// randomConfig chooses every setting.
func randomConfig(r *rand.Rand, s *column.Schema) *Config {
	c := Default().(*Config)
	// Not LZ4_RAW: parquet-go 0.32 returns memory it has not written to when a
	// page compresses to no less than a third.
	c.Compression = []Compression{Uncompressed, Snappy, GZIP, ZSTD}[r.IntN(4)]
	c.WriterVersion = []WriterVersion{V1, V2}[r.IntN(2)]
	c.Encodings = []Encodings{Plain, Modern}[r.IntN(2)]
	c.Timestamps = []Timestamps{Millis, Micros, Nanos, Int96}[r.IntN(4)]
	c.Dictionary = r.IntN(4) > 0
	if r.IntN(2) == 0 {
		c.PageSize = 4 << 10
	}
	tree, err := newTree(s, c)
	if err != nil {
		panic(err)
	}
	for _, l := range tree.leaves {
		if l.physical != typeBoolean && r.IntN(2) == 0 {
			c.BloomFilterColumns = append(c.BloomFilterColumns, l.name)
		}
	}
	return c
}

func TestRowsComeBack(t *testing.T) {
	for seed := range uint64(250) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := columntest.Schema(r, 6)
		c := randomConfig(r, s)
		rows := columntest.Random(r, s, 1+r.IntN(300))
		file := encode(t, c, s, rows, 1+r.IntN(100), 1+r.IntN(200))
		root := s.Root()
		var want []map[string]any
		for _, row := range rows {
			want = append(want, unit(&root, row, c.Timestamps).(map[string]any))
		}
		if got := readRows(t, file, s); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, %v, %+v:\n%s", seed, s.Root(), c, cmp.Diff(want, got))
		}
	}
}

func TestBytesDoNotDependOnTheBatches(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := columntest.Schema(r, 5)
		c := randomConfig(r, s)
		rows := columntest.Random(r, s, 2000)
		want := encode(t, c, s, rows, 2000, 1500)
		for _, batch := range []int{1, 7, 600} {
			if !bytes.Equal(want, encode(t, c, s, rows, batch, 1500)) {
				t.Fatalf("seed %d, %v, %+v: other bytes in batches of %d", seed, s.Root(), c, batch)
			}
		}
	}
}

func TestAFileWithoutRowsHasASchema(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "a", Type: column.Type{Kind: column.String}}}}
	file := encode(t, Default().(*Config), s, nil, 1, 1)
	f := open(t, file)
	if f.NumRows() != 0 || len(f.RowGroups()) != 0 || len(f.Schema().Fields()) != 1 {
		t.Errorf("%d rows in %d groups of %d columns", f.NumRows(), len(f.RowGroups()), len(f.Schema().Fields()))
	}
}

func FuzzRowsComeBack(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, uint16(10*seed), uint16(7), uint16(50))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n, batch, group uint16) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := columntest.Schema(r, 5)
		c := randomConfig(r, s)
		c.Timestamps = Int96 // loses nothing
		rows := columntest.Random(r, s, int(n%500))
		file := encode(t, c, s, rows, int(batch)+1, int(group)+1)
		wantRows(t, file, s, rows)
		if !bytes.Equal(file, encode(t, c, s, rows, 1, int(group)+1)) {
			t.Error("other bytes in batches of one row")
		}
	})
}
