package arrow_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	output "github.com/hydrant-dev/hydrant/convert/arrow"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

var configs = []output.Config{
	{Layout: output.IPCFile, Compression: output.None, RecordBatchSize: 1 << 20},
	{Layout: output.IPCFile, Compression: output.LZ4, RecordBatchSize: 1 << 20},
	{Layout: output.IPCFile, Compression: output.ZSTD, RecordBatchSize: 1 << 20},
	{Layout: output.IPCStream, Compression: output.None, RecordBatchSize: 1 << 20},
	{Layout: output.IPCStream, Compression: output.LZ4, RecordBatchSize: 1 << 20},
}

// write lays out each group of rows, given to the file in batches of step.
func write(t testing.TB, c *output.Config, s *column.Schema, step int, groups ...[]map[string]any) []byte {
	t.Helper()
	var out bytes.Buffer
	f, err := c.NewFile(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	g := f.NewGroup()
	for _, rows := range groups {
		for len(rows) > 0 {
			n := min(step, len(rows))
			if err := g.Write(columntest.Build(s, rows[:n])); err != nil {
				t.Fatal(err)
			}
			rows = rows[n:]
		}
		if err := f.Append(g); err != nil {
			t.Fatal(err)
		}
		if held := g.Buffered(); held > 1<<10 {
			t.Fatalf("an appended group holds %d bytes", held)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read reads a file with Arrow's own reader, one slice for each record batch.
func read(t testing.TB, layout output.Layout, file []byte) (*arrow.Schema, [][]map[string]any) {
	t.Helper()
	var groups [][]map[string]any
	if layout == output.IPCStream {
		r, err := ipc.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		for r.Next() {
			groups = append(groups, rowsOf(r.Record()))
		}
		if err := r.Err(); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		return r.Schema(), groups
	}
	r, err := ipc.NewFileReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range r.NumRecords() {
		record, err := r.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, rowsOf(record))
	}
	return r.Schema(), groups
}

func rowsOf(r arrow.Record) []map[string]any {
	rows := make([]map[string]any, r.NumRows())
	for i := range rows {
		rows[i] = map[string]any{}
		for c := range r.Columns() {
			if v := valueOf(r.Column(c), i); v != nil {
				rows[i][r.ColumnName(c)] = v
			}
		}
	}
	return rows
}

// valueOf returns a value as package columntest has it.
func valueOf(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.Decimal128:
		scale := int(a.DataType().(*arrow.Decimal128Type).Scale)
		return new(big.Rat).SetFrac(a.Value(i).BigInt(), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return append([]byte{}, a.Value(i)...)
	case *array.Date32:
		return time.Unix(86400*int64(a.Value(i)), 0).UTC().Format(time.DateOnly)
	case *array.Timestamp:
		return time.Unix(0, int64(a.Value(i))).UTC().Format(time.RFC3339Nano)
	case *array.Map:
		start, end := a.ValueOffsets(i)
		pairs := columntest.Pairs{}
		for j := int(start); j < int(end); j++ {
			pairs = append(pairs, columntest.Pair{Key: valueOf(a.Keys(), j), Value: valueOf(a.Items(), j)})
		}
		return pairs
	case *array.List:
		start, end := a.ValueOffsets(i)
		list := []any{}
		for j := int(start); j < int(end); j++ {
			list = append(list, valueOf(a.ListValues(), j))
		}
		return list
	case *array.Struct:
		row := map[string]any{}
		for f := range a.NumField() {
			if v := valueOf(a.Field(f), i); v != nil {
				row[a.DataType().(*arrow.StructType).Field(f).Name] = v
			}
		}
		return row
	}
	panic(fmt.Sprintf("unexpected array %T", a))
}

func TestRowsComeBack(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 7))
		s := columntest.Schema(r, 6)
		groups := [][]map[string]any{
			columntest.Random(r, s, 1+r.IntN(200)), columntest.Random(r, s, 1+r.IntN(20)), columntest.Random(r, s, 1),
		}
		c := configs[seed%uint64(len(configs))]
		_, got := read(t, c.Layout, write(t, &c, s, 1+r.IntN(60), groups...))
		if diff := cmp.Diff(groups, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d, %+v, %v:\n%s", seed, c, s.Root(), diff)
		}
	}
}

func TestBytesDoNotDependOnTheBatches(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 8))
		s := columntest.Schema(r, 6)
		rows := columntest.Random(r, s, 100)
		for _, c := range configs {
			want := write(t, &c, s, len(rows), rows)
			for _, step := range []int{1, 7, 64} {
				if !bytes.Equal(write(t, &c, s, step, rows), want) {
					t.Fatalf("seed %d, %+v: in batches of %d rows the file has other bytes", seed, c, step)
				}
			}
		}
	}
}

