package column

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func members(text string) (seen []string, valid bool) {
	m := ReadMembers([]byte(text))
	for m.Next() {
		seen = append(seen, fmt.Sprintf("%s=%s", m.Key, text[m.Offset:m.Offset+len(m.Value)]))
	}
	return seen, m.Valid()
}

func TestMembersAreSeenAsTheyStand(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:      nil,
		" { } \n": nil,
		`{"a":1}`: {"a=1"},
		"{ \"a\" : [ 1 ,2] ,\n\t\"b\\n\":{\"c\":\"}\"} } ": {"a=[ 1 ,2]", `b\n={"c":"}"}`},
		`{"a":1,"a":null}`:           {"a=1", "a=null"},
		`{"":"\u00fc\"","ü":-1.5e3}`: {`="\u00fc\""`, "ü=-1.5e3"},
	} {
		if got, valid := members(text); !valid || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %q, valid %v; want %q", text, got, valid, want)
		}
	}
}

// What Members calls an object is what Valid calls one.
func FuzzMembersAgreeWithValid(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":1}`, `{"a":1,}`, `{"a" 1}`, `{,}`, `{"a":1`, `{"a":1}x`, `{"a":1}{}`, `[]`, `"x"`, ``, ` `, `{`, `{"`,
		`{"a":{"b":[1,{"c":null}]},"d":"\ud800"}`, "{\"a\":\"\xff\"}", "{\"a\n\":1}", `{"a":1 "b":2}`, `{"a":tru}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m := ReadMembers(text)
		for m.Next() {
			if err := Valid(m.Value); err != nil {
				t.Fatalf("member %q has the value %q: %v", m.Key, m.Value, err)
			}
		}
		i := space(text, 0)
		want := i < len(text) && text[i] == '{' && Valid(text) == nil
		if got := m.Valid(); got != want {
			t.Fatalf("%q: valid %v, want %v", text, got, want)
		}
		m = ReadMembers(text)
		m.Next()
		if got := m.Finish(); got != want || m.Next() || m.Valid() != want {
			t.Fatalf("%q: valid %v when it is finished early, want %v", text, got, want)
		}
	})
}

func TestMembersDoNotAllocate(t *testing.T) {
	record := []byte(`{"event_id":"000001","page":"/p/1","text":"üüü","n":[1,2,3]}`)
	if n := testing.AllocsPerRun(100, func() {
		m := ReadMembers(record)
		for m.Next() {
		}
		if !m.Valid() {
			t.Fatal("not valid")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCut(t *testing.T) {
	for text, want := range map[string][]string{
		``: nil, ` `: nil, `]`: nil, `tru`: nil, `{"a":1`: nil,
		` 1 `:                 {"1"},
		`{"a":1}{"b":2} [3]x`: {`{"a":1}`, `{"b":2}`, `[3]`},
		`"a\"b" null,1`:       {`"a\"b"`, `null`},
	} {
		var got []string
		rest := []byte(text)
		for value, rest, ok := Cut(rest); ok; value, rest, ok = Cut(rest) {
			got = append(got, string(value))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
