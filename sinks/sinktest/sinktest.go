// Package sinktest is the conformance suite of destinations: what every sink
// promises to the delivery, proved against a real destination and against one
// that misbehaves.
package sinktest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Harness adapts the suite to one sink.
type Harness struct {
	// New returns a config that points at an empty destination.
	New func(t *testing.T) (sinks.Config, Destination)
	// Faults tells that the destination can misbehave.
	Faults bool
	// Secrets must not appear in any error.
	Secrets []string
	// AllocsPerRow is the ceiling for Writer.Add.
	AllocsPerRow float64
}

// Destination is the other side, as a consumer of the data sees it.
type Destination interface {
	// Rows returns what arrived, decoded back to records.
	Rows(t *testing.T) []string
	// Errors returns the error records that arrived, as they are.
	Errors(t *testing.T) []string
	// Misbehave spoils the next request that carries a payload.
	Misbehave(f Fault)
	// Pending returns the number of faults that did not happen yet.
	Pending() int
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("DeliversEveryRowOnceInOrder", h.delivers)
	t.Run("SendingAgainGivesNoDuplicate", h.again)
	t.Run("SameRecordsGiveTheSamePayloads", h.pure)
	t.Run("NamesHoldNoHostAndNoClock", h.names)
	t.Run("FailedRecordsReachTheErrorOutput", h.errorOutput)
	t.Run("EmptyBatchSendsNothing", h.empty)
	t.Run("CanceledSendReturnsSoon", h.canceled)
	t.Run("CloseTwiceIsFineAndSendAfterItFails", h.closed)
	t.Run("AddStaysUnderTheAllocationCeiling", h.allocations)
	if h.Faults {
		t.Run("FaultsAreRetryableAndLoseNothing", h.faults)
		t.Run("RefusedCredentialsArePermanent", h.refused)
		t.Run("RetryAfterIsPassedOn", h.retryAfter)
	}
}

type fixture struct {
	*testing.T
	h       Harness
	sink    sinks.Sink
	errors  sinks.Sink
	dest    Destination
	records []string
	chunk   *buffer.Chunk
	spool   Spool
}

func (h Harness) open(t *testing.T) *fixture {
	t.Helper()
	config, dest := h.New(t)
	if err := config.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	to, err := config.Open(Env(t))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	f := &fixture{T: t, h: h, sink: to.Destination, errors: to.Errors, dest: dest}
	t.Cleanup(func() {
		if err := to.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for i := range 200 {
		f.records = append(f.records, fmt.Sprintf(`{"event_id":"%06d","page":"/p/%d","text":"%s"}`, i, i%7, strings.Repeat("ü", i%50)))
	}
	f.chunk = Chunk(f.records...)
	return f
}

// Env is the stream that the sinks of tests serve.
func Env(t testing.TB) sinks.Env {
	return sinks.Env{Stream: "test-stream", ARN: "arn:aws:firehose:us-east-1:000000000000:deliverystream/test-stream", Version: 1, Warn: func(text string) { t.Logf("warning: %s", text) }}
}

// payloads writes and seals the fixture's chunk.
func (f *fixture) payloads() []sinks.Payload {
	f.Helper()
	w := f.sink.Batch(&f.spool)
	if err := w.Add(f.chunk, AllRows(f.chunk)); err != nil {
		f.Fatalf("Add: %v", err)
	}
	p, err := w.Seal(Plan(f.chunk))
	if err != nil {
		f.Fatalf("Seal: %v", err)
	}
	f.spool.Load(p)
	return p
}

func (f *fixture) send(s sinks.Sink, payloads []sinks.Payload) {
	f.Helper()
	for i := range payloads {
		if err := s.Send(f.Context(), &payloads[i]); err != nil {
			f.Fatalf("Send: %v", err)
		}
	}
}

func (f *fixture) wantRows() {
	f.Helper()
	if diff := cmp.Diff(f.records, f.dest.Rows(f.T)); diff != "" {
		f.Errorf("rows at the destination (-want +got):\n%s", diff)
	}
}

// wantNoSecret looks at the texts of an error.
func (f *fixture) wantNoSecret(err error) {
	f.Helper()
	for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		for _, secret := range f.h.Secrets {
			if strings.Contains(text, secret) {
				f.Errorf("the secret %q is in the error %s", secret, text)
			}
		}
	}
}

func (h Harness) delivers(t *testing.T) {
	f := h.open(t)
	payloads := f.payloads()
	var count buffer.Count
	for _, p := range payloads {
		count = count.Add(p.Count)
		if p.ID == "" || p.Name == "" || p.SHA256 == "" {
			t.Errorf("payload lacks identity, name or checksum: %+v", p)
		}
	}
	if want := Plan(f.chunk).Count; count != want {
		t.Errorf("payloads count %+v, want %+v", count, want)
	}
	f.send(f.sink, payloads)
	f.wantRows()
}

func (h Harness) again(t *testing.T) {
	f := h.open(t)
	payloads := f.payloads()
	for range 3 {
		f.send(f.sink, payloads)
	}
	f.wantRows()
}

// pure seals the same records twice, cut differently, with the chunk's memory
// overwritten between.
func (h Harness) pure(t *testing.T) {
	f := h.open(t)
	want := f.payloads()
	var spool Spool
	w := f.sink.Batch(&spool)
	rows := AllRows(f.chunk)
	for at, step := 0, 1; at < len(rows); step += 13 {
		to := min(at+step, len(rows))
		copied := Chunk(f.records...)
		if err := w.Add(copied, rows[at:to]); err != nil {
			t.Fatalf("Add: %v", err)
		}
		clear(copied.Data)
		at = to
	}
	got, err := w.Seal(Plan(f.chunk))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	for i := range want {
		want[i].Body = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payloads of the same records (-first +second):\n%s", diff)
	}
}

func (h Harness) names(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatalf("Hostname: %v", err)
	}
	for _, p := range h.open(t).payloads() {
		for _, text := range []string{host, fmt.Sprint(os.Getpid()), time.Now().Format("2006"), time.Now().Format("06-01-02")} {
			if len(text) >= 4 && strings.Contains(p.Name, text) {
				t.Errorf("name %q holds %q, which another attempt would not", p.Name, text)
			}
		}
	}
}

