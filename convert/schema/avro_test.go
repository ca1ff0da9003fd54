package schema

import (
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// reading is a text and what comes of it: the type of a row, or an error.
type reading struct{ name, text, want, err string }

func runReadings(t *testing.T, file string, cases []reading) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse(file, []byte(c.text))
			if c.err != "" {
				if err == nil {
					t.Fatalf("%s\nis %s, want the error %s", c.text, row(f.Schema), c.err)
				}
				if got := strings.TrimPrefix(err.Error(), "read columns from "+file); got != c.err {
					t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", c.text, err)
			}
			if got := row(f.Schema); got != "struct<"+c.want+">" {
				t.Errorf("%s\ngot  %s\nwant struct<%s>", c.text, got, c.want)
			}
		})
	}
}

// record is an Avro record of one field x.
func record(typ string) string {
	return `{"type":"record","name":"r","fields":[{"name":"x","type":` + typ + `}]}`
}

func TestAvroSchemas(t *testing.T) {
	runReadings(t, "t.avsc", []reading{
		{"boolean", record(`"boolean"`), "x:boolean not null", ""},
		{"int", record(`"int"`), "x:int not null", ""},
		{"long", record(`"long"`), "x:bigint not null", ""},
		{"float", record(`"float"`), "x:float not null", ""},
		{"double", record(`"double"`), "x:double not null", ""},
		{"bytes", record(`"bytes"`), "x:binary not null", ""},
		{"string", record(`"string"`), "x:string not null", ""},
		{"null alone", record(`"null"`), "x:string", ""},
		{"optional", record(`["null","long"]`), "x:bigint", ""},
		{"null may come last", record(`["long","null"]`), "x:bigint", ""},
		{"union of one", record(`["long"]`), "x:bigint not null", ""},
		{"union of null", record(`["null"]`), "x:string", ""},
		{"type in a type", record(`{"type":{"type":"int"}}`), "x:int not null", ""},
		{"what has a default may be missing", `{"type":"record","name":"r","fields":[{"name":"x","type":"int","default":0}]}`, "x:int", ""},

		{"date", record(`{"type":"int","logicalType":"date"}`), "x:date not null", ""},
		{"time-millis stays a number", record(`{"type":"int","logicalType":"time-millis"}`), "x:int not null", ""},
		{"time-micros stays a number", record(`{"type":"long","logicalType":"time-micros"}`), "x:bigint not null", ""},
		{"timestamp-millis", record(`["null",{"type":"long","logicalType":"timestamp-millis"}]`), "x:timestamp", ""},
		{"timestamp-micros", record(`{"type":"long","logicalType":"timestamp-micros"}`), "x:timestamp not null", ""},
		{"timestamp-nanos", record(`{"type":"long","logicalType":"timestamp-nanos"}`), "x:timestamp not null", ""},
		{"local-timestamp-millis", record(`{"type":"long","logicalType":"local-timestamp-millis"}`), "x:timestamp not null", ""},
		{"local-timestamp-micros", record(`{"type":"long","logicalType":"local-timestamp-micros"}`), "x:timestamp not null", ""},
		{"uuid", record(`{"type":"string","logicalType":"uuid"}`), "x:string not null", ""},
		{"uuid of bytes", record(`{"type":"fixed","name":"u","size":16,"logicalType":"uuid"}`), "x:string not null", ""},
		{"duration", record(`{"type":"fixed","name":"d","size":12,"logicalType":"duration"}`), "x:binary not null", ""},
		{"unknown logical type", record(`{"type":"long","logicalType":"parsec"}`), "x:bigint not null", ""},
		{"logical type of another type", record(`{"type":"string","logicalType":"date"}`), "x:string not null", ""},
		{"logical type beside the type", `{"type":"record","name":"r","fields":[{"name":"x","type":"long","logicalType":"timestamp-millis"}]}`, "x:timestamp not null", ""},
		{"decimal", record(`{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`), "x:decimal(10,2) not null", ""},
		{"decimal without scale", record(`{"type":"bytes","logicalType":"decimal","precision":38}`), "x:decimal(38,0) not null", ""},
		{"fixed decimal", record(`{"type":"fixed","name":"m","size":5,"logicalType":"decimal","precision":11,"scale":3}`), "x:decimal(11,3) not null", ""},
		{"decimal beyond its bytes", record(`{"type":"fixed","name":"m","size":5,"logicalType":"decimal","precision":12}`), "", ":1:58: 5 bytes do not hold a decimal of 12 digits (make the fixed larger)"},
		{"decimal too long", record(`{"type":"bytes","logicalType":"decimal","precision":39}`), "", ":1:58: the precision of a decimal must be from 1 to 38"},
		{"decimal without precision", record(`{"type":"bytes","logicalType":"decimal"}`), "", ":1:58: the precision of a decimal must be from 1 to 38"},
		{"scale beyond precision", record(`{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}`), "", ":1:120: the scale of a decimal must be from 0 to its precision, which is 2"},

		{"enum", record(`{"type":"enum","name":"e","symbols":["A"]}`), "x:string not null", ""},
		{"fixed", record(`{"type":"fixed","name":"f","size":4}`), "x:binary not null", ""},
		{"array", record(`{"type":"array","items":"int"}`), "x:array<int not null> not null", ""},
		{"array with nulls", record(`{"type":"array","items":["null","int"]}`), "x:array<int> not null", ""},
		{"map", record(`{"type":"map","values":["null",{"type":"array","items":"string"}]}`), "x:map<string,array<string not null>> not null", ""},
		{"record", record(`["null",{"type":"record","name":"s","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","string"]}]}]`), "x:struct<a:int not null,b:string>", ""},

		{"named type", `{"type":"record","name":"r","namespace":"n","fields":[
			{"name":"x","type":{"type":"record","name":"p","fields":[{"name":"lat","type":"double"}]}},
			{"name":"y","type":["null","p"]},{"name":"z","type":"n.p"}]}`,
			"x:struct<lat:double not null> not null,y:struct<lat:double not null>,z:struct<lat:double not null> not null", ""},
		{"namespaces", `{"type":"record","name":"n.r","fields":[
			{"name":"x","type":{"type":"fixed","name":"m.f","size":1}},
			{"name":"y","type":{"type":"record","name":"q","namespace":"m","fields":[{"name":"a","type":"f"}]}},
			{"name":"z","type":"m.q"}]}`,
			"x:binary not null,y:struct<a:binary not null> not null,z:struct<a:binary not null> not null", ""},
		{"unknown name", record(`"f"`), "", `:1:58: type "f" is not known (a named type is defined before it is used, with its namespace)`},
		{"other namespace", `{"type":"record","name":"n.r","fields":[{"name":"x","type":{"type":"fixed","name":"m.f","size":1}},{"name":"y","type":"f"}]}`, "",
			`:1:119: type "f" is not known (a named type is defined before it is used, with its namespace)`},
		{"defined twice", `{"type":"record","name":"r","fields":[{"name":"x","type":{"type":"fixed","name":"f","size":1}},
			{"name":"y","type":{"type":"fixed","name":"f","size":2}}]}`, "", `:2:23: type "f" is defined twice (name one of them otherwise)`},
		{"recursion", `{"type":"record","name":"r","fields":[{"name":"x","type":["null",{"type":"array","items":"r"}]}]}`, "",
			`:1:90: type "r" contains itself (a table cannot hold it; make the field a string: it takes any value as JSON text)`},

		{"union of several", "{\"type\":\"record\",\"name\":\"r\",\"fields\":[\n  {\"name\":\"ä\",\"type\":[\"null\",\"int\",\"string\"]}]}", "",
			`:2:22: a union of 2 types cannot be a column (keep one type beside null; a string takes any value as JSON text)`},
		{"empty union", record(`[]`), "", `:1:58: a union of 0 types cannot be a column (keep one type beside null; a string takes any value as JSON text)`},
		{"not a record", `{"type":"array","items":"int"}`, "", `:1:1: the Avro schema describes array<int not null> and no record (the fields of a record become the columns of the table)`},
		{"a name alone", `"string"`, "", `:1:1: the Avro schema describes string and no record (the fields of a record become the columns of the table)`},
		{"no fields", `{"type":"record","name":"r"}`, "", `:1:1: the record "r" has no fields (a struct needs at least one field)`},
		{"no type", `{"type":"record","name":"r","fields":[{"name":"x"}]}`, "", `:1:39: the field "x" has no type`},
		{"a number for a type", record(`1`), "", `:1:58: a type cannot be "1" (write a name, an object or a union)`},
		{"no items", record(`{"type":"array"}`), "", `:1:58: the array has no member named items`},
		{"no size", record(`{"type":"fixed","name":"f"}`), "", `:1:58: the fixed "f" has no size`},
		{"no name", record(`{"type":"fixed","size":1}`), "", `:1:58: the fixed has no name`},
		{"names that differ in case", `{"type":"record","name":"r","fields":[{"name":"x","type":"int"},{"name":"X","type":"int"}]}`, "",
			`:1:65: the name "X" is there twice (rename or remove one; letter case makes no difference between names)`},
		{"broken JSON", "{\"type\":\n\"record\" \"name\"}", "", `:2:10: the JSON is broken: invalid character '"' after object key:value pair`},
		{"JSON that ends", `{"type":"record"`, "", `:1:17: the JSON ends too early`},
		{"more than one value", record(`"int"`) + ` 7`, "", `:1:67: unexpected 7 after the JSON`},
		{"member twice", `{"type":"record","type":"record"}`, "", `:1:18: the object has two members named "type" (remove one)`},
	})
}

