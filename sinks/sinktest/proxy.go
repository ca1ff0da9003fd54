package sinktest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Fault is how a request goes wrong.
type Fault struct {
	Name    string
	Status  int         // answer with this status and body, without telling the destination
	Header  http.Header // of that answer
	Body    string
	When    When
	Request func(*http.Request) bool // which request; nil: the next

	Happened func() // called when the request is there, if not nil
}

// When a connection is cut, or an answer spoilt.
type When int

const (
	Answer  When = iota // no cut: see Status
	Before              // cut before anything was read
	Middle              // cut after a part of the body was read
	After               // the work is done, then the connection is cut
	Garbage             // the work is done, then the answer's body is noise
	Silence             // no answer, ever
)

// Proxy stands before a destination that speaks HTTP and spoils requests.
type Proxy struct {
	URL      string
	upstream string
	client   *http.Client
	mu       sync.Mutex
	faults   []Fault
	log      []string
	stop     chan struct{}
}

// NewProxy starts a proxy before upstream, a URL; it ends with the test.
func NewProxy(t testing.TB, upstream string) *Proxy {
	p := &Proxy{
		upstream: strings.TrimSuffix(upstream, "/"),
		client: &http.Client{
			Transport:     &http.Transport{DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		stop: make(chan struct{}),
	}
	server := httptest.NewServer(p)
	p.URL = server.URL
	t.Cleanup(func() {
		close(p.stop)
		server.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// Misbehave spoils the next request that f selects, once.
func (p *Proxy) Misbehave(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, f)
}

// Requests returns "METHOD path?query" of all requests so far.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.log...)
}

// Pending returns the number of faults that did not happen yet.
func (p *Proxy) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.faults)
}

func (p *Proxy) take(r *http.Request) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, r.Method+" "+r.URL.RequestURI())
	for i, f := range p.faults {
		if f.Request == nil || f.Request(r) {
			p.faults = append(p.faults[:i:i], p.faults[i+1:]...)
			return f, true
		}
	}
	return Fault{}, false
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, spoil := p.take(r)
	if f.Happened != nil {
		f.Happened()
	}
	if spoil {
		switch f.When {
		case Answer:
			io.Copy(io.Discard, r.Body)
			for k, v := range f.Header {
				w.Header()[k] = v
			}
			w.WriteHeader(f.Status)
			io.WriteString(w, f.Body)
			return
		case Before:
			panic(http.ErrAbortHandler)
		case Middle:
			io.CopyN(io.Discard, r.Body, max(1, r.ContentLength/2))
			panic(http.ErrAbortHandler)
		case Silence:
			io.Copy(io.Discard, r.Body)
			select {
			case <-r.Context().Done():
			case <-p.stop:
			}
			panic(http.ErrAbortHandler)
		}
	}
	resp, body := p.forward(r)
	if resp == nil || spoil && f.When == After {
		panic(http.ErrAbortHandler)
	}
	if spoil { // Garbage
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, "\x00\xff<<<not an answer")
		return
	}
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	w.Write(body)
}

func (p *Proxy) forward(r *http.Request) (*http.Response, []byte) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil
	}
	out, err := http.NewRequest(r.Method, p.upstream+r.URL.RequestURI(), bytes.NewReader(sent))
	if err != nil {
		return nil, nil
	}
	out.Header = r.Header.Clone()
	out.Host = r.Host // it is signed
	resp, err := p.client.Do(out)
	if err != nil {
		return nil, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil
	}
	return resp, body
}
