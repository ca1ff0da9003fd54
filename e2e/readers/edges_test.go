package readers_test

import (
	"math"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

// edges are the first and last values of types, and those beside what is
// special.
var edges = map[string][]columntest.Value{
	"tinyint":       {int64(math.MinInt8), int64(math.MaxInt8)},
	"smallint":      {int64(math.MinInt16), int64(math.MaxInt16)},
	"int":           {int64(math.MinInt32), int64(math.MaxInt32)},
	"bigint":        {int64(math.MinInt64), int64(math.MaxInt64)},
	"float":         {float32(math.MaxFloat32), float32(-math.MaxFloat32), float32(math.SmallestNonzeroFloat32), float32(math.Copysign(0, -1)), float32(0)},
	"double":        {math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0.0, 5e-324, 2.2250738585072014e-308},
	"decimal(9,9)":  {"0.999999999", "-0.999999999", "0.000000001"},
	"decimal(18,0)": {"999999999999999999", "-999999999999999999"},
	"decimal(19,0)": {"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9999999999999999999"},
	"decimal(38,0)": {strings.Repeat("9", 38), "-" + strings.Repeat("9", 38), "0", "18446744073709551616"},
	"decimal(38,38)": {
		"0." + strings.Repeat("9", 38), "-0." + strings.Repeat("9", 38), "-0." + strings.Repeat("0", 37) + "1",
	},
	"string":     {"", strings.Repeat("long", 100_000), "\x00", "\u2028\ufeff", "\U0010ffff"},
	"varchar(1)": {"", "😀"},
	"binary":     {[]byte{}, make([]byte, 100_000), []byte{0xff}},
	"date":       {"0001-01-01", "1582-10-04", "1582-10-15", "1969-12-31", "1970-01-01", "9999-12-31"},
	// DuckDB takes the first and the last number of nanoseconds for infinity.
	"timestamp": {
		"1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775806Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z",
		"1969-12-31T23:59:59.000000001Z", "1969-12-31T23:59:59Z", "2014-12-31T23:59:59.999999999Z", "2015-01-01T00:00:00Z",
	},
	// A record may say a key twice.
	"map<string,int>": {columntest.Pairs{{Key: "a", Value: int64(1)}, {Key: "a", Value: int64(2)}, {Key: "", Value: nil}}, columntest.Pairs{}},
}

func TestEdgesOfTypesAreRead(t *testing.T) {
	duckdb, pyarrow, java := readers.DuckDB(t), readers.PyArrow(t), readers.JavaORC(t)
	for _, f := range []*format{
		{"parquet", parquetWays()[:4], []*readers.Reader{duckdb, pyarrow}},
		{"orc", orcWays()[:2], []*readers.Reader{pyarrow, java}},
	} {
		for text, values := range edges {
			parsed, err := column.ParseType(text)
			if err != nil {
				t.Fatal(err)
			}
			s := &column.Schema{Columns: []column.Field{{Name: "v", Type: parsed}}}
			rows := []map[string]any{{}}
			for _, v := range values {
				rows = append(rows, map[string]any{"v": v})
			}
			for _, w := range f.ways {
				t.Run(f.name+"/"+text+"/"+w.name, func(t *testing.T) {
					f.expect(t, w, w.written(t, w.name, s, []*column.Batch{columntest.Build(s, rows)}), s, rows)
				})
			}
		}
	}
}

// A timestamp of a file must not depend on where it is read, even in the hour
// that summer time skips or repeats.
func TestReadersInOtherTimeZonesSeeTheSameTimes(t *testing.T) {
	t.Setenv("TZ", "America/New_York")
	pyarrow := readers.PyArrow(t)
	s := &column.Schema{Columns: []column.Field{{Name: "v", Type: column.Type{Kind: column.Timestamp}}, {Name: "d", Type: column.Type{Kind: column.Date}}}}
	var rows []map[string]any
	for _, at := range []string{"2026-03-08T02:30:00.123456Z", "2026-11-01T01:30:00Z", "2026-11-01T05:59:59.999999Z", "1950-06-01T12:00:00Z", "2026-07-01T00:00:00Z"} {
		rows = append(rows, map[string]any{"v": at, "d": at[:10]})
	}
	for _, f := range []*format{
		{"parquet", parquetWays()[:4], []*readers.Reader{readers.DuckDB(t), pyarrow}},
		{"orc", orcWays()[:2], []*readers.Reader{pyarrow, readers.JavaORC(t)}},
	} {
		for _, w := range f.ways {
			t.Run(f.name+"/"+w.name, func(t *testing.T) {
				f.expect(t, w, w.written(t, w.name, s, []*column.Batch{columntest.Build(s, rows)}), s, rows)
			})
		}
	}
}
