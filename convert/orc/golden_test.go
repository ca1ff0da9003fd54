package orc

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

var update = flag.Bool("update", false, "write testdata/hydrant.orc anew")

// everything returns a table of all types and some rows of it.
func everything(t testing.TB) (*column.Schema, []map[string]any) {
	t.Helper()
	s := &column.Schema{}
	for _, f := range [][2]string{
		{"flag", "boolean"}, {"tiny", "tinyint"}, {"small", "smallint"}, {"int", "int"}, {"big", "bigint"},
		{"float", "float"}, {"double", "double"}, {"decimal", "decimal(10,2)"}, {"wide", "decimal(38,4)"},
		{"string", "string"}, {"unique", "string"}, {"varchar", "varchar(10)"}, {"char", "char(8)"}, {"binary", "binary"},
		{"date", "date"}, {"time", "timestamp"}, {"list", "array<int>"}, {"map", "map<string,double>"},
		{"struct", "struct<a:string,b:array<struct<c:int>>>"},
	} {
		typ, err := column.ParseType(f[1])
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: f[0], Type: typ})
	}
	var rows []map[string]any
	for i := range int64(100) {
		row := map[string]any{
			"flag": i%3 == 0, "tiny": i - 50, "small": i * 300, "int": -i * 1e6, "big": i * i * i * 1e12,
			"float": float32(i) / 4, "double": float64(i) / 10, "decimal": fmt.Sprintf("%d.%02d", i*1000, i), "wide": fmt.Sprintf("-12345678901234567890123456%d.%04d", i, i),
			"string": []string{"red", "green", "blue"}[i%3], "unique": fmt.Sprintf("%x", i*7919), "varchar": "日本", "char": "abcdé-gh", "binary": []byte{byte(i), 0xff},
			"date": fmt.Sprintf("20%02d-11-23", i), "time": fmt.Sprintf("2026-11-23T01:02:%02d.%03dZ", i%60, 100+i*7%900+1-i*7%900%10),
			"list": []any{i, nil, int64(7)}[:i%4], "map": columntest.Pairs{{Key: "k", Value: float64(i)}, {Key: "n", Value: nil}}[:i%3],
			"struct": map[string]any{"a": "x", "b": []any{map[string]any{"c": i}, nil}},
		}
		if i == 5 { // an outlier
			row["int"] = int64(1 << 30)
		}
		for j := range s.Columns { // each column has nulls in other rows
			if (i+int64(j))%11 == 0 {
				delete(row, s.Columns[j].Name)
			}
		}
		rows = append(rows, row)
	}
	return s, rows
}

// The bytes without compression depend on this package alone.
func TestFilesStayAsTheyAre(t *testing.T) {
	s, rows := everything(t)
	c := config(func(c *Config) {
		c.Compression = None
		c.Metadata = map[string]string{"team": "web"}
		c.BloomFilterColumns = []string{"string"}
	})
	got := write(t, c, s, rows, 60, 60)
	const name = "testdata/hydrant.orc"
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("a file of %d bytes, want the %d bytes of %s", len(got), len(want), name)
	}
}

// The files are written by ORC 1.9.5 for Java, in all compressions and both
// versions, and by pyarrow 21.
func TestFilesOfOtherWritersAreRead(t *testing.T) {
	_, want := everything(t)
	names, err := filepath.Glob("testdata/everything-*.orc")
	if err != nil || len(names) < 7 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := read(t, file); !cmp.Equal(want, got) {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
}

// A timestamp is what the writer's clock showed, one with a local time zone is
// a moment.
func TestTimeZoneOfTheWriterIsHeeded(t *testing.T) {
	file, err := os.ReadFile("testdata/new-york.orc")
	if err != nil {
		t.Fatal(err)
	}
	_, got := read(t, file)
	want := []map[string]any{
		{"t": "2026-07-01T12:00:00.123Z", "i": "2026-07-01T16:00:00.123Z"},
		{"t": "2026-01-01T12:00:00Z", "i": "2026-01-01T17:00:00Z"},
		{"t": "2014-07-01T00:00:00.000001Z", "i": "2014-07-01T04:00:00.000001Z"},
		{"t": "1969-07-01T00:00:00.5Z", "i": "1969-07-01T04:00:00.5Z"},
		{"t": "1950-01-01T01:02:03.000000004Z", "i": "1950-01-01T06:02:03.000000004Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
