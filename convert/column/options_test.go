package column_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
)

func TestKeysAreMatchedByTheOptions(t *testing.T) {
	for _, tt := range []struct {
		columns string
		options column.Options
		record  string
		want    map[string]any
	}{
		{"a int", column.Options{}, `{"a":1,"A":2}`, map[string]any{"a": int64(1)}},
		{"a int", column.Options{CaseInsensitive: true}, `{"A":2}`, map[string]any{"a": int64(2)}},
		{"a int", column.Options{CaseInsensitive: true}, `{"a":1,"A":2}`, map[string]any{"a": int64(2)}},
		{"UserID int", column.Options{CaseInsensitive: true}, `{"userid":2}`, map[string]any{"UserID": int64(2)}},
		{"ÄRGER int", column.Options{CaseInsensitive: true}, `{"ärger":2}`, map[string]any{"ÄRGER": int64(2)}},
		{"a struct<b:int>", column.Options{CaseInsensitive: true}, `{"A":{"B":2}}`, map[string]any{"a": map[string]any{"b": int64(2)}}},
		{"a_b int", column.Options{}, `{"a.b":1}`, map[string]any{}},
		{"a_b int", column.Options{DotsToUnderscores: true}, `{"a.b":1}`, map[string]any{"a_b": int64(1)}},
		{"s struct<a_b:int>", column.Options{DotsToUnderscores: true, CaseInsensitive: true}, `{"S":{"A.b":1}}`, map[string]any{"s": map[string]any{"a_b": int64(1)}}},
		{"ts int", column.Options{Keys: map[string]string{"ts": "timestamp"}}, `{"timestamp":1,"ts":2}`, map[string]any{"ts": int64(1)}},
		{"a int|b int", column.Options{Keys: map[string]string{"a": "b", "b": "a"}}, `{"a":1,"b":2}`, map[string]any{"a": int64(2), "b": int64(1)}},
		{"ts int", column.Options{CaseInsensitive: true, Keys: map[string]string{"TS": "TimeStamp"}}, `{"timestamp":1}`, map[string]any{"ts": int64(1)}},
		{"a int", column.Options{}, `{"\u0061":1}`, map[string]any{"a": int64(1)}},
		{"a int", column.Options{CaseInsensitive: true}, `{"\u0041":1}`, map[string]any{"a": int64(1)}},
		{"a_key_longer_than_16_bytes int", column.Options{}, `{"a_key_longer_than_17_bytes":2,"a_key_longer_than_16_bytes":1}`, map[string]any{"a_key_longer_than_16_bytes": int64(1)}},
	} {
		s := schemaOf(t, strings.Split(tt.columns, "|")...)
		// Twice, as the second time the keys are predicted.
		rows, failures := parse(t, s, tt.options, tt.record, tt.record, strings.ReplaceAll(tt.record, ":", " : "), tt.record)
		if diff := cmp.Diff([]map[string]any{tt.want, tt.want, tt.want, tt.want}, rows); diff != "" || failures != nil {
			t.Errorf("%s, %+v, %s: %v\n%s", tt.columns, tt.options, tt.record, failures, diff)
		}
	}
}

func TestKeysOfMapsAreData(t *testing.T) {
	rows, _ := parse(t, schemaOf(t, "m map<string,int>"), column.Options{CaseInsensitive: true, DotsToUnderscores: true}, `{"M":{"A.b":1,"a_b":2}}`)
	if diff := cmp.Diff([]map[string]any{{"m": pairs("A.b", int64(1), "a_b", int64(2))}}, rows); diff != "" {
		t.Error(diff)
	}
}

func TestNewParserRefusesWhatDoesNotFit(t *testing.T) {
	for _, tt := range []struct {
		columns string
		options column.Options
		want    string
	}{
		{"a int|A int", column.Options{CaseInsensitive: true}, `columns a and A both have the key "a"`},
		{"a struct<b:int,B:int>", column.Options{CaseInsensitive: true}, `columns a.b and a.B both have the key "b"`},
		{"a.b int|a_b int", column.Options{DotsToUnderscores: true}, `columns a.b and a_b both have the key "a_b"`},
		{"a int|b int", column.Options{Keys: map[string]string{"a": "b"}}, `columns a and b both have the key "b"`},
		{"a int", column.Options{Keys: map[string]string{"b": "c"}}, "keys are given for columns that are not in the schema: b"},
		{"a int", column.Options{UnknownFields: column.ToExtraColumn, ExtraColumn: "x"}, `column "x" for unknown fields is not in the schema`},
		{"x int", column.Options{UnknownFields: column.ToExtraColumn, ExtraColumn: "x"}, "column x cannot take unknown fields"},
		{"x string not null", column.Options{UnknownFields: column.ToExtraColumn, ExtraColumn: "x"}, "column x cannot take unknown fields"},
	} {
		_, err := column.NewParsers(schemaOf(t, strings.Split(tt.columns, "|")...), tt.options)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, %+v: %v, want %s", tt.columns, tt.options, err, tt.want)
		}
	}
	if _, err := column.NewParsers(schemaOf(t, "a int", "A int"), column.Options{}); err != nil {
		t.Error(err)
	}
}

