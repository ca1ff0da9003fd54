package column_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
)

func TestTypesAreReadAsHiveWritesThem(t *testing.T) {
	for text, want := range map[string]string{
		"string":                                "string",
		" BIGINT ":                              "bigint",
		"integer":                               "int",
		"Long":                                  "bigint",
		"numeric(12, 2)":                        "decimal(12,2)",
		"decimal":                               "decimal(10,0)",
		"decimal(5)":                            "decimal(5,0)",
		"varchar( 65535 )":                      "varchar(65535)",
		"char(255)":                             "char(255)",
		"array< int >":                          "array<int>",
		"array<int not null>":                   "array<int not null>",
		"map<string,array<double>>":             "map<string,array<double>>",
		"map<int, string NOT NULL>":             "map<int,string not null>",
		"struct<a:int, b : struct<c:date>>":     "struct<a:int,b:struct<c:date>>",
		"struct<`a b`:int,`x``y`:int,``:int>":   "struct<`a b`:int,`x``y`:int,``:int>",
		"struct<`plain`:timestamp>":             "struct<plain:timestamp>",
		"struct<user.id:int,a-b:int,naïve:int>": "struct<user.id:int,a-b:int,naïve:int>",
	} {
		got, err := column.ParseType(text)
		if err != nil || got.String() != want {
			t.Errorf("ParseType(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestTypesThatCannotBeReadSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                            `character 1: "" is not a type`,
		"uniontype<int>":              `character 1: "uniontype" is not a type`,
		"array<set<int>>":             `character 7: "set" is not a type`,
		"int x":                       `character 5: unexpected "x" after the type`,
		"decimal(39)":                 "character 9: expected a precision from 1 to 38",
		"decimal(5,6)":                "character 11: expected a scale from 0 to 5",
		"decimal(5":                   `character 10: expected ')'`,
		"varchar":                     `character 8: expected '('`,
		"varchar(0)":                  "character 9: expected a length from 1 to 65535",
		"char(256)":                   "character 6: expected a length from 1 to 255",
		"array":                       `character 6: expected '<'`,
		"array<int":                   `character 10: expected '>'`,
		"array<int not>":              `character 10: expected "not null"`,
		"map<int>":                    `character 8: expected ','`,
		"map<array<int>,int>":         "character 15: the key of a map must be a plain type",
		"struct<>":                    "character 8: expected the name of a field",
		"struct<a int>":               `character 10: expected ':'`,
		"struct<a:int,a:int>":         `character 14: the struct has two fields named "a"`,
		"struct<`a:int>":              "character 8: the backquote is not closed",
		"struct<a:foo>":               `character 10: "foo" is not a type`,
		"map<foo,int>":                `character 5: "foo" is not a type`,
		"map<int,foo>":                `character 9: "foo" is not a type`,
		strings.Repeat("array<", 100): "the type is nested more than 64 levels deep",
	} {
		_, err := column.ParseType(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseType(%.40q): %v, want %s", text, err, want)
		}
	}
}

// TestSettingsAreWrittenAsTheyAreRead checks what a configuration shows.
func TestSettingsAreWrittenAsTheyAreRead(t *testing.T) {
	type settings struct {
		Unknown column.UnknownFields
		Formats []column.TimestampFormat
	}
	const want = `{"Unknown":"extra_column","Formats":["epoch_millis","yyyy-MM-dd"]}`
	var s settings
	if err := json.Unmarshal([]byte(want), &s); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(s); err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	for text, reads := range map[string]bool{"2026-01-02": true, "2026-02-30": false, "x": false} {
		if s.Formats[1].Reads([]byte(text)) != reads {
			t.Errorf("Reads(%s) is not %v", text, reads)
		}
	}
}
