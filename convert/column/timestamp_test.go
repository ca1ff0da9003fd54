package column_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/convert/column"
)

func formats(t testing.TB, texts ...string) column.Options {
	t.Helper()
	var o column.Options
	for _, text := range texts {
		f, err := column.ParseTimestampFormat(text)
		if err != nil {
			t.Fatal(err)
		}
		if f.String() != text {
			t.Errorf("String() = %q, want %q", f, text)
		}
		o.TimestampFormats = append(o.TimestampFormats, f)
	}
	return o
}

// TestTimestampsAreReadByTheirFormat has JSON values by format; "" means that
// the record fails.
func TestTimestampsAreReadByTheirFormat(t *testing.T) {
	iso := map[string]string{
		`"2026-01-02T03:04:05Z"`:            "2026-01-02T03:04:05Z",
		`"2026-01-02T03:04:05"`:             "2026-01-02T03:04:05Z",
		`"2026-01-02T03:04:05.1Z"`:          "2026-01-02T03:04:05.1Z",
		`"2026-01-02T03:04:05.123Z"`:        "2026-01-02T03:04:05.123Z",
		`"2026-01-02T03:04:05.123456"`:      "2026-01-02T03:04:05.123456Z",
		`"2026-01-02T03:04:05.1234567Z"`:    "2026-01-02T03:04:05.1234567Z",
		`"2026-01-02T03:04:05.12345678Z"`:   "2026-01-02T03:04:05.12345678Z",
		`"2026-01-02T03:04:05.123456789Z"`:  "2026-01-02T03:04:05.123456789Z",
		`"2026-01-02T03:04:05+01:30"`:       "2026-01-02T01:34:05Z",
		`"2026-01-02T03:04:05.5-0800"`:      "2026-01-02T11:04:05.5Z",
		`"2026-01-02T03:04:05+01"`:          "2026-01-02T02:04:05Z",
		`"2026-01-02T03:04:05\u005a"`:       "2026-01-02T03:04:05Z",
		`"1969-12-31T23:59:59.999999999Z"`:  "1969-12-31T23:59:59.999999999Z",
		`"1677-09-21T00:12:43.145224192Z"`:  "1677-09-21T00:12:43.145224192Z",
		`"2262-04-11T23:47:16.854775807Z"`:  "2262-04-11T23:47:16.854775807Z",
		`"2024-02-29T00:00:00Z"`:            "2024-02-29T00:00:00Z",
		`"1677-09-21T00:12:43.145224191Z"`:  "",
		`"2262-04-11T23:47:16.854775808Z"`:  "",
		`"0001-01-01T00:00:00Z"`:            "",
		`"9999-12-31T23:59:59Z"`:            "",
		`"2026-02-29T00:00:00Z"`:            "",
		`"2026-01-02T24:00:00Z"`:            "",
		`"2026-01-02T23:60:00Z"`:            "",
		`"2026-01-02T23:59:60Z"`:            "",
		`"2026-00-02T23:59:00Z"`:            "",
		`"2026-01-02T3:04:05Z"`:             "",
		`"2026-1-02T03:04:05Z"`:             "",
		`"2026-01-02T03:04:05.Z"`:           "",
		`"2026-01-02T03:04:05.1234567890Z"`: "",
		`"2026-01-02T03:04:05ZZ"`:           "",
		`"2026-01-02T03:04:05+1"`:           "",
		`"2026-01-02T03:04:05+19:00"`:       "",
		`"2026-01-02T03:04"`:                "",
		`"2026-01-02"`:                      "",
		`"2026-01-02x03:04:05Z"`:            "",
		`"2026-01-02T03:04:0:Z"`:            "",
		`"2026-01-02T03-04-05Z"`:            "",
		`""`:                                "",
		`"x"`:                               "",
		`true`:                              "",
		`{}`:                                "",
		`[]`:                                "",
	}
	hive := map[string]string{
		`"2026-01-02 03:04:05"`:           "2026-01-02T03:04:05Z",
		`"2026-1-2 3:4:5"`:                "2026-01-02T03:04:05Z",
		`"2026-1-2 3:4:5.000001"`:         "2026-01-02T03:04:05.000001Z",
		`"2026-01-02 03:04:05.123456789"`: "2026-01-02T03:04:05.123456789Z",
		`"2026-01-02 03:04:05+00:00"`:     "2026-01-02T03:04:05Z",
		`"2026-01-02 03:04:05 +0200"`:     "2026-01-02T01:04:05Z",
		`"2026-01-02 03:04"`:              "",
		`"2026-01-02  03:04:05"`:          "",
		`"2026-01-02 03:04:05 "`:          "",
	}
	epoch := map[string]string{
		`0`:                     "1970-01-01T00:00:00Z",
		`1767322800`:            "2026-01-02T03:00:00Z",
		`-1`:                    "1969-12-31T23:59:59Z",
		`1767322800.25`:         "2026-01-02T03:00:00.25Z",
		`1767322800.1234567891`: "2026-01-02T03:00:00.123456789Z",
		`1767322800123`:         "2026-01-02T03:00:00.123Z",
		`1767322800123.5`:       "2026-01-02T03:00:00.1235Z",
		`-1767322800123`:        "1913-12-30T20:59:59.877Z",
		`"1767322800"`:          "2026-01-02T03:00:00Z",
		`"1767322800123"`:       "2026-01-02T03:00:00.123Z",
		`1.7673228e9`:           "2026-01-02T03:00:00Z",
		`1000000000000`:         "2001-09-09T01:46:40Z",
		`9223372036.854775807`:  "2262-04-11T23:47:16.854775807Z",
		`9223372036854.775807`:  "2262-04-11T23:47:16.854775807Z",
		`-9223372036.854775808`: "1677-09-21T00:12:43.145224192Z",
		`9223372036.854775808`:  "",
		`999999999999`:          "",
		`9223372036855`:         "",
		`1e300`:                 "",
		`"-"`:                   "",
	}
	both := map[string]string{}
	for _, m := range []map[string]string{iso, hive, epoch} {
		for k, v := range m {
			both[k] = v
		}
	}
	check := func(o column.Options, values map[string]string) {
		t.Helper()
		s := schemaOf(t, "a timestamp")
		for json, want := range values {
			for _, filler := range []string{"", strings.Repeat(" ", 40)} { // with and without room for whole words
				rows, failures := parse(t, s, o, `{"a":`+json+filler+`}`)
				if want == "" {
					if len(rows) != 0 || !strings.Contains(failures[0], "MalformedData: Data does not match the schema: column a: ") {
						t.Errorf("%v, %s: %v %v", o.TimestampFormats, json, rows, failures)
					}
				} else if len(rows) != 1 || rows[0]["a"] != want {
					t.Errorf("%v, %s: %v, want %s %v", o.TimestampFormats, json, rows, want, failures)
				}
			}
		}
	}
	check(column.Options{}, both)
	check(formats(t, "openx"), both)
	check(formats(t, "iso8601"), iso)
	check(formats(t, "iso8601"), map[string]string{`0`: "", `"2026-01-02 03:04:05"`: ""})
	check(formats(t, "hive"), hive)
	check(formats(t, "hive"), map[string]string{`0`: "", `"2026-01-02T03:04:05"`: ""})
	check(formats(t, "epoch_seconds"), map[string]string{`1767322800`: "2026-01-02T03:00:00Z", `"1767322800.5"`: "2026-01-02T03:00:00.5Z", `1767322800123`: "", `"2026-01-02T03:04:05Z"`: ""})
	check(formats(t, "millis"), map[string]string{`1`: "1970-01-01T00:00:00.001Z", `1767322800123`: "2026-01-02T03:00:00.123Z"})
	check(formats(t, "epoch_millis"), map[string]string{`-1`: "1969-12-31T23:59:59.999Z"})
	check(formats(t, "epoch_micros"), map[string]string{`1767322800123456`: "2026-01-02T03:00:00.123456Z"})
	check(formats(t, "epoch_nanos"), map[string]string{`1767322800123456789`: "2026-01-02T03:00:00.123456789Z", `1.4`: "1970-01-01T00:00:00.000000001Z", `9223372036854775808`: ""})
	check(formats(t, "yyyy/MM/dd HH:mm:ss.SSS Z"), map[string]string{`"2026/01/02 03:04:05.678 +0100"`: "2026-01-02T02:04:05.678Z", `"2026/1/2 3:4:5.6 Z"`: "2026-01-02T03:04:05.6Z", `"2026/01/02 03:04:05.678"`: ""})
	check(formats(t, "yyyyMMddHHmmssSSS"), map[string]string{`"20260102030405678"`: "2026-01-02T03:04:05.678Z", `20260102030405678`: "2026-01-02T03:04:05.678Z", `"2026010203040567"`: "", `"202601020304056789"`: ""})
	check(formats(t, "EEE, d MMM yyyy hh:mm:ss a z"), map[string]string{`"Fri, 2 Jan 2026 03:04:05 PM GMT"`: "2026-01-02T15:04:05Z", `"Friday, 2 january 2026 12:00:00 am utc"`: "2026-01-02T00:00:00Z", `"Fri, 2 Jan 2026 12:00:00 PM UTC"`: "2026-01-02T12:00:00Z", `"Foo, 2 Jan 2026 12:00:00 PM UTC"`: ""})
	check(formats(t, "yyyy-MM-dd'T'HH:mm:ssXXX"), map[string]string{`"2026-01-02T03:04:05+01:00"`: "2026-01-02T02:04:05Z", `"2026-01-02T03:04:05Z"`: "2026-01-02T03:04:05Z"})
	check(formats(t, "dd.MM.yy 'o''clock' H"), map[string]string{`"02.01.26 o'clock 3"`: "2026-01-02T03:00:00Z", `"31.02.26 o'clock 3"`: ""})
	check(formats(t, "MM/dd/yyyy", "dd/MM/yyyy", "epoch_seconds"), map[string]string{`"12/25/2025"`: "2025-12-25T00:00:00Z", `"25/12/2025"`: "2025-12-25T00:00:00Z", `60`: "1970-01-01T00:01:00Z", `"25/25/2025"`: ""})
	check(formats(t, "yyyy HH:mm"), map[string]string{`"2026 03:04"`: "2026-01-01T03:04:00Z", `"2026 24:00"`: ""})
	check(formats(t, "yyyy kk:mm"), map[string]string{`"2026 24:00"`: "2026-01-01T00:00:00Z"})
}

func TestPatternsThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"yyyy-QQ":  `"yyyy-QQ" is not a timestamp format: letter 'Q' is not known`,
		"yyyy 'x":  "a quote is not closed",
		"yyyyy":    "yyyyy has more letters than there are forms",
		"'hello'":  "it has no year",
		"":         "it has no year",
		"ms":       `"ms" is not a timestamp format: it has no year`,
		"ISO-8601": "letter 'I' is not known",
	} {
		_, err := column.ParseTimestampFormat(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	var f column.TimestampFormat
	if err := f.UnmarshalText([]byte("EPOCH_MILLIS")); err != nil || f.String() != "epoch_millis" {
		t.Errorf("%v %v", f, err)
	}
}

// TestTimestampsComeBack reads random times of all days in several writings.
func TestTimestampsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	s := schemaOf(t, "a timestamp")
	layouts := []string{"2006-01-02T15:04:05.999999999Z", "2006-01-02T15:04:05.999999999-07:00", "2006-1-2 15:4:5.999999999", "2006-01-02T15:04:05.999Z"}
	p := newParser(t, s, column.Options{})
	for range 20_000 {
		at := time.Unix(0, int64(r.Uint64())).UTC()
		layout := layouts[r.IntN(len(layouts))]
		if r.IntN(2) == 0 {
			at = at.Truncate(time.Millisecond)
		}
		written := at.Format(layout)
		if strings.Contains(layout, "-07") {
			written = at.In(time.FixedZone("", 60*(r.IntN(24*60)-12*60))).Format(layout)
		}
		want, err := time.Parse(layout, written)
		if err != nil {
			t.Fatal(err)
		}
		c := chunkOf(`{"a":`+strconv.Quote(written)+`}`, strings.Repeat(" ", 40))
		var b column.Batch
		p.Parse(c, []int{0}, &b)
		if b.Rows() != 1 || int64(b.Root.Children[0].Values[0]) != want.UnixNano() {
			t.Fatalf("%s: %d rows %v, want %d %v", written, b.Rows(), b.Root.Children[0].Values, want.UnixNano(), c.Failure(0))
		}
	}
}

func FuzzParseTimestampFormat(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2026-01-02T03:04:05.678+01:00")
	f.Add("epoch_millis", "12")
	f.Add("yyMMddHHmmssSSSa", "26010203040567pm")
	f.Fuzz(func(t *testing.T, text, value string) {
		format, err := column.ParseTimestampFormat(text)
		if err != nil {
			return
		}
		again, err := column.ParseTimestampFormat(format.String())
		if err != nil || again.String() != format.String() {
			t.Fatalf("%q: %v %v", text, again, err)
		}
		p := newParser(t, schemaOf(t, "a timestamp"), column.Options{TimestampFormats: []column.TimestampFormat{format}})
		c := chunkOf(`{"a":` + strconv.QuoteToASCII(value) + `}`)
		var b column.Batch
		p.Parse(c, []int{0}, &b)
		if b.Rows() == 1 == (c.Failure(0) != nil) {
			t.Fatalf("%d rows, %v", b.Rows(), c.Failure(0))
		}
	})
}
