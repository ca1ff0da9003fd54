package outbound_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// call makes a request and says what went wrong.
func call(t *testing.T, ctx context.Context, url string) outbound.Trouble {
	t.Helper()
	transport := outbound.Transport(&tls.Config{})
	transport.Proxy = nil
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := outbound.Client(transport).Do(r)
	if err == nil {
		answer.Body.Close()
		t.Fatalf("%s has answered", url)
	}
	return outbound.TroubleOf(err)
}

func TestTrouble(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/late":
			<-r.Context().Done()
		}
	}))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		url  string
		want outbound.Trouble
	}{
		{"metadata service", t.Context(), "http://169.254.169.254/latest", outbound.Forbidden},
		{"unknown authority", t.Context(), secure.URL, outbound.Untrusted},
		{"TLS to a plain server", t.Context(), strings.Replace(plain.URL, "http:", "https:", 1), outbound.Handshake},
		{"no such host", t.Context(), "http://nobody.invalid", outbound.NotFound},
		{"canceled", canceled, plain.URL, outbound.Canceled},
		{"nobody listens", t.Context(), "http://" + closed.Addr().String(), outbound.Unreached},
		{"no answer in time", soon, plain.URL + "/late", outbound.Timeout},
		{"cut off", t.Context(), plain.URL + "/cut", outbound.Cut},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := call(t, c.ctx, c.url); got != c.want {
				t.Errorf("trouble %d, want %d", got, c.want)
			}
		})
	}
	if got := outbound.TroubleOf(http.ErrNoLocation); got != outbound.Unknown {
		t.Errorf("trouble %d of an error that says nothing, want %d", got, outbound.Unknown)
	}
}