func TestTypesThatNameEachOtherDoNotGrowWithoutEnd(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"type":"record","name":"r","fields":[{"name":"x0","type":{"type":"fixed","name":"t0","size":1}}`)
	for i := range 40 {
		text.WriteString(strings.NewReplacer("NEXT", string(rune('A'+i/26))+string(rune('a'+i%26)), "LAST", lastType(i)).Replace(
			`,{"name":"fNEXT","type":{"type":"record","name":"NEXT","fields":[{"name":"a","type":"LAST"},{"name":"b","type":"LAST"}]}}`))
	}
	text.WriteString("]}")
	_, err := Parse("t.avsc", []byte(text.String()))
	if err == nil || !strings.Contains(err.Error(), "more than 10000 fields") {
		t.Errorf("2^40 fields: %v", err)
	}
}

func lastType(i int) string {
	if i == 0 {
		return "t0"
	}
	return string(rune('A'+(i-1)/26)) + string(rune('a'+(i-1)%26))
}

func FuzzAvroSchema(f *testing.F) {
	f.Add(record(`["null",{"type":"long","logicalType":"timestamp-millis"}]`))
	f.Add(record(`{"type":"map","values":{"type":"record","name":"s","namespace":"n","fields":[{"name":"a","type":"int"},{"name":"b","type":"s"}]}}`))
	f.Add(record(`{"type":"fixed","name":"m","size":5,"logicalType":"decimal","precision":11,"scale":3}`))
	f.Add(`{"type":"record"`)
	f.Fuzz(func(t *testing.T, text string) { readsOrSays(t, "t.avsc", text) })
}

// readsOrSays checks that a text is an error that says where, or columns that
// can be written and read again.
func readsOrSays(t *testing.T, file, text string) {
	got, err := Parse(file, []byte(text))
	if err != nil {
		if !strings.HasPrefix(err.Error(), "read columns from "+file) {
			t.Errorf("%q: the error does not say where: %v", text, err)
		}
		return
	}
	again, err := column.ParseType(row(got.Schema))
	if err != nil {
		t.Fatalf("%q: %s: %v", text, row(got.Schema), err)
	}
	if again.String() != row(got.Schema) {
		t.Fatalf("%q\nis       %s\nand then %s", text, row(got.Schema), again)
	}
	if _, err := FromColumns(Columns(got.Schema)); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}
