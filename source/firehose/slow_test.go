package firehose

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections live in memory, so that time in a
// test can be virtual.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// serveVirtually runs f beside a server in virtual time.
func serveVirtually(t *testing.T, stream *memoryStream, f func(t *testing.T, l *pipes)) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := Default()
		c.AllowPlaintext = true // a pipe has no address
		s, err := OpenServer(c, NewHandler(c, memoryStreams{"web": stream}, Events{}), folder)
		if err != nil {
			t.Fatal(err)
		}
		l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		done := make(chan error, 1)
		go func() { done <- s.Serve(l) }()
		f(t, l)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func putRequest(length int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: %sPutRecord\r\nContent-Length: %d\r\n\r\n", targetPrefix, length)
}

// Whoever is slow, at whatever stage, is cut off in time.
func TestSlowClientsAreCutOff(t *testing.T) {
	for _, c := range []struct {
		name string
		send []string // with a second between them
		want time.Duration
	}{
		{"silent", nil, 5 * time.Second},
		{"half a header", []string{"POST / HTTP/1.1\r\nHost: x\r\n"}, 5 * time.Second},
		{"header in drops", []string{"POST ", "/ ", "HT", "TP", "/1", ".1", "\r\n"}, 5 * time.Second},
		{"half a handshake", []string{"\x16\x03\x01\x02\x00\x01"}, 5 * time.Second},
		{"body missing", []string{putRequest(1000)}, bodyTime},
		{"body in drops", append([]string{putRequest(1000)}, strings.Split(strings.Repeat("x", 30), "")...), bodyTime},
		{"large body missing", []string{putRequest(8 << 20)}, bodyTime + 128*time.Second},
		{"idle after an answer", []string{putRequest(len(onePut)) + onePut}, 60 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			serveVirtually(t, direct(), func(t *testing.T, l *pipes) {
				conn := l.dial()
				began := time.Now()
				var sender sync.WaitGroup
				sender.Go(func() {
					for i, part := range c.send {
						if i > 0 {
							time.Sleep(time.Second)
						}
						if _, err := io.WriteString(conn, part); err != nil {
							return // cut off
						}
					}
				})
				_, _ = io.Copy(io.Discard, conn) // until the server closes
				took := time.Since(began)
				if took < c.want || took > c.want+time.Second {
					t.Errorf("cut off after %v, want %v", took, c.want)
				}
				conn.Close()
				sender.Wait()
			})
		})
	}
}

func TestClientsThatDoNotReadAreCutOff(t *testing.T) {
	serveVirtually(t, direct(), func(t *testing.T, l *pipes) {
		conn := l.dial()
		defer conn.Close()
		if _, err := io.WriteString(conn, putRequest(len(onePut))+onePut); err != nil {
			t.Fatal(err)
		}
		time.Sleep(answerTime + time.Second)
		if answer, _ := io.ReadAll(conn); len(answer) != 0 {
			t.Errorf("the answer was still offered: %q", answer)
		}
	})
}

// Storing may take longer than sending: the deadlines of a client must not
// end a request that is waiting for the disk.
func TestSlowDiskIsNotASlowClient(t *testing.T) {
	stream := direct()
	serveVirtually(t, stream, func(t *testing.T, l *pipes) {
		stream.gate = make(chan struct{}) // made in the bubble
		conn := l.dial()
		defer conn.Close()
		time.AfterFunc(3*time.Minute, func() { close(stream.gate) })
		if _, err := io.WriteString(conn, putRequest(len(onePut))+onePut); err != nil {
			t.Fatal(err)
		}
		w, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		if w.StatusCode != 200 {
			t.Errorf("answered %d", w.StatusCode)
		}
	})
}
