package firehose

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

// Server is the port of the API. HTTP and TLS share it: agents that always
// use TLS and commands typed by hand both just work.
type Server struct {
	handler   http.Handler
	tls       *certificates
	http      http.Server
	plaintext bool // also off loopback
	max       int
}

// OpenServer prepares the port of handler: it reads the configured
// certificate, or makes one in folder. c is valid; folder exists.
func OpenServer(c Config, handler *Handler, folder string) (*Server, error) {
	certs, err := openCertificates(c.TLS, folder)
	if err != nil {
		return nil, err
	}
	s := &Server{
		handler:   handler,
		tls:       certs,
		plaintext: c.AllowPlaintext,
		max:       c.MaxConnections,
	}
	s.http = http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          log.New(complaints{handler.events.Connection}, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	return s, nil
}

// CAFile returns the certificate of the authority that clients have to trust,
// or "" if a certificate was configured.
func (s *Server) CAFile() string { return s.tls.caFile }

// Listen opens the address of a Config.
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // without the address, which stands in front already
		}
		return nil, fmt.Errorf("listen on %s: %w; stop the program that uses the port, or choose another one", address, err)
	}
	return l, nil
}

// Serve answers requests until Shutdown, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(newListener(l, s.tls.config(), s.max))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the Firehose API: %w", err)
}

// Shutdown stops accepting and returns when the running requests are answered
// or ctx is done; then it cuts off those that are left.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		// What matters is that requests were cut off; a connection that does
		// not close cleanly is going away all the same.
		_ = s.http.Close()
		return fmt.Errorf("stop the Firehose API: %w", err)
	}
	return nil
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if !overTLS(r) && !s.plaintextAllowed(r) {
		w.Header().Set("Connection", "close")
		new(exchange).refuse(w, unauthorized("AccessDeniedException",
			"This address takes HTTPS only: use https://, or set allow_plaintext in the configuration of the server."))
		return
	}
	s.handler.ServeHTTP(w, r)
}

// plaintextAllowed reports whether this request may come unencrypted. What
// never leaves the machine may, unless clients must show certificates.
func (s *Server) plaintextAllowed(r *http.Request) bool {
	if s.plaintext {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || s.tls.clientCAs != nil {
		return false
	}
	tcp, ok := local.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// complaints hands what net/http would log to a listener.
type complaints struct{ tell func(string) }

func (c complaints) Write(b []byte) (int, error) {
	if c.tell != nil {
		c.tell(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}
