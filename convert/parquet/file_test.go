package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// table makes a schema: columns as "name type, name type not null".
func table(t testing.TB, columns string) *column.Schema {
	t.Helper()
	typ, err := column.ParseType("struct<" + columns + ">")
	if err != nil {
		t.Fatal(err)
	}
	return &column.Schema{Columns: typ.Fields}
}

// only makes rows of one column, "v".
func only[T any](n int, value func(i int) T) []map[string]any {
	rows := make([]map[string]any, n)
	for i := range rows {
		rows[i] = map[string]any{"v": value(i)}
	}
	return rows
}

func chunkOf(t testing.TB, file []byte) *format.ColumnChunk {
	t.Helper()
	return &open(t, file).Metadata().RowGroups[0].Columns[0]
}

func wantRows(t testing.TB, file []byte, s *column.Schema, want []map[string]any) {
	t.Helper()
	got := readRows(t, file, s)
	if len(got) != len(want) {
		t.Fatalf("%d rows came back, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) { // cmp.Diff is slow where there is no difference
			t.Fatalf("row %d:\n%s", i, cmp.Diff(want[i], got[i]))
		}
	}
}

func TestSchema(t *testing.T) {
	s := table(t, "a:boolean,b:tinyint,c:smallint,d:int,e:bigint,f:float,g:double,h:decimal(9,2),i:decimal(18,0),j:decimal(38,10),"+
		"k:string,l:varchar(10),m:char(3),n:binary,o:date,p:timestamp,q:array<int>,r:map<string,struct<x:int not null,y:string>>,"+
		"z:string not null")
	for stamps, want := range map[Timestamps]string{
		Millis: "optional int64 p (TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS));",
		Micros: "optional int64 p (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));",
		Nanos:  "optional int64 p (TIMESTAMP(isAdjustedToUTC=true,unit=NANOS));",
		Int96:  "optional int96 p;",
	} {
		c := Default().(*Config)
		c.Timestamps = stamps
		file := encode(t, c, s, nil, 1, 1)
		got := open(t, file).Schema().String()
		// parquet-go gives plain integers an annotation that is not in the file.
		text := `message schema {
	optional boolean a;
	optional int32 b (INT(8,true));
	optional int32 c (INT(16,true));
	optional int32 d (INT(32,true));
	optional int64 e (INT(64,true));
	optional float f;
	optional double g;
	optional int32 h (DECIMAL(9,2));
	optional int64 i (DECIMAL(18,0));
	optional fixed_len_byte_array(16) j (DECIMAL(38,10));
	optional binary k (STRING);
	optional binary l (STRING);
	optional binary m (STRING);
	optional binary n;
	optional int32 o (DATE);
	` + want + `
	optional group q (LIST) {
		repeated group list {
			optional int32 element (INT(32,true));
		}
	}
	optional group r (MAP) {
		repeated group key_value {
			required binary key (STRING);
			optional group value {
				required int32 x (INT(32,true));
				optional binary y (STRING);
			}
		}
	}
	required binary z (STRING);
}`
		if diff := cmp.Diff(text, got); diff != "" {
			t.Errorf("%s: %s", stamps, diff)
		}
	}
}

func TestDecimalsTakeTheFewestBytes(t *testing.T) {
	most := map[int]int{} // digits that fit so many bytes, from LogicalTypes.md: floor(log10(2^(8n-1) - 1))
	for n := 1; n <= 16; n++ {
		most[n] = int(math.Floor(float64(8*n-1) * math.Log10(2)))
	}
	for p := 1; p <= column.MaxPrecision; p++ {
		n := decimalWidth(p)
		if most[n] < p || n > 1 && most[n-1] >= p {
			t.Errorf("precision %d: %d bytes", p, n)
		}
	}
}

func TestUniqueColumnsHaveNoDictionary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, typ := range []string{"string", "bigint", "decimal(38,0)"} {
		s := table(t, "v:"+typ)
		rows := only(50000, func(int) any {
			switch typ {
			case "string":
				return fmt.Sprintf("%016x", r.Uint64())
			case "bigint":
				return int64(r.Uint64())
			}
			return fmt.Sprint(r.Uint64())
		})
		file := encode(t, Default().(*Config), s, rows, 1000, 50000)
		m := chunkOf(t, file).MetaData
		if slices.Contains(m.Encoding, format.RLEDictionary) {
			t.Errorf("%s: encodings %v", typ, m.Encoding)
		}
		wantRows(t, file, s, rows)
	}
}

