package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
)

func TestEvolution(t *testing.T) {
	const ignore, add = column.Ignore, column.AddColumn
	for _, c := range []struct {
		name    string
		columns string
		widen   Widening
		unknown column.UnknownFields
		records string // one a line
		want    string
		changes []string
	}{
		{"nothing is allowed", "a:bigint", WidenNothing, ignore, `{"a":1.5,"b":1}`, "a:bigint", nil},
		{"not JSON", "a:bigint", WidenToString, add, "{\"a\":1.5\n\n[1]", "a:bigint", nil},
		{"too little", "a:bigint not null,b:bigint", WidenToString, add, `{"b":1.5,"c":1}`, "a:bigint not null,b:bigint", nil},

		{"a fraction", "a:bigint", WidenNumbers, ignore, `{"a":1.5}`, "a:double", []string{"a was bigint and is double"}},
		{"a fraction as text", "a:bigint", WidenNumbers, ignore, `{"a":"1.5"}`, "a:double", []string{"a was bigint and is double"}},
		{"an exponent", "a:bigint", WidenNumbers, ignore, `{"a":1e30}`, "a:double", []string{"a was bigint and is double"}},
		{"small integers", "a:int,b:tinyint,c:smallint,d:int", WidenNumbers, ignore, `{"a":3000000000,"b":-129,"c":"32768","d":7}`, "a:bigint,b:bigint,c:bigint,d:int",
			[]string{"a was int and is bigint", "b was tinyint and is bigint", "c was smallint and is bigint"}},
		{"a float", "a:float", WidenNumbers, ignore, `{"a":1e300}`, "a:double", []string{"a was float and is double"}},
		{"more than 64 bits", "a:bigint,b:int", WidenNumbers, ignore, "{\"a\":9223372036854775808}\n{\"b\":9223372036854775808}", "a:bigint,b:int", nil},
		{"more than 64 bits as string", "a:bigint", WidenToString, ignore, `{"a":9223372036854775808}`, "a:string", []string{"a was bigint and is string"}},
		{"more than a double", "a:double,b:bigint", WidenNumbers, ignore, "{\"a\":1e400}\n{\"b\":1e400}", "a:double,b:bigint", nil},
		{"more than a double as string", "a:double", WidenToString, ignore, `{"a":1e400}`, "a:string", []string{"a was double and is string"}},
		{"no number", "a:bigint", WidenNumbers, ignore, `{"a":"x"}`, "a:bigint", nil},
		{"words that Go takes for numbers", "a:bigint", WidenNumbers, ignore, "{\"a\":\"inf\"}\n{\"a\":\"0x1p4\"}\n{\"a\":\"NaN\"}", "a:bigint", nil},
		{"step by step", "a:bigint", WidenToString, ignore, "{\"a\":1.5}\n{\"a\":\"x\"}", "a:string", []string{"a was bigint and is string"}},
		{"other types", "a:boolean,b:date,c:timestamp,d:decimal(4,2),e:bigint", WidenNumbers, ignore,
			"{\"a\":1}\n{\"b\":\"x\"}\n{\"c\":\"x\"}\n{\"d\":1000}\n{\"e\":{}}", "a:boolean,b:date,c:timestamp,d:decimal(4,2),e:bigint", nil},
		{"other types as strings", "a:boolean,b:date,c:timestamp,d:decimal(4,2),e:bigint", WidenToString, ignore,
			`{"a":1,"b":"x","c":"x","d":1000,"e":{}}`, "a:string,b:string,c:string,d:string,e:string",
			[]string{"a was boolean and is string", "b was date and is string", "c was timestamp and is string", "d was decimal(4,2) and is string", "e was bigint and is string"}},
		{"never strings", "a:binary,b:struct<x:int>,c:map<string,int>", WidenToString, ignore, "{\"a\":1}\n{\"b\":1}\n{\"c\":1}", "a:binary,b:struct<x:int>,c:map<string,int>", nil},
		{"all or nothing", "a:bigint,b:binary", WidenToString, add, `{"a":1.5,"b":1,"c":1}`, "a:bigint,b:binary", nil},
		{"inside", "s:struct<a:bigint,l:array<struct<x:bigint>>>,m:map<string,bigint>", WidenNumbers, ignore, `{"s":{"a":1.5,"l":[{"x":1},{"x":0.5}]},"m":{"k":2.5}}`,
			"s:struct<a:double,l:array<struct<x:double>>>,m:map<string,double>",
			[]string{"s.a was bigint and is double", "s.l[].x was bigint and is double", "m{} was bigint and is double"}},
		{"keys", "m:map<int,int>", WidenNumbers, ignore, `{"m":{"3000000000":1}}`, "m:map<bigint,int>", []string{"m{key} was int and is bigint"}},
		{"several objects", "a:bigint,b:boolean", WidenToString, ignore, `{"a":1.5} {"b":2}`, "a:double,b:string", []string{"a was bigint and is double", "b was boolean and is string"}},

		{"new fields", "a:bigint", WidenNothing, add, "{\"b\":1,\"c\":[]}\n{\"a\":2,\"b\":0.5,\"c\":[\"x\"]}", "a:bigint,b:double,c:array<string>", []string{"b is new: double", "c is new: array<string>"}},
		{"new fields of several types", "a:bigint", WidenNothing, add, "{\"b\":1}\n{\"b\":\"x\"}", "a:bigint,b:string", []string{"b is new: string"}},
		{"null has no type", "a:bigint", WidenNothing, add, "{\"b\":null}\n{\"b\":null,\"c\":true}", "a:bigint,c:boolean", []string{"c is new: boolean"}},
		{"names that cannot be", "a:bigint,B:bigint", WidenNothing, add, "{\"x.y\":1,\"\":1,\"\\u0007\":1,\"b\":1}", "a:bigint,B:bigint", nil},
		{"new fields of structs", "s:struct<a:int>,t:struct<u:struct<v:int>>", WidenNothing, add, "{\"s\":{\"a\":1,\"b\":2}}\n{\"s\":{\"c\":{\"d\":true}},\"t\":{\"u\":{\"w\":1.5}},\"x\":{\"y\":1}}",
			"s:struct<a:int,b:bigint,c:struct<d:boolean>>,t:struct<u:struct<v:int,w:double>>,x:struct<y:bigint>",
			[]string{"s.b is new: bigint", "s.c is new: struct<d:boolean>", "t.u.w is new: double", "x is new: struct<y:bigint>"}},
		{"new fields of structs in lists and maps", "l:array<array<struct<a:int>>>,m:map<string,struct<a:int>>", WidenNothing, add,
			`{"l":[[{"a":1}],[{"b":2}]],"m":{"k":{"b":true},"q":{"c":"2026-11-23"}}}`,
			"l:array<array<struct<a:int,b:bigint>>>,m:map<string,struct<a:int,b:boolean,c:date>>",
			[]string{"l[][].b is new: bigint", "m{}.b is new: boolean", "m{}.c is new: date"}},
		{"fields that structs cannot have", "s:struct<a:int,B:int>", WidenNothing, add, `{"s":{"x.y":1,"":1,"b":1,"n":null,"o":{"p.q":1}}}`, "s:struct<a:int,B:int,o:map<string,bigint>>",
			[]string{"s.o is new: map<string,bigint>"}},
		{"fields of what is no struct any more", "s:string,m:map<string,bigint>", WidenNothing, add, `{"s":{"a":1},"m":{"b":1}}`, "s:string,m:map<string,bigint>", nil},
		{"wider and new, inside", "s:struct<a:bigint>", WidenNumbers, add, `{"s":{"a":1.5,"b":1}}`, "s:struct<a:double,b:bigint>", []string{"s.a was bigint and is double", "s.b is new: bigint"}},
		{"both", "a:bigint", WidenNumbers, add, `{"a":1.5,"b":true}`, "a:double,b:boolean", []string{"a was bigint and is double", "b is new: boolean"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := columns(t, c.columns)
			evolve := func(s *column.Schema) (*column.Schema, []string) {
				o := column.Options{UnknownFields: c.unknown, Leave: func(beside []column.Field, name string) bool { return !CanAdd(s, beside, name) }}
				e := NewEvolution(s, o, c.widen, NewInference(0))
				for record := range strings.SplitSeq(c.records, "\n") {
					e.Add([]byte(record))
				}
				to, changes := e.Schema()
				var said []string
				for _, change := range changes {
					said = append(said, change.String())
				}
				return to, said
			}
			got, said := evolve(from)
			if row(got) != "struct<"+c.want+">" {
				t.Errorf("got %s, want %s", row(got), c.want)
			}
			if diff := cmp.Diff(c.changes, said); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if !sameColumns(from, columns(t, c.columns)) {
				t.Errorf("the columns from before became %s", row(from))
			}
			if again, said := evolve(got); len(said) > 0 || !sameColumns(again, got) {
				t.Errorf("a second time: %s, %v", row(again), said)
			}
		})
	}
}