func (h Harness) errorOutput(t *testing.T) {
	f := h.open(t)
	c := Chunk("good", "bad \x00\xff", "worse")
	c.Fail(1, &buffer.Failure{Output: "processing-failed", Code: "Lambda.FunctionError", Message: "a \"quote\"\n", Attempts: 4})
	c.Fail(2, fmt.Errorf("plain"))
	w := f.errors.Batch(&f.spool)
	if err := w.Add(c, []int{1, 2}); err != nil {
		t.Fatalf("Add: %v", err)
	}
	payloads, err := w.Seal(Plan(c))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	f.spool.Load(payloads)
	for _, p := range payloads {
		if !p.Failed {
			t.Errorf("payload %s is not marked as failed", p.Name)
		}
	}
	f.send(f.errors, payloads)
	want := []string{
		`{"attemptsMade":4,"arrivalTimestamp":1735687815000,"errorCode":"Lambda.FunctionError","errorMessage":"a \"quote\"\u000a","attemptEndingTimestamp":1735687815000,"rawData":"YmFkIAD/"}`,
		`{"attemptsMade":0,"arrivalTimestamp":1735687815000,"errorCode":"ProcessingFailed","errorMessage":"plain","attemptEndingTimestamp":1735687815000,"rawData":"d29yc2U="}`,
	}
	if diff := cmp.Diff(want, f.dest.Errors(t)); diff != "" {
		t.Errorf("error records (-want +got):\n%s", diff)
	}
	if rows := f.dest.Rows(t); len(rows) != 0 {
		t.Errorf("failed records are among the rows: %q", rows)
	}
}

func (h Harness) empty(t *testing.T) {
	f := h.open(t)
	for _, s := range []sinks.Sink{f.sink, f.errors} {
		if p, err := s.Batch(&f.spool).Seal(Plan(f.chunk)); err != nil || len(p) != 0 {
			t.Errorf("Seal of nothing = %v, %v; want no payload", p, err)
		}
	}
}

func (h Harness) canceled(t *testing.T) {
	f := h.open(t)
	payloads := f.payloads()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if h.Faults {
		f.dest.Misbehave(Fault{When: Silence, Happened: cancel}) // when the request is on its way
	} else {
		cancel()
	}
	done := make(chan error, 1)
	go func() { done <- f.sink.Send(ctx, &payloads[0]) }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("Send with a canceled context succeeded")
		}
		if k := sinks.AsError(err).Kind; k != sinks.Retryable {
			t.Errorf("canceled Send is %v, want retryable: %v", k, err)
		}
	case <-time.After(5 * time.Second): // generous: the machine may be busy
		t.Fatal("Send did not return soon after it was canceled")
	}
	if rows := f.dest.Rows(t); len(rows) != 0 {
		t.Errorf("a canceled Send left %d rows behind", len(rows))
	}
	f.send(f.sink, payloads)
	f.wantRows()
}

