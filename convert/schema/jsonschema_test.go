package schema

import (
	"strings"
	"testing"
)

// property is a JSON Schema of an object with the property x, which is required.
func property(schema string) string {
	return `{"type":"object","required":["x"],"properties":{"x":` + schema + `}}`
}

func TestJSONSchemas(t *testing.T) {
	const say = ` (a table needs one type; {"type": "string"} takes any value as JSON text)`
	runReadings(t, "t.json", []reading{
		{"string", property(`{"type":"string","minLength":1}`), "x:string not null", ""},
		{"date", property(`{"type":"string","format":"date"}`), "x:date not null", ""},
		{"date-time", property(`{"type":"string","format":"date-time"}`), "x:timestamp not null", ""},
		{"other format", property(`{"type":"string","format":"email"}`), "x:string not null", ""},
		{"base64", property(`{"type":"string","contentEncoding":"base64"}`), "x:binary not null", ""},
		{"boolean", property(`{"type":"boolean"}`), "x:boolean not null", ""},
		{"number", property(`{"type":"number"}`), "x:double not null", ""},
		{"float", property(`{"type":"number","format":"float"}`), "x:float not null", ""},
		{"integer", property(`{"type":"integer"}`), "x:bigint not null", ""},
		{"integer int64", property(`{"type":"integer","format":"int64","minimum":0,"maximum":1}`), "x:bigint not null", ""},
		{"integer int32", property(`{"type":"integer","format":"int32"}`), "x:int not null", ""},
		{"integer uint64", property(`{"type":"integer","format":"uint64"}`), "x:decimal(20,0) not null", ""},
		{"small bounds", property(`{"type":"integer","minimum":-2147483648,"maximum":2147483647}`), "x:bigint not null", ""},
		{"bounds", property(`{"type":"integer","minimum":0,"exclusiveMaximum":100.5}`), "x:int not null", ""},
		{"one bound", property(`{"type":"integer","minimum":0}`), "x:bigint not null", ""},
		{"bounds of draft 4", property(`{"type":"integer","minimum":0,"exclusiveMinimum":true,"maximum":9}`), "x:int not null", ""},
		{"bounds beyond bigint", property(`{"type":"integer","minimum":0,"maximum":18446744073709551615}`), "x:decimal(20,0) not null", ""},
		{"bounds with exponents", property(`{"type":"integer","minimum":-1e30,"maximum":1E3}`), "x:decimal(31,0) not null", ""},
		{"bounds beyond decimal", property(`{"type":"integer","maximum":1e40}`), "",
			":1:53: #/properties/x: integers of 41 digits do not fit a column, which has at most 38 (make it a string)"},
		{"a bound without end", property(`{"type":"integer","maximum":1e999999999}`), "x:bigint not null", ""},

		{"not required", `{"properties":{"x":{"type":"boolean"},"y":{"type":"integer"}},"required":["y"]}`, "x:boolean,y:bigint not null", ""},
		{"type or null", property(`{"type":["null","string"]}`), "x:string", ""},
		{"null", property(`{"type":"null"}`), "x:string", ""},
		{"integer or number", property(`{"type":["integer","number","null"]}`), "x:double", ""},
		{"nullable of OpenAPI", property(`{"type":"string","nullable":true}`), "x:string", ""},
		{"anyOf with null", property(`{"anyOf":[{"type":"integer"},{"type":"null"}]}`), "x:bigint", ""},
		{"oneOf with null", property(`{"oneOf":[{"type":"null"},{"type":"array","items":{"type":"string"}}]}`), "x:array<string not null>", ""},
		{"allOf of one", property(`{"allOf":[{"type":"integer"}],"description":"d"}`), "x:bigint not null", ""},
		{"anyOf beside properties", `{"anyOf":[{"required":["x"]},{"required":["y"]}],"properties":{"x":{"type":"string"},"y":{"type":"string"}}}`, "x:string,y:string", ""},
		{"enum", property(`{"enum":["a","b"]}`), "x:string not null", ""},
		{"enum with null", property(`{"enum":["a",null]}`), "x:string", ""},
		{"const", property(`{"const":7}`), "x:bigint not null", ""},
		{"true", property(`true`), "x:string", ""},
		{"anything", property(`{}`), "x:string", ""},

		{"array", property(`{"type":"array","items":{"type":"integer"}}`), "x:array<bigint not null> not null", ""},
		{"array of anything", property(`{"type":"array"}`), "x:array<string> not null", ""},
		{"items alone", property(`{"items":{"type":["integer","null"]}}`), "x:array<bigint> not null", ""},
		{"struct", property(`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"],"additionalProperties":{"type":"string"}}`),
			"x:struct<a:bigint,b:string not null> not null", ""},
		{"map", property(`{"type":"object","additionalProperties":{"type":"number"}}`), "x:map<string,double not null> not null", ""},
		{"map of anything", property(`{"type":"object"}`), "x:map<string,string> not null", ""},
		{"map by pattern", property(`{"patternProperties":{"^k":{"type":["number","null"]}},"additionalProperties":false}`), "x:map<string,double> not null", ""},
		{"property that may not be", `{"properties":{"x":false,"y":{"type":"string"}}}`, "y:string", ""},

		{"definitions", `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"x":{"$ref":"#/definitions/p~1q%25"}},
			"definitions":{"p/q%":{"type":"object","properties":{"a":{"$ref":"#/definitions/s"}}},"s":{"type":"string"}}}`, "x:struct<a:string>", ""},
		{"$defs", `{"$ref":"#/$defs/t","$defs":{"t":{"properties":{"x":{"anyOf":[{"$ref":"#/$defs/u"},{"type":"null"}]}}},"u":{"type":"integer"}}}`, "x:bigint", ""},
		{"reference into a list", `{"properties":{"x":{"allOf":[{"type":"integer"}]},"y":{"$ref":"#/properties/x/allOf/0"}}}`, "x:bigint,y:bigint", ""},
		{"reference to itself", `{"properties":{"x":{"$ref":"#"}}}`, "", ":1:1: #: the schema contains itself, which a table cannot" + say},
		{"recursion", `{"properties":{"x":{"$ref":"#/$defs/t"}},"$defs":{"t":{"properties":{"up":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/t"}]}}}}}`, "",
			":1:55: #/$defs/t: the schema contains itself, which a table cannot" + say},
		{"reference elsewhere", property(`{"$ref":"https://example.com/s.json#/a"}`), "",
			`:1:61: #/properties/x/$ref: the reference "https://example.com/s.json#/a" does not point into this file (copy the schema to $defs and write #/$defs/name)`},
		{"reference to nothing", property(`{"$ref":"#/$defs/t"}`), "", `:1:61: #/properties/x/$ref: the reference "#/$defs/t" points to nothing`},

		{"two types", property("\n {\"type\":[\"string\",\"integer\",\"null\"]}"), "", ":2:10: #/properties/x/type: string and integer cannot be one column" + say},
		{"enum of two types", property(`{"enum":["a",1]}`), "", ":1:53: #/properties/x: string and integer cannot be one column" + say},
		{"anyOf of two", property(`{"anyOf":[{"type":"integer"},{"type":"string"}]}`), "", ":1:62: #/properties/x/anyOf: anyOf of bigint and string cannot be one column" + say},
		{"allOf of objects", property(`{"allOf":[{"$ref":"#/$defs/t"},{"properties":{"b":{"type":"string"}}},{"description":"d"}]},"y":{"type":"boolean"}},"$defs":{"t":{"properties":{"a":{"type":"integer"}}}`),
			"x:struct<a:bigint,b:string> not null,y:boolean", ""},
		{"allOf with a property twice", property(`{"allOf":[{"properties":{"a":{}}},{"properties":{"A":{}}}]}`), "",
			`:1:62: #/properties/x/allOf: the name "A" is there twice (keep one of them)`},
		{"allOf of nothing", property(`{"allOf":[{},{}]}`), "x:string", ""},
		{"allOf with bounds", property(`{"allOf":[{"minimum":0},{"type":"integer"}]}`), "x:bigint not null", ""},
		{"allOf of two types", property(`{"allOf":[{"type":"integer"},{"type":"string"}]}`), "", ":1:62: #/properties/x/allOf: allOf of bigint and string cannot be one column" + say},
		{"constants", property(`{"oneOf":[{"const":"a","title":"A"},{"const":"b"}]}`), "x:string not null", ""},
		{"anyOf beside a type", property(`{"type":"string","anyOf":[{"format":"ipv4"},{"minLength":1}]}`), "x:string not null", ""},
		{"anyOf of objects beside a type", property(`{"type":"object","anyOf":[{"properties":{"a":{"type":"integer"}}}]}`), "x:struct<a:bigint> not null", ""},
		{"tuple", property(`{"prefixItems":[{"type":"integer"}]}`), "", ":1:53: #/properties/x: an array whose items have a schema each cannot be a column (give all items one schema)"},
		{"tuple of draft 7", property(`{"type":"array","items":[{}]}`), "", ":1:53: #/properties/x: an array whose items have a schema each cannot be a column (give all items one schema)"},
		{"patterns", property(`{"patternProperties":{"a":{},"b":{}}}`), "", ":1:74: #/properties/x/patternProperties: an object whose values have several schemas cannot be a map (give all values one schema, as additionalProperties)"},
		{"empty object", property(`{"type":"object","additionalProperties":false}`), "", ":1:53: #/properties/x: an object that is always empty cannot be a column (list its properties)"},
		{"false", property(`{"items":false}`), "", ":1:62: #/properties/x/items: a schema cannot be false (write an object)"},
		{"unknown type", property(`{"type":"int"}`), "", `:1:61: #/properties/x/type: "int" is not a type (JSON has string, number, integer, boolean, object, array and null)`},
		{"type that is none", property(`{"type":7}`), "", `:1:61: #/properties/x/type: a type cannot be "7"`},
		{"not an object", `{"type":"array","items":{"type":"object","properties":{"x":{}}}}`, "",
			":1:1: the JSON Schema describes array<struct<x:string> not null> and no object with properties (the properties of an object become the columns of the table)"},
		{"not a schema", `[{"a":1}]`, "", ":1:1: a list does not describe columns (name " + kinds + ")"},
		{"names that differ in case", `{"properties":{"x":{},"X":{}}}`, "",
			`:1:27: #/properties/X: the name "X" is there twice (rename or remove one; letter case makes no difference between names)`},
		{"name with a slash", `{"properties":{"a/b~":{"type":"int"}}}`, "",
			`:1:31: #/properties/a~1b~0/type: "int" is not a type (JSON has string, number, integer, boolean, object, array and null)`},
	})
}

func TestDeepSchemasAreRefused(t *testing.T) {
	for _, levels := range []int{maxDepth + 1, maxNesting + 1, 100_000} {
		text := strings.Repeat(`{"items":`, levels) + `{}` + strings.Repeat(`}`, levels)
		if _, err := Parse("t.json", []byte(property(text))); err == nil || !strings.Contains(err.Error(), "levels") {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

func FuzzJSONSchema(f *testing.F) {
	f.Add(property(`{"type":["integer","null"],"minimum":0,"maximum":1e30}`))
	f.Add(property(`{"anyOf":[{"$ref":"#/properties/x"},{"type":"null"}]}`))
	f.Add(property(`{"patternProperties":{"a":{"items":{"enum":["a",1]}}}}`))
	f.Add(`{"StorageDescriptor":{"Columns":[{"Name":"a","Type":"array<int>"}]}}`)
	f.Fuzz(func(t *testing.T, text string) { readsOrSays(t, "t.json", text) })
}
