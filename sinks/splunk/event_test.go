package splunk

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
)

var then = arrived{at: buffer.Position{Epoch: 0x9f0c31aa52e07b44, Seq: 12}, time: []byte("1735687815.042")}

func encode(t testing.TB, e Event, record string) (string, error) {
	t.Helper()
	if e.Wrap == "" {
		e.Wrap = WrapAuto
	}
	enc, err := e.encoder()
	if err != nil {
		t.Fatal(err)
	}
	out, err := enc.append([]byte("before"), []byte(record), then)
	together := then // with others
	together.head = enc.head(nil, then)
	if again, _ := enc.append([]byte("before"), []byte(record), together); string(again) != string(out) {
		t.Errorf("%s: %q with the head that is kept, %q without", record, again, out)
	}
	text, kept := strings.CutPrefix(string(out), "before")
	if !kept || err != nil && text != "" {
		t.Errorf("%s: what was before became %q", record, out)
	}
	return text, err
}

func TestEvents(t *testing.T) {
	bare := Event{Time: timeBySplunk}
	full := Event{Time: ".ts", Host: ".device.name", Index: "plant", Sourcetype: `mqtt:"json"`, Source: ".topic", IDField: "hydrant_id"}
	always := Event{Wrap: WrapAlways, Time: timeBySplunk}
	for _, test := range []struct {
		name   string
		event  Event
		record string
		want   string
	}{
		{"an object", bare, `{"a":1}`, `{"event":{"a":1}}`},
		{"white space around it", bare, " {\"a\" : 1}\r\n", `{"event":{"a" : 1}}`},
		{"no members", bare, `{}`, `{"event":{}}`},
		{"an array", bare, `[1,2]`, `{"event":[1,2]}`},
		{"a JSON string", bare, `"a\u0041"`, `{"event":"a\u0041"}`},
		{"a number", bare, `0`, `{"event":"0"}`},
		{"null", bare, `null`, `{"event":"null"}`},
		{"false", bare, `false`, `{"event":"false"}`},
		{"text", bare, `it's "quoted" \ here`, `{"event":"it's \"quoted\" \\ here"}`},
		{"text with a delimiter", bare, "line\r\n", `{"event":"line"}`},
		{"lines of text", bare, "  one\n\ttwo\n\n", `{"event":"  one\n\ttwo\n"}`},
		{"control characters", bare, "\x00\x1b[31m\x7fü€😀", `{"event":"\u0000\u001b[31m` + "\x7f" + `ü€😀"}`},
		{"broken JSON", bare, `{"a":1`, `{"event":"{\"a\":1"}`},
		{"two objects", bare, `{"event":1}{"event":2}`, `{"event":"{\"event\":1}{\"event\":2}"}`},
		{"an object that breaks out", bare, `{"a":1}}` + "\n" + `{"event":"forged"}`, `{"event":"{\"a\":1}}\n{\"event\":\"forged\"}"}`},
		{"a string that breaks out", bare, `x"}` + "\n" + `{"event":"forged"`, `{"event":"x\"}\n{\"event\":\"forged\""}`},

		{"an HEC event", bare, `{"event":"x","time":1.5,"host":"h"}`, `{"event":"x","time":1.5,"host":"h"}`},
		{"an HEC event with all members", bare, `{"sourcetype":"t","source":"s","index":"i","host":"h","time":5,"fields":{},"event":{}}`, `{"sourcetype":"t","source":"s","index":"i","host":"h","time":5,"fields":{},"event":{}}`},
		{"an HEC event to be wrapped", always, `{"event":"x"}`, `{"event":{"event":"x"}}`},
		{"an unknown member", bare, `{"event":"x","level":"info"}`, `{"event":{"event":"x","level":"info"}}`},
		{"a member twice", bare, `{"event":"x","event":"y"}`, `{"event":{"event":"x","event":"y"}}`},
		{"no event", bare, `{"host":"h"}`, `{"event":{"host":"h"}}`},
		{"an event that Splunk refuses", bare, `{"event":null}`, `{"event":{"event":null}}`},
		{"a blank event", bare, `{"event":" "}`, `{"event":{"event":" "}}`},
		{"a host that is no text", bare, `{"event":1,"host":5}`, `{"event":{"event":1,"host":5}}`},
		{"a time that is no number", bare, `{"event":1,"time":"noon"}`, `{"event":{"event":1,"time":"noon"}}`},
		{"a time as text", bare, `{"event":1,"time":"1766412000.5"}`, `{"event":1,"time":"1766412000.5"}`},

		{"the time of arrival", Event{Time: timeOfArrival}, `{"a":1}`, `{"time":1735687815.042,"event":{"a":1}}`},
		{"the arrival of an HEC event", Event{Time: timeOfArrival}, ` {"event":1}`, `{"time":1735687815.042,"event":1}`},
		{"all metadata", full, `{"ts":1766412000,"device":{"name":"d\u0031"},"topic":"p/1"}`,
			`{"time":1766412000,"host":"d\u0031","source":"p/1","sourcetype":"mqtt:\"json\"","index":"plant","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"event":{"ts":1766412000,"device":{"name":"d\u0031"},"topic":"p/1"}}`},
		{"metadata that is missing", full, `{"device":{"nam":"x"},"topic":null}`,
			`{"time":1735687815.042,"sourcetype":"mqtt:\"json\"","index":"plant","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"event":{"device":{"nam":"x"},"topic":null}}`},
		{"metadata that is no text", full, `{"ts":"2026-11-22T10:00:00.25+01:00","device":{"name":7},"topic":["x"]}`,
			`{"time":1795338000.250,"host":"7","sourcetype":"mqtt:\"json\"","index":"plant","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"event":{"ts":"2026-11-22T10:00:00.25+01:00","device":{"name":7},"topic":["x"]}}`},
		{"of members with equal names the last counts", full, `{"ts":1,"topic":"a","device":{"name":"x","name":"y"},"device":{"name":"a","n\u0061me":"b"},"top\u0069c":"b","ts":2}`,
			`{"time":2,"host":"b","source":"b","sourcetype":"mqtt:\"json\"","index":"plant","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"event":{"ts":1,"topic":"a","device":{"name":"x","name":"y"},"device":{"name":"a","n\u0061me":"b"},"top\u0069c":"b","ts":2}}`},
		{"the last counts even if it is nothing", full, `{"device":{"name":"x"},"device":null,"topic":"a","topic":[]}`,
			`{"time":1735687815.042,"sourcetype":"mqtt:\"json\"","index":"plant","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"event":{"device":{"name":"x"},"device":null,"topic":"a","topic":[]}}`},
		{"a time before 1970", Event{Time: ".ts"}, `{"ts":"1969-12-31T23:59:58.25Z"}`, `{"time":-1.750,"event":{"ts":"1969-12-31T23:59:58.25Z"}}`},
		{"names that begin like an event's", bare, ` { "even" : 1, "event": 2}`, `{"event":{ "even" : 1, "event": 2}}`},
		{"an event with white space", bare, " {\n\t\"event\" : 1}", "{\n\t\"event\" : 1}"},
		{"a path through what is no object", full, `{"ts":"soon","device":"d","topic":""}`,
			`{"time":1735687815.042,"sourcetype":"mqtt:\"json\"","index":"plant","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"event":{"ts":"soon","device":"d","topic":""}}`},
		{"metadata of text", full, `text`,
			`{"time":1735687815.042,"sourcetype":"mqtt:\"json\"","index":"plant","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"event":"text"}`},
		{"an HEC event keeps its own", full, `{"time":5,"index":"mine","event":1}`,
			`{"sourcetype":"mqtt:\"json\"","fields":{"hydrant_id":"9f0c31aa52e07b44-12"},"time":5,"index":"mine","event":1}`},
		{"an HEC event with fields", Event{Time: timeBySplunk, IDField: "id"}, ` {"event":1, "fields" : { "a":1 } , "host":"h"} `,
			`{"event":1, "fields" : {"id":"9f0c31aa52e07b44-12", "a":1 } , "host":"h"}`},
		{"an HEC event with empty fields", Event{Time: timeBySplunk, IDField: "id"}, `{"fields":{ },"event":1}`,
			`{"fields":{"id":"9f0c31aa52e07b44-12" },"event":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := encode(t, test.event, test.record)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want+"\n", got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordsThatAreNoEvents(t *testing.T) {
	never := Event{Wrap: WrapNever, Time: timeBySplunk}
	for _, test := range []struct {
		event  Event
		record string
		want   error
	}{
		{Event{}, "", errBlank},
		{Event{}, " \r\n", errBlank},
		{Event{}, `""`, errBlank},
		{Event{}, ` "  " `, errBlank},
		{Event{}, "bin\xff\x00", errNotUTF8},
		{Event{}, "{\"a\":\"\xff\"}", errNotUTF8},
		{never, `{"a":1}`, errNotEvent},
		{never, `{"event":1,"x":1}`, errNotEvent},
		{never, `text`, errNotEvent},
		{never, `{"event":1}`, nil},
	} {
		if _, err := encode(t, test.event, test.record); !errors.Is(err, test.want) {
			t.Errorf("%q: %v, want %v", test.record, err, test.want)
		}
	}
}

func TestLines(t *testing.T) {
	for record, want := range map[string]string{"a": "a\n", "a\n": "a\n", "a\r\n": "a\r\n", " \xff ": " \xff \n"} {
		if got, err := appendLine(nil, []byte(record), then); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", record, got, err, want)
		}
	}
	if got, err := appendLine([]byte("x"), []byte(" \n"), then); !errors.Is(err, errBlank) || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// Whatever a record holds, its event is one JSON object with nothing but the
// members of an event, and the record can be read in it.
func FuzzEventsStayEvents(f *testing.F) {
	for _, record := range []string{"", "x", `"x"`, `{"event":1}`, `{"event":1}{"event":2}`, `{"event":1,"fields":{}}`, `{"fields":{"a":1},"event":"\ud83d\ude00"}`,
		"{\"a\":\"\n\"}", `{"ts":1,"device":{"name":"x"},"topic":true}`, `{"device":{"name":"x","n\u0061me":7},"device":{"name":""}}`, `{"ts":"2026-11-22T10:00:00Z"}`, "\x00\xff", `[`, `{"event":"` + "\u2028" + `"}`} {
		f.Add([]byte(record), byte(0))
		f.Add([]byte(record), byte(7))
		f.Add([]byte(record), byte(128))
	}
	f.Fuzz(func(t *testing.T, record []byte, settings byte) {
		e := Event{Wrap: []Wrap{WrapAuto, WrapAlways, WrapNever}[settings%3], Time: []string{timeOfArrival, timeBySplunk, ".ts"}[settings/3%3]}
		if settings&64 != 0 {
			e.IDField = "id"
		}
		if settings&128 != 0 {
			e.Host, e.Index, e.Source = ".device.name", "main", ".topic"
		}
		enc, err := e.encoder()
		if err != nil {
			t.Fatal(err)
		}
		out, err := enc.append(nil, record, then)
		if err != nil {
			if len(out) > 0 {
				t.Errorf("%q was left behind", out)
			}
			return
		}
		if !utf8.Valid(out) || out[len(out)-1] != '\n' || column.Valid(out) != nil {
			t.Fatalf("%q is no JSON", out)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(out, &members); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		event := members["event"]
		if e.Host != "" && column.IsValid(event) && bytes.Equal(event, bytes.TrimSpace(record)) { // a record in an event of ours
			if want, got := hostByEncodingJSON(record), members["host"]; want != string(got) {
				t.Errorf("%q has the host %s, want %s", record, got, want)
			}
		}
		for name := range members {
			if !strings.Contains(" event time host source sourcetype index fields ", " "+name+" ") {
				t.Errorf("%q has the member %q", out, name)
			}
		}
		if event == nil || string(event) == "null" || string(event) == "false" {
			t.Errorf("%q has no event", out)
		}
		var text string
		if json.Unmarshal(event, &text) == nil && e.Wrap != WrapNever && column.Valid(record) != nil && text != strings.TrimSuffix(strings.TrimSuffix(string(record), "\n"), "\r") {
			t.Errorf("text %q became %q", record, text)
		}
	})
}

// hostByEncodingJSON finds .device.name by package encoding/json, in which the
// last of equal names counts.
func hostByEncodingJSON(record []byte) string {
	var o, device map[string]json.RawMessage
	if json.Unmarshal(record, &o) != nil || json.Unmarshal(o["device"], &device) != nil {
		return ""
	}
	return string(bytes.TrimSuffix(appendMember(nil, "", device["name"]), []byte(",")))
}

func BenchmarkEvents(b *testing.B) {
	click := `{"event_id":"0190c1d2-7b1e-7c00-8000-000000000042","ts":"2026-11-22T10:00:00.123Z","user":{"id":184467,"country":"DE"},"page":"/products/42?ref=home","referrer":"https://example.com/","ms":137,"tags":["a","b"],"agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}`
	for name, test := range map[string]struct {
		event  Event
		record string
	}{
		"wrapped":   {Event{Wrap: WrapAuto, Time: timeOfArrival}, click},
		"by path":   {Event{Wrap: WrapAuto, Time: ".ts", Host: ".user.country", Index: "main", IDField: "id"}, click},
		"hec event": {Event{Wrap: WrapAuto, Time: timeOfArrival}, `{"time":1766412000.5,"host":"h","event":` + click + `}`},
		"text":      {Event{Wrap: WrapAuto, Time: timeOfArrival}, strings.Repeat(`192.168.0.1 - - "GET /index.html HTTP/1.1" 200 512`, 5)},
	} {
		b.Run(name, func(b *testing.B) {
			e, err := test.event.encoder()
			if err != nil {
				b.Fatal(err)
			}
			record, buf := []byte(test.record), make([]byte, 0, 4096)
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				if buf, err = e.append(buf[:0], record, then); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestEventsDoNotAllocate(t *testing.T) {
	e, err := (&Event{Wrap: WrapAuto, Time: ".ts", Host: ".device.name", Index: "main", IDField: "id"}).encoder()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	for _, record := range []string{`{"ts":"2026-11-22T10:00:00.25+01:00","device":{"name":"d"}}`, `{"event":1,"fields":{"a":1}}`, `[1]`, `text "x"`,
		`[2026-11-22 10:00:00] INFO started`, `"quoted" text`, `{broken`, `{"a":1}{"a":2}`} {
		record := []byte(record)
		if n := testing.AllocsPerRun(100, func() { buf, err = e.append(buf[:0], record, then) }); n != 0 || err != nil {
			t.Errorf("%s: %v allocations, %v", record, n, err)
		}
	}
}
