package column_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// TestValuesBecomeTheirType has, for each type, JSON values and what they
// become; an error stands for a refusal, by a part of its text.
func TestValuesBecomeTheirType(t *testing.T) {
	type refused string
	type in = struct {
		json string
		want any
	}
	for typ, values := range map[string][]in{
		"boolean": {
			{`true`, true}, {`false`, false}, {`"true"`, true}, {`"FALSE"`, false}, {`"tr\u0075e"`, true}, {`null`, nil},
			{`1`, refused("column a: 1 is not a boolean")}, {`"yes"`, refused(`"yes" is not a boolean`)}, {`{}`, refused("{} is not a boolean")},
		},
		"tinyint": {
			{`0`, int64(0)}, {`-0`, int64(0)}, {`127`, int64(127)}, {`-128`, int64(-128)},
			{`128`, refused("128 is out of the range of tinyint, -128 to 127")}, {`-129`, refused("out of the range")},
		},
		"smallint": {{`32767`, int64(32767)}, {`-32768`, int64(-32768)}, {`32768`, refused("smallint")}, {`-32769`, refused("smallint")}},
		"int": {
			{`2147483647`, int64(2147483647)}, {`-2147483648`, int64(-2147483648)}, {`2147483648`, refused("range of int")},
			{`1.0`, int64(1)}, {`1e3`, int64(1000)}, {`1E+3`, int64(1000)}, {`1500e-2`, int64(15)}, {`-12.500e1`, int64(-125)},
			{`0e99999999999`, int64(0)}, {`0.000`, int64(0)}, {`10000000000000000000000000e-25`, int64(1)},
			{`1.5`, refused("1.5 is not an int")}, {`1e-1`, refused("is not an int")}, {`1e-999999999`, refused("is not an int")},
			{`1e99999999999`, refused("out of the range")}, {`1.00000000000000000000000001`, refused("not an int")},
			{`"42"`, int64(42)}, {`"+42"`, int64(42)}, {`"-007"`, int64(-7)}, {`"0"`, int64(0)}, {`"00"`, int64(0)}, {`"1e2"`, int64(100)}, {`"4\u0032"`, int64(42)},
			{`"oops"`, refused(`column a: "oops" is not an int`)}, {`""`, refused(`"" is not an int`)}, {`"1 "`, refused("not an int")},
			{`"+"`, refused("not an int")}, {`"--1"`, refused("not an int")}, {`"+-1"`, refused("not an int")}, {`"0x10"`, refused("not an int")}, {`"1_000"`, refused("not an int")},
			{`true`, refused("true is not an int")}, {`[1]`, refused("[1] is not an int")}, {`{"b":1}`, refused(`{"b":1} is not an int`)},
		},
		"bigint": {
			{`9223372036854775807`, int64(math.MaxInt64)}, {`-9223372036854775808`, int64(math.MinInt64)},
			{`922337203685477580.7e1`, int64(math.MaxInt64)}, {`"-9223372036854775808"`, int64(math.MinInt64)},
			{`9007199254740993`, int64(9007199254740993)}, {`1234567890123456789`, int64(1234567890123456789)},
			{`9223372036854775808`, refused("out of the range of bigint")}, {`-9223372036854775809`, refused("out of the range")},
			{`18446744073709551616`, refused("out of the range")}, {`1e40`, refused("out of the range")}, {`12345678901234567890123`, refused("out of the range")},
			{`340282366920938463463374607431768211456`, refused("out of the range")},
		},
		"double": {
			{`0`, 0.0}, {`-0`, math.Copysign(0, -1)}, {`-0.0`, math.Copysign(0, -1)}, {`0.1`, 0.1}, {`36.6`, 36.6}, {`-273.15`, -273.15}, {`1e22`, 1e22}, {`1e23`, 1e23},
			{`123456789012345678`, 123456789012345678.0}, {`0.30000000000000004`, 0.30000000000000004}, {`5e-324`, 5e-324}, {`1e-400`, 0.0},
			{`1.7976931348623157e308`, math.MaxFloat64}, {`12345678901234567890123456789`, 12345678901234567890123456789.0},
			{`9007199254740993`, 9007199254740992.0}, {`9007199254740993.0000000000000000000000001`, 9007199254740994.0},
			{`"1.5"`, 1.5}, {`"+1.5e1"`, 15.0}, {`"NaN"`, refused("is not a double")}, {`"Infinity"`, refused("is not a double")}, {`"1.5x"`, refused("is not a double")},
			{`1e309`, refused("1e309 is out of the range of double")}, {`-1e99999999999`, refused("out of the range")}, {`true`, refused("true is not a double")},
		},
		"float": {
			{`0.1`, float32(0.1)}, {`16777217`, float32(16777216)}, {`16777217.0000000001`, float32(16777218)}, {`1e-45`, float32(1e-45)}, {`-0`, float32(math.Copysign(0, -1))},
			{`3.4028235e38`, float32(math.MaxFloat32)}, {`1e39`, refused("1e39 is out of the range of float")}, {`1e400`, refused("out of the range of float")}, {`"2.5"`, float32(2.5)},
		},
		"decimal(5,2)": {
			{`1`, "1.00"}, {`1.005`, "1.01"}, {`-1.005`, "-1.01"}, {`1.00499999999999999999999999`, "1.00"}, {`999.99`, "999.99"}, {`999.994`, "999.99"},
			{`0.005`, "0.01"}, {`0.0049`, "0.00"}, {`-0.001`, "0.00"}, {`12345e-3`, "12.35"}, {`1e2`, "100.00"}, {`0e9`, "0.00"}, {`1e-30`, "0.00"}, {`"12.5"`, "12.50"},
			{`0.00000000000000000000000000500000000000`, "0.00"}, {`12.34500000000000000000000000`, "12.35"},
			{`999.995`, refused("column a: 999.995 has too many digits for decimal(5,2)")}, {`1000`, refused("too many digits")}, {`1e99`, refused("too many digits")},
			{`1e99999999999`, refused("too many digits")}, {`"x"`, refused("is not a decimal(5,2)")}, {`99999999999999999999999`, refused("too many digits")},
		},
		"decimal(18,0)": {{`999999999999999999`, "999999999999999999"}, {`-999999999999999999.4`, "-999999999999999999"}, {`999999999999999999.5`, refused("too many digits")}},
		"decimal(38,10)": {
			{`1.5`, "1.5000000000"}, {`-1`, "-1.0000000000"}, {`9999999999999999999999999999.9999999999`, "9999999999999999999999999999.9999999999"},
			{`-9999999999999999999999999999.99999999994`, "-9999999999999999999999999999.9999999999"},
			{`9999999999999999999999999999.99999999995`, refused("too many digits")}, {`1e28`, refused("too many digits")}, {`1e27`, "1000000000000000000000000000.0000000000"},
			{`0.00000000005`, "0.0000000001"}, {`"12345678901234567890.123"`, "12345678901234567890.1230000000"},
		},
		"string": {
			{`""`, ""}, {`"x"`, "x"}, {`"naïve 日本 😀"`, "naïve 日本 😀"}, {`"a\"b\\c\/d\b\f\n\r\t"`, "a\"b\\c/d\b\f\n\r\t"}, {`"\u00e9\u20AC\ud83d\ude00"`, "é€😀"}, {`"\u0000"`, "\x00"},
			{`1`, "1"}, {`-1.50e3`, "-1.50e3"}, {`true`, "true"}, {`false`, "false"}, {`{"b": [1, 2]}`, `{"b": [1, 2]}`}, {`[1,"x"]`, `[1,"x"]`},
			{`"long enough to need several words of eight bytes, with \"escapes\" in it and é"`, `long enough to need several words of eight bytes, with "escapes" in it and é`},
		},
		"varchar(4)": {{`"abcd"`, "abcd"}, {`"abcdé"`, "abcd"}, {`"日本語日本語"`, "日本語日"}, {`"\u00e9\u00e9\u00e9\u00e9\u00e9"`, "éééé"}, {`12345`, "1234"}, {`true`, "true"}},
		"char(2)":    {{`"a"`, "a"}, {`"abc"`, "ab"}},
		"binary": {
			{`"aGk="`, []byte("hi")}, {`"aGk"`, []byte("hi")}, {`""`, []byte{}}, {`"-_8"`, []byte{0xfb, 0xff}}, {`"+\/8="`, []byte{0xfb, 0xff}},
			{`"a"`, refused(`"a" is not base64`)}, {`"a b="`, refused("not base64")}, {`"-+AA"`, refused("not base64")}, {`1`, refused("1 is not base64")}, {`"===="`, refused("not base64")},
		},
		"date": {
			{`"2026-02-28"`, "2026-02-28"}, {`"2026-2-3"`, "2026-02-03"}, {`"1969-12-31"`, "1969-12-31"}, {`"0001-01-01"`, "0001-01-01"}, {`"9999-12-31"`, "9999-12-31"}, {`"2000-02-29"`, "2000-02-29"},
			{`"2026-02-03T00:00:00Z"`, "2026-02-03"}, {`"1960-02-03 00:00:00"`, "1960-02-03"},
			{`"2026-02-03T00:00:01Z"`, refused("is not a date like 2006-01-02")}, {`"2026-02-29"`, refused("is not a date")}, {`"2026-13-01"`, refused("is not a date")}, {`"1900-02-29"`, refused("not a date")},
			{`"2026-04-31"`, refused("not a date")}, {`"2026-01-00"`, refused("not a date")}, {`20260101`, refused("20260101 is not a date")}, {`""`, refused("not a date")}, {`"2026-01-01x"`, refused("not a date")},
		},
		"array<int>": {
			{`[]`, []any{}}, {`[1,null,3]`, []any{int64(1), nil, int64(3)}}, {` [ 1 , 2 ] `, []any{int64(1), int64(2)}}, {`5`, []any{int64(5)}}, {`"5"`, []any{int64(5)}}, {`null`, nil},
			{`[1,"x"]`, refused(`column a[]: "x" is not an int`)}, {`{}`, refused("column a[]: {} is not an int")},
		},
		"array<int not null>": {{`[1]`, []any{int64(1)}}, {`[1,null]`, refused("column a[] is required, but null")}},
		"array<array<int>>":   {{`[[1],[],2,null]`, []any{[]any{int64(1)}, []any{}, []any{int64(2)}, nil}}},
		"map<string,int>": {
			{`{}`, pairs()}, {`{"x":1,"y":null}`, pairs("x", int64(1), "y", nil)}, {` { "x" : 1 , "\u0079" : 2 } `, pairs("x", int64(1), "y", int64(2))},
			{`{"x":1,"y":2,"x":3}`, pairs("y", int64(2), "x", int64(3))}, {`{"x":1,"\u0078":null}`, pairs("x", nil)}, {`{"x":1,"x":2,"x":3}`, pairs("x", int64(3))},
			{`[]`, refused("[] is not an object for a map")}, {`{"x":"y"}`, refused(`column a{}: "y" is not an int`)},
		},
		"map<int,string not null>": {
			{`{"1":"a","02":"b"}`, pairs(int64(1), "a", int64(2), "b")}, {`{"1":"a","01":"b"}`, pairs(int64(1), "b")},
			{`{"x":"a"}`, refused(`column a{key}: "x" is not an int`)}, {`{"1":null}`, refused("column a{} is required, but null")},
		},
		"map<date,map<string,int>>": {{`{"2026-01-01":{"x":1,"x":2},"2026-1-1":{"y":1,"y":2,"z":3}}`, pairs("2026-01-01", pairs("y", int64(2), "z", int64(3)))}},
		"struct<b:int,c:struct<d:string>>": {
			{`{}`, map[string]any{}}, {`{"c":{"d":"x"},"b":1}`, map[string]any{"b": int64(1), "c": map[string]any{"d": "x"}}},
			{`{"b":1,"b":2}`, map[string]any{"b": int64(2)}}, {`{"b":1,"b":null}`, map[string]any{}}, {`{"c":{"d":"x"},"c":{}}`, map[string]any{"c": map[string]any{}}},
			{`{"c":{"d":"x"},"c":null,"b":3}`, map[string]any{"b": int64(3)}},
			{`[]`, refused("column a: [] is not an object for a struct")}, {`{"c":1}`, refused("column a.c: 1 is not an object for a struct")}, {`{"b":1,"c":{"d":"x","e":"y"},"b":"z"}`, refused(`column a.b: "z" is not an int`)},
		},
		"struct<b:int not null>": {{`{"b":1}`, map[string]any{"b": int64(1)}}, {`{}`, refused("column a.b is required, but missing or null")}, {`{"b":1,"b":null}`, refused("column a.b is required")}},
	} {
		s := schemaOf(t, "a "+typ)
		for _, v := range values {
			rows, failures := parse(t, s, column.Options{}, fmt.Sprintf(`{"a":%s}`, v.json))
			if want, ok := v.want.(refused); ok {
				if len(rows) != 0 || len(failures) != 1 || !strings.Contains(failures[0], string(want)) ||
					!strings.HasPrefix(failures[0], "DataFormatConversion.MalformedData: Data does not match the schema: ") {
					t.Errorf("%s from %s: rows %v, failures %q, want %q", typ, v.json, rows, failures, want)
				}
				continue
			}
			want := []map[string]any{{"a": v.want}}
			if v.want == nil {
				want = []map[string]any{{}}
			}
			if diff := cmp.Diff(want, rows); diff != "" || failures != nil {
				t.Errorf("%s from %s: %v\n%s", typ, v.json, failures, diff)
			}
			if f, ok := v.want.(float64); ok && len(rows) > 0 && math.Signbit(f) != math.Signbit(rows[0]["a"].(float64)) {
				t.Errorf("%s from %s has another sign", typ, v.json)
			}
		}
	}
}

