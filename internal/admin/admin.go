// Package admin is the listener for operators: health, metrics and the state
// of the streams. It is apart from the API, so that a mistake in what is
// public cannot make it public.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/stream"
)

// Options are what the listener shows and to whom.
type Options struct {
	Streams func() []*stream.Stream
	Disk    func() error // what keeps the buffer from taking records, or nil
	Metrics http.Handler
	// Token, when there is one, must come with every request but those for
	// health: "Authorization: Bearer <token>".
	Token field.Secret
	// Log gets what net/http has to say, at level debug.
	Log *slog.Logger
}

// Server serves the admin API.
type Server struct {
	o        Options
	listener net.Listener
	http     *http.Server
	ready    atomic.Bool
}

// Listen opens the admin listener; Serve answers on it. An address that
// others can reach is refused unless there is a token.
func Listen(address string, o Options) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open the admin port: %w; stop the program that uses it, or choose another one with server.admin.listen", err)
	}
	addr := l.Addr().(*net.TCPAddr)
	if !addr.IP.IsLoopback() && o.Token.Empty() {
		return nil, errors.Join(
			fmt.Errorf("open the admin port: others can reach %s and no token is set; listen on 127.0.0.1, or set server.admin.token", address),
			l.Close())
	}
	s := &Server{o: o, listener: l}
	s.http = &http.Server{
		Handler:           s.handler(hosts(address, addr)),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr is the address that was taken.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until Shutdown.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin: %w", err)
	}
	return nil
}

// Shutdown stops listening and lets running requests finish until ctx is done.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// SetReady says whether load balancers should send producers here.
func (s *Server) SetReady(ready bool) { s.ready.Store(ready) }

// hosts are the names a browser may know us by. Any other name was pointed at
// us by somebody else's DNS.
func hosts(configured string, addr *net.TCPAddr) map[string]bool {
	h := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, addr.IP.String(): true}
	if name, _, err := net.SplitHostPort(configured); err == nil && name != "" {
		h[name] = true
	}
	return h
}

func (s *Server) handler(hosts map[string]bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.livez)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.authorized(s.o.Metrics))
	mux.Handle("GET /api/v1/streams", s.authorized(http.HandlerFunc(s.streams)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		text(w, http.StatusOK, "hydrant admin: /livez /readyz /readyz?verbose /metrics /api/v1/streams\n")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// With a token there is nothing a foreign page could do, and the
		// names under which a container is scraped cannot be known.
		if s.o.Token.Empty() && !hosts[hostOf(r.Host)] {
			text(w, http.StatusMisdirectedRequest, "this is hydrant's admin listener; ask for it by localhost or the configured address\n")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// hostOf is the host of a Host header, without port and brackets.
func hostOf(header string) string {
	if a, err := netip.ParseAddrPort(header); err == nil {
		return a.Addr().String()
	}
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.Trim(header, "[]")
}

func (s *Server) authorized(h http.Handler) http.Handler {
	if s.o.Token.Empty() {
		return h
	}
	want := sha256.Sum256([]byte(s.o.Token.Reveal()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			text(w, http.StatusUnauthorized, "send the token of server.admin.token: Authorization: Bearer <token>\n")
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *Server) livez(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") }

// readyz answers whether records can be taken. A destination that is down
// does not matter here: its records are buffered.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	ready := s.ready.Load()
	check := func(name, bad string) {
		if bad == "" {
			fmt.Fprintf(&b, "[+] %s ok\n", name)
		} else {
			fmt.Fprintf(&b, "[-] %s: %s\n", name, bad)
		}
	}
	if ready {
		check("configuration", "")
	} else {
		check("configuration", "not loaded yet, or stopping")
	}
	if err := s.o.Disk(); err != nil {
		ready = false
		check("buffer", err.Error())
	} else {
		check("buffer", "")
	}
	for _, st := range s.o.Streams() {
		status := st.Status()
		bad := status.Reason
		if status.State != stream.Active {
			bad = strings.TrimSuffix(string(status.State)+": "+status.Reason, ": ")
		}
		check("stream "+st.Name(), bad) // shown, but it does not decide
	}
	code, line := http.StatusOK, "ready\n"
	if !ready {
		code, line = http.StatusServiceUnavailable, "not ready\n"
	}
	if r.URL.Query().Has("verbose") {
		line = b.String() + line
	}
	text(w, code, line)
}

func text(w http.ResponseWriter, code int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	fmt.Fprint(w, s) // a client that went away needs no answer
}

func (s *Server) streams(w http.ResponseWriter, _ *http.Request) {
	all := []Stream{}
	for _, st := range s.o.Streams() {
		all = append(all, Describe(st))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(map[string]any{"streams": all}) // a client that went away needs no answer
}
