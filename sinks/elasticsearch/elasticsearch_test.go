package elasticsearch

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

func TestConformance(t *testing.T) {
	sinktest.Run(t, sinktest.Harness{
		New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
			c := newCluster(t)
			return c.config(), c
		},
		Faults:  true,
		Secrets: []string{"canary"},
	})
}

// open returns the sink of a configuration.
func open(t testing.TB, c *Config) *Sink {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := to.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return to.Destination.(*Sink)
}

// feedSpool is a spool that says whose records it has.
type feedSpool struct {
	sinktest.Spool
	feed string
}

func (s *feedSpool) Feed() string { return s.feed }

// payloads seals a chunk.
func payloads(t testing.TB, s *Sink, c *buffer.Chunk) []sinks.Payload {
	t.Helper()
	spool := &feedSpool{feed: "f/0"}
	w := s.Batch(spool)
	if err := w.Add(c, sinktest.AllRows(c)); err != nil {
		t.Fatalf("Add: %v", err)
	}
	p, err := w.Seal(sinktest.Plan(c))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	spool.Load(p)
	return p
}

func TestOneAnswerWithEveryFateIsRoutedItemByItem(t *testing.T) {
	c := newCluster(t)
	c.verdict = func(d document) (int, string) {
		switch {
		case strings.Contains(d.Source, "busy"):
			return 429, `{"type":"es_rejected_execution_exception","reason":"rejected execution"}`
		case strings.Contains(d.Source, "poison"):
			return 400, `{"type":"mapper_parsing_exception","reason":"failed to parse field [n]","caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"x\""}}`
		case strings.Contains(d.Source, "moving"):
			return 503, `{"type":"unavailable_shards_exception","reason":"primary shard is not active"}`
		case strings.Contains(d.Source, "there"):
			return 409, `{"type":"version_conflict_engine_exception","reason":"document already exists"}`
		}
		return 0, ""
	}
	s := open(t, c.config())
	chunk := sinktest.Chunk(`{"a":"new"}`, `{"a":"there"}`, `{"a":"busy"}`, `{"a":"poison"}`, `{"a":"moving"}`, `{"a":"new"}`)
	p := payloads(t, s, chunk)
	err := s.Send(t.Context(), &p[0])
	e := sinks.AsError(err)
	want := []sinks.Item{
		{Row: 2, Kind: sinks.Throttled, Code: "429", Message: "es_rejected_execution_exception: rejected execution"},
		{Row: 3, Kind: sinks.BadRecord, Code: "400", Message: `mapper_parsing_exception: failed to parse field [n]; illegal_argument_exception: For input string: "x"`},
		{Row: 4, Kind: sinks.Retryable, Code: "503", Message: "unavailable_shards_exception: primary shard is not active"},
	}
	if diff := cmp.Diff(want, e.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if e.Kind != sinks.Throttled || e.Reason != "es_rejected_execution_exception" || !strings.Contains(e.Err.Error(), "3 of 6 documents") {
		t.Errorf("error is %v, %s: %v", e.Kind, e.Reason, e)
	}
	wantDetails := `"esDocumentId":"wkrpblzm6bkhncbx-0000000004","esIndexName":"app-2024-12-31","esTypeName":""`
	if got := s.Describe(&p[0], 3); got != wantDetails {
		t.Errorf("Describe = %s\nwant       %s", got, wantDetails)
	}
}

func TestAMistakeInTheClusterHoldsTheStreamAndDropsNothing(t *testing.T) {
	c := newCluster(t)
	c.verdict = func(d document) (int, string) {
		if strings.Contains(d.Source, "poison") {
			return 400, `{"type":"mapper_parsing_exception","reason":"failed to parse"}`
		}
		return 404, `{"type":"index_not_found_exception","reason":"no such index [app]"}`
	}
	s := open(t, c.config())
	p := payloads(t, s, sinktest.Chunk(`{"a":1}`, `{"a":"poison"}`, `{"a":2}`))
	e := sinks.AsError(s.Send(t.Context(), &p[0]))
	if e.Kind != sinks.Permanent || !strings.Contains(e.Hint, "create the index app-2024-12-31") {
		t.Errorf("error is %v: %v, want permanent with a hint", e.Kind, e)
	}
	want := []sinks.Kind{sinks.Retryable, sinks.BadRecord, sinks.Retryable} // what waits, waits
	for i, item := range e.Items {
		if item.Kind != want[i] {
			t.Errorf("row %d is %v, want %v", i, item.Kind, want[i])
		}
	}
}

func TestOnePoisonRecordCostsOnlyItself(t *testing.T) {
	const records, poison = 100_000, 54_321
	c := newCluster(t)
	c.verdict = func(d document) (int, string) {
		if strings.HasPrefix(d.Source, `{"n":54321,`) {
			return 400, `{"type":"mapper_parsing_exception","reason":"failed to parse"}`
		}
		return 201, ""
	}
	s := open(t, c.config())
	chunk := &buffer.Chunk{}
	chunk.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for n := range records {
		chunk.AppendCopy(fmt.Appendf(nil, `{"n":%d,"pad":"xxxxxxxxxx"}`, n), time.Unix(1735687815, 0))
	}
	p := payloads(t, s, chunk)
	e := sinks.AsError(s.Send(t.Context(), &p[0]))
	if len(e.Items) != 1 || e.Items[0].Row != poison || e.Items[0].Kind != sinks.BadRecord || e.Kind != sinks.BadRecord {
		t.Errorf("%d items of %v, the first: %+v", len(e.Items), e.Kind, e.Items)
	}
	if got := c.bulks[0].Documents; got != records {
		t.Errorf("the request had %d documents", got)
	}
}

func TestRequestsAreAsConfigured(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		record string
		want   bulk
	}{
		{"by default", func(*Config) {}, `{"a":1}`, bulk{Path: "/app-2024-12-31/_bulk", Query: filterIDs,
			Body: `{"create":{"_id":"wkrpblzm6bkhncbx-0000000001"}}` + "\n" + `{"a":1}` + "\n"}},
		{"no ids", func(c *Config) { c.DocumentID = "no_document_id" }, `{"a":1}`, bulk{Path: "/app-2024-12-31/_bulk", Query: filter,
			Body: `{"create":{}}` + "\n" + `{"a":1}` + "\n"}},
		{"all of it", func(c *Config) {
			c.IndexRotationPeriod, c.DocumentID, c.OpType = NoRotation, ".a.id", Index
			c.Routing, c.Pipeline, c.TypeName, c.ContentEncoding = ".r", "my pipe", "event", GZIP
		}, `{"a":{"id":"x\"y"},"r":17}`, bulk{Path: "/app/event/_bulk", Query: filterIDs + "&pipeline=my+pipe",
			Body: `{"index":{"_id":"x\"y","routing":"17"}}` + "\n" + `{"a":{"id":"x\"y"},"r":17}` + "\n"}},
		{"fields that are missing", func(c *Config) { c.DocumentID, c.Routing = ".a.id", ".r" }, `{"a":1,"r":null}`, bulk{Path: "/app-2024-12-31/_bulk", Query: filterIDs,
			Body: `{"create":{"_id":"wkrpblzm6bkhncbx-0000000001"}}` + "\n" + `{"a":1,"r":null}` + "\n"}},
		{"routing alone", func(c *Config) { c.DocumentID, c.Routing = noDocumentID, ".r" }, `{"r":"x"}`, bulk{Path: "/app-2024-12-31/_bulk", Query: filter,
			Body: `{"create":{"routing":"x"}}` + "\n" + `{"r":"x"}` + "\n"}},
		{"a data stream", func(c *Config) { c.IndexName, c.DataStream = "", "logs-app" }, `{"a":1}`, bulk{Path: "/logs-app/_bulk", Query: filterIDs,
			Body: `{"create":{"_id":"wkrpblzm6bkhncbx-0000000001"}}` + "\n" + `{"a":1}` + "\n"}},
		{"a record of many lines", func(*Config) {}, "\n{\n  \"a b\": [1,\n 2], \"c\\\"\\\\\": \" x\\n\"\r\n}\n", bulk{Path: "/app-2024-12-31/_bulk", Query: filterIDs,
			Body: `{"create":{"_id":"wkrpblzm6bkhncbx-0000000001"}}` + "\n" + `{"a b":[1,2],"c\"\\":" x\n"}` + "\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			config := c.config()
			tt.change(config)
			s := open(t, config)
			p := payloads(t, s, sinktest.Chunk(tt.record))
			if err := s.Send(t.Context(), &p[0]); err != nil {
				t.Fatal(err)
			}
			got := c.bulks[0]
			if user, password, _ := (&http.Request{Header: got.Header}).BasicAuth(); user != "hydrant" || password != "canary" {
				t.Errorf("the request came from %q", user)
			}
			got.Header, got.Documents = nil, 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordsThatAreNoDocumentCostOnlyThemselves(t *testing.T) {
	c := newCluster(t)
	config := c.config()
	config.DocumentID, config.Routing = ".id", ".r"
	s := open(t, config)
	chunk := sinktest.Chunk(
		`{"a":1}`,
		"{\"a\":1}\n{\"delete\":{\"_id\":\"x\"}}\n{}", // an action of its own
		`[1]`,
		`"text"`,
		``,
		`{"a":"`+"\x00"+`"}`,
		`{"a":"`+"\xff"+`"}`,
		`{"id":{}}`,
		`{"id":"`+strings.Repeat("x", 513)+`"}`,
		`{"r":[1]}`,
		`{"a":2}`,
	)
	spool := &feedSpool{}
	w := s.Batch(spool)
	if err := w.Add(chunk, sinktest.AllRows(chunk)); err != nil {
		t.Fatal(err)
	}
	want := map[int]string{
		1: `the record is not one JSON object: unexpected '{' at byte 8`,
		2: `the record is JSON but no object: it begins with '['`,
		3: `the record is JSON but no object: it begins with '"'`,
		4: `the record is not one JSON object: unexpected end at byte 0`,
		5: `the record is not one JSON object: control character '\x00' in a string at byte 6`,
		6: `the record is not one JSON object: a string that is not UTF-8 at byte 6`,
		7: `make document id: .id is neither a text nor a number`,
		8: `make document id: .id has more than 512 bytes`,
		9: `make routing: .r is neither a text nor a number`,
	}
	got := map[int]string{}
	chunk.Failures(func(row int, err error) {
		var f *buffer.Failure
		if !errors.As(err, &f) || f.Output != "elasticsearch-failed" || f.Code != "OS.MalformedData" || !strings.Contains(f.Details, `"esIndexName":"app-2024-12-31"`) {
			t.Errorf("row %d: %#v", row, err)
			return
		}
		got[row] = f.Message
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	p, err := w.Seal(sinktest.Plan(chunk))
	if err != nil {
		t.Fatal(err)
	}
	spool.Load(p)
	if err := s.Send(t.Context(), &p[0]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"a":1}`, `{"a":2}`}, c.Rows(t)); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

func TestABatchOverMidnightIsAPayloadForEachDay(t *testing.T) {
	s := open(t, newCluster(t).config())
	chunk := &buffer.Chunk{}
	chunk.Reset(buffer.Position{Epoch: 1, Seq: 1})
	midnight := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for n, after := range []time.Duration{-time.Millisecond, 0, -time.Millisecond, time.Hour} { // clocks step back
		chunk.AppendCopy(fmt.Appendf(nil, `{"n":%d}`, n), midnight.Add(after))
	}
	got := map[string][]uint64{}
	for _, p := range payloads(t, s, chunk) {
		got[p.Name] = p.Seqs
	}
	if diff := cmp.Diff(map[string][]uint64{"app-2024-12-31": {1, 3}, "app-2025-01-01": {2, 4}}, got); diff != "" {
		t.Errorf("records by index (-want +got):\n%s", diff)
	}
}

func TestTheIDTellsFeedsEpochsAndRecordsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, feed := range []string{"a/0", "a/1"} {
		d := identity{feed: feed}
		for _, p := range []buffer.Position{{Epoch: 1, Seq: 1}, {Epoch: 1, Seq: 16}, {Epoch: 2, Seq: 1}, {Epoch: 1, Seq: 1<<40 - 1}, {Epoch: 1, Seq: 1 << 40}, {Epoch: 1, Seq: 1<<64 - 1}} {
			id := string(d.appendID(nil, p))
			if seen[id] || len(id) < 27 {
				t.Errorf("%s %v: id %s", feed, p, id)
			}
			seen[id] = true
		}
	}
}

func TestProbeSaysWhoAnswers(t *testing.T) {
	c := newCluster(t)
	s := open(t, c.config())
	text, err := s.Probe(t.Context())
	if want := "cluster fake at " + strings.TrimPrefix(c.URL, "http://") + ", elasticsearch 7.10.2"; err != nil || text != want {
		t.Errorf("Probe = %q, %v; want %q", text, err, want)
	}
	for _, tt := range []struct {
		status int
		body   string
		want   sinks.Kind
	}{
		{401, "", sinks.Permanent},
		{200, "<html>", sinks.Permanent},
		{503, "", sinks.Retryable},
	} {
		c.Misbehave(sinktest.Fault{Status: tt.status, Body: tt.body})
		if _, err := s.Probe(t.Context()); err == nil || sinks.AsError(err).Kind != tt.want {
			t.Errorf("%d: %v, want %v", tt.status, err, tt.want)
		}
	}
}
