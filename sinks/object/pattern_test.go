package object

import (
	"strings"
	"testing"
	"time"
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestPattern has what Java's DateTimeFormatter prints, with the US locale.
func TestPattern(t *testing.T) {
	berlin, utc := mustZone(t, "Europe/Berlin"), time.UTC
	india, new_york := mustZone(t, "Asia/Kolkata"), mustZone(t, "America/New_York")
	summer := time.Date(2026, 7, 3, 4, 5, 6, 789e6, utc)
	noon := time.Date(2024, 2, 29, 12, 0, 9, 0, utc)
	midnight := time.Date(2024, 12, 31, 0, 0, 0, 0, utc)
	for _, test := range []struct {
		pattern string
		time    time.Time
		want    string
	}{
		{"yyyy/MM/dd/HH/", summer, "2026/07/03/04/"},
		{"yyyy-MM-dd'T'HH:mm:ss", summer, "2026-07-03T04:05:06"},
		{"y yy yyy yyyy yyyyy", summer, "2026 26 2026 2026 02026"},
		{"u uu uuuu", summer, "2026 26 2026"},
		{"M MM MMM MMMM MMMMM", summer, "7 07 Jul July J"},
		{"L LL LLL LLLL LLLLL", summer, "7 07 Jul July J"},
		{"d dd D DD DDD", summer, "3 03 184 184 184"},
		{"D DD DDD", time.Date(2026, 1, 5, 0, 0, 0, 0, utc), "5 05 005"},
		{"E EE EEE EEEE EEEEE", summer, "Fri Fri Fri Friday F"},
		{"e ee eee eeee eeeee", summer, "6 06 Fri Friday F"},
		{"c ccc cccc ccccc", summer, "6 Fri Friday F"},
		{"Q QQ QQQ QQQQ QQQQQ q qq", summer, "3 03 Q3 3rd quarter 3 3 03"},
		{"h hh K KK k kk H HH a", summer, "4 04 4 04 4 04 4 04 AM"},
		{"h K k H a", noon, "12 0 12 12 PM"},
		{"h K k H a", midnight, "12 0 24 0 AM"},
		{"m mm s ss", summer, "5 05 6 06"},
		{"S SSS n nnn", summer, "0 000 0 000"}, // a resolution of one second, as Firehose's
		{"A N", noon, "43209000 43209000000000"},
		{"G GGGG GGGGG", summer, "AD Anno Domini A"},
		{"F W", summer, "3 1"},
		{"F W", time.Date(2026, 7, 31, 0, 0, 0, 0, utc), "3 5"},
		{"YYYY-'W'ww w", summer, "2026-W27 27"},
		{"YYYY-ww yyyy", midnight, "2025-01 2024"}, // the trap of YYYY
		{"YY", midnight, "25"},
		{"YYYY-ww", time.Date(2023, 1, 1, 0, 0, 0, 0, utc), "2023-01"},
		{"YYYY-ww", time.Date(2022, 12, 31, 0, 0, 0, 0, utc), "2022-53"},
		{"YYYY-ww", time.Date(2026, 12, 27, 0, 0, 0, 0, utc), "2027-01"},
		{"YYYY-ww", time.Date(2026, 12, 26, 0, 0, 0, 0, utc), "2026-52"},
		{"VV", summer.In(berlin), "Europe/Berlin"},
		{"VV z X x Z O", summer, "UTC UTC Z +00 +0000 GMT"},
		{"z HH", summer.In(berlin), "CEST 06"},
		{"X XX XXX XXXX XXXXX", summer.In(berlin), "+02 +0200 +02:00 +0200 +02:00"},
		{"X x xxx", summer.In(india), "+0530 +0530 +05:30"},
		{"x xx xxx xxxx xxxxx", summer, "+00 +0000 +00:00 +0000 +00:00"},
		{"Z ZZZ ZZZZ ZZZZZ", summer.In(new_york), "-0400 -0400 GMT-04:00 -04:00"},
		{"ZZZZ ZZZZZ", summer, "GMT Z"},
		{"O OOOO", summer.In(india), "GMT+5:30 GMT+05:30"},
		{"O OOOO", summer.In(berlin), "GMT+2 GMT+02:00"},
		{"'it''s' ''", summer, "it's '"},
		{"''yyyy''", summer, "'2026'"},
		{"yyyy[/MM[/dd]]", summer, "2026/07/03"},
		{"yyyy[/MM", summer, "2026/07"},
		{"ppH pppMMMM", summer, " 4 July"},
		{"'dt='yyyy", summer, "dt=2026"},
		{"", summer, ""},
	} {
		p, err := parsePattern(test.pattern)
		if err != nil {
			t.Errorf("parsePattern(%q) = %v", test.pattern, err)
			continue
		}
		if got := string(p.append(nil, test.time)); got != test.want {
			t.Errorf("pattern %q of %v = %q, want %q", test.pattern, test.time, got, test.want)
		}
	}
}

func TestPatternMistakes(t *testing.T) {
	for _, test := range []struct{ pattern, want string }{
		{"'open", "unclosed quote"},
		{"yyyy]", "] without a ["},
		{"{yyyy}", "reserved character"},
		{"yyyy#", "reserved character"},
		{"ddd", "wrong number of letters"},
		{"HHH", "wrong number of letters"},
		{"cc", "wrong number of letters"},
		{"V", "wrong number of letters"},
		{"OO", "wrong number of letters"},
		{"zzzz", "long names of time zones"},
		{"b", "not known"},
		{"yyyy/Tag", "not known"},
		{"dt=yyyy", "not known"},
		{"yyyypp", "pad letter"},
		{"pp-yyyy", "pad letter"},
	} {
		if _, err := parsePattern(test.pattern); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("parsePattern(%q) = %v, want %q", test.pattern, err, test.want)
		}
	}
}

func FuzzPrefix(f *testing.F) {
	for _, s := range []string{"a/!{timestamp:yyyy/MM/dd}/", "!{firehose:random-string}", "!{timestamp:''ppH[x]}", "!{", "!{timestamp:VV zXO'"} {
		f.Add(s)
	}
	v := values{time: time.Date(2026, 7, 3, 4, 5, 6, 0, mustZone(f, "Asia/Kolkata")), errorType: "processing-failed"}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrefix(s)
		if err != nil {
			return
		}
		first, second := string(p.append(nil, v)), string(p.append(nil, v))
		if first != second {
			t.Errorf("prefix %q gave %q and %q", s, first, second)
		}
		if !p.hasExpression() && first != s {
			t.Errorf("prefix %q without expressions gave %q", s, first)
		}
	})
}
