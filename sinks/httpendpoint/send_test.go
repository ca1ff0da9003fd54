package httpendpoint

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// open opens the destination of a configuration.
func open(t testing.TB, c *Config) (*Sink, sinks.Outputs) {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	})
	return to.Destination.(*Sink), to
}

// seal seals a batch of the chunk.
func seal(t testing.TB, s *Sink, c *buffer.Chunk) []sinks.Payload {
	t.Helper()
	var spool sinktest.Spool
	w := s.Batch(&spool)
	if err := w.Add(c, sinktest.AllRows(c)); err != nil {
		t.Fatal(err)
	}
	p, err := w.Seal(sinktest.Plan(c))
	if err != nil {
		t.Fatal(err)
	}
	spool.Load(p)
	return p
}

// part returns some records of a payload, as the delivery makes it: with the ID
// and the name of the whole.
func part(p *sinks.Payload, rows ...int) *sinks.Payload {
	q := *p
	q.Ends, q.Seqs, q.Size = nil, nil, 0
	var body []byte
	for _, row := range rows {
		start := int64(0)
		if row > 0 {
			start = p.Ends[row-1]
		}
		fragment := make([]byte, p.Ends[row]-start)
		if _, err := p.Body.ReadAt(fragment, start); err != nil && err != io.EOF {
			panic(err)
		}
		body = append(body, fragment...)
		q.Ends, q.Seqs = append(q.Ends, int64(len(body))), append(q.Seqs, p.Seqs[row])
	}
	q.Size, q.Body = int64(len(body)), strings.NewReader(string(body))
	return &q
}

// raw returns the body of the request for a payload.
func raw(t *testing.T, s *Sink, p *sinks.Payload) string {
	t.Helper()
	r, err := s.request(t.Context(), p, requestID(p))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(text)) != r.ContentLength {
		t.Errorf("a body of %d bytes says that it has %d", len(text), r.ContentLength)
	}
	return string(text)
}

// TestBodyGolden fixes the bytes of requests: what an older version sealed must
// be the same request to the endpoint.
func TestBodyGolden(t *testing.T) {
	records := []string{`{"a":1}`, "{\"b\":\r\n [\"ü\"]}\n", "3"}
	for format, want := range map[Format][2]string{
		Firehose: {
			`{"requestId":"410b4a6a-5502-8544-869d-257319c9c6d0","timestamp":1735687875000,"records":[{"data":"eyJhIjoxfQ=="},{"data":"eyJiIjoNCiBbIsO8Il19Cg=="},{"data":"Mw=="}]}`,
			`{"requestId":"823cbcb6-e93c-891f-a556-6c3c745e1712","timestamp":1735687875000,"records":[{"data":"eyJiIjoNCiBbIsO8Il19Cg=="}]}`,
		},
		NDJSON:    {"{\"a\":1}\n{\"b\":   [\"ü\"]}\n3\n", "{\"b\":   [\"ü\"]}\n"},
		JSONArray: {"[{\"a\":1},{\"b\":\r\n [\"ü\"]}\n,3]", "[{\"b\":\r\n [\"ü\"]}\n]"},
	} {
		c := newService(t, format).config()
		if format == Firehose {
			c = newEndpoint(t).config()
		}
		s, _ := open(t, c)
		p := seal(t, s, sinktest.Chunk(records...))
		if len(p) != 1 || p[0].Name != requestID(&p[0]) {
			t.Fatalf("payloads %+v, want one that is named by its request id", p)
		}
		if diff := cmp.Diff(want, [2]string{raw(t, s, &p[0]), raw(t, s, part(&p[0], 1))}); diff != "" {
			t.Errorf("%s: whole and part (-want +got):\n%s", format, diff)
		}
	}
}

