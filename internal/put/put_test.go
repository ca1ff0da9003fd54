package put

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/internal/sample"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api is a Firehose that keeps what it is given and can be told to misbehave.
type api struct {
	t *testing.T

	mu       sync.Mutex
	calls    int
	stored   []string
	requests []*http.Request
	// misbehave answers the n-th call, from 1, itself and returns true, or
	// names records to refuse.
	misbehave func(w http.ResponseWriter, call int) (answered bool, refuse map[int]bool)
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	a.requests = append(a.requests, r)
	var body struct {
		DeliveryStreamName string
		Records            []struct{ Data []byte }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		a.t.Errorf("request: %v", err)
	}
	size := 0
	for _, rec := range body.Records {
		size += len(rec.Data)
		if len(rec.Data) > 1_024_000 {
			a.t.Errorf("a record of %d bytes", len(rec.Data))
		}
	}
	if body.DeliveryStreamName != "clicks" || len(body.Records) == 0 || len(body.Records) > 500 || size > 4<<20 {
		a.t.Errorf("request for %q with %d records and %d bytes", body.DeliveryStreamName, len(body.Records), size)
	}
	var refuse map[int]bool
	if a.misbehave != nil {
		var answered bool
		if answered, refuse = a.misbehave(w, a.calls); answered {
			return
		}
	}
	var answers []string
	for i, rec := range body.Records {
		if refuse[i] {
			answers = append(answers, `{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}`)
			continue
		}
		a.stored = append(a.stored, string(rec.Data))
		answers = append(answers, fmt.Sprintf(`{"RecordId":"%d"}`, i))
	}
	fmt.Fprintf(w, `{"FailedPutCount":%d,"Encrypted":false,"RequestResponses":[%s]}`, len(refuse), strings.Join(answers, ","))
}

func newSender(t *testing.T, a *api) *Sender {
	a.t = t
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return &Sender{
		Client: &Client{Endpoint: srv.URL, Region: "us-east-1", HTTP: client},
		Stream: "clicks", Connections: 1, Patience: time.Minute, Linger: time.Hour,
	}
}

func numbered(n int) (text string) {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "record %d\n", i)
	}
	return b.String()
}

func TestEveryLineArrivesOnceAndInOrder(t *testing.T) {
	a := &api{}
	s := newSender(t, a)
	if err := s.Run(t.Context(), Lines(strings.NewReader(numbered(1234)))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.stored, "\n") + "\n"; got != numbered(1234) {
		t.Errorf("got %d records in another order or form", len(a.stored))
	}
	if a.calls != 3 {
		t.Errorf("%d requests, want 3", a.calls)
	}
	if p := s.Progress(); p.Records != 1234 || p.Bytes != int64(len(numbered(1234))-1234) || p.Unsent != 0 {
		t.Errorf("progress: %+v", p)
	}
}

func TestRefusedRecordsAreSentAgainAndOnlyThose(t *testing.T) {
	a := &api{misbehave: func(w http.ResponseWriter, call int) (bool, map[int]bool) {
		switch call {
		case 1:
			return false, map[int]bool{0: true, 3: true, 4: true}
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `{"__type":"ServiceUnavailableException","message":"Slow down."}`)
			return true, nil
		}
		return false, nil
	}}
	s := newSender(t, a)
	if err := s.Run(t.Context(), Lines(strings.NewReader("a\nb\nc\nd\ne"))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.stored, ""); got != "bcade" {
		t.Errorf("stored %q", got)
	}
	if p := s.Progress(); p.Records != 5 || p.Retries != 2 {
		t.Errorf("progress: %+v", p)
	}
}

