package postgres_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// value is a JSON value and what a column of the table then holds, as the
// server writes it; a SQLSTATE after "!" if the record is refused.
type value struct{ json, want string }

const null = "<null>"

var values = []struct {
	column string
	values []value
}{
	{"boolean", []value{{`true`, "true"}, {`false`, "false"}, {`null`, null}, {`"perhaps"`, "!22P02"}}},
	{"smallint", []value{{`-32768`, "-32768"}, {`32767`, "32767"}, {`"7"`, "7"}, {`32768`, "!22003"}, {`"x"`, "!22P02"}}},
	{"integer", []value{{`-2147483648`, "-2147483648"}, {`2147483647`, "2147483647"}, {`2147483648`, "!22003"}, {`{}`, "!22P02"}}},
	{"bigint", []value{{`-9223372036854775808`, "-9223372036854775808"}, {`9223372036854775807`, "9223372036854775807"}, {`9223372036854775808`, "!22003"}}},
	{"real", []value{{`1.5`, "1.5"}, {`-0.1`, "-0.1"}, {`3.4028235e38`, "3.4028235e+38"}}},
	{"double precision", []value{{`0.1`, "0.1"}, {`-1e308`, "-1e+308"}, {`5e-324`, "5e-324"}, {`12`, "12"}}},
	{"numeric", []value{
		{`0`, "0"}, {`-0`, "0"}, {`0.00`, "0.00"}, {`1.50`, "1.50"}, {`-12345.678900`, "-12345.678900"}, {`10000`, "10000"}, {`99999999`, "99999999"},
		{`123456789012345678901234567890.123456789`, "123456789012345678901234567890.123456789"}, {`1e3`, "1000"}, {`12.5e-3`, "0.0125"}, {`1E+2`, "100"},
		{`"0.1"`, "0.1"}, {`"+7"`, "7"}, {`"1,5"`, "!22P02"}, {`""`, "!22P02"}, {`true`, "!22P02"}, {`1e131072`, "!22003"}, {`1e-16384`, "!22003"},
	}},
	{"numeric(10,2)", []value{
		{`1`, "1.00"}, {`1.005`, "1.01"}, {`-1.005`, "-1.01"}, {`1.0049`, "1.00"}, {`99999999.994`, "99999999.99"}, {`0.995`, "1.00"}, {`9.999`, "10.00"},
		{`99999999.995`, "!22003"}, {`100000000`, "!22003"}, {`0.001`, "0.00"}, {`-0.001`, "0.00"}, {`1e-30`, "0.00"},
	}},
	{"text", []value{
		{`"a"`, "a"}, {`""`, ""}, {`"ü\n\t\"\\\u00e9\ud83d\ude00"`, "ü\n\t\"\\é😀"}, {`"\u0000"`, "!22021"}, {`12.50`, "12.50"}, {`true`, "true"},
		{`{"a": [1, 2]}`, `{"a": [1, 2]}`}, {`null`, null},
	}},
	{"varchar(3)", []value{{`"abc"`, "abc"}, {`"äöü"`, "äöü"}, {`"abc  "`, "abc"}, {`"abcd"`, "!22001"}, {`"ab d"`, "!22001"}}},
	{"char(3)", []value{{`"a"`, "a"}, {`"abcd"`, "!22001"}}},
	{"json", []value{{`{"b": 1,  "a":[]}`, `{"b": 1,  "a":[]}`}, {`"x\"y"`, `"x\"y"`}, {`1.0`, "1.0"}, {`[null]`, "[null]"}, {`null`, null}}},
	{"jsonb", []value{
		{`{"b": 1,  "a":[]}`, `{"a": [], "b": 1}`}, {`"x"`, `"x"`}, {`"ü\u0001\n"`, `"ü\u0001\n"`}, {`12.50`, "12.50"}, {`false`, "false"},
		{`"a\u0000"`, "!22P05"}, {`{"a":"\u0000"}`, "!22P05"}, {`{"a":"\\u0000"}`, `{"a": "\\u0000"}`}, {`null`, null},
	}},
	{"uuid", []value{
		{`"6f9619ff-8b86-d011-b42d-00c04fc964ff"`, "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
		{`"{6F9619FF8B86D011B42D00C04FC964FF}"`, "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
		{`"6f96-19ff8b86d011b42d-00c04fc964ff"`, "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
		{`"6f9619ff"`, "!22P02"}, {`""`, "!22P02"}, {`"6f9619ff-8b86-d011-b42d-00c04fc964fff"`, "!22P02"}, {`"6f9619ff-8b86-d011-b42d-00c04fc964fg"`, "!22P02"}, {`7`, "!22P02"},
	}},
	{"date", []value{{`"2026-11-23"`, "2026-11-23"}, {`"1969-12-31"`, "1969-12-31"}, {`"2024-02-29"`, "2024-02-29"}, {`"2023-02-29"`, "!22P02"}}},
	{"timestamp", []value{{`"2026-11-23 12:34:56.789"`, "2026-11-23 12:34:56.789"}, {`"1969-12-31 23:59:59"`, "1969-12-31 23:59:59"}, {`"soon"`, "!22P02"}}},
	{"timestamptz", []value{
		{`"2026-11-23T12:34:56.123456Z"`, "2026-11-23 12:34:56.123456+00"}, {`"2026-11-23T12:34:56.1234567Z"`, "2026-11-23 12:34:56.123457+00"},
		{`"2026-11-23T14:34:56+02:00"`, "2026-11-23 12:34:56+00"}, {`1700000000`, "2023-11-14 22:13:20+00"}, {`1700000000123`, "2023-11-14 22:13:20.123+00"}, {`{}`, "!22P02"},
	}},
	{"bytea", []value{{`"aHkA/w=="`, `\x687900ff`}, {`""`, `\x`}, {`"no base64!"`, "!22P02"}}},
	{"mood", []value{{`"sad"`, "sad"}, {`"it's \"fine\""`, `it's "fine"`}, {`"angry"`, "!22P02"}}},
	{"short", []value{{`"abc"`, "abc"}, {`"abcd"`, "!22001"}, {`"bad"`, "!23514"}, {`null`, "!23502"}}},
	{"xml", []value{{`"<a/>"`, "<a/>"}}},
	{"int[]", []value{{`[1,-2,null]`, "{1,-2,NULL}"}, {`[]`, "{}"}, {`null`, null}, {`["x"]`, "!22P02"}, {`[2147483648]`, "!22003"}}},
	{"text[]", []value{{`["a","b c","\"",null,""]`, `{a,"b c","\"",NULL,""}`}, {`["\u0000"]`, "!22021"}}},
	{"numeric(4,1)[]", []value{{`[1.25,"-3"]`, "{1.3,-3.0}"}, {`[1000]`, "!22003"}}},
	{"uuid[]", []value{{`["6f9619ff-8b86-d011-b42d-00c04fc964ff"]`, "{6f9619ff-8b86-d011-b42d-00c04fc964ff}"}, {`["x"]`, "!22P02"}}},
	{"timestamptz[]", []value{{`["2026-11-23T12:34:56Z",null]`, `{"2026-11-23 12:34:56+00",NULL}`}}},
	{"jsonb[]", []value{{`[{"a":1},"x",null]`, `{"{\"a\": 1}","\"x\"",NULL}`}}},
	{"mood[]", []value{{`["sad","sad"]`, "{sad,sad}"}, {`["angry"]`, "!22P02"}}},
}

// TestValuesArriveInColumnsOfAllTypes sends every value in two ways: among
// good ones, and into a column that must not be null.
func TestValuesArriveInColumnsOfAllTypes(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TYPE mood AS ENUM ('sad', 'it''s "fine"');
		CREATE DOMAIN word AS varchar(3) CHECK (VALUE <> 'bad');
		CREATE DOMAIN short AS word NOT NULL`)
	for i, c := range values {
		t.Run(c.column, func(t *testing.T) {
			table := fmt.Sprintf("t%d", i)
			d.exec(fmt.Sprintf(`CREATE TABLE %s (n int PRIMARY KEY, v %s)`, table, c.column))
			var records []string
			want, got := map[int]string{}, map[int]string{}
			for n, v := range c.values {
				records = append(records, fmt.Sprintf(`{"n":%d,"v":%s}`, n, v.json))
				want[n] = v.json + ": " + v.want
			}
			out := open(t, d.config(table))
			for _, refused := range out.send(out.payload(records...)) {
				var n int
				var code string
				if _, err := fmt.Sscan(refused, &n, &code); err != nil {
					t.Fatal(err)
				}
				got[n] = c.values[n].json + ": !" + code
				if !strings.Contains(refused, "v") || strings.Contains(refused, "%!") {
					t.Errorf("the refusal does not name the column: %s", refused)
				}
			}
			for _, row := range d.exec(fmt.Sprintf(`SELECT n, coalesce(v::text, '<null>') FROM %s`, table)) {
				var n int
				if _, err := fmt.Sscan(row[0], &n); err != nil {
					t.Fatal(err)
				}
				got[n] = c.values[n].json + ": " + strings.TrimRight(row[1], " ")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestNumericsAreThoseOfTheServer compares what we make of numbers with what
// the server makes of the same text.
func TestNumericsAreThoseOfTheServer(t *testing.T) {
	d := newDatabase(t)
	types := []string{"numeric", "numeric(12,3)", "numeric(5,0)", "numeric(30,20)"}
	if d.column(`SELECT current_setting('server_version_num')::int >= 150000`)[0] == "t" {
		types = append(types, "numeric(6,-2)", "numeric(3,5)")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0000123456789999"[rng.IntN(16)]
		}
		return string(b)
	}
	var texts []string
	for range 3000 {
		text := digits(1+rng.IntN(20)) + "." + digits(1+rng.IntN(25))
		switch rng.IntN(4) {
		case 0:
			text = digits(1 + rng.IntN(9))
		case 1:
			text += fmt.Sprintf("e%d", rng.IntN(60)-30)
		}
		if rng.IntN(3) == 0 {
			text = "-" + text
		}
		texts = append(texts, text)
	}
	for i, typ := range types {
		table := fmt.Sprintf("t%d", i)
		d.exec(fmt.Sprintf(`CREATE TABLE %s (n int, v %s)`, table, typ))
		var records, literals []string
		for n, text := range texts {
			records = append(records, fmt.Sprintf(`{"n":%d,"v":%q}`, n, text))
			literals = append(literals, fmt.Sprintf("(%d,'%s')", n, text))
		}
		out := open(t, d.config(table))
		refused := out.send(out.payload(records...))
		d.exec(`CREATE OR REPLACE FUNCTION cast_` + table + `(x text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN x::` + typ + `::text;
			EXCEPTION WHEN numeric_value_out_of_range THEN RETURN 'refused'; END$$`)
		wrong := d.exec(fmt.Sprintf(`SELECT s.x, coalesce(t.v::text, 'refused'), cast_%[1]s(s.x) FROM (VALUES %s) s(n, x) LEFT JOIN %[1]s t USING (n)
			WHERE coalesce(t.v::text, 'refused') <> cast_%[1]s(s.x) LIMIT 10`, table, strings.Join(literals, ",")))
		for _, w := range wrong {
			t.Errorf("%s of %s is %s, the server makes it %s", typ, w[0], w[1], w[2])
		}
		if len(refused) == len(texts) {
			t.Errorf("%s: all were refused", typ)
		}
	}
}

// What is in a record and no column, and the reverse, and several objects.
func TestFieldsFindTheirColumns(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE events (serial serial, id int GENERATED ALWAYS AS IDENTITY, "userId" int, "a.b" text, twice int GENERATED ALWAYS AS (n * 2) STORED, n int, made text DEFAULT 'x')`)
	out := open(t, d.config("events"))
	if bad := out.send(out.payload(`{"USERID":1,"a.b":"dot","n":2,"unknown":[{}]}`, `{}`, `{"n":3}{"n":4}`)); bad != nil {
		t.Errorf("refused: %v", bad)
	}
	want := []string{"(1,1,1,dot,4,2,)", "(2,2,,,,,)", "(3,3,,,6,3,)", "(4,4,,,8,4,)"}
	if diff := cmp.Diff(want, d.column(`SELECT events::text FROM events ORDER BY serial`)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Listed columns only, the others keep their defaults.
	out = open(t, d.config("events", "n", "id"))
	if bad := out.send(out.batch(100, `{"n":5,"id":77,"userId":9}`)); bad != nil {
		t.Errorf("refused: %v", bad)
	}
	if got := d.column(`SELECT events::text FROM events WHERE n = 5`); !slices.Equal(got, []string{"(5,77,,,10,5,x)"}) {
		t.Errorf("row %v", got)
	}
}

func TestOneBadObjectOfARecordRefusesTheRecord(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (n int CHECK (n < 100))`)
	out := open(t, d.config("numbers"))
	bad := out.send(out.payload(`{"n":1}{"n":"x"}`, `{"n":2}{"n":100}`, `{"n":3}{"n":4}`, `not JSON`, `7`))
	var codes []string
	for _, b := range bad {
		codes = append(codes, strings.Join(strings.Fields(b)[:2], " "))
	}
	if diff := cmp.Diff([]string{"0 22P02", "1 23514", "3 22032", "4 22P02"}, codes); diff != "" {
		t.Errorf("-want +got:\n%s\n%q", diff, bad)
	}
	if got := d.column(`SELECT n FROM numbers ORDER BY n`); !slices.Equal(got, []string{"3", "4"}) {
		t.Errorf("rows %v, want 3 and 4", got)
	}
}

func TestPartitionedTablesTakeRows(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE events (id int NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);
		CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
		CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')`)
	out := open(t, d.config("events"))
	bad := out.send(out.payload(`{"id":1,"day":"2026-01-31"}`, `{"id":2,"day":"2026-03-01"}`, `{"id":3,"day":"2026-02-01"}`))
	if len(bad) != 1 || !strings.HasPrefix(bad[0], "1 23514 ") {
		t.Errorf("refused: %q, want record 1, for which there is no partition", bad)
	}
	if got := d.column(`SELECT count(*) FROM events_1 UNION ALL SELECT count(*) FROM events_2`); !slices.Equal(got, []string{"1", "1"}) {
		t.Errorf("rows in partitions %v", got)
	}
}

// A text with every character that can be a danger arrives as it is.
func TestTextIsNeverRead(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE texts (n int, t text, j jsonb)`)
	var all strings.Builder
	for r := rune(1); r < 0x300; r++ {
		all.WriteRune(r)
	}
	all.WriteString(`'; DROP TABLE texts; -- \. \N "$1" %s {{x}}`)
	text, err := json.Marshal(all.String())
	if err != nil {
		t.Fatal(err)
	}
	out := open(t, d.config("texts"))
	if bad := out.send(out.payload(fmt.Sprintf(`{"n":1,"t":%s,"j":%s}`, text, text))); bad != nil {
		t.Fatalf("refused: %q", bad)
	}
	if got := d.exec(`SELECT t, j #>> '{}' FROM texts`)[0]; got[0] != all.String() || got[1] != all.String() {
		t.Errorf("text %q", got)
	}
}