func TestColumnsGrowOnlySoFar(t *testing.T) {
	s := columns(t, "a:bigint")
	o := column.Options{UnknownFields: column.AddColumn, Leave: func(beside []column.Field, name string) bool { return !CanAdd(s, beside, name) }}
	e := NewEvolution(s, o, WidenNothing, NewInference(0))
	for i := range maxColumns + 10 {
		e.Add(fmt.Appendf(nil, `{"f%d":1}`, i))
	}
	to, changes := e.Schema()
	if len(to.Columns) != maxColumns || len(changes) != maxColumns-1 || !Full(to) || CanAdd(to, to.Columns, "more") {
		t.Errorf("%d columns after %d changes", len(to.Columns), len(changes))
	}
}

func TestStructsGrowOnlySoFar(t *testing.T) {
	s := columns(t, "a:bigint,s:struct<x:bigint>")
	o := column.Options{UnknownFields: column.AddColumn, Leave: func(beside []column.Field, name string) bool { return !CanAdd(s, beside, name) }}
	e := NewEvolution(s, o, WidenNothing, NewInference(0))
	for i := range 10 * maxKeys { // more than are remembered, too
		e.Add(fmt.Appendf(nil, `{"s":{"f%d":1}}`, i%(maxKeys-1)))
	}
	to, changes := e.Schema()
	if n := plainColumns(to.Columns); n != maxColumns || len(changes) != maxColumns-2 || !Full(to) || CanAdd(to, to.Columns[1].Type.Fields, "more") {
		t.Errorf("%d plain columns after %d changes", n, len(changes))
	}
}

func TestChangesAreCountedInTheDecision(t *testing.T) {
	inf := NewInference(0)
	inferred(t, inf, `{"a":1}`)
	first, err := inf.Decided()
	if err != nil {
		t.Fatal(err)
	}
	d := first.Next(columns(t, "a:double,b:date"), make([]Change, 2)).Next(columns(t, "a:string,b:date"), make([]Change, 1))
	text, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got); diff != "" || got.From.String() != "inferred from 1 records; changes since: 3" || first.From.Changes != 0 {
		t.Errorf("%s\n%s", got.From, diff)
	}
}

func TestWideningIsAWord(t *testing.T) {
	for want, word := range wideningWords {
		var w Widening
		if err := w.UnmarshalText([]byte(word)); err != nil || int(w) != want || w.String() != word {
			t.Errorf("%s is %v, %v", word, w, err)
		}
	}
	w := WidenNumbers
	if err := w.UnmarshalText([]byte("all")); err == nil || w != WidenNumbers {
		t.Errorf("all is %v, %v", w, err)
	}
}
