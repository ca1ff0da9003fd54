package schema

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

func TestHiveDDL(t *testing.T) {
	const list = " (write name type, name type; names with other characters than letters, digits and _ stand in backquotes)"
	runReadings(t, "t.sql", []reading{
		{"a list", "a int, b array<string>", "a:int,b:array<string>", ""},
		{"a list on lines", "a int,\nb DECIMAL(10, 2) ,\n", "a:int,b:decimal(10,2)", ""},
		{"a list in brackets", "(a int, b map<string,struct<x:int,y:int>>)", "a:int,b:map<string,struct<x:int,y:int>>", ""},
		{"the type of a row", "struct<a:int,b:array<string>>;", "a:int,b:array<string>", ""},
		{"the type of a row, spread out", " struct <\n a: int >\n", "a:int", ""},
		{"a column named struct", "struct int", "struct:int", ""},
		{"as Spark prints it", "a: int, b: struct<x: bigint, y: string>", "a:int,b:struct<x:bigint,y:string>", ""},
		{"required", "a int not null, b array<int not  null> NOT NULL COMMENT 'x'", "a:int not null,b:array<int not null> not null", ""},
		{"a column named comment", "comment string, `not` int", "comment:string,not:int", ""},
		{"a name in backquotes", "`a b``c` int, `from` struct<`x y`:int>", "`a b``c`:int,from:struct<`x y`:int>", ""},
		{"Unicode", "größe int", "größe:int", ""},
		{"a statement as Athena shows it", "CREATE EXTERNAL TABLE `web`.`clicks`(\n" +
			"  `ts` timestamp COMMENT 'when; it''s (UTC), mostly', -- not local\n" +
			"  `user` struct<id:bigint COMMENT \"a, b\",tags:array<string>>, /* more\n later, */ \n" +
			"  `amount` decimal(10,2) COMMENT '')\n" +
			"COMMENT 'clicks'\nPARTITIONED BY (`dt` string)\nROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'\n" +
			"WITH SERDEPROPERTIES ('paths'='a,b')\nLOCATION 's3://bucket/clicks/'\nTBLPROPERTIES ('classification'='json');\n",
			"ts:timestamp,user:struct<id:bigint,tags:array<string>>,amount:decimal(10,2)", ""},
		{"if not exists", "create table if not exists t (a int)", "a:int", ""},
		{"or replace", "CREATE OR REPLACE TEMPORARY TABLE a.b.c (a int)", "a:int", ""},
		{"a byte order mark", "\ufeffa int", "a:int", ""},

		{"nothing", " \n", "", ":1:1: the file is empty (write " + kinds + ")"},
		{"another statement", "CREATE VIEW v AS SELECT 1", "", ":1:8: this is not a CREATE TABLE statement (write CREATE EXTERNAL TABLE name (column type, ...))"},
		{"like", "CREATE TABLE t LIKE u", "", ":1:16: expected the list of columns (the statement must list the columns: (column type, ...))"},
		{"not closed", "CREATE TABLE t (a int", "", ":1:22: the list of columns is not closed"},
		{"a comma too many", "CREATE TABLE t (a int,)", "", ":1:23: expected the name of a column" + list},
		{"no type", "a int,\nb", "", ":2:2: the type is missing"},
		{"two words", "a int\nb string", "", `:2:1: unexpected "b string" after the type`},
		{"unknown type", "a int,\n  b strng", "", `:2:5: "strng" is not a type; known are boolean, tinyint, smallint, int, bigint, float, double, decimal, string, varchar, char, binary, date, timestamp, array, map, struct`},
		{"a set", "CREATE TABLE t (\n  ä array<set<string>>)", "", ":2:11: set is a type of Glue and not of Hive, and Firehose fails on it: write array<...>"},
		{"an unknown type in the type of a row", "struct<a:int,\n  b:strng>", "",
			`:2:5: "strng" is not a type; known are boolean, tinyint, smallint, int, bigint, float, double, decimal, string, varchar, char, binary, date, timestamp, array, map, struct`},
		{"an open type", "a array<int, b int", "", `:1:12: expected '>'`},
		{"a constraint", "CREATE TABLE t (a int,\nPRIMARY KEY (a) DISABLE NOVALIDATE)", "", ":2:1: PRIMARY KEY is not a column (remove it: files hold no constraints but NOT NULL)"},
		{"twice", "a int,\nA int", "", `:2:1: the name "A" is there twice (rename or remove one; letter case makes no difference between names)`},
		{"a dotted name", "`a.b` int", "", `:1:1: the name "a.b" has a dot, which Hive takes for the way into a struct; call it a_b: convert_dots_in_json_keys_to_underscores fills it (` + nameHint + `)`},
		{"an open quotation mark", "a int comment 'x", "", ":1:15: what begins with \"'\" does not end"},
		{"an open backquote", "`a int", "", ":1:1: what begins with \"`\" does not end"},
		{"an open comment", "a int /* b", "", ":1:7: the comment does not end"},
		{"not text", "a \xff", "", ": it is neither text in UTF-8 nor a file of columns (name " + kinds + ")"},
	})
}

// TestDDLReadsColumnsOfEveryType writes them as Spark does: `name` type.
func TestDDLReadsColumnsOfEveryType(t *testing.T) {
	for seed := range uint64(200) {
		want := columntest.Schema(rand.New(rand.NewPCG(seed, 1)), 8)
		var lines []string
		for _, c := range Columns(want) {
			line := "`" + c.Name + "` " + c.Type
			if c.Required {
				line += " NOT NULL"
			}
			lines = append(lines, line)
		}
		text := strings.Join(lines, ",\n")
		f, err := Parse("t.sql", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !sameColumns(want, f.Schema) {
			t.Fatalf("got %s from\n%s", row(f.Schema), text)
		}
	}
}

func TestOddNamesSurviveDDL(t *testing.T) {
	want := &column.Schema{Columns: []column.Field{
		{Name: "`", Type: column.Type{Kind: column.Struct, Fields: []column.Field{{Name: "a`,b>", Type: column.Type{Kind: column.Int}}}}},
		{Name: "-- it's /*", Type: column.Type{Kind: column.Int}},
	}}
	f, err := Parse("t.sql", []byte("CREATE TABLE t (```` struct<`a``,b>`:int>, `-- it's /*` int)"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, f.Schema); diff != "" {
		t.Error(diff)
	}
}

func FuzzDDL(f *testing.F) {
	f.Add("CREATE EXTERNAL TABLE IF NOT EXISTS `a`.b (`c` struct<d:int COMMENT 'x',e:array<string>> NOT NULL, f decimal(10,2)) STORED AS ORC;")
	f.Add("a int, b: map<string,double>, -- c\n /* d */ `e``f` varchar(10) comment \"it\\\"s\"")
	f.Add("struct<a:int,`b c`:string not null>")
	f.Fuzz(func(t *testing.T, text string) { readsOrSays(t, "t.sql", text) })
}