func TestUnknownFieldsGoToTheExtraColumn(t *testing.T) {
	s := schemaOf(t, "a int", "rest string", "s struct<b:int>")
	o := column.Options{UnknownFields: column.ToExtraColumn, ExtraColumn: "rest"}
	rows, failures := parse(t, s, o,
		`{"a":1}`,
		`{"x" : [1, {"y":2}] ,"a":1,"z":"\u00e9"}{"a":2}{"q":null}`,
		`{"rest":"taken"}`,
		`{"x":1,"a":"bad"}`,
		`{"s":{"c":1}}`,
	)
	want := []map[string]any{
		{"a": int64(1)},
		{"a": int64(1), "rest": `{"x":[1, {"y":2}],"z":"\u00e9"}`},
		{"a": int64(2)},
		{"rest": `{"q":null}`},
		{"rest": `{"rest":"taken"}`},
		{"s": map[string]any{}},
	}
	if diff := cmp.Diff(want, rows); diff != "" || len(failures) != 1 {
		t.Errorf("%v\n%s", failures, diff)
	}
}

func TestUnknownFieldsFailTheRecord(t *testing.T) {
	s := schemaOf(t, "a int", "s struct<b:int>")
	rows, failures := parse(t, s, column.Options{UnknownFields: column.DeadLetter}, `{"a":1}`, `{"a":1,"x":2}`, `{"s":{"c":1}}`, `{"x":`)
	want := []string{`DataFormatConversion.MalformedData: Data does not match the schema: field "x" is no column of the table`,
		"DataFormatConversion.ParseError: Encountered malformed JSON: unexpected end at byte 5"}
	if diff := cmp.Diff(want, failures); diff != "" || len(rows) != 2 {
		t.Errorf("%v\n%s", rows, diff)
	}
}

func TestUnknownFieldsHaveNames(t *testing.T) {
	var u column.UnknownFields
	for i, name := range u.Values() {
		if err := u.UnmarshalText([]byte(strings.ToUpper(name))); err != nil || u != column.UnknownFields(i) || u.String() != name {
			t.Errorf("%s: %v %v", name, u, err)
		}
	}
	if err := u.UnmarshalText([]byte("keep")); err == nil || !strings.Contains(err.Error(), `"keep" is no way`) {
		t.Error(err)
	}
}

func TestRequiredColumns(t *testing.T) {
	s := schemaOf(t, "a int not null", "b int")
	rows, failures := parse(t, s, column.Options{}, `{"a":1}`, `{"b":1}`, `{"a":null}`, `{"a":1,"a":null}`, `{"a":1}{"b":2}`, `{"a":2,"b":2}`)
	if len(rows) != 2 || len(failures) != 4 {
		t.Fatal(rows, failures)
	}
	for _, f := range failures {
		if f != "DataFormatConversion.MalformedData: Data does not match the schema: column a is required, but missing or null" {
			t.Error(f)
		}
	}
}

// TestMemoryIsBoundedWhenKeysNeverRepeat parses more keys than are remembered.
func TestMemoryIsBoundedWhenKeysNeverRepeat(t *testing.T) {
	s := schemaOf(t, "a int")
	p := newParser(t, s, column.Options{CaseInsensitive: true})
	var b column.Batch
	number := 0
	record := func() string {
		number++
		return fmt.Sprintf(`{"k%d":1,"a":%d,"%s":2}`, number, number, strings.Repeat("long", 50))
	}
	for range 3000 {
		c := chunkOf(record())
		p.Parse(c, []int{0}, &b)
		if b.Rows() != 1 || b.Root.Children[0].Values[0] != uint64(number) {
			t.Fatal(c.Failure(0))
		}
	}
	var records []string
	for range 100 {
		records = append(records, record())
	}
	c := chunkOf(records...)
	rows := allRows(c)
	p.Parse(c, rows, &b)
	if n := testing.AllocsPerRun(5, func() { p.Parse(c, rows, &b) }); n != 0 {
		t.Errorf("%v allocations for 100 records", n)
	}
}
