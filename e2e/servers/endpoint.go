package servers

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Endpoint receives what Firehose delivers to HTTP endpoints. It is strict
// about the contract, keeps the records of each request id once, and can be
// away or break connections. What it has received outlives a restart.
//
// Source: docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html.
type Endpoint struct {
	URL       string
	AccessKey string

	t       testing.TB
	address string
	server  *http.Server // nil while it is stopped
	over    chan struct{}

	mu         sync.Mutex
	requests   []*EndpointRequest
	byID       map[string]*EndpointRequest
	violations []string
	cutBefore  int // percent of the requests that are cut off before anything is kept,
	cutAfter   int // and after all is kept
	cuts       int
	limit      int // of a body before compression; 0: the contract's
	tooLarge   int // requests that were refused for that
}

// EndpointRequest is a request as it was received.
type EndpointRequest struct {
	ID        string
	Header    http.Header
	Timestamp int64
	Records   [][]byte
	Times     int // how often it came

	sum [sha256.Size]byte // of the body as it was before compression
}

// NewEndpoint starts an endpoint that ends with the test.
func NewEndpoint(t testing.TB, accessKey string) *Endpoint {
	t.Helper()
	e := &Endpoint{AccessKey: accessKey, t: t, address: "127.0.0.1:0", byID: map[string]*EndpointRequest{}}
	e.Start()
	e.URL = "http://" + e.address + "/firehose?stage=test"
	t.Cleanup(e.Stop)
	return e
}

// Start starts the endpoint again after Stop, at the same address.
func (e *Endpoint) Start() {
	e.t.Helper()
	l, err := net.Listen("tcp", e.address)
	for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond) // another process may have the port for a moment
		l, err = net.Listen("tcp", e.address)
	}
	if err != nil {
		e.t.Fatalf("start endpoint: %v", err)
	}
	e.address = l.Addr().String()
	server, over := &http.Server{Handler: e, ErrorLog: log.New(io.Discard, "", 0)}, make(chan struct{})
	e.server, e.over = server, over
	go func() {
		defer close(over)
		server.Serve(l)
	}()
}

// Stop breaks all connections. It may be called more than once.
func (e *Endpoint) Stop() {
	if e.server == nil {
		return
	}
	e.server.Close()
	<-e.over
	e.server = nil
}

// Cut breaks the connections of a share of the requests, in percent: before
// their records are kept, and afterwards, without an answer.
func (e *Endpoint) Cut(before, after int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cutBefore, e.cutAfter = before, after
}

// Cuts returns how many connections were broken that way.
func (e *Endpoint) Cuts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cuts
}

// Limit refuses requests of more than so many bytes, before compression, with
// the status 413.
func (e *Endpoint) Limit(bytes int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.limit = bytes
}

// TooLarge returns how many requests were refused that way.
func (e *Endpoint) TooLarge() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tooLarge
}

func (e *Endpoint) takes(body []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.limit == 0 || len(body) <= e.limit {
		return true
	}
	e.tooLarge++
	return false
}

// Requests returns each request once, in the order they first came.
func (e *Endpoint) Requests() []*EndpointRequest {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]*EndpointRequest(nil), e.requests...)
}

// Violations returns in which ways requests broke the contract.
func (e *Endpoint) Violations() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.violations...)
}

func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.draw(func() int { return e.cutBefore }) {
		panic(http.ErrAbortHandler)
	}
	if r.Method == http.MethodOptions { // somebody asks whether we are here
		w.WriteHeader(http.StatusNoContent)
		return
	}
	id := r.Header.Get("X-Amz-Firehose-Request-Id")
	if key := r.Header.Get("X-Amz-Firehose-Access-Key"); key != e.AccessKey {
		e.answer(w, id, http.StatusUnauthorized, "the access key is wrong")
		return
	}
	body, err := readBody(r)
	if err != nil {
		e.answer(w, id, http.StatusBadRequest, err.Error()) // broken on its way
		return
	}
	if !e.takes(body) {
		e.answer(w, id, http.StatusRequestEntityTooLarge, "Payload too large")
		return
	}
	got, err := parseRequest(r, body)
	if err == nil {
		err = e.keep(got)
	}
	if err != nil {
		e.mu.Lock()
		e.violations = append(e.violations, err.Error())
		e.mu.Unlock()
		e.answer(w, id, http.StatusBadRequest, err.Error())
		return
	}
	if e.draw(func() int { return e.cutAfter }) {
		panic(http.ErrAbortHandler)
	}
	e.answer(w, id, http.StatusOK, "")
}

