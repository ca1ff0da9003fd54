package schema

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesAreKnownByNameOrContent(t *testing.T) {
	avro := record(`"int"`)
	for _, c := range []struct{ file, text, kind string }{
		{"a.avsc", avro, "Avro schema"},
		{"a.json", avro, "Avro schema"},
		{"a", avro, "Avro schema"},
		{"a.json", property(`{}`), "JSON Schema"},
		{"a.txt", " \n" + property(`{}`), "JSON Schema"},
		{"a.schema", `{"$ref":"#/a","a":{"properties":{"x":{}}}}`, "JSON Schema"},
		{"a.json", `{"properties":{"fields":{"type":"string"}}}`, "JSON Schema"},
		{"a.sql", "x int", "Hive DDL"},
		{"a", "x int", "Hive DDL"},
		{"a.json", `{"Table":{"StorageDescriptor":{"Columns":[{"Name":"x","Type":"int"}]}}}`, "Glue table"},
		{"schema.json", `{"version":1,"columns":[{"name":"x","type":"int"}]}`, "list of columns"},
		{"a.json", `{"properties":{"columns":{"type":"array"}}}`, "JSON Schema"},
		{"a.sql", string(parquetFile(t, leaf("x", 1, 1))), "Parquet file"},
	} {
		name := filepath.Join(t.TempDir(), c.file)
		if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if f.Kind != c.kind || f.Schema.Columns[0].Name == "" {
			t.Errorf("%s with %.40q is a %s, want a %s", c.file, c.text, f.Kind, c.kind)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadFile(filepath.Join(dir, "missing.avsc")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that says the file is not there", err)
	}
	if _, err := ReadFile(dir); err == nil || !strings.Contains(err.Error(), "it is not a file (name an Avro schema") {
		t.Errorf("got %v", err)
	}
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxText+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(large); err == nil || !strings.Contains(err.Error(), "8388609 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestDecidedColumnsCanBeNamedAsAFile(t *testing.T) {
	want := columns(t, "id:bigint not null,pos:struct<lat:double not null,`<x>`:string>")
	text, err := (&Decided{Schema: want, From: Origin{Records: 7}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("schema.json", text)
	if err != nil {
		t.Fatal(err)
	}
	if !sameColumns(want, f.Schema) {
		t.Errorf("got %s, want %s", row(f.Schema), row(want))
	}
}

func TestTablesOfGlue(t *testing.T) {
	table := func(columns string) string {
		return `{"Table":{"Name":"clicks","StorageDescriptor":{"Columns":[` + columns + `],"Location":"s3://b/"},"PartitionKeys":[{"Name":"dt","Type":"string"}]}}`
	}
	runReadings(t, "glue.json", []reading{
		{"get-table", table(`{"Name":"id","Type":"bigint","Comment":"c"},{"Name":"tags","Type":"array<struct<a:int>>"}`), "id:bigint,tags:array<struct<a:int>>", ""},
		{"get-table-version", `{"TableVersion":{"VersionId":"3","Table":{"StorageDescriptor":{"Columns":[{"Name":"id","Type":"bigint"}]}}}}`, "id:bigint", ""},
		{"the descriptor alone", `{"Columns":[{"Name":"id","Type":"bigint"}]}`, "id:bigint", ""},
		{"a set", table("\n" + `{"Name":"id","Type":"array<set<int>>"}`), "",
			`:2:28: column "id": set is a type of Glue and not of Hive, and Firehose fails on it: write array<...>`},
		{"no type", table(`{"Name":"id"}`), "", `:1:59: column "id" has no Type`},
		{"no name", table(`{"Type":"int"}`), "", ":1:59: the name is empty (" + nameHint + ")"},
		{"twice", table(`{"Name":"a","Type":"int"},{"Name":"A","Type":"int"}`), "",
			`:1:85: the name "A" is there twice (rename or remove one; letter case makes no difference between names)`},
		{"no columns", table(``), "", ": there are no columns (correct the file, or describe the columns another way)"},
	})
}
