package servers

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Endpoint receives what Firehose delivers to HTTP endpoints. It is strict
// about the contract, keeps the records of each request id once, and can be
// away, break connections and give bad answers. What it has received outlives a
// restart.
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
	behind     string // URL of a server that gives the answers; "": this one does
	requests   []*EndpointRequest
	byID       map[string]*EndpointRequest
	violations []string
	life       int     // of who sends
	share      int     // percent of the requests that one of the tricks is played with
	tricks     []Trick // those, in turn
	turn       int
	played     map[string]int // by name
	limit      int            // of a body before compression; 0: the contract's
	tooLarge   int            // requests that were refused for that
}

// EndpointRequest is a request as it was received.
type EndpointRequest struct {
	ID        string
	Header    http.Header
	Timestamp int64
	Records   [][]byte
	Lives     []int // in which life of the sender it came, each time

	sum [sha256.Size]byte // of the body as it came
}

// Times returns how often the request came.
func (r *EndpointRequest) Times() int { return len(r.Lives) }

// NewEndpoint starts an endpoint that ends with the test.
func NewEndpoint(t testing.TB, accessKey string) *Endpoint {
	t.Helper()
	e := &Endpoint{AccessKey: accessKey, t: t, address: "127.0.0.1:0", byID: map[string]*EndpointRequest{}, played: map[string]int{}}
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

// SetAccessKey changes the key that requests must have.
func (e *Endpoint) SetAccessKey(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.AccessKey = key
}

// Before makes the endpoint pass on what it has checked to another one, and give
// the answers of that.
func (e *Endpoint) Before(url string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behind = url
}

// NewLife tells that another process sends from now on.
func (e *Endpoint) NewLife() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.life++
}

// Disturb plays tricks with a share of the requests, in percent.
func (e *Endpoint) Disturb(share int, tricks []Trick) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.share, e.tricks = share, tricks
}

// Disturbed returns how often each trick was played.
func (e *Endpoint) Disturbed() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.played)
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
	if r.Method == http.MethodOptions { // somebody asks whether we are here
		w.WriteHeader(http.StatusNoContent)
		return
	}
	id, played := r.Header.Get("X-Amz-Firehose-Request-Id"), e.draw()
	if played != nil && !played.keeps {
		played.play(w, r, id)
		return
	}
	e.mu.Lock()
	key, behind := e.AccessKey, e.behind
	e.mu.Unlock()
	if r.Header.Get("X-Amz-Firehose-Access-Key") != key {
		contractAnswer(w, id, http.StatusUnauthorized, "the access key is wrong")
		return
	}
	raw, err := io.ReadAll(r.Body)
	var body []byte
	if err == nil {
		body, err = unpacked(r, raw)
	}
	if err != nil {
		contractAnswer(w, id, http.StatusBadRequest, err.Error()) // broken on its way
		return
	}
	if !e.takes(body) {
		contractAnswer(w, id, http.StatusRequestEntityTooLarge, "Payload too large")
		return
	}
	got, err := parseRequest(r, body)
	if err == nil {
		got.sum = sha256.Sum256(raw)
		err = e.keep(got)
	}
	if err != nil {
		e.mu.Lock()
		e.violations = append(e.violations, err.Error())
		e.mu.Unlock()
		contractAnswer(w, id, http.StatusBadRequest, err.Error())
		return
	}
	switch {
	case played != nil:
		played.play(w, r, id)
	case behind != "":
		passOn(w, r, behind, raw)
	default:
		contractAnswer(w, id, http.StatusOK, "")
	}
}

// draw returns a trick, mostly none.
func (e *Endpoint) draw() *Trick {
	e.mu.Lock()
	defer e.mu.Unlock()
	if rand.IntN(100) >= e.share {
		return nil
	}
	t := &e.tricks[e.turn%len(e.tricks)]
	e.turn++
	e.played[t.name]++
	return t
}

// passOn asks another endpoint with the same request, and answers as it does. If
// it is away the connection breaks.
func passOn(w http.ResponseWriter, r *http.Request, url string, body []byte) {
	to, err := http.NewRequestWithContext(r.Context(), r.Method, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	to.Header = r.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(to)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	w.Write(text)
}

// keep keeps a request that did not come before, and compares one that did: it
// has to be the same, to the last byte of its headers and its body.
func (e *Endpoint) keep(r *EndpointRequest) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.byID[r.ID]
	if known == nil {
		r.Lives = []int{e.life}
		e.byID[r.ID] = r
		e.requests = append(e.requests, r)
		return nil
	}
	known.Lives = append(known.Lives, e.life)
	if known.sum != r.sum {
		return fmt.Errorf("request %s came again with another body", r.ID)
	}
	if !maps.EqualFunc(known.Header, r.Header, slices.Equal) {
		return fmt.Errorf("request %s came again with the header %v, not %v", r.ID, r.Header, known.Header)
	}
	return nil
}

// contractAnswer answers as the contract has it.
func contractAnswer(w http.ResponseWriter, id string, status int, message string) {
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

// unpacked returns the body of a request as it was before compression.
func unpacked(r *http.Request, body []byte) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return body, nil
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
	out := &EndpointRequest{ID: id, Header: h, Timestamp: got.Timestamp}
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