func TestPartsHaveRequestIDsOfTheirOwn(t *testing.T) {
	e := newEndpoint(t)
	s, _ := open(t, e.config())
	p := seal(t, s, sinktest.Chunk("a", "b", "c", "d", "e"))
	seen := map[string][]int{}
	for _, rows := range [][]int{{0, 1, 2, 3, 4}, {0, 1}, {2, 3, 4}, {0}, {0, 2, 4}, {0, 3, 4}, {0, 1, 4}} {
		for range 2 { // and again
			if err := s.Send(t.Context(), part(&p[0], rows...)); err != nil {
				t.Fatal(err)
			}
		}
		id := requestID(part(&p[0], rows...))
		if other, taken := seen[id]; taken {
			t.Errorf("rows %v and %v have the same request id", rows, other)
		}
		seen[id] = rows
	}
	for _, r := range e.Endpoint.Requests() {
		if seen[r.ID] == nil || r.Times() != 2 || len(r.Records) != len(seen[r.ID]) {
			t.Errorf("request %s came %d times with %d records", r.ID, r.Times(), len(r.Records))
		}
	}
}

// TestRequestsStayWithinTheLimits: what does not fit into one request becomes
// more of them, and what fits into none fails alone.
func TestRequestsStayWithinTheLimits(t *testing.T) {
	e := newEndpoint(t)
	config := e.config()
	config.RequestConfiguration.MaxRecords = 7
	config.RequestConfiguration.MaxSize = 1 << 10
	s, _ := open(t, config)
	var records, want []string
	for i := range 100 {
		records = append(records, fmt.Sprint(i, strings.Repeat("x", i*i%900)))
	}
	c := sinktest.Chunk(records...)
	payloads := seal(t, s, c)
	ids := map[string]bool{}
	for i := range payloads {
		p := &payloads[i]
		ids[p.ID] = true
		if n := len(raw(t, s, p)); len(p.Seqs) > 7 || n > 1<<10 {
			t.Errorf("a request of %d records and %d bytes", len(p.Seqs), n)
		}
		if err := s.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	for row, record := range records {
		if c.Pending(row) {
			want = append(want, record)
			continue
		}
		f, ok := c.Failure(row).(*buffer.Failure)
		details := fmt.Sprintf(`"subsequenceNumber":0,"dataId":"%d.0"`, row+1)
		if !ok || f.Code != codeTooLarge || f.Output != failedType || f.Details != details || len(record) < 600 {
			t.Errorf("record %d of %d bytes failed: %+v", row, len(record), c.Failure(row))
		}
	}
	if len(want) == len(records) || len(ids) != len(payloads) || len(payloads) < 15 {
		t.Errorf("%d of %d records in %d payloads with %d ids", len(want), len(records), len(payloads), len(ids))
	}
	if diff := cmp.Diff(want, e.Rows(t)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// The limits of the contract, with records as large as they may be.
func TestFirehoseLimits(t *testing.T) {
	e := newEndpoint(t)
	s, _ := open(t, e.config())
	records := slices.Repeat([]string{"x"}, mostRecords+1)
	large := strings.Repeat("y", largestRecord)
	records = append(records, slices.Repeat([]string{large}, 60)...)
	records = append(records, large+"y")
	c := sinktest.Chunk(records...)
	payloads := seal(t, s, c)
	if last := c.Len() - 1; c.Pending(last) || !c.Pending(last-1) {
		t.Errorf("a record of %d bytes has to fail, and no other", largestRecord+1)
	}
	var counts []int
	for i := range payloads {
		counts = append(counts, len(payloads[i].Seqs))
		if n := len(raw(t, s, &payloads[i])); n > largestBody {
			t.Errorf("a request of %d bytes", n)
		}
	}
	if diff := cmp.Diff([]int{mostRecords, 50, 11}, counts); diff != "" {
		t.Errorf("records in requests (-want +got):\n%s", diff)
	}
}

func TestRecordsThatAreNoJSONFailAlone(t *testing.T) {
	for _, format := range []Format{NDJSON, JSONArray} {
		sv := newService(t, format)
		s, _ := open(t, sv.config())
		c := sinktest.Chunk(`{"a":1}`, `{"a":1},{"b":2}`, "1]\n[2", "\"a\nb\"", "", `["ok"]`, "\"\xff\"", "{}\n{}")
		p := seal(t, s, c)
		for _, row := range []int{1, 2, 3, 4, 6, 7} {
			if f, ok := c.Failure(row).(*buffer.Failure); !ok || f.Code != codeMalformed || f.Output != failedType {
				t.Errorf("%s: record %q: %v", format, c.Bytes(row), c.Failure(row))
			}
		}
		if err := s.Send(t.Context(), &p[0]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{`{"a":1}`, `["ok"]`}, sv.Rows(t)); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", format, diff)
		}
		if p := seal(t, s, sinktest.Chunk("no")); len(p) != 0 {
			t.Errorf("%s: a batch of bad records has payloads %+v", format, p)
		}
	}
}

// TestAMisbehavingEndpointLosesNothing spoils one answer after the other; each
// time the request comes again, the same to the last byte.
func TestAMisbehavingEndpointLosesNothing(t *testing.T) {
	for _, test := range []struct {
		fault  sinktest.Fault
		kind   sinks.Kind
		reason string
	}{
		{sinktest.Fault{Name: "another request id", Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"requestId":"x","timestamp":1}`}, sinks.Retryable, codeInvalid},
		{sinktest.Fault{Name: "empty 200", Status: 200}, sinks.Retryable, codeInvalid},
		{sinktest.Fault{Name: "HTML", Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>all is well</html>"}, sinks.Retryable, codeInvalid},
		{sinktest.Fault{Name: "noise", When: sinktest.Garbage}, sinks.Retryable, codeInvalid},
		{sinktest.Fault{Name: "redirect", Status: 302, Header: http.Header{"Location": {"/elsewhere"}}}, sinks.Retryable, codeDestination},
		{sinktest.Fault{Name: "redirect for ever", Status: 308, Header: http.Header{"Location": {"/elsewhere"}}}, sinks.Retryable, codeDestination},
		{sinktest.Fault{Name: "too large", Status: 413}, sinks.Bisect, codeDestination},
		{sinktest.Fault{Name: "too fast", Status: 429, Header: http.Header{"Retry-After": {"3"}}}, sinks.Throttled, codeDestination},
		{sinktest.Fault{Name: "answer too large", Status: 200, Body: strings.Repeat("x", answerLimit+1)}, sinks.Retryable, codeLarge},
		{sinktest.Fault{Name: "answer cut off", Status: 200, Header: http.Header{"Content-Length": {"90"}}, Body: `{"requestId":`}, sinks.Retryable, codeReset},
		{sinktest.Fault{Name: "cut", When: sinktest.After}, sinks.Retryable, codeReset},
		{sinktest.Fault{Name: "silence", When: sinktest.Silence}, sinks.Retryable, codeTimeout},
	} {
		t.Run(test.fault.Name, func(t *testing.T) {
			e := newEndpoint(t)
			s, _ := open(t, e.config())
			if test.fault.When == sinktest.Silence {
				s.timeout = 50 * time.Millisecond
			}
			p := seal(t, s, sinktest.Chunk("one", "two"))
			e.Misbehave(test.fault)
			err := s.Send(t.Context(), &p[0])
			if got := sinks.AsError(err); err == nil || got.Kind != test.kind || got.Reason != test.reason {
				t.Errorf("Send = %v (%v, %s), want %v, %s", err, got.Kind, got.Reason, test.kind, test.reason)
			}
			s.timeout = time.Minute
			if err := s.Send(t.Context(), &p[0]); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"one", "two"}, e.Rows(t)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			for _, r := range e.Proxy.Requests() {
				if r != "POST /firehose?stage=test" {
					t.Errorf("request %s", r)
				}
			}
		})
	}
}

// TestAHangingEndpointHasThreeMinutes uses connections in memory, and so the
// time of the test's own.
func TestAHangingEndpointHasThreeMinutes(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"no answer": func(c net.Conn) { io.Copy(io.Discard, c) },
		"half an answer": func(c net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{")
			io.Copy(io.Discard, c)
		},
		"a request it does not read": func(c net.Conn) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := Default().(*Config)
				c.URL = "http://endpoint.test/"
				newBackup(t).configure(c)
				s, _ := open(t, c)
				s.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go serve(far)
					return near, nil
				}
				p := seal(t, s, sinktest.Chunk("x"))
				start := time.Now()
				err := s.Send(t.Context(), &p[0])
				if got := sinks.AsError(err); got.Kind != sinks.Retryable || got.Reason != codeTimeout || time.Since(start) != 3*time.Minute {
					t.Errorf("Send = %v (%s) after %v", err, got.Reason, time.Since(start))
				}
			})
		})
	}
}

func TestCompressedRequestsAreTheSameEachTime(t *testing.T) {
	e := newEndpoint(t)
	c := e.config()
	c.RequestConfiguration.ContentEncoding = gzipped
	s, _ := open(t, c)
	var records []string
	for i := range 3000 {
		records = append(records, fmt.Sprintf(`{"n":%d,"text":"the same again and again"}`, i))
	}
	p := seal(t, s, sinktest.Chunk(records...))
	first := raw(t, s, &p[0])
	if again := raw(t, s, &p[0]); again != first {
		t.Error("the second request differs")
	}
	if int64(len(first)) > p[0].Size/4 {
		t.Errorf("%d bytes became %d", p[0].Size, len(first))
	}
	if err := s.Send(t.Context(), &p[0]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records, e.Rows(t)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	got := e.Endpoint.Requests()[0]
	if got.Header.Get("Content-Encoding") != "gzip" || got.Timestamp != sinktest.Plan(sinktest.Chunk("x")).Cut.UnixMilli() {
		t.Errorf("header %v, timestamp %d", got.Header, got.Timestamp)
	}
}

func TestHeadersOfTheContract(t *testing.T) {
	e := newEndpoint(t)
	c := e.config()
	c.RequestConfiguration.CommonAttributes = map[string]string{"b": "ü\"\n😀", "a": "1"}
	c.Headers = map[string]string{"x-tenant": "7"}
	s, _ := open(t, c)
	p := seal(t, s, sinktest.Chunk("x"))
	if err := s.Send(t.Context(), &p[0]); err != nil {
		t.Fatal(err)
	}
	got := e.Endpoint.Requests()[0]
	for name, want := range map[string]string{
		"X-Amz-Firehose-Request-Id":        got.ID,
		"X-Amz-Firehose-Common-Attributes": `{"commonAttributes":{"a":"1","b":"\u00fc\"\n\ud83d\ude00"}}`,
		"X-Tenant":                         "7",
		"Idempotency-Key":                  "",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	c = newEndpoint(t).config()
	c.AccessKey = field.Secret{}
	if h := c.header(""); h.Values(accessKeyHeader) != nil || h.Values(attributesHeader) != nil {
		t.Errorf("header %v without an access key and attributes", h)
	}
}

func TestProbeFindsWhetherSomebodyIsThere(t *testing.T) {
	e := newEndpoint(t)
	s, _ := open(t, e.config())
	if found, err := s.Probe(t.Context()); err != nil || !strings.Contains(found, "answers") || strings.Contains(found, "stage") {
		t.Errorf("Probe = %q, %v", found, err)
	}
	if rows := e.Rows(t); len(rows) > 0 {
		t.Errorf("the probe delivered %q", rows)
	}
	c := e.config()
	c.URL = "http://127.0.0.1:1/?token=canary"
	s, _ = open(t, c)
	if _, err := s.Probe(t.Context()); err == nil || sinks.AsError(err).Reason != codeConnection || strings.Contains(err.Error(), "canary") {
		t.Errorf("Probe = %v", err)
	}
}
