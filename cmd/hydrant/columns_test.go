package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/configs"
)

func TestExplainSchemaPrintsColumnsThatLoad(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "hydrant.yaml"), filepath.Join(dir, "data")
	stream := func(name, schema string) string {
		return "  " + name + ":\n    source: {direct_put: {}}\n    destination:\n      s3:\n        bucket: lake\n        prefix: " + name + "/\n" +
			"        data_format_conversion:\n          output_format: {parquet: {}}\n          schema:\n" + schema
	}
	write := func(schema string) {
		t.Helper()
		text := "version: 1\nserver: {data_dir: " + data + "}\nstreams:\n" + stream("inferred", schema) +
			stream("written", "            columns: [{name: id, type: bigint, required: true}]\n") +
			"  plain: {source: {direct_put: {}}, destination: {s3: {bucket: lake, prefix: p/}}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("            infer: {}\n")

	decide(t, data, "inferred", `{"version":1,"revision":1,"from":{"how":"inferred","records":7},"columns":[`+
		`{"name":"id","type":"bigint"},{"name":"a b","type":"map<string,double>"},{"name":"no","type":"array<struct<x:string>>"}]}`)
	decide(t, data, "other", "")
	for _, tt := range []struct {
		stream, want string
		code         int
	}{
		{"written", "# stream written: as configured\ncolumns:\n  - {name: id, type: bigint, required: true}\n", 0},
		{"plain", "stream plain does not convert records", 1},
		{"missing", "there is no stream missing in the configuration", 1},
	} {
		code, stdout, stderr := once(t, "explain", "--schema", tt.stream, "-c", file)
		if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
			t.Errorf("%s: exit code %d\n%s%s", tt.stream, code, stdout, stderr)
		}
	}
	code, stdout, stderr := once(t, "explain", "--schema", "inferred", "-c", file)
	if code != 0 || !strings.Contains(stdout, "inferred from 7 records") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	// What is printed can be written in the place of infer.
	write("            " + strings.ReplaceAll(strings.TrimSpace(stdout), "\n", "\n            ") + "\n")
	config, problems := configs.Load([]string{file}, os.LookupEnv)
	if problems.Failed() {
		t.Fatal(problems)
	}
	if columns := config.Stream("inferred").Conversion().Schema.Columns; len(columns) != 3 || columns[2].Name != "no" {
		t.Errorf("columns %+v", columns)
	}
}

func TestExplainSchemaWaitsForTheFirstBatch(t *testing.T) {
	dir := t.TempDir()
	code, stdout, stderr := once(t, "dev", "--print-config", "--dir", dir)
	if code != 0 {
		t.Fatal(stderr)
	}
	file := filepath.Join(dir, "dev.yaml")
	if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	decide(t, filepath.Join(dir, "data"), "other", "")
	code, stdout, stderr = once(t, "explain", "--schema", "demo", "-c", file)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "its first batch decides them") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// decide makes a data directory with a stream, and a decision if there is one.
func decide(t *testing.T, data, stream, text string) {
	t.Helper()
	fsys, err := vfs.OS(data)
	if err != nil {
		t.Fatal(err)
	}
	d, err := buffer.OpenDir(fsys, buffer.DirOptions{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	l, err := d.OpenLog(stream, buffer.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if text == "" {
		return
	}
	if _, err := l.Decide("schema.json", func() ([]byte, error) { return []byte(text), nil }); err != nil {
		t.Fatal(err)
	}
}
