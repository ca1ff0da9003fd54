package servers

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Moment is what happens to a message of a client, and to its connection.
type Moment int

const (
	Pass        Moment = iota
	CutBefore          // the connection is cut, and the server does not see the message
	CutHalfway         // cut in the middle of the message
	CutSent            // cut as soon as the message was sent: the server may be at it still
	CutAnswered        // cut when the server has answered, which the client does not see
	Hang               // the server does not see the message, and nothing happens
)

// PostgresProxy stands before a server and cuts connections.
type PostgresProxy struct {
	Address string

	upstream string
	decide   func(kind byte, body []byte) Moment
	cuts     atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]bool
	over  bool
}

// NewPostgresProxy starts a proxy that asks decide about each message of a
// client after its log-in, by the protocol's letter for it. It ends with the
// test.
func NewPostgresProxy(t testing.TB, upstream string, decide func(kind byte, body []byte) Moment) *PostgresProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &PostgresProxy{Address: l.Addr().String(), upstream: upstream, decide: decide, conns: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.over = true
		for c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		running.Wait()
	})
	return p
}

// DSN is that of a database behind the proxy.
func (p *PostgresProxy) DSN(database string) string {
	return (&PostgresServer{Address: p.Address}).DSN(database)
}

// Cuts is how many connections were cut.
func (p *PostgresProxy) Cuts() int { return int(p.cuts.Load()) }

// keep has a connection closed at the end of the test.
func (p *PostgresProxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	if p.over {
		c.Close()
	}
}

func (p *PostgresProxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *PostgresProxy) serve(client net.Conn) {
	p.keep(client)
	defer p.drop(client)
	server, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	p.keep(server)
	defer p.drop(server)
	var swallow atomic.Bool
	var back sync.WaitGroup
	defer back.Wait()
	defer server.Close()
	back.Go(func() {
		answers(client, server, &swallow)
		client.Close()
		server.Close()
	})
	in := bufio.NewReaderSize(client, 128<<10)
	var message []byte
	for start := true; ; start = false {
		head := 5
		if start { // the first message has no letter
			head = 4
		}
		if message, err = readMessage(in, message, head); err != nil {
			return
		}
		moment := Pass
		if !start && message[0] != 'p' {
			moment = p.decide(message[0], message[head:])
		}
		if moment == CutAnswered && !strings.ContainsRune("QSc", rune(message[0])) {
			moment = CutSent // the server does not answer it alone
		}
		if moment != Pass {
			p.cuts.Add(1)
		}
		switch moment {
		case CutBefore:
			return
		case CutHalfway:
			server.Write(message[:len(message)/2])
			return
		case Hang:
			io.Copy(io.Discard, client)
			return
		case CutAnswered:
			swallow.Store(true)
			server.Write(message)
			back.Wait() // ends both
			return
		}
		if _, err := server.Write(message); err != nil || moment == CutSent {
			return
		}
	}
}

// answers passes on what the server says. It ends before the client sees the
// answer that is to be swallowed.
func answers(client io.Writer, server io.Reader, swallow *atomic.Bool) {
	in := bufio.NewReader(server)
	var message []byte
	var err error
	for {
		if message, err = readMessage(in, message, 5); err != nil {
			return
		}
		if swallow.Load() {
			if message[0] == 'Z' || message[0] == 'G' { // ready for a query, or for a copy: all is said
				return
			}
			continue
		}
		if _, err := client.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads a message whose head ends with its length.
func readMessage(in *bufio.Reader, buf []byte, head int) ([]byte, error) {
	first, err := in.Peek(head)
	if err != nil {
		return nil, err
	}
	size := head - 4 + int(binary.BigEndian.Uint32(first[head-4:]))
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	_, err = io.ReadFull(in, buf)
	return buf, err
}