// Buffered is a function of the rows: groups end at the same rows whatever
// the batches are.
func TestBufferedDoesNotDependOnTheBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	s := columntest.Schema(r, 12)
	rows := columntest.Random(r, s, 300)
	f, err := configs[0].NewFile(io.Discard, s)
	if err != nil {
		t.Fatal(err)
	}
	whole, parts := f.NewGroup(), f.NewGroup()
	if err := whole.Write(columntest.Build(s, rows)); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := parts.Write(columntest.Build(s, rows[i:i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if whole.Buffered() != parts.Buffered() || whole.Buffered() < 1000 {
		t.Errorf("buffered %d bytes from one batch, %d from many", whole.Buffered(), parts.Buffered())
	}
}

func TestTypes(t *testing.T) {
	for hive, want := range map[string]string{
		"boolean":                       "bool",
		"tinyint":                       "int8",
		"smallint":                      "int16",
		"int":                           "int32",
		"bigint":                        "int64",
		"float":                         "float32",
		"double":                        "float64",
		"decimal(12,2)":                 "decimal(12, 2)",
		"decimal(38,10)":                "decimal(38, 10)",
		"string":                        "utf8",
		"varchar(10)":                   "utf8",
		"char(3)":                       "utf8",
		"binary":                        "binary",
		"date":                          "date32",
		"timestamp":                     "timestamp[ns, tz=UTC]",
		"array<int>":                    "list<item: int32, nullable>",
		"array<int not null>":           "list<item: int32>",
		"map<string,int>":               "map<utf8, int32, items_nullable>",
		"map<string,double not null>":   "map<utf8, float64, items_non_nullable>",
		"struct<a:int,b:string>":        "struct<a: int32, b: utf8>",
		"array<struct<k:array<float>>>": "list<item: struct<k: list<item: float32, nullable>>, nullable>",
	} {
		typ, err := column.ParseType(hive)
		if err != nil {
			t.Fatal(err)
		}
		s := &column.Schema{Columns: []column.Field{{Name: "a", Type: typ}, {Name: "b", Type: typ, Required: true}}}
		got, rows := read(t, output.IPCFile, write(t, &configs[0], s, 1))
		if got.Field(0).Type.String() != want || !got.Field(0).Nullable || got.Field(1).Nullable {
			t.Errorf("%s = %v, want %s", hive, got, want)
		}
		if len(rows) != 0 {
			t.Errorf("%s: a file without rows has %d record batches", hive, len(rows))
		}
	}
}

func TestExtremeValuesComeBack(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{
		{Name: "i", Type: column.Type{Kind: column.BigInt}},
		{Name: "d", Type: column.Type{Kind: column.Double}},
		{Name: "w", Type: column.Type{Kind: column.Decimal, Precision: 38, Scale: 2}},
	}}
	nines := strings.Repeat("9", 36) + ".99"
	rows := []map[string]any{
		{"i": int64(math.MinInt64), "d": math.Inf(-1), "w": "-" + nines},
		{"i": int64(math.MaxInt64), "d": math.MaxFloat64, "w": nines},
		{"i": int64(-1), "d": math.SmallestNonzeroFloat64, "w": "-0.01"},
	}
	_, got := read(t, output.IPCFile, write(t, &configs[0], s, 3, rows))
	if diff := cmp.Diff([][]map[string]any{rows}, got); diff != "" {
		t.Error(diff)
	}
}

func TestARequiredNullIsAnError(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "id", Type: column.Type{Kind: column.Int}, Required: true}}}
	f, err := configs[0].NewFile(io.Discard, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.NewGroup().Write(columntest.Build(s, []map[string]any{{}})); err == nil || !strings.Contains(err.Error(), "write column id") {
		t.Errorf("Write = %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestErrorsOfTheWriterAreReturned(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "id", Type: column.Type{Kind: column.Int}}}}
	for _, c := range configs {
		for _, left := range []int{0, 100, 200} {
			f, err := c.NewFile(&failing{left}, s)
			if err == nil {
				g := f.NewGroup()
				if err = g.Write(columntest.Build(s, []map[string]any{{"id": int64(1)}})); err == nil {
					err = f.Append(g)
				}
				if err == nil {
					err = f.Close()
				}
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%+v, %d bytes: the writer's error became %v", c, left, err)
			}
		}
	}
}

func TestDefaultIsValid(t *testing.T) {
	c := output.Default()
	if err := c.Validate(); err != nil || c.Extension() != ".arrow" || c.Limits().Bytes <= 0 {
		t.Errorf("Default() = %+v: %v", c, err)
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	for want, c := range map[string]output.Config{
		"layout":            {Layout: "x", Compression: output.None, RecordBatchSize: 1 << 20},
		"compression":       {Layout: output.IPCFile, Compression: "snappy", RecordBatchSize: 1 << 20},
		"record_batch_size": {Layout: output.IPCFile, Compression: output.None, RecordBatchSize: 2 << 30},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Validate = %v", want, err)
		}
	}
}

// TestWriteStaysUnderTheAllocationCeiling: a batch costs a few allocations,
// its rows none.
func TestWriteStaysUnderTheAllocationCeiling(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	s := columntest.Schema(r, 12)
	b := columntest.Build(s, columntest.Random(r, s, 1000))
	f, err := configs[0].NewFile(io.Discard, s)
	if err != nil {
		t.Fatal(err)
	}
	g := f.NewGroup()
	for range 30 {
		if err := g.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Append(g); err != nil {
		t.Fatal(err)
	}
	got := testing.AllocsPerRun(20, func() {
		if err := g.Write(b); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("Write of 1000 rows allocates %.1f times", got)
	}
}

func BenchmarkWrite(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 11))
	s := columntest.Schema(r, 20)
	batch := columntest.Build(s, columntest.Random(r, s, 1000))
	for _, c := range configs[:3] {
		b.Run(string(c.Compression), func(b *testing.B) {
			f, err := c.NewFile(io.Discard, s)
			if err != nil {
				b.Fatal(err)
			}
			g := f.NewGroup()
			for i := 0; b.Loop(); i++ {
				if err := g.Write(batch); err != nil {
					b.Fatal(err)
				}
				if i%20 == 19 {
					b.SetBytes(g.Buffered() / 20)
					if err := f.Append(g); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