func (h Harness) closed(t *testing.T) {
	f := h.open(t)
	payloads := f.payloads()
	for range 2 {
		if err := f.sink.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := f.sink.Send(t.Context(), &payloads[0]); err == nil {
		t.Error("Send after Close succeeded")
	}
	c := Chunk("x")
	c.Fail(0, &buffer.Failure{Code: "c", Message: "m"})
	w := f.errors.Batch(&f.spool)
	if err := w.Add(c, []int{0}); err != nil {
		t.Fatalf("Add: %v", err)
	}
	p, err := w.Seal(Plan(c))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	f.spool.Load(p)
	f.send(f.errors, p) // the error output is a sink of its own
}

func (h Harness) allocations(t *testing.T) {
	f := h.open(t)
	rows := AllRows(f.chunk)
	w := f.sink.Batch(discard{})
	if err := w.Add(f.chunk, rows); err != nil {
		t.Fatalf("Add: %v", err)
	}
	got := testing.AllocsPerRun(20, func() {
		if err := w.Add(f.chunk, rows); err != nil {
			t.Fatalf("Add: %v", err)
		}
	})
	if perRow := got / float64(len(rows)); perRow > h.AllocsPerRow {
		t.Errorf("Add allocates %.3f times a row, want at most %.3f", perRow, h.AllocsPerRow)
	}
}

// discard is a spool that keeps nothing and allocates nothing.
type discard struct{}

func (discard) Create() (sinks.SpoolFile, error) { return discard{}, nil }
func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) Finish() (sinks.Content, error)   { return sinks.Content{}, nil }

func (h Harness) faults(t *testing.T) {
	for _, fault := range []Fault{
		{Name: "500", Status: 500, Body: "oops"},
		{Name: "502 from a proxy", Status: 502, Body: "<html>bad gateway</html>"},
		{Name: "503", Status: 503},
		{Name: "504", Status: 504},
		{Name: "429", Status: 429},
		{Name: "418", Status: 418},
		{Name: "reset before", When: Before},
		{Name: "reset in the middle", When: Middle},
		{Name: "reset after the work", When: After},
	} {
		t.Run(fault.Name, func(t *testing.T) {
			f := h.open(t)
			payloads := f.payloads()
			f.dest.Misbehave(fault)
			err := f.sink.Send(t.Context(), &payloads[0])
			if n := f.dest.Pending(); n != 0 {
				t.Fatalf("the fault did not happen")
			}
			if err == nil {
				t.Errorf("Send succeeded although nothing said so")
			}
			if k := sinks.AsError(err).Kind; k != sinks.Retryable && k != sinks.Throttled {
				t.Errorf("Send is %v, want retryable or throttled: %v", k, err)
			}
			f.wantNoSecret(err)
			f.send(f.sink, payloads)
			f.wantRows()
		})
	}
}

func (h Harness) refused(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			f := h.open(t)
			payloads := f.payloads()
			f.dest.Misbehave(Fault{Status: status})
			err := f.sink.Send(t.Context(), &payloads[0])
			e := sinks.AsError(err)
			if err == nil || e.Kind != sinks.Permanent || e.Hint == "" {
				t.Errorf("Send = %v (%v), want permanent with a hint", err, e.Kind)
			}
			f.wantNoSecret(err)
			f.send(f.sink, payloads)
			f.wantRows()
		})
	}
}

func (h Harness) retryAfter(t *testing.T) {
	f := h.open(t)
	payloads := f.payloads()
	f.dest.Misbehave(Fault{Status: 503, Header: http.Header{"Retry-After": {"7"}}})
	err := f.sink.Send(t.Context(), &payloads[0])
	if e := sinks.AsError(err); e.Kind != sinks.Throttled || e.RetryAfter != 7*time.Second {
		t.Errorf("Send = %v (%v, after %v), want throttled, after 7s", err, e.Kind, e.RetryAfter)
	}
	f.send(f.sink, payloads)
	f.wantRows()
}