func TestLargeMapsKeepTheLastOfEqualKeys(t *testing.T) {
	for _, typ := range []string{"string", "int", "decimal(30,0)"} {
		var text []string
		for i := range 100 {
			text = append(text, fmt.Sprintf(`"%d":%d`, i%70, i))
		}
		rows, failures := parse(t, schemaOf(t, "a map<"+typ+",int>"), column.Options{}, `{"a":{`+strings.Join(text, ",")+`}}`)
		if failures != nil {
			t.Fatal(failures)
		}
		got := rows[0]["a"].(columntest.Pairs)
		if len(got) != 70 || fmt.Sprint(got[0]) != "{30 30}" || fmt.Sprint(got[69]) != "{29 99}" {
			t.Errorf("map<%s,int>: %v", typ, got)
		}
	}
}

func TestRecords(t *testing.T) {
	const (
		parseError = "DataFormatConversion.ParseError: Encountered malformed JSON: "
		malformed  = "DataFormatConversion.MalformedData: Data does not match the schema: "
	)
	s := schemaOf(t, "a int", "b string")
	for _, tt := range []struct {
		record string
		rows   int
		want   string
	}{
		{`{}`, 1, ""},
		{"{\"a\":1}\n", 1, ""},
		{`{"a":1}{"a":2}`, 2, ""},
		{" {\"a\":1}\r\n\t{\"a\":2} {} ", 3, ""},
		{``, 0, malformed + "the record is empty"},
		{" \n", 0, malformed + "the record is empty"},
		{`1`, 0, malformed + "expected an object, found 1 at byte 0"},
		{` [{"a":1}]`, 0, malformed + `expected an object, found [{"a":1}] at byte 1`},
		{`{"a":1} "x"`, 0, malformed + `expected an object, found "x" at byte 8`},
		{`{"a":1}{"a":"x"}`, 0, malformed + `column a: "x" is not an int`},
		{`{"a":1},{"a":2}`, 0, parseError + "unexpected ',' at byte 7"},
		{`{"a":1}}`, 0, parseError + "unexpected '}' at byte 7"},
		{`{"a":1`, 0, parseError + "unexpected end at byte 6"},
		{`{"a":"x"`, 0, parseError + "unexpected end at byte 8"},
		{`{"a":"x",}`, 0, parseError + "unexpected '}' at byte 9"},
		{`{"c":` + strings.Repeat("[", 511) + strings.Repeat("]", 511) + `}`, 1, ""},
		{`{"c":` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `}`, 0, parseError + "nested more than 512 levels deep at byte 516"},
		{`{"b":` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `}`, 0, parseError + "nested more than 512 levels deep at byte 516"},
		{`{"a":"x","c":` + strings.Repeat("[", 100_000) + `}`, 0, parseError + "nested more than 512 levels deep at byte 524"},
		{`hello`, 0, parseError + "unexpected 'h' at byte 0"},
		{`{"c":"` + "\xff" + `"}`, 0, parseError + "a string that is not UTF-8 at byte 6"},
		{`{"b":"\ud800"}`, 0, parseError + "half a surrogate pair in a string at byte 6"},
		{`{"a":` + strings.Repeat("9", 200) + `}`, 0, malformed + "column a: " + strings.Repeat("9", 80) + "... (200 bytes) is out of the range of int, -2147483648 to 2147483647"},
		{`{"a":"` + strings.Repeat("é", 100) + `"}`, 0, malformed + `column a: "` + strings.Repeat("é", 39) + `... (202 bytes) is not an int`},
	} {
		// A good record before and behind it, and one that goes on where it ends.
		for _, after := range []string{`{"a":7}`, `:1}`, `}`, `"}`, `,"a":2}`} {
			good := `{"a":7,"b":"seven"}`
			p := newParser(t, s, column.Options{})
			c := chunkOf(good, tt.record, after)
			var b column.Batch
			p.Parse(c, []int{0, 1}, &b)
			got := ""
			c.Failures(func(_ int, err error) { got += err.Error() })
			if b.Rows() != 1+tt.rows || got != tt.want {
				t.Errorf("%q: %d rows, want %d; %q, want %q", tt.record, b.Rows()-1, tt.rows, got, tt.want)
			}
		}
	}
}

// pairs makes a map of keys and values in turn.
func pairs(keysAndValues ...any) columntest.Pairs {
	p := columntest.Pairs{}
	for i := 0; i < len(keysAndValues); i += 2 {
		p = append(p, columntest.Pair{Key: keysAndValues[i], Value: keysAndValues[i+1]})
	}
	return p
}
