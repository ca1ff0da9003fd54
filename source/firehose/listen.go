package firehose

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// listener accepts HTTP and TLS on one port and keeps to a ceiling of
// connections; those above it wait in the kernel.
type listener struct {
	net.Listener
	tls    *tls.Config
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newListener(l net.Listener, c *tls.Config, maxConnections int) *listener {
	return &listener{Listener: l, tls: c, slots: make(chan struct{}, maxConnections), closed: make(chan struct{})}
}

// Accept returns at once: what a connection speaks is found out when it is
// first read, by its own goroutine.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &conn{Conn: c, listener: l}, nil
}

// Close stops accepting. Connections stay.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn is a connection that is HTTP or TLS, whichever its first byte says.
type conn struct {
	net.Conn
	listener *listener
	sniffed  bool                     // by the first Read, which nothing runs beside
	tls      atomic.Pointer[tls.Conn] // nil: plaintext, or not known yet
	once     sync.Once
}

// recordHandshake is the first byte of every TLS connection, and of no
// HTTP/1 request.
const recordHandshake = 0x16

// handshakeTime bounds the writing half of a handshake; reading has the
// header deadline of the server.
const handshakeTime = 10 * time.Second

func (c *conn) Read(b []byte) (int, error) {
	if t := c.tls.Load(); t != nil {
		return t.Read(b)
	}
	n, err := c.Conn.Read(b)
	if c.sniffed || n == 0 {
		return n, err
	}
	c.sniffed = true
	if b[0] != recordHandshake {
		return n, err
	}
	t := tls.Server(&replay{Conn: c.Conn, seen: append([]byte(nil), b[:n]...)}, c.listener.tls)
	c.tls.Store(t)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(handshakeTime))
	if err := t.Handshake(); err != nil {
		return 0, err
	}
	_ = c.Conn.SetWriteDeadline(time.Time{})
	return t.Read(b)
}

func (c *conn) Write(b []byte) (int, error) {
	if t := c.tls.Load(); t != nil {
		return t.Write(b)
	}
	return c.Conn.Write(b)
}

func (c *conn) Close() error {
	c.once.Do(func() { <-c.listener.slots })
	if t := c.tls.Load(); t != nil {
		return t.Close()
	}
	return c.Conn.Close()
}

// CloseWrite lets net/http say goodbye without losing its last answer.
func (c *conn) CloseWrite() error {
	if t := c.tls.Load(); t != nil {
		return t.CloseWrite()
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// replay gives back what was read to find out the protocol.
type replay struct {
	net.Conn
	seen []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.seen) > 0 {
		n := copy(b, r.seen)
		r.seen = r.seen[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}

// connKey is where the server keeps the *conn in the context of a request.
type connKey struct{}

// overTLS reports whether a request came encrypted.
func overTLS(r *http.Request) bool {
	c, ok := r.Context().Value(connKey{}).(*conn)
	return r.TLS != nil || ok && c.tls.Load() != nil
}