func (e *Endpoint) draw(share func() int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	cut := rand.IntN(100) < share()
	if cut {
		e.cuts++
	}
	return cut
}

// keep keeps a request that did not come before.
func (e *Endpoint) keep(r *EndpointRequest) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.byID[r.ID]
	if known == nil {
		e.byID[r.ID] = r
		e.requests = append(e.requests, r)
		return nil
	}
	known.Times++
	if known.sum != r.sum {
		return fmt.Errorf("request %s came again with another body", r.ID)
	}
	return nil
}

func (e *Endpoint) answer(w http.ResponseWriter, id string, status int, message string) {
	body, err := json.Marshal(struct {
		RequestID    string `json:"requestId"`
		Timestamp    int64  `json:"timestamp"`
		ErrorMessage string `json:"errorMessage,omitempty"`
	}{id, time.Now().UnixMilli(), message})
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return body, err
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

var (
	guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	arn  = regexp.MustCompile(`^arn:aws:firehose:[a-z0-9-]+:[0-9]{12}:deliverystream/[a-zA-Z0-9_.-]{1,64}$`)
)

// parseRequest checks a whole request against the contract.
func parseRequest(r *http.Request, body []byte) (*EndpointRequest, error) {
	h := r.Header
	for name, want := range map[string]string{"X-Amz-Firehose-Protocol-Version": "1.0", "Content-Type": "application/json"} {
		if got := h.Get(name); got != want {
			return nil, fmt.Errorf("header %s is %q, not %q", name, got, want)
		}
	}
	id := h.Get("X-Amz-Firehose-Request-Id")
	switch encoding := h["Content-Encoding"]; {
	case r.Method != http.MethodPost:
		return nil, fmt.Errorf("method %s", r.Method)
	case r.RequestURI != "/firehose?stage=test":
		return nil, fmt.Errorf("the URL became %s", r.RequestURI)
	case !guid.MatchString(id):
		return nil, fmt.Errorf("request id %q is no GUID", id)
	case !arn.MatchString(h.Get("X-Amz-Firehose-Source-Arn")):
		return nil, fmt.Errorf("source ARN %q", h.Get("X-Amz-Firehose-Source-Arn"))
	case len(encoding) > 0 && (len(encoding) > 1 || encoding[0] != "gzip"):
		return nil, fmt.Errorf("content encoding %q", encoding)
	case r.ContentLength < 0:
		return nil, fmt.Errorf("the length of the request is not told")
	case len(body) > 64<<20:
		return nil, fmt.Errorf("a body of %d bytes", len(body))
	}
	var got struct {
		RequestID string `json:"requestId"`
		Timestamp int64  `json:"timestamp"`
		Records   []struct {
			Data *[]byte `json:"data"`
		} `json:"records"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		return nil, fmt.Errorf("body %.100q: %w", body, err)
	}
	if d.InputOffset() != int64(len(body)) {
		return nil, fmt.Errorf("%d bytes behind the body", int64(len(body))-d.InputOffset())
	}
	if got.RequestID != id {
		return nil, fmt.Errorf("request id %s in the body, %s in the header", got.RequestID, id)
	}
	if now := time.Now().UnixMilli(); got.Timestamp < 1e12 || got.Timestamp > now+60_000 {
		return nil, fmt.Errorf("timestamp %d", got.Timestamp)
	}
	if n := len(got.Records); n < 1 || n > 10_000 {
		return nil, fmt.Errorf("%d records", n)
	}
	out := &EndpointRequest{ID: id, Header: h, Timestamp: got.Timestamp, Times: 1, sum: sha256.Sum256(body)}
	for i, record := range got.Records {
		if record.Data == nil || len(*record.Data) > 1000<<10 {
			return nil, fmt.Errorf("record %d has no data, or too much", i)
		}
		out.Records = append(out.Records, *record.Data)
	}
	if a := h.Get("X-Amz-Firehose-Common-Attributes"); a != "" {
		var attributes struct {
			CommonAttributes map[string]string `json:"commonAttributes"`
		}
		if err := json.Unmarshal([]byte(a), &attributes); err != nil || strings.ContainsFunc(a, func(r rune) bool { return r > '~' }) {
			return nil, fmt.Errorf("common attributes %q: %v", a, err)
		}
	}
	return out, nil
}
