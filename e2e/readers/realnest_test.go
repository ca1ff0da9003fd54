package readers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

// Real nested records, of RealNest's sample data (github.com/cwida/RealNest):
// events of GitHub, places of Overture Maps, transactions of Bitcoin. They lie
// beside the repository and are not part of it, as not all of them may be
// given on.
const realRecords = "../../../shared/data/realnest"

// TestRealRecordsBecomeWhatDuckDBMakesOfThem lets DuckDB read the JSON, and
// everybody the files we make of it.
func TestRealRecordsBecomeWhatDuckDBMakesOfThem(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join(realRecords, "*", "schema.json"))
	if err != nil || len(tables) == 0 {
		t.Skipf("SKIPPED, NOT TESTED: there are no real records in %s: %v", realRecords, err)
	}
	duckdb, pyarrow := readers.DuckDB(t), readers.PyArrow(t)
	formats := []*format{
		{"parquet", parquetWays()[:2], []*readers.Reader{duckdb, pyarrow}},
		{"orc", orcWays()[:2], []*readers.Reader{pyarrow, readers.JavaORC(t)}},
	}
	for _, path := range tables {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			s := realSchema(t, path)
			var columns []string
			for i := range s.Columns {
				columns = append(columns, fmt.Sprintf("'%s': '%s'", s.Columns[i].Name, duckdbWord(&s.Columns[i].Type, "TIMESTAMP")))
			}
			data := filepath.Join(dir, "data.jsonl")
			judged, err := duckdb.Query(fmt.Sprintf("SELECT * FROM read_json('%s', format = 'newline_delimited', columns = {%s})",
				data, strings.Join(columns, ", ")))
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(data)
			if err != nil {
				t.Fatal(err)
			}
			var records [][]byte
			for line := range strings.Lines(string(text)) {
				records = append(records, []byte(line))
			}
			if len(judged.Rows) != len(records) {
				t.Fatalf("duckdb has %d rows of %d records", len(judged.Rows), len(records))
			}
			for _, f := range formats {
				for i, w := range f.ways {
					if testing.Short() && i > 0 {
						continue
					}
					t.Run(f.name+"/"+w.name, func(t *testing.T) {
						f.expect(t, w, w.converted(t, s, records), s, judged.Rows)
					})
				}
			}
		})
	}
}

// realColumn is a column in a schema of RealNest.
type realColumn struct {
	Name, Type string
	Children   []realColumn
}

func realSchema(t *testing.T, path string) *column.Schema {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct{ Columns []realColumn }
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	s := &column.Schema{}
	for _, c := range schema.Columns {
		parsed, err := column.ParseType(c.hive())
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: c.Name, Type: parsed})
	}
	return s
}

func (c *realColumn) hive() string {
	switch c.Type {
	case "list":
		return "array<" + c.Children[0].hive() + ">"
	case "map":
		return "map<" + c.Children[0].hive() + "," + c.Children[1].hive() + ">"
	case "struct":
		var fields []string
		for i := range c.Children {
			fields = append(fields, "`"+c.Children[i].Name+"`:"+c.Children[i].hive())
		}
		return "struct<" + strings.Join(fields, ",") + ">"
	case "varchar", "json": // of some values the text: numbers, too
		return "string"
	}
	return c.Type
}