func TestARefusalEndsTheRunAtOnce(t *testing.T) {
	a := &api{misbehave: func(w http.ResponseWriter, _ int) (bool, map[int]bool) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"ResourceNotFoundException","message":"Firehose clicks not found."}`)
		return true, nil
	}}
	s := newSender(t, a)
	err := s.Run(t.Context(), Lines(strings.NewReader(numbered(2000))))
	var e *Error
	if !errors.As(err, &e) || e.Code != "ResourceNotFoundException" || !strings.Contains(err.Error(), "Firehose clicks not found.") {
		t.Errorf("error: %v", err)
	}
	if a.calls != 1 || s.Progress().Unsent == 0 {
		t.Errorf("%d calls, %+v", a.calls, s.Progress())
	}
}

func TestPatienceEnds(t *testing.T) {
	a := &api{misbehave: func(w http.ResponseWriter, _ int) (bool, map[int]bool) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true, nil
	}}
	s := newSender(t, a)
	s.Patience = 10 * time.Millisecond
	if err := s.Run(t.Context(), Lines(strings.NewReader("a"))); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error: %v", err)
	}
}

func TestRecordsOverTheLimitAreLeftOutAndCounted(t *testing.T) {
	a := &api{}
	s := newSender(t, a)
	most := strings.Repeat("x", 1_024_000)
	text := "a\n" + most + "\n" + most + "y\n" + strings.Repeat("z", 5<<20) + "\nb"
	if err := s.Run(t.Context(), Lines(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	if len(a.stored) != 3 || a.stored[0] != "a" || a.stored[1] != most || a.stored[2] != "b" {
		t.Errorf("stored %d records", len(a.stored))
	}
	if p := s.Progress(); p.TooLarge != 2 {
		t.Errorf("progress: %+v", p)
	}
}

func TestLargeRecordsAreSpreadOverRequests(t *testing.T) {
	a := &api{} // checks the size of each request
	s := newSender(t, a)
	line := strings.Repeat("x", 1_000_000) + "\n"
	if err := s.Run(t.Context(), Lines(strings.NewReader(strings.Repeat(line, 9)))); err != nil {
		t.Fatal(err)
	}
	if len(a.stored) != 9 || a.calls != 3 {
		t.Errorf("stored %d records in %d requests", len(a.stored), a.calls)
	}
}

func TestASlowSourceDoesNotWaitForAFullBatch(t *testing.T) {
	a := &api{}
	s := newSender(t, a)
	s.Linger = time.Millisecond
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, Lines(r)) }()
	io.WriteString(w, "first\n")
	for s.Progress().Records == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	w.Close() // lets the reading end
}

func TestRequestsAreSignedOnlyWithKeysAndNeverCarryTheSecret(t *testing.T) {
	a := &api{}
	s := newSender(t, a)
	if err := s.Run(t.Context(), Lines(strings.NewReader("a"))); err != nil {
		t.Fatal(err)
	}
	s.Client.AccessKeyID, s.Client.Secret = "AKID", field.NewSecret("sesame")
	if err := s.Run(t.Context(), Lines(strings.NewReader("b"))); err != nil {
		t.Fatal(err)
	}
	if got := a.requests[0].Header.Get("Authorization"); got != "" {
		t.Errorf("unsigned: %q", got)
	}
	got := a.requests[1].Header.Get("Authorization")
	if !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=AKID/") || !strings.Contains(got, "/us-east-1/firehose/aws4_request") || strings.Contains(got, "sesame") {
		t.Errorf("signed: %q", got)
	}
}

func TestPacedKeepsTheRateAndCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		from := Paced(Generate(sample.NewClicks(1), 20), 200)
		for n := range 20 {
			if n == 10 {
				time.Sleep(20 * time.Millisecond) // the reader is late; the next come at once
			}
			if _, err := from.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != 95*time.Millisecond {
			t.Errorf("20 records at 200 a second took %v, want 95ms", took)
		}
		if _, err := from.Next(t.Context()); err != io.EOF {
			t.Errorf("after the last record: %v", err)
		}
	})
}

func FuzzLinesLosesNothing(f *testing.F) {
	f.Add("a\nb\r\n\n\nc")
	f.Add("\r\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var want []string
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				want = append(want, line)
			}
		}
		var got []string
		from := Lines(iotest.OneByteReader(strings.NewReader(text)))
		for {
			record, err := from.Next(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(record))
		}
		if !slices.Equal(got, want) {
			t.Errorf("Lines(%q) = %q, want %q", text, got, want)
		}
	})
}

func TestWholeAndSequence(t *testing.T) {
	a := &api{}
	s := newSender(t, a)
	closed := 0
	open := func(text string) Source {
		return Open(func() (io.ReadCloser, error) {
			return closer{strings.NewReader(text), &closed}, nil
		}, Whole)
	}
	if err := s.Run(t.Context(), Sequence(open("one\nrecord\n"), open(""), open("two"))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.stored, "|"); got != "one\nrecord\n||two" || closed != 3 {
		t.Errorf("stored %q, closed %d", got, closed)
	}
}

type closer struct {
	io.Reader
	n *int
}

func (c closer) Close() error { *c.n++; return nil }

func TestSummary(t *testing.T) {
	got := Summary("clicks", Progress{Records: 2000, Bytes: 3 << 20, Retries: 1, TooLarge: 2, Unsent: 3}, 2*time.Second)
	const want = "clicks  2000 records  3.0MiB  in 2s  1000/s  1 retry  2 left out: larger than 1,024,000 bytes  3 not confirmed"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestStatus(t *testing.T) {
	p := Progress{Records: 50, Bytes: 500, Retries: 3}
	for _, test := range []struct {
		records, bytes int64
		share          float64
		known          bool
	}{{200, 0, .25, true}, {0, 1000, .5, true}, {0, 0, 0, false}, {10, 0, 1, true}} {
		s := p.Status(time.Second, test.records, test.bytes)
		if s.Text != "50 records  500B  50/s  3 retries" || s.Share != test.share || s.Known != test.known {
			t.Errorf("of %d records and %d bytes: %+v", test.records, test.bytes, s)
		}
	}
}
