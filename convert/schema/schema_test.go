package schema

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// row writes a schema as the type of a row, for comparisons.
func row(s *column.Schema) string {
	if s == nil {
		return "none"
	}
	return s.Root().String()
}

// columns makes a schema from the type of a row.
func columns(t testing.TB, text string) *column.Schema {
	t.Helper()
	r, err := column.ParseType("struct<" + text + ">")
	if err != nil {
		t.Fatal(err)
	}
	return &column.Schema{Columns: r.Fields}
}

func TestFromColumnsTakesWhatColumnsWrites(t *testing.T) {
	for seed := range uint64(100) {
		want := columntest.Schema(rand.New(rand.NewPCG(seed, 1)), 8)
		got, err := FromColumns(Columns(want))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(want, got); diff != "" || !sameColumns(want, got) {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestFromColumnsReportsEverythingAtItsPlace(t *testing.T) {
	_, err := FromColumns([]Column{
		{Name: "id", Type: "bigint"},
		{Name: "", Type: "int"},
		{Name: "ID", Type: "int"},
		{Name: "tags", Type: "set<string>"},
		{Name: "a.b", Type: "string"},
		{Name: "x", Type: "array<struct<a:int,A:int>>"},
		{Name: "u", Type: "array<uniontype<int,string>>"},
		{Name: "missing"},
		{Name: strings.Repeat("n", 256), Type: "int"},
		{Name: "s", Type: "struct<`a.b`:int>"},
		{Name: "line\n", Type: "int"},
		{Name: "\xff", Type: "int"},
	})
	var got []string
	for _, e := range field.Errors(err) {
		got = append(got, e.Path+": "+e.Text)
		if e.Path == "columns[6].type" && e.Offset != 6 {
			t.Errorf("%v is at %d of the type, want 6", e, e.Offset)
		}
	}
	const dotted = `has a dot, which Hive takes for the way into a struct; call it a_b: convert_dots_in_json_keys_to_underscores fills it`
	want := []string{
		`columns[1].name: the name is empty`,
		`columns[2].name: the name "ID" is there twice`,
		`columns[3].type: type "set<string>", character 1: set is a type of Glue and not of Hive, and Firehose fails on it: write array<...>`,
		`columns[4].name: the name "a.b" ` + dotted,
		`columns[5].type: type "array<struct<a:int,A:int>>", character 1: the name "A" is there twice`,
		`columns[6].type: type "array<uniontype<int,string>>", character 7: Firehose cannot convert to uniontype: choose one of its types, or string, which takes any value as JSON text`,
		`columns[7].type: type "", character 1: the type is missing`,
		`columns[8].name: the name "nnnnnnnnnnnnnnnnnnnn"... has 256 bytes, at most 255 are allowed`,
		"columns[9].type: type \"struct<`a.b`:int>\", character 1: the name \"a.b\" " + dotted,
		`columns[10].name: the name "line\n" has a control character`,
		`columns[11].name: the name "\xff" is not valid UTF-8`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestATableNeedsAColumn(t *testing.T) {
	_, err := FromColumns(nil)
	if bad := (*field.Error)(nil); !errors.As(err, &bad) || bad.Path != "columns" || bad.Hint == "" {
		t.Errorf("got %v, want an error at columns with a hint", err)
	}
}

func TestTypesFromElsewhereAreExplained(t *testing.T) {
	for _, f := range foreignTypes {
		_, err := parseType("array< " + strings.ToUpper(f.word) + ">")
		bad := (*column.TypeError)(nil)
		if !errors.As(err, &bad) || bad.Reason != f.reason || bad.Offset != 7 {
			t.Errorf("%s: %v", f.word, err)
		}
	}
}

func TestOrderAndRequiredMakeADifference(t *testing.T) {
	a := columns(t, "a:int,b:array<int>")
	for _, other := range []string{"b:array<int>,a:int", "a:int not null,b:array<int>", "a:int,b:array<int not null>", "a:int", "A:int,b:array<int>"} {
		if sameColumns(a, columns(t, other)) {
			t.Errorf("%s equals %s", row(a), other)
		}
	}
}
