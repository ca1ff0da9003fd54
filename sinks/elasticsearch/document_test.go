package elasticsearch

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
)

func TestFieldsAreFound(t *testing.T) {
	for _, tt := range []struct{ path, record, want string }{
		{".a", `{"a":"x"}`, `"x"`},
		{".a", ` { "b" : [ {"a":1} ] , "a" : "x" } `, `"x"`},
		{".a.b", `{"a":{"c":1,"b":-1.50e3}}`, `"-1.50e3"`},
		{".a", `{"a":12345678901234567890}`, `"12345678901234567890"`},
		{".a", `{"a":"x\"\\\u0000"}`, `"x\"\\\u0000"`}, // escaped, as it came
		{".ä", `{"\u00e4":"x"}`, `"x"`},
		{".a", `{"a":"first","a":"last"}`, `"last"`},
		{".a.b", `{"a":{"b":"first"},"a":{"b":"last"}}`, `"last"`},
		{".a.b", `{"a":{"b":"first"},"a":{}}`, ``},
		{".a", `{"A":"x"}`, ``},
		{".a", `{"a":null}`, ``},
		{".a", `{"a":""}`, ``},
		{".a", `{}`, ``},
		{".a.b", `{"a":"x"}`, ``},
		{".a.b", `{"a":[{"b":1}]}`, ``},
		{".a", `{"a":{}}`, `error`},
		{".a", `{"a":[]}`, `error`},
		{".a", `{"a":true}`, `error`},
		{".a", `{"a":"` + strings.Repeat("x", 512) + `"}`, `"` + strings.Repeat("x", 512) + `"`},
		{".a", `{"a":"` + strings.Repeat("x", 513) + `"}`, `error`},
		{".a", `{"a":"` + strings.Repeat(`\u0041`, 512) + `"}`, `"` + strings.Repeat(`\u0041`, 512) + `"`},
		{".a", `{"a":` + strings.Repeat("1", 513) + `}`, `error`},
	} {
		p, err := parsePath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		got, ok, err := p.appendValue(nil, []byte(tt.record))
		if err != nil {
			got = []byte("error")
		}
		if string(got) != tt.want || err == nil && ok != (tt.want != "") {
			t.Errorf("%s of %.60s: %.60s, %v, want %.60s", tt.path, tt.record, got, ok, tt.want)
		}
	}
	for _, bad := range []string{"", ".", "a", "a.b", ".a.", ".a..b", "..a"} {
		if p, err := parsePath(bad); err == nil {
			t.Errorf("parsePath(%q) = %v", bad, p)
		}
	}
}

// Whatever a record is, it becomes two lines of which the first is ours and the
// second means the same as the record, or nothing at all.
func FuzzNoRecordGetsOutOfItsLine(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, "{\"a\":1}\n{\"delete\":{}}\n", "{\n\"id\": \"x\\n\\\"\",\r\n\"r\":[ ]}", `{"id":"\u000a"}`, `{"id":{}}`, "{\"a\":\"\n\"}"} {
		f.Add([]byte(seed))
	}
	config := newCluster(f).config()
	config.DocumentID, config.Routing = ".id", ".r"
	s := open(f, config)
	f.Fuzz(func(t *testing.T, record []byte) {
		w := &writer{sink: s}
		c := &buffer.Chunk{}
		c.Reset(buffer.Position{Epoch: 1, Seq: 1})
		c.Data = append(c.Data, record...)
		c.Append(0, uint32(len(record)), 0)
		fragment, err := w.appendFragment(nil, c, 0)
		if err != nil {
			return
		}
		lines := bytes.Split(fragment, []byte("\n"))
		if len(lines) != 3 || len(lines[2]) != 0 {
			t.Fatalf("%q became %q", record, fragment)
		}
		var action map[string]map[string]string
		if err := json.Unmarshal(lines[0], &action); err != nil || len(action) != 1 || action["create"]["_id"] == "" {
			t.Fatalf("%q has the action %q", record, lines[0])
		}
		var want, got bytes.Buffer
		if column.Valid(lines[1]) != nil || json.Compact(&want, record) != nil || json.Compact(&got, lines[1]) != nil || !bytes.Equal(want.Bytes(), got.Bytes()) {
			t.Fatalf("%q became %q", record, lines[1])
		}
	})
}
