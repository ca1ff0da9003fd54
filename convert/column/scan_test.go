package column

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// free are the cases of the suite that RFC 8259 leaves open and that are
// accepted; the other cases whose names start with i_ are refused.
var free = map[string]string{
	"i_number_double_huge_neg_exp.json":   "numbers may be of any size",
	"i_number_huge_exp.json":              "numbers may be of any size",
	"i_number_neg_int_huge_exp.json":      "numbers may be of any size",
	"i_number_pos_double_huge_exp.json":   "numbers may be of any size",
	"i_number_real_neg_overflow.json":     "numbers may be of any size",
	"i_number_real_pos_overflow.json":     "numbers may be of any size",
	"i_number_real_underflow.json":        "numbers may be of any size",
	"i_number_too_big_neg_int.json":       "numbers may be of any size",
	"i_number_too_big_pos_int.json":       "numbers may be of any size",
	"i_number_very_big_negative_int.json": "numbers may be of any size",
	"i_structure_500_nested_arrays.json":  "less than 512 levels",
}

const jsonSuite = "../../../shared/data/jsontestsuite"

// TestJSONTestSuite runs Nicolas Seriot's suite,
// https://github.com/nst/JSONTestSuite.
func TestJSONTestSuite(t *testing.T) {
	if _, err := os.Stat(jsonSuite); err != nil {
		t.Skipf("SKIPPED, NOT CHECKED: JSONTestSuite is not at %s", jsonSuite)
	}
	files, err := filepath.Glob(filepath.Join(jsonSuite, "*.json"))
	if err != nil || len(files) < 300 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		err = Valid(data)
		accept := strings.HasPrefix(name, "y_") || free[name] != ""
		if accept != (err == nil) {
			t.Errorf("%s: %v\n%s", name, err, shorten(data))
		}
		// The same text as an unknown field of a record.
		record := []byte(`{"field":` + string(data) + `}`)
		if err := Valid(record); accept != (err == nil) && name != "n_structure_no_data.json" {
			t.Errorf("%s, as a field: %v\n%s", name, err, shorten(data))
		}
	}
}

// Texts without white space, separated by it.
const (
	goodJSON = `0 -0 -1 10 1.5 -0.0 1e9 1E+9 1e-9 0e0 123456789012345678901234567890 1.7976931348623157e400 true false null
		"" "a" "ä" "日本" "😀" "\u0041" "\ud83d\ude00" "\"\\\/\b\f\n\r\t" "\u0000" "` + "\x7f" + `"
		[] [1] [1,2] [[],[[]]] {} {"":0} {"a":{}} {"a":[{"b":null}]} {"a":1,"a":2} {"\u0061":"\u0062"}`
	brokenJSON = `- + +1 .5 1. 00 01 -01 1e 1e+ 0x10 1_000 NaN Infinity -Infinity True TRUE tru nul nulll truefalse
		" "a 'a' "\x" "\u12" "\u12g4" "\ud800" "\ud800\u0041" "\udc00" "\" a
		[[1 [1,] [,1] [,] [1,,2] [1}} [1;2] [1]] []] [][
		{ } {1:2} {a:1} {"a"} {"a":} {"a":1,} {,} {"a":1,,"b":2} {"a"::1} {"a":1]} {"a":1}} {"a","b"} {'a':1} {"a":1"b":2}
		/**/1 1//2 #1 \u0041 "\a" [\n] {"\":1}`
)

func TestJSONIsAcceptedAndNothingElse(t *testing.T) {
	check := func(text string, good bool) {
		for _, s := range []string{text, " " + text + "\r\n\t ", `{"field":` + text + `}`, `[0,` + text + `]`} {
			if err := Valid([]byte(s)); good != (err == nil) {
				t.Errorf("%s: %v", s, err)
			}
		}
	}
	for _, text := range strings.Fields(goodJSON) {
		check(text, true)
	}
	for _, text := range strings.Fields(brokenJSON) {
		check(text, false)
	}
}

func TestSyntaxErrorsSayWhatAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "unexpected end at byte 0",
		"  ":                               "unexpected end at byte 2",
		`{"a":1`:                           "unexpected end at byte 6",
		`{"a":tru}`:                        "unexpected '}' at byte 8",
		`{"a" 1}`:                          "unexpected '1' at byte 5",
		`{"a":1,}`:                         "unexpected '}' at byte 7",
		`{"a":01}`:                         "unexpected '1' at byte 6",
		`[1.]`:                             "unexpected ']' at byte 3",
		`[1e]`:                             "unexpected ']' at byte 3",
		"[\"a\nb\"]":                       `control character '\n' in a string at byte 3`,
		`["\x"]`:                           "invalid escape sequence in a string at byte 2",
		`["\u12g4"]`:                       "invalid escape sequence in a string at byte 2",
		`["\ud800"]`:                       "half a surrogate pair in a string at byte 2",
		`["abc\udc00\ud800"]`:              "half a surrogate pair in a string at byte 5",
		"[\"abc\xff\"]":                    "a string that is not UTF-8 at byte 5",
		"[\"\xc3\xa4\xed\xa0\x80\"]":       "a string that is not UTF-8 at byte 4",
		`[1] 2`:                            "unexpected '2' at byte 4",
		"\xef\xbb\xbf{}":                   "unexpected 'ï' at byte 0",
		strings.Repeat("[", 600):           "nested more than 512 levels deep at byte 512",
		strings.Repeat(`{"a":`, 600) + "1": "nested more than 512 levels deep at byte 2560",
	} {
		err := Valid([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("Valid(%.50q) = %v, want %s", text, err, want)
		}
	}
}

func TestNestingUpToTheLimitIsAccepted(t *testing.T) {
	text := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if err := Valid([]byte(text)); err != nil {
		t.Error(err)
	}
}

// deep reports whether a text nests deeper than we take. It counts brackets,
// so it may be wrong only in one direction.
func deep(text []byte) bool {
	return strings.Count(string(text), "[")+strings.Count(string(text), "{") > maxDepth
}

// halfSurrogate reports whether a valid JSON text has an escape that
// encoding/json replaces.
func halfSurrogate(text []byte) bool {
	d := json.NewDecoder(strings.NewReader(string(text)))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if s, ok := token.(string); ok && strings.ContainsRune(s, utf8.RuneError) {
			return true // or a replacement character that was there
		}
	}
}

// FuzzValid compares the scanner with encoding/json, which takes more: strings
// that are not UTF-8, and half surrogate pairs.
func FuzzValid(f *testing.F) {
	for _, text := range append(strings.Fields(goodJSON), strings.Fields(brokenJSON)...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err, theirs := Valid(data), json.Valid(data)
		if err == nil && (!theirs || !utf8.Valid(data)) {
			t.Fatalf("accepted %q", data)
		}
		if err != nil && theirs && utf8.Valid(data) && !deep(data) && !halfSurrogate(data) {
			t.Fatalf("%v: %q", err, data)
		}
		// What follows a text must not change how it is read.
		padded := append(append([]byte{}, data...), `"}]},"x":1}`...)
		end := skip(padded[:], 0, 0)
		if err == nil && space(padded, end) < len(data) {
			t.Fatalf("with more behind it, %q ends at %d", data, end)
		}
	})
}
