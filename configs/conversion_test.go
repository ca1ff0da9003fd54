package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

const converted = `
streams:
  clicks:
    source: {direct_put: {}}
    destination:
      s3:
        bucket: lake
        data_format_conversion:
          output_format: {parquet: {compression: zstd}}
          schema: %s
`

func withSchema(schema string) string { return strings.Replace(converted, "%s", schema, 1) }

func TestConversionKeepsItsDefaults(t *testing.T) {
	d := mustParse(t, withSchema("{infer: {}}")).Stream("clicks").Destination.Config.(*s3.Config)
	c := d.Conversion()
	if !c.Enabled || !c.InputFormat.JSON.CaseInsensitive || c.Schema.Infer.Sample != 10_000 {
		t.Errorf("conversion = %+v", c)
	}
	if size, _ := d.Hints(); size != 64<<20 {
		t.Errorf("buffering size %d, want 64 MiB where nothing is written", size)
	}
	want := parquet.Default().(*parquet.Config)
	want.Compression = parquet.ZSTD
	if !reflect.DeepEqual(c.Output, want) {
		t.Errorf("output %+v, want %+v", c.Output, want)
	}
	d = mustParse(t, withSchema("{infer: }")).Stream("clicks").Destination.Config.(*s3.Config)
	if d.Conversion().Schema.Infer == nil {
		t.Error("infer: without a value counts for nothing")
	}
	d = mustParse(t, withSchema("{infer: {}}\n          enabled: false")).Stream("clicks").Destination.Config.(*s3.Config)
	if size, _ := d.Hints(); d.Conversion().Enabled || size != 5<<20 {
		t.Errorf("disabled: buffering size %d, conversion %+v", size, d.Conversion())
	}
}

func TestOneMistakeInTheSchemaIsSaidOnce(t *testing.T) {
	for schema, want := range map[string]string{
		"{infer: true}": "wrong-type", "infer": "wrong-type", "{colums: []}": "unknown-field", "{columns: {a: int}}": "wrong-type",
		"{}": "missing-field", "{file: nope.avsc}": "invalid-value",
	} {
		_, problems := parse(t, withSchema(schema))
		if diff := cmp.Diff([]string{want}, ids(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%v", schema, diff, problems)
		}
	}
}

func TestSmallFilesOfColumnsAreWarnedOf(t *testing.T) {
	for hints, want := range map[string][]string{
		"{size: 1MiB, interval: 60s}":  {"small-objects"},
		"{size: 64MiB, interval: 60s}": nil,
		"{interval: 60s}":              nil,
	} {
		text := strings.Replace(withSchema("{infer: {}}"), "bucket: lake", "bucket: lake\n        buffering_hints: "+hints, 1)
		_, problems := parse(t, text)
		if diff := cmp.Diff(want, ids(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", hints, diff)
		}
	}
}

// Work that was begun ends under the columns of then, whatever the file says
// by now; and other columns are another configuration.
func TestSnapshotHoldsTheColumnsOfTheFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "columns.sql")
	load := func(columns string) *Stream {
		t.Helper()
		if err := os.WriteFile(file, []byte(columns), 0o644); err != nil {
			t.Fatal(err)
		}
		c, problems := Parse("test.yaml", dir, []byte(withSchema("{file: columns.sql}")), environment)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		return c.Stream("clicks")
	}
	first := load("id bigint, price decimal(12,2)")
	if again := load("id  bigint,\nprice decimal(12,2)"); again.Hash != first.Hash || !again.Equal(first) {
		t.Error("the layout of the file makes another configuration")
	}
	if second := load("id bigint"); second.Hash == first.Hash {
		t.Error("other columns make the same configuration")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	old, err := LoadSnapshot(first.Snapshot, environment)
	if err != nil {
		t.Fatalf("%v\n%s", err, first.Snapshot)
	}
	var columns []string
	for _, c := range old.Destination.Config.(*s3.Config).Conversion().Schema.Columns {
		columns = append(columns, c.Name+" "+c.Type)
	}
	if diff := cmp.Diff([]string{"id bigint", "price decimal(12,2)"}, columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func TestEffectiveConversionIsAConfiguration(t *testing.T) {
	for _, schema := range []string{
		"{infer: {sample: 7}, on_unknown_field: extra_column}",
		"{infer: {}, on_unknown_field: add_column, widen: strings}",
		"{columns: [{name: id, type: bigint, required: true}]}",
	} {
		c := mustParse(t, withSchema(schema))
		first, err := Effective(c)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := Parse("effective.yaml", ".", first, environment)
		if err := problems.Err(); err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		second, err := Effective(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(first), string(second)); diff != "" || !strings.Contains(string(first), "compression: ZSTD") {
			t.Errorf("effective of effective differs:\n%s\n%s", diff, first)
		}
	}
}
