package readers_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

// format is a file format, the ways we write it, and who reads it.
type format struct {
	name   string // parquet, orc
	ways   []way
	judges []*readers.Reader
}

// way is a format with settings.
type way struct {
	name       string
	output     column.Output
	timestamps string // how they are kept: millis, micros, nanos, int96
}

// exactly compares floating-point numbers by their bits: 0 is not -0, and NaN
// is NaN.
var exactly = cmp.Options{
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
	cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }),
}

// same is cmp.Equal with exactly, for millions of values.
func same(a, b columntest.Value) bool {
	switch a := a.(type) {
	case float32:
		b, ok := b.(float32)
		return ok && math.Float32bits(a) == math.Float32bits(b)
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case columntest.Pairs:
		b, ok := b.(columntest.Pairs)
		return ok && slices.EqualFunc(a, b, func(a, b columntest.Pair) bool { return same(a.Key, b.Key) && same(a.Value, b.Value) })
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	}
	return a == b
}

// expect reads a file with all judges.
func (f *format) expect(t *testing.T, w way, path string, s *column.Schema, rows []map[string]any) {
	t.Helper()
	root := s.Root()
	for _, judge := range f.judges {
		got, err := judge.Read(path)
		if err != nil {
			t.Errorf("%v\n%v", err, root)
			continue
		}
		if len(got.Rows) != len(rows) {
			t.Errorf("%s reads %d rows, want %d\n%v", judge.Name, len(got.Rows), len(rows), root)
			continue
		}
		f.expectColumns(t, judge.Name, s, got.Columns)
		for i := range rows {
			want := sees(eyes{judge.Name, f.name, w.timestamps}, &root, rows[i]).(map[string]any)
			if !same(want, got.Rows[i]) {
				t.Errorf("%s reads row %d of %d otherwise (-want +got):\n%s", judge.Name, i, len(rows), firstDifference(s, want, got.Rows[i]))
				break
			}
		}
	}
}

// firstDifference is about one column: they tend to be wrong together.
func firstDifference(s *column.Schema, want, got map[string]any) string {
	for _, c := range s.Columns {
		if diff := cmp.Diff(want[c.Name], got[c.Name], exactly); diff != "" {
			return fmt.Sprintf("%s %v:\n%s", c.Name, c.Type, diff)
		}
	}
	return cmp.Diff(want, got, exactly)
}

// expectColumns compares the names of columns, and of their types what
// everybody has a word for.
func (f *format) expectColumns(t *testing.T, judge string, s *column.Schema, got [][2]string) {
	t.Helper()
	if len(got) != len(s.Columns) {
		t.Errorf("%s sees %d columns, want %d", judge, len(got), len(s.Columns))
		return
	}
	for i, c := range s.Columns {
		want := typeWord(judge, f.name, &c.Type)
		if got[i][0] != c.Name || want != "" && !strings.EqualFold(got[i][1], want) {
			t.Errorf("%s sees column %v, want %s %s", judge, got[i], c.Name, want)
		}
	}
}

// written is a file of batches, divided into groups.
func (w way) written(t *testing.T, name string, s *column.Schema, groups ...[]*column.Batch) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file"+w.output.Extension())
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	file, err := w.output.NewFile(out, s)
	if err != nil {
		t.Fatalf("%s: %v\n%v", name, err, s.Root())
	}
	for _, batches := range groups {
		g := file.NewGroup()
		for _, b := range batches {
			if err := g.Write(b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if err := file.Append(g); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return path
}

// batches divides rows into one to three groups of one to four batches.
func batches(r *rand.Rand, s *column.Schema, rows []map[string]any) [][]*column.Batch {
	var groups [][]*column.Batch
	for _, group := range divided(r, rows, 3) {
		var all []*column.Batch
		for _, part := range divided(r, group, 4) {
			all = append(all, columntest.Build(s, part))
		}
		groups = append(groups, all)
	}
	return groups
}

func divided(r *rand.Rand, rows []map[string]any, most int) [][]map[string]any {
	var parts [][]map[string]any
	for n := 1 + r.IntN(most); n > 1; n-- {
		at := r.IntN(len(rows) + 1)
		parts, rows = append(parts, rows[:at]), rows[at:]
	}
	return append(parts, rows)
}

// everyPlace writes every type in every place, with every pattern of nulls, in
// every way; not every pattern meets every way.
func (f *format) everyPlace(t *testing.T) {
	var columns []column.Field
	for _, place := range places {
		for _, plain := range plainTypes {
			parsed, err := column.ParseType(strings.ReplaceAll(place, "T", plain))
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("c%d", len(columns))
			columns = append(columns, column.Field{Name: name, Type: parsed})
			if place == "T" {
				columns = append(columns, column.Field{Name: name + "_required", Type: parsed, Required: true})
			}
		}
	}
	s := &column.Schema{Columns: columns}
	for i, pattern := range patterns {
		rows := newPlaced(pattern.null, uint64(i)).rows(s, 300)
		for j, w := range f.ways {
			if testing.Short() && j != i%len(f.ways) || (i+j)%3 != 0 && j != i%len(f.ways) {
				continue
			}
			t.Run(pattern.name+"/"+w.name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(i), uint64(j)))
				f.expect(t, w, w.written(t, w.name, s, batches(r, s, rows)...), s, rows)
			})
		}
	}
}

// anyTable writes random rows of random tables.
func (f *format) anyTable(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 11))
		s := columntest.Schema(r, 8)
		rows := columntest.Random(r, s, r.IntN(400)*(1+r.IntN(4)))
		w := f.ways[r.IntN(len(f.ways))]
		t.Run(fmt.Sprintf("%d/%s", seed, w.name), func(t *testing.T) {
			f.expect(t, w, w.written(t, w.name, s, batches(r, s, rows)...), s, rows)
		})
	}
}

// jsonTable writes random rows of random tables as records, and lets the
// parser read them.
func (f *format) jsonTable(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 12))
		s := columntest.Schema(r, 8)
		rows := columntest.Random(r, s, 1+r.IntN(600))
		w := f.ways[r.IntN(len(f.ways))]
		t.Run(fmt.Sprintf("%d/%s", seed, w.name), func(t *testing.T) {
			var records [][]byte
			root := s.Root()
			for _, row := range rows {
				records = append(records, columntest.JSON(&root, row))
			}
			f.expect(t, w, w.converted(t, s, records), s, rows)
		})
	}
}

// converted is a file of records, as the product makes it.
func (w way) converted(t *testing.T, s *column.Schema, records [][]byte) string {
	t.Helper()
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file"+w.output.Extension())
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	e, err := column.Format{Parsers: parsers, Output: w.output}.NewEncoder(out)
	if err != nil {
		t.Fatal(err)
	}
	for len(records) > 0 {
		var c buffer.Chunk
		var rows []int
		c.Reset(buffer.Position{Epoch: 1, Seq: 1})
		for len(records) > 0 && len(c.Data) < 512<<10 {
			rows = append(rows, c.Len())
			c.AppendCopy(records[0], time.Time{})
			records = records[1:]
		}
		if err := e.Append(&c, rows); err != nil {
			t.Fatal(err)
		}
		c.Failures(func(row int, err error) { t.Fatalf("record %.300s: %v", c.Bytes(row), err) })
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// judge is all of it.
func (f *format) judge(t *testing.T) {
	t.Run("EveryTypeInEveryPlace", f.everyPlace)
	t.Run("AnyTable", f.anyTable)
	t.Run("AnyTableFromJSON", f.jsonTable)
}
