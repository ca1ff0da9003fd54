package failed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

const name = "clicks-1-2026-11-23-09-40-01-01234567-89ab-8def-8123-456789abcdef"

// output is the error output of a stream in a folder with these objects.
func output(t *testing.T, objects map[string]string, jobs ...*job.Job) *Output {
	t.Helper()
	dir := t.TempDir()
	for key, text := range objects {
		path := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, problems := configs.Parse("t.yaml", dir, []byte(fmt.Sprintf(`
version: 1
streams:
  clicks:
    source: {direct_put: {}}
    destination: {s3: {bucket: "file://%s", error_output_prefix: "e/!{firehose:error-output-type}/"}}
`, dir)), func(string) (string, bool) { return "", false })
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	for _, j := range jobs {
		j.From = dir
	}
	o, err := Open(c.Streams[0], jobs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

var arrived = time.Date(2026, 11, 23, 9, 40, 1, 0, time.UTC)

// line is an error record that arrived so many seconds later.
func line(seconds int, code, message, data string) string {
	at := arrived.Add(time.Duration(seconds) * time.Second).UnixMilli()
	return string(object.AppendErrorLine(nil, &buffer.Failure{Code: code, Message: message}, buffer.Position{Seq: 1}, at, []byte(data)))
}

func visit(t *testing.T, o *Output, f *Filter) (found []*Record, garbage []string) {
	t.Helper()
	var p Progress
	err := o.Read(t.Context(), f, &p, Visitor{
		Record:  func(_ object.Entry, r *Record) error { found = append(found, r); return nil },
		Garbage: func(g Garbage) { garbage = append(garbage, g.String()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, garbage
}

func TestGarbageIsToldAndPassedOver(t *testing.T) {
	key := "e/processing-failed/" + name
	o := output(t, map[string]string{
		key: line(0, "A", "m", "one") + "garbage\n" + line(1, "A", "m", "two") + `{"id":1}` + "\n" + line(2, "B", "m", "cut")[:40],
		"e/processing-failed/clicks-1-2026-11-23-09-40-02-01234567-89ab-8def-8123-456789abcdef": "\x1f\x8b not gzip",
		"e/processing-failed/readme.txt": "not of the stream",
	})
	found, garbage := visit(t, o, &Filter{})
	var data []string
	for _, r := range found {
		data = append(data, fmt.Sprintf("%s:%d %s %s", r.Type, r.Line, r.Code, r.Data))
	}
	if diff := cmp.Diff([]string{"processing-failed:1 A one", "processing-failed:3 A two"}, data); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if len(garbage) != 4 || garbage[0] != key+":2: it is no JSON object" || !strings.Contains(garbage[1], "no rawData") || !strings.Contains(garbage[3], "gzip") {
		t.Errorf("garbage %q", garbage)
	}
}

func TestFilterChooses(t *testing.T) {
	o := output(t, map[string]string{
		"e/processing-failed/" + name:        line(0, "A", "first", "one") + line(10, "B", "second", "two"),
		"e/format-conversion-failed/" + name: line(20, "C", "third", "three"),
	})
	for _, tt := range []struct {
		f    Filter
		want string
	}{
		{Filter{}, "three one two"},
		{Filter{Types: []string{"processing-failed"}}, "one two"},
		{Filter{Codes: []string{"A", "C"}}, "three one"},
		{Filter{Contains: "second"}, "two"},
		{Filter{Contains: "thre"}, "three"},
		{Filter{Since: arrived.Add(10 * time.Second)}, "three two"},
		{Filter{Until: arrived.Add(10 * time.Second)}, "one"},
		{Filter{Since: arrived.Add(5 * time.Second), Until: arrived.Add(20 * time.Second)}, "two"},
		{Filter{Since: time.Now().Add(48 * time.Hour)}, ""}, // no object is that new
	} {
		found, _ := visit(t, o, &tt.f)
		var data []string
		for _, r := range found {
			data = append(data, string(r.Data))
		}
		if got := strings.Join(data, " "); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.f, got, tt.want)
		}
	}
}

func TestReplayedRecordsAreMarked(t *testing.T) {
	key := "e/processing-failed/" + name
	j := &job.Job{Manifest: job.Manifest{Kind: job.Replay, Stream: "clicks"}}
	o := output(t, map[string]string{key: line(0, "A", "m", "one") + line(1, "A", "m", "two")}, j)
	err := o.Each(t.Context(), func(e object.Entry, _ string) error {
		j.Inputs = []job.Input{{Entry: e, Lines: job.Lines{{2, 2}}}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o.taken = job.Take([]*job.Job{j}, job.Replay, "clicks", o.Place.String())
	found, _ := visit(t, o, &Filter{})
	if len(found) != 2 || found[0].Replayed || !found[1].Replayed {
		t.Errorf("replayed: %v, %v", found[0].Replayed, found[1].Replayed)
	}
	var groups Groups
	for _, r := range found {
		groups.Add("clicks", r)
	}
	if g := groups.List(); len(g) != 1 || g[0].Records != 2 || g[0].Replayed != 1 || g[0].Example.Record != "two" || !g[0].First.Equal(arrived) {
		t.Errorf("groups %+v", g)
	}
}

func TestReasonLeavesOutWhatVaries(t *testing.T) {
	for message, want := range map[string]string{
		"": "",
		`Data does not match the schema: column id: "three" is not a bigint`: `Data does not match the schema: column id: "…" is not a bigint`,
		"Encountered malformed JSON: unexpected 'b' at byte 12":              "Encountered malformed JSON: unexpected '…' at byte …",
		"it doesn't work and can't":                                          "it doesn't work and can't",
		"connect to 10.0.0.1:9200 failed after 3s":                           "connect to … failed after …",
		"document 3f2504e0-4f89-11d3-9a0c-0305e82c3301 exists":               "document … exists",
		"first line\nsecond":                                                 "first line",
		`an "open quote`:                                                     `an "open quote`,
		"utf8 is utf8":                                                       "utf8 is utf8",
		strings.Repeat("ä", 200):                                             strings.Repeat("ä", 50) + "…",
	} {
		if got := Reason(message); got != want {
			t.Errorf("Reason(%q) = %q, want %q", message, got, want)
		}
	}
}

func FuzzReason(f *testing.F) {
	f.Add(`"a\"b" 'x' 12 …`)
	f.Fuzz(func(t *testing.T, s string) {
		if r := Reason(s); len(r) > longestReason+len("…") || strings.ContainsAny(r, "\n\r") {
			t.Errorf("Reason(%q) = %q", s, r)
		}
	})
}

func TestGroupsAreBounded(t *testing.T) {
	var g Groups
	for i := range 3 * mostGroups {
		word := string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		g.Add("s", &Record{Type: "t", ErrorRecord: object.ErrorRecord{Code: "c", Message: word}})
	}
	if n := len(g.List()); n > mostGroups+1 {
		t.Errorf("%d groups", n)
	}
	if top := g.List()[0]; top.Reason != "other reasons" || top.Records != 2*mostGroups {
		t.Errorf("the rest is %+v", top)
	}
}

func TestNewestKeepsTheNewest(t *testing.T) {
	n := Newest{Most: 2}
	for _, seconds := range []int{5, 1, 9, 9, 3} {
		n.Add(&Record{Line: int64(seconds), ErrorRecord: object.ErrorRecord{Arrival: arrived.Add(time.Duration(seconds) * time.Second)}})
	}
	if l := n.List(); len(l) != 2 || l[0].Line != 9 || l[1].Line != 9 {
		t.Errorf("newest %v", l)
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2h": now.Add(-2 * time.Hour), "7d": now.AddDate(0, 0, -7), "2026-11-22": time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		"2026-11-22T10:00:00+02:00": time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), "2026-11-22 10:00": time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	} {
		if got, err := When(text, now); err != nil || !got.Equal(want) {
			t.Errorf("When(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-2h", "-1d"} {
		if got, err := When(text, now); err == nil {
			t.Errorf("When(%q) = %v", text, got)
		}
	}
}

func TestRecordsAreShownWithoutHarm(t *testing.T) {
	r := &Record{Object: "k\x1b[2J", Line: 3, Type: "t", ErrorRecord: object.ErrorRecord{Code: "C", Message: "m\x07", Attempts: 2, Arrival: arrived, Data: []byte("a\nb\xff\x1b[31m")}}
	var text, line bytes.Buffer
	if err := WriteText(&text, r); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(text.Bytes(), "\x1b\x07") || bytes.IndexByte(text.Bytes(), 0xff) >= 0 {
		t.Errorf("%q", text.String())
	}
	if err := WriteJSON(&line, "clicks", r); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Stream, Code string
		Binary       []byte `json:"data_base64"`
	}
	if err := json.Unmarshal(line.Bytes(), &back); err != nil || back.Stream != "clicks" || !bytes.Equal(back.Binary, r.Data) {
		t.Errorf("%s: %v", line.Bytes(), err)
	}
}
