package testbed

import (
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// Proxy stands before the store. It counts, and can cut answers off after the
// store has done what it was asked.
type Proxy struct {
	URL string

	Stored   atomic.Int64 // objects the store took
	Existing atomic.Int64 // answers that the object exists already
	Cut      atomic.Int64 // good answers that were kept back
	Parts    atomic.Int64 // parts of multipart uploads

	// CutShare is the share of good answers to keep back, in percent.
	CutShare atomic.Int64

	// Away is a folder of the bucket that cannot be reached while it is set.
	Away atomic.Pointer[string]
}

var errCut = errors.New("the answer is cut off")

func newProxy(t testing.TB, endpoint string) *Proxy {
	t.Helper()
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport:      &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		ModifyResponse: p.see,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			panic(http.ErrAbortHandler) // as if the store's own connection broke
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away := p.Away.Load(); away != nil && strings.Contains(r.URL.Path, "/"+*away+"/") {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	p.URL = server.URL
	return p
}

// see counts an answer and decides whether the program gets it.
func (p *Proxy) see(r *http.Response) error {
	query := r.Request.URL.Query()
	part := query.Has("partNumber")
	stores := r.Request.Method == http.MethodPut && !part || r.Request.Method == http.MethodPost && query.Has("uploadId")
	switch {
	case part:
		p.Parts.Add(1)
	case stores && r.StatusCode == http.StatusPreconditionFailed:
		p.Existing.Add(1)
	case stores && r.StatusCode == http.StatusOK:
		p.Stored.Add(1)
	}
	if (stores || part) && r.StatusCode == http.StatusOK && rand.Int64N(100) < p.CutShare.Load() {
		p.Cut.Add(1)
		return errCut
	}
	return nil
}