func TestADictionaryThatGrowsTooLargeIsLeft(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, typ := range []string{"string", "bigint", "array<string>"} {
		s := table(t, "v:"+typ)
		n := 0
		rows := only(90000, func(i int) any {
			// Half of the values are new.
			x := r.IntN(n + 1)
			if n++; i%2 == 0 {
				x = n
			}
			switch typ {
			case "string":
				return fmt.Sprintf("value %d", x)
			case "bigint":
				return int64(x)
			}
			return []any{fmt.Sprintf("value %d", x), nil, "common"}
		})
		file := encode(t, Default().(*Config), s, rows, 7000, 90000)
		m := chunkOf(t, file).MetaData
		kinds := map[format.Encoding]int{}
		for _, e := range m.EncodingStats {
			if e.PageType == format.DataPage {
				kinds[e.Encoding] = int(e.Count)
			}
		}
		if kinds[format.RLEDictionary] == 0 || kinds[format.Plain] == 0 {
			t.Errorf("%s: pages %v", typ, kinds)
		}
		wantRows(t, file, s, rows)
	}
}

func TestALongStringRepeatedDoesNotMakeALargePage(t *testing.T) {
	// Were the page turned into a PLAIN one when the dictionary is left, it
	// would take 100 MB.
	s := table(t, "v:string")
	r := rand.New(rand.NewPCG(1, 1))
	long := strings.Repeat("x", 100_000)
	rows := only(2100, func(i int) any {
		if i < 1000 {
			return long
		}
		return long[:1000] + fmt.Sprint(r.Uint64())
	})
	file := encode(t, Default().(*Config), s, rows, 100, 2100)
	if raw := chunkOf(t, file).MetaData.TotalUncompressedSize; raw > 4<<20 {
		t.Errorf("%d bytes of pages", raw)
	}
	wantRows(t, file, s, rows)
}

func TestPagesBeginWithRows(t *testing.T) {
	s := table(t, "v:array<string>")
	r := rand.New(rand.NewPCG(1, 1))
	rows := only(300, func(i int) any {
		list := []any{}
		for range r.IntN(300) * r.IntN(2) * r.IntN(2) {
			list = append(list, fmt.Sprintf("%x", r.Uint64()))
		}
		if i == 150 { // a row larger than a page
			for range 3 * mostPageEntries {
				list = append(list, fmt.Sprintf("%x", r.Uint64()))
			}
		}
		return list
	})
	c := Default().(*Config)
	c.PageSize = 4 << 10
	for _, batch := range []int{300, 1, 11} {
		file := encode(t, c, s, rows, batch, 300)
		wantRows(t, file, s, rows)
		index, err := open(t, file).RowGroups()[0].ColumnChunks()[0].OffsetIndex()
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < index.NumPages(); i++ {
			if index.FirstRowIndex(i) <= index.FirstRowIndex(i-1) {
				t.Fatalf("page %d begins with row %d, the one before with %d", i, index.FirstRowIndex(i), index.FirstRowIndex(i-1))
			}
		}
		if n := index.NumPages(); n < 20 {
			t.Errorf("only %d pages", n)
		}
	}
}

