package readers_test

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

// Readers skip groups, pages and strides by statistics, indexes and Bloom
// filters. If these are wrong, rows are missing from answers while a full read
// has them all. So every value is looked for.

// finder is an engine that skips, and how it is asked.
type finder struct {
	*readers.Reader
	from    string // a table of the file %s
	literal func(t *column.Type, v columntest.Value) string
	misses  func(k column.Kind) bool // what it does not find in its own files either
}

func nothing(column.Kind) bool { return false }

// DuckDB asks a Bloom filter for the text it prints for bytes, and misses the
// bytes themselves unless they are ASCII.
func bytesOfBlooms(k column.Kind) bool { return k == column.Binary }

const (
	runRows  = 1000 // rows with the same value, or null
	runs     = 24
	perGroup = 4 // runs
)

// runTable has a column for each plain type, with runs of one value each.
func runTable(s *column.Schema, seed uint64) (rows []map[string]any, groups [][]*column.Batch) {
	p := newPlaced(func(int) bool { return false }, seed)
	for run := range runs {
		row := map[string]any{}
		for i := range s.Columns {
			if (run+i)%5 != 4 {
				row[s.Columns[i].Name] = p.plain(&s.Columns[i].Type)
			}
		}
		for range runRows {
			rows = append(rows, row)
		}
	}
	for at := 0; at < len(rows); at += perGroup * runRows {
		groups = append(groups, []*column.Batch{columntest.Build(s, rows[at:at+perGroup*runRows])})
	}
	return rows, groups
}

// find looks for every value of every column in a file, and for what is less.
func find(t *testing.T, f finder, path string, s *column.Schema, rows []map[string]any) {
	t.Helper()
	step := runRows
	if testing.Short() {
		step *= 5
	}
	for _, c := range s.Columns {
		if f.misses(c.Type.Kind) {
			continue
		}
		var conditions, wants []string
		for run := 0; run < len(rows); run += step {
			v, ok := rows[run][c.Name]
			if !ok {
				continue
			}
			equal, less := 0, 0
			for at := 0; at < len(rows); at += runRows {
				if x, ok := rows[at][c.Name]; ok {
					switch order := compare(&c.Type, x, v); {
					case order == 0:
						equal += runRows
					case order < 0:
						less += runRows
					}
				}
			}
			literal := f.literal(&c.Type, v)
			conditions = append(conditions, c.Name+" = "+literal, c.Name+" < "+literal)
			wants = append(wants, fmt.Sprint(equal), fmt.Sprint(less))
		}
		// Of one query for each, as an engine would skip nothing for all of
		// them together.
		for i, condition := range conditions {
			got, err := f.Query(fmt.Sprintf("SELECT CAST(count(*) AS INTEGER) AS n FROM "+f.from+" WHERE %s", path, condition))
			if err != nil {
				t.Fatal(err)
			}
			if n := fmt.Sprint(got.Rows[0]["n"]); n != wants[i] {
				t.Errorf("%s finds %s rows with %s (%v), want %s", f.Name, n, condition, c.Type, wants[i])
			}
		}
	}
}

// compare orders values as SQL does.
func compare(t *column.Type, a, b columntest.Value) int {
	switch t.Kind {
	case column.Boolean:
		return big.NewInt(int64(len(fmt.Sprint(b)))).Cmp(big.NewInt(int64(len(fmt.Sprint(a))))) // true is the shorter word
	case column.Float:
		return big.NewFloat(float64(a.(float32))).Cmp(big.NewFloat(float64(b.(float32))))
	case column.Double:
		return big.NewFloat(a.(float64)).Cmp(big.NewFloat(b.(float64)))
	case column.Decimal, column.TinyInt, column.SmallInt, column.Int, column.BigInt:
		x, _ := new(big.Rat).SetString(fmt.Sprint(a))
		y, _ := new(big.Rat).SetString(fmt.Sprint(b))
		return x.Cmp(y)
	case column.Timestamp:
		return big.NewInt(nanoseconds(a)).Cmp(big.NewInt(nanoseconds(b)))
	case column.Binary:
		return strings.Compare(string(a.([]byte)), string(b.([]byte)))
	}
	return strings.Compare(a.(string), b.(string))
}

func plainSchema(t *testing.T, without ...string) *column.Schema {
	t.Helper()
	s := &column.Schema{}
	for i, text := range plainTypes {
		parsed, err := column.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(without, " "), text) {
			s.Columns = append(s.Columns, column.Field{Name: fmt.Sprintf("c%d", i), Type: parsed})
		}
	}
	return s
}

func sqlText(v any) string { return "'" + strings.ReplaceAll(fmt.Sprint(v), "'", "''") + "'" }

func duckdbLiteral(t *column.Type, v columntest.Value) string {
	switch t.Kind {
	case column.Binary:
		return "unhex('" + hex.EncodeToString(v.([]byte)) + "')"
	case column.Timestamp:
		return sqlText(v) + "::TIMESTAMPTZ"
	}
	return sqlText(v) + "::" + duckdbWord(t, "")
}

