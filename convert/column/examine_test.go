package column_test

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
)

func addingColumns() column.Options {
	return column.Options{UnknownFields: column.AddColumn, Leave: func(_ []column.Field, name string) bool { return strings.HasPrefix(name, "left") }}
}

func TestRecordsWithFieldsThatAreToBeColumnsAreNoted(t *testing.T) {
	p := newParser(t, schemaOf(t, "a int", "s struct<b:int>", "l array<struct<b:int>>", "m map<string,struct<b:int>>"), addingColumns())
	records := []string{
		`{"a":1}`,
		`{"a":1,"x":[1]}`,
		`{"x":1,"a":"bad"}`,
		`{"a":2,"s":{"y":1}}`,
		`{"x":null}`,
		`{"left":1}`,
		`{"left` + strings.Repeat("t", 200) + `":1}`, // too long to be remembered
		`{"a":1}{"y":"z"}{"a":2}`,
		`{"x":null,"y":0}`,
		`{"y":`,
		`{"s":{"b":1},"l":[{"b":1},{"left":1}],"m":{"x":{"b":1,"y":null}}}`,
		`{"l":[{"b":1},{"y":{}}]}`,
		`{"m":{"x":{"b":1},"z":{"b":2,"y":3}}}`,
	}
	var b column.Batch
	for range 2 { // the second time the keys are known
		c := chunkOf(records...)
		p.Parse(c, allRows(c), &b)
		if diff := cmp.Diff([]int{1, 3, 7, 8, 11, 12}, b.New); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	}
}

func TestExamine(t *testing.T) {
	s := schemaOf(t, "a int", "l array<struct<x:int,y:array<date>>>", "m map<int,double>", "r int not null")
	p := newParser(t, s, addingColumns())
	for _, tt := range []struct {
		record string
		want   column.Finding
	}{
		{`{"r":1}`, column.Finding{Fits: true}},
		{`{"r":1,"new":1}`, column.Finding{Fits: true, New: true}},
		{`{"a":1}`, column.Finding{}},
		{`{"a":null,"l":[{"y":[}`, column.Finding{}},
		{`{"a":1.5,"l":`, column.Finding{}},
		{`7`, column.Finding{}},
		{``, column.Finding{}},
		{`{"a": 1.5 ,"r":1}`, column.Finding{Path: []int{0}, Value: []byte(`1.5`)}},
		{`{"new":1,"a":"x\"y"}`, column.Finding{Path: []int{0}, Value: []byte(`"x\"y"`)}},
		{`{"r":1}{"a":{"b":[]}}`, column.Finding{Path: []int{0}, Value: []byte(`{"b":[]}`)}},
		{`{"l":[{"x":1},{"x":true}]}`, column.Finding{Path: []int{1, 0, 0}, Value: []byte(`true`)}},
		{`{"l":[{"y":["2026-11-23","x"]}]}`, column.Finding{Path: []int{1, 0, 1, 0}, Value: []byte(`"x"`)}},
		{`{"m":{"1":2,"k":3}}`, column.Finding{Path: []int{2, 0}, Value: []byte(`"k"`)}},
		{`{"m":{"1":"x"}}`, column.Finding{Path: []int{2, 1}, Value: []byte(`"x"`)}},
		{`{"m":1}`, column.Finding{Path: []int{2}, Value: []byte(`1`)}},
	} {
		if diff := cmp.Diff(tt.want, p.Examine([]byte(tt.record))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.record, diff)
		}
	}
}

// discard is a file of any columns.
type discard struct{}

func (discard) Validate() error                                        { return nil }
func (discard) Limits() column.Limits                                  { return column.Limits{Bytes: 1 << 20} }
func (discard) Extension() string                                      { return "" }
func (discard) NewFile(io.Writer, *column.Schema) (column.File, error) { return discard{}, nil }
func (discard) NewGroup() column.Group                                 { return discard{} }
func (discard) Append(column.Group) error                              { return nil }
func (discard) Close() error                                           { return nil }
func (discard) Buffered() int64                                        { return 0 }
func (discard) Write(*column.Batch) error                              { return nil }

func TestRecordsThatColumnsDoNotHoldAreWatched(t *testing.T) {
	parsers, err := column.NewParsers(schemaOf(t, "a int"), addingColumns())
	if err != nil {
		t.Fatal(err)
	}
	var watched []string
	f := column.Format{Parsers: parsers, Output: discard{}, Watch: func(record []byte) { watched = append(watched, string(record)) }}
	e, err := f.NewEncoder(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c := chunkOf(`{"a":1}`, `{"a":"x"}`, `{"a":1,"new":1}`, `{"a":2}`, `{`)
	for _, rows := range [][]int{{0, 1, 2}, {3, 4}} {
		if err := e.Append(c, rows); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{`{"a":"x"}`, `{"a":1,"new":1}`, `{`}, watched); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
