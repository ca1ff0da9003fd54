package column_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// realData holds records that nobody on this project wrote. It is not part of
// the project.
const realData = "../../../shared/data/realnest"

// realColumn is a column in the schemas of the real data.
type realColumn struct {
	Name     string
	Type     string
	Children []realColumn
}

func (c realColumn) field(t *testing.T) column.Field {
	f := column.Field{Name: c.Name}
	for _, child := range c.Children {
		f.Type.Fields = append(f.Type.Fields, child.field(t))
	}
	switch c.Type {
	case "list":
		f.Type = column.ArrayOf(f.Type.Fields[0].Type)
	case "map":
		f.Type = column.MapOf(f.Type.Fields[0].Type, f.Type.Fields[1].Type)
	case "struct":
		f.Type.Kind = column.Struct
	default:
		typ, ok := map[string]column.Kind{"varchar": column.String, "bigint": column.BigInt, "integer": column.Int, "double": column.Double,
			"float": column.Float, "boolean": column.Boolean, "timestamp": column.String, "date": column.String, "json": column.String}[c.Type] // the oracle knows no times
		if !ok {
			t.Fatalf("column %s has the type %s", c.Name, c.Type)
		}
		f.Type.Kind = typ
	}
	return f
}

func TestRealRecordsAgreeWithTheOracle(t *testing.T) {
	tables, err := filepath.Glob(realData + "/*/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) == 0 {
		t.Skipf("there is no real data in %s", realData)
	}
	for _, file := range tables {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var table struct{ Columns []realColumn }
		if err := json.Unmarshal(text, &table); err != nil {
			t.Fatal(err)
		}
		s := &column.Schema{}
		for _, c := range table.Columns {
			s.Columns = append(s.Columns, c.field(t))
		}
		data, err := os.ReadFile(filepath.Join(filepath.Dir(file), "data.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		records := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
		for len(records) > 0 {
			n := min(100, len(records))
			checkAgainstOracle(t, s, records[:n])
			records = records[n:]
		}
	}
}