func clickhouseLiteral(t *column.Type, v columntest.Value) string {
	text := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	cast := func(to string) string { return fmt.Sprintf("CAST(%s AS %s)", text(fmt.Sprint(v)), to) }
	switch t.Kind {
	case column.Boolean:
		return cast("Bool")
	case column.TinyInt, column.SmallInt, column.Int, column.BigInt:
		return cast(map[column.Kind]string{column.TinyInt: "Int8", column.SmallInt: "Int16", column.Int: "Int32", column.BigInt: "Int64"}[t.Kind])
	case column.Float:
		return cast("Float32")
	case column.Double:
		return cast("Float64")
	case column.Decimal:
		return cast(fmt.Sprintf("Decimal(%d, %d)", t.Precision, t.Scale))
	case column.Date:
		return cast("Date32")
	case column.Timestamp:
		n := nanoseconds(v)
		return fmt.Sprintf("fromUnixTimestamp64Nano(CAST('%d' AS Int64), 'UTC')", n)
	case column.Binary:
		return "unhex('" + hex.EncodeToString(v.([]byte)) + "')"
	}
	return text(v.(string))
}

func TestEveryValueIsFoundInParquet(t *testing.T) {
	duckdb, clickhouse := readers.DuckDB(t), readers.ClickHouse(t)
	s := plainSchema(t)
	var blooms []string
	for _, c := range s.Columns {
		if c.Type.Kind != column.Boolean {
			blooms = append(blooms, c.Name)
		}
	}
	for i, tt := range []struct {
		name   string
		way    way
		misses func(column.Kind) bool // of DuckDB
	}{
		{"pages", parquetWay(func(c *parquet.Config) { c.PageSize, c.Dictionary = 4<<10, false }), nothing},
		{"blooms", parquetWay(func(c *parquet.Config) { c.BloomFilterColumns = blooms }), bytesOfBlooms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows, groups := runTable(s, uint64(i))
			path := tt.way.written(t, tt.name, s, groups...)
			asRead(s, rows, eyes{"clickhouse", "parquet", tt.way.timestamps})
			find(t, finder{duckdb, "read_parquet('%s')", duckdbLiteral, tt.misses}, path, s, rows)
			find(t, finder{clickhouse, "file('%s', Parquet)", clickhouseLiteral, nothing}, path, s, rows)
		})
	}
}

// asRead replaces rows by what a reader sees.
func asRead(s *column.Schema, rows []map[string]any, e eyes) {
	root := s.Root()
	for run := 0; run < len(rows); run += runRows {
		seen := sees(e, &root, rows[run]).(map[string]any)
		for i := range runRows {
			rows[run+i] = seen
		}
	}
}

func TestEveryValueIsFoundInORC(t *testing.T) {
	f := finder{readers.ClickHouse(t), "file('%s', ORC)", clickhouseLiteral, nothing}
	s := plainSchema(t, "char(12)") // ClickHouse compares it with its blanks
	c := orc.Default().(*orc.Config)
	c.RowIndexStride = 1000
	for _, column := range s.Columns {
		if k := column.Type.Kind.String(); k == "bigint" || k == "string" || k == "int" {
			c.BloomFilterColumns = append(c.BloomFilterColumns, column.Name)
		}
	}
	rows, groups := runTable(s, 3)
	w := way{"stride 1000", c, "nanos"}
	find(t, f, w.written(t, w.name, s, groups...), s, rows)
}

// Numbers of rows at which files begin another index entry, page or vector of
// a reader. Presto fails on files of some writers with a multiple of 10,000.
func TestEveryNumberOfRowsIsRead(t *testing.T) {
	pyarrow := readers.PyArrow(t)
	formats := []*format{
		{"parquet", parquetWays()[:1], []*readers.Reader{readers.DuckDB(t), pyarrow}},
		{"orc", orcWays()[:1], []*readers.Reader{pyarrow, readers.JavaORC(t)}},
	}
	s := &column.Schema{}
	for name, text := range map[string]string{"a": "bigint", "b": "string", "c": "array<int>", "d": "struct<x:double>"} {
		parsed, err := column.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: name, Type: parsed})
	}
	all := newPlaced(func(slot int) bool { return slot%10 == 7 }, 5).rows(s, 20_001)
	counts := []int{0, 1, 2, 511, 512, 513, 9999, 10_000, 10_001, 20_000, 20_001}
	if testing.Short() {
		counts = []int{0, 1, 10_000}
	}
	for _, f := range formats {
		for _, n := range counts {
			t.Run(fmt.Sprintf("%s/%d", f.name, n), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(n), 1))
				w := f.ways[0]
				path := w.written(t, w.name, s, batches(r, s, all[:n])...)
				f.expect(t, w, path, s, all[:n])
			})
		}
	}
}