// TestPageIndexHoldsForEveryPage reads each page that the index names and
// compares.
func TestPageIndexHoldsForEveryPage(t *testing.T) {
	for _, kind := range []string{"bigint", "double", "string", "timestamp", "boolean", "decimal(30,2)", "binary"} {
		s := table(t, "v:"+kind)
		r := rand.New(rand.NewPCG(7, 7))
		rows := columntest.Random(r, s, 3000)
		for i := 1000; i < 2500; i++ { // pages of nothing but nulls
			delete(rows[i], "v")
		}
		c := Default().(*Config)
		c.PageSize = 4 << 10
		file := encode(t, c, s, rows, 100, 3000)
		f := open(t, file)
		chunk := f.RowGroups()[0].ColumnChunks()[0]
		index, err := chunk.ColumnIndex()
		if err != nil {
			t.Fatal(err)
		}
		offsets, err := chunk.OffsetIndex()
		if err != nil {
			t.Fatal(err)
		}
		pages := chunk.Pages()
		compare := chunk.Type().Compare
		if strings.HasPrefix(kind, "decimal") { // parquet-go compares these without a sign
			compare = func(a, b parquet.Value) int { return wideNumber(a.ByteArray()).Cmp(wideNumber(b.ByteArray())) }
		}
		row := int64(0)
		var least, most parquet.Value
		for i := range index.NumPages() {
			if offsets.FirstRowIndex(i) != row {
				t.Errorf("%s: page %d begins with row %d, the index says %d", kind, i, row, offsets.FirstRowIndex(i))
			}
			p, err := pages.ReadPage()
			if err != nil {
				t.Fatal(err)
			}
			row += p.NumRows()
			if index.NullCount(i) != p.NumNulls() || index.NullPage(i) != (p.NumNulls() == p.NumValues()) {
				t.Errorf("%s: page %d has %d nulls of %d, the index says %d and %v", kind, i, p.NumNulls(), p.NumValues(), index.NullCount(i), index.NullPage(i))
			}
			low, high, known := boundsOf(t, p, compare)
			if !known {
				continue
			}
			if compare(index.MinValue(i), low) > 0 || compare(index.MaxValue(i), high) < 0 {
				t.Errorf("%s: page %d has %v to %v, the index says %v to %v", kind, i, low, high, index.MinValue(i), index.MaxValue(i))
			}
			if least.IsNull() || compare(low, least) < 0 {
				least = low.Clone()
			}
			if most.IsNull() || compare(high, most) > 0 {
				most = high.Clone()
			}
		}
		if row != 3000 {
			t.Errorf("%s: %d rows in the pages of the index", kind, row)
		}
		stats := chunkOf(t, file).MetaData.Statistics
		if low := f.Root().Columns()[0].Type().Kind().Value(stats.MinValue); compare(low, least) > 0 {
			t.Errorf("%s: min %v, want %v", kind, low, least)
		}
		if high := f.Root().Columns()[0].Type().Kind().Value(stats.MaxValue); compare(high, most) < 0 {
			t.Errorf("%s: max %v, want %v", kind, high, most)
		}
		nulls := int64(0)
		for i := range rows {
			if rows[i]["v"] == nil {
				nulls++
			}
		}
		if stats.NullCount != nulls {
			t.Errorf("%s: %v nulls, want %d", kind, stats.NullCount, nulls)
		}
	}
}

func boundsOf(t testing.TB, p parquet.Page, compare func(a, b parquet.Value) int) (low, high parquet.Value, known bool) {
	values := make([]parquet.Value, p.NumValues())
	n, err := p.Values().ReadValues(values)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	for _, v := range values[:n] {
		if v.IsNull() {
			continue
		}
		if !known || compare(v, low) < 0 {
			low = v.Clone()
		}
		if !known || compare(v, high) > 0 {
			high = v.Clone()
		}
		known = true
	}
	return low, high, known
}

