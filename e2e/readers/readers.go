// Package readers reads columnar files with programs that we did not write.
// They are installed into .tools when a test first asks for them; where that
// is impossible, the test is skipped, and says so.
package readers

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/e2e/tools"
)

// The versions that we test with.
const (
	DuckDBPackage     = "@duckdb/node-api@1.5.6-r.1" // of npm: DuckDB 1.5.6
	ClickHousePackage = "chdb@3.4.0"                 // of npm: ClickHouse 26.7

	pyarrow  = "pyarrow==21.0.0"
	numpy    = "numpy==2.3.4" // pyarrow runs without it but warns
	orcTools = "org.apache.orc:orc-tools:1.9.5:jar:uber"
)

//go:embed *.js *.py *.java
var scripts embed.FS

// Reader reads files, one at a time. It may be used concurrently.
type Reader struct {
	Name  string
	child *child
}

// Table is a file as a reader sees it.
type Table struct {
	Columns [][2]string // names and types, in the words of the reader
	Rows    []map[string]any
}

// DuckDB reads Parquet, and whatever else it can query.
func DuckDB(t testing.TB) *Reader {
	t.Helper()
	modules := tools.NPM(t, DuckDBPackage)
	cmd := exec.Command("node", script(t, "duckdb.js", "wire.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(modules, "node_modules"))
	return &Reader{"duckdb", start(t, cmd)}
}

// ClickHouse answers queries with integers: how many rows of a Parquet or ORC
// file there are of some kind.
func ClickHouse(t testing.TB) *Reader {
	t.Helper()
	modules := tools.NPM(t, ClickHousePackage)
	cmd := exec.Command("node", script(t, "clickhouse.js", "wire.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(modules, "node_modules"))
	return &Reader{"clickhouse", start(t, cmd)}
}

// PyArrow reads Parquet, ORC and Arrow, by the C++ libraries of both projects.
func PyArrow(t testing.TB) *Reader {
	t.Helper()
	packages := tools.PyPI(t, pyarrow, numpy)
	cmd := exec.Command("python3", script(t, "arrow.py"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "OMP_NUM_THREADS=1")
	return &Reader{"pyarrow", start(t, cmd)}
}

// JavaORC reads ORC by the project's own Java library, which is the one that
// Hive, Spark and others use.
func JavaORC(t testing.TB) *Reader {
	t.Helper()
	jar := filepath.Join(tools.Maven(t, orcTools), "orc-tools-1.9.5-uber.jar")
	cmd := exec.Command("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "-cp", jar, script(t, "Rows.java"))
	return &Reader{"java", start(t, cmd)}
}

// Read returns what is in a file. What its name ends with says what it is.
func (r *Reader) Read(path string) (Table, error) { return r.ask(question{Path: path}) }

// Query returns what DuckDB or ClickHouse answer to SQL.
func (r *Reader) Query(sql string) (Table, error) { return r.ask(question{Query: sql}) }

// Rows is Read for tests that are about the rows.
func (r *Reader) Rows(t testing.TB, path string) []map[string]any {
	t.Helper()
	table, err := r.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return table.Rows
}

// Count returns how many rows the footer of a file speaks of. PyArrow has it.
func (r *Reader) Count(path string) (int64, error) {
	a, err := r.child.ask(question{Path: path, Count: true})
	if err != nil {
		return 0, fmt.Errorf("count rows of %s by %s: %w", path, r.Name, err)
	}
	return a.Count, nil
}

func (r *Reader) ask(q question) (Table, error) {
	a, err := r.child.ask(q)
	if err != nil {
		return Table{}, fmt.Errorf("read %s%s by %s: %w", q.Path, q.Query, r.Name, err)
	}
	table := Table{Columns: a.Columns}
	for _, x := range a.Rows {
		var v columntest.Value
		if v, err = value(x); err != nil {
			return Table{}, err
		}
		fields, ok := v.(map[string]any)
		if !ok {
			return Table{}, fmt.Errorf("read answer: %v is no row", v)
		}
		table.Rows = append(table.Rows, fields)
	}
	return table, nil
}