func TestBoundaryOrder(t *testing.T) {
	s := table(t, "v:bigint")
	for _, c := range []struct {
		name  string
		value func(i int) any
		want  format.BoundaryOrder
	}{
		{"rising", func(i int) any { return int64(i) }, format.Ascending},
		{"falling", func(i int) any { return int64(-i) }, format.Descending},
		{"neither", func(i int) any { return int64(i * 7919 % 3001) }, format.Unordered},
	} {
		config := Default().(*Config)
		config.PageSize = 4 << 10
		file := encode(t, config, s, only(5000, c.value), 5000, 5000)
		if got := open(t, file).ColumnIndexes()[0].BoundaryOrder; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestKeysAndValuesStandInTheFooter(t *testing.T) {
	c := Default().(*Config)
	c.KeyValueMetadata = map[string]string{"team": "growth", "avro.schema": `{"type":"record"}`}
	got := map[string]string{}
	for _, kv := range open(t, encode(t, c, table(t, "v:int"), nil, 1, 1)).Metadata().KeyValueMetadata {
		got[kv.Key] = kv.Value
	}
	if diff := cmp.Diff(c.KeyValueMetadata, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestNaNPagesHaveNoColumnIndex(t *testing.T) {
	s := table(t, "v:double")
	file := encode(t, Default().(*Config), s, only(10, func(int) any { return math.NaN() }), 10, 10)
	c := chunkOf(t, file)
	if c.ColumnIndexOffset != 0 || c.OffsetIndexOffset == 0 || c.MetaData.Statistics.MinValue != nil {
		t.Errorf("column index at %d, offset index at %d, min %x", c.ColumnIndexOffset, c.OffsetIndexOffset, c.MetaData.Statistics.MinValue)
	}
}

func TestBloomFiltersFindEveryValue(t *testing.T) {
	for _, kind := range []string{"string", "bigint", "int", "double", "timestamp", "decimal(30,2)", "array<string>"} {
		for _, dictionary := range []bool{true, false} {
			s := table(t, "v:"+kind)
			r := rand.New(rand.NewPCG(3, 3))
			c := Default().(*Config)
			c.Dictionary = dictionary
			if c.BloomFilterColumns = []string{"v"}; kind == "array<string>" {
				c.BloomFilterColumns = []string{"v.element"}
			}
			file := encode(t, c, s, columntest.Random(r, s, 5000), 500, 5000)
			chunk := open(t, file).RowGroups()[0].ColumnChunks()[0]
			filter := chunk.BloomFilter()
			if filter == nil {
				t.Fatalf("%s: no bloom filter", kind)
			}
			pages := chunk.Pages()
			for {
				p, err := pages.ReadPage()
				if err != nil {
					break
				}
				values := make([]parquet.Value, p.NumValues())
				n, _ := p.Values().ReadValues(values)
				for _, v := range values[:n] {
					if v.IsNull() {
						continue
					}
					if ok, err := filter.Check(v); err != nil || !ok {
						t.Fatalf("%s, dictionary %v: %v is not found: %v", kind, dictionary, v, err)
					}
				}
			}
		}
	}
}

func TestBloomFiltersAreSeldomWrong(t *testing.T) {
	s := table(t, "v:bigint")
	for _, p := range []float64{0.1, 0.01} {
		c := Default().(*Config)
		c.BloomFilterColumns, c.BloomFilterFalsePositiveProbability = []string{"v"}, field.Percent(p)
		file := encode(t, c, s, only(20000, func(i int) any { return int64(i) }), 20000, 20000)
		filter := open(t, file).RowGroups()[0].ColumnChunks()[0].BloomFilter()
		wrong := 0
		for i := range 20000 {
			if ok, _ := filter.Check(parquet.Int64Value(int64(1000000 + i))); ok {
				wrong++
			}
		}
		if share := float64(wrong) / 20000; share > 1.2*p {
			t.Errorf("wrong for %.4f of the values, want at most %.4f", share, p)
		}
	}
}

func TestBloomFiltersOfUnknownColumnsAreRefused(t *testing.T) {
	s := table(t, "a:string,b:array<int>,c:boolean")
	for name, want := range map[string]string{
		"x": `lay out parquet file: bloom_filter_columns: "x" is not a column with plain values; write one of a, b.element, c`,
		"b": `lay out parquet file: bloom_filter_columns: "b" is not a column with plain values; write one of a, b.element, c`,
		"c": `lay out parquet file: bloom_filter_columns: "c" is boolean and gains nothing from a bloom filter; remove it`,
	} {
		c := Default().(*Config)
		c.BloomFilterColumns = []string{name}
		if _, err := c.NewFile(&bytes.Buffer{}, s); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func TestASchemaWithoutColumnsIsRefused(t *testing.T) {
	if _, err := Default().NewFile(&bytes.Buffer{}, &column.Schema{}); err == nil {
		t.Error("no error")
	}
}

func TestEmptyGroupsLeaveNothing(t *testing.T) {
	s := table(t, "v:bigint")
	var file bytes.Buffer
	f, err := Default().NewFile(&file, s)
	if err != nil {
		t.Fatal(err)
	}
	g := f.NewGroup()
	rows := only(10, func(i int) any { return int64(i) })
	err = errors.Join(f.Append(g), g.Write(columntest.Build(s, nil)), f.Append(g), g.Write(columntest.Build(s, rows)), f.Append(g), f.Append(g), f.Close())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(open(t, file.Bytes()).RowGroups()); n != 1 {
		t.Errorf("%d row groups, want 1", n)
	}
	wantRows(t, file.Bytes(), s, rows)
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
	s := table(t, "v:bigint,w:string")
	rows := only(1000, func(i int) any { return int64(i) })
	size := len(encode(t, Default().(*Config), s, rows, 1000, 1000))
	for left := 0; left < size; left += 11 {
		f, err := Default().NewFile(&failing{left}, s)
		if err != nil {
			t.Fatal(err)
		}
		g := f.NewGroup()
		if err := g.Write(columntest.Build(s, rows)); err != nil {
			t.Fatal(err)
		}
		err = f.Append(g)
		if err == nil {
			err = f.Close()
		}
		if !errors.Is(err, errFull) || !strings.HasPrefix(err.Error(), "write parquet file: ") {
			t.Fatalf("after %d bytes of %d: %v", left, size, err)
		}
	}
}
