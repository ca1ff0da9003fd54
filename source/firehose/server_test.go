package firehose

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// port is a running server.
type port struct {
	*Server
	address string
	folder  string
}

func start(t testing.TB, c Config, streams Streams, change ...func(*Server)) port {
	t.Helper()
	p := port{folder: t.TempDir()}
	s, err := OpenServer(c, NewHandler(c, streams, Events{}), p.folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(s)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Server, p.address = s, l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return p
}

func (p port) roots(t testing.TB) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(p.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s has no certificate", p.CAFile())
	}
	return pool
}

func client(t testing.TB, c *tls.Config) *http.Client {
	transport := &http.Transport{TLSClientConfig: c, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func putOver(client *http.Client, url, body string) (int, string, error) {
	r, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("X-Amz-Target", targetPrefix+"PutRecord")
	w, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(w.Body)
	return w.StatusCode, string(answer), err
}

const onePut = `{"DeliveryStreamName":"web","Record":{"Data":"YWJj"}}`

func TestHTTPAndTLSOnOnePort(t *testing.T) {
	s := direct()
	p := start(t, Default(), memoryStreams{"web": s})
	secure := client(t, &tls.Config{RootCAs: p.roots(t)})
	_, number, err := net.SplitHostPort(p.address)
	if err != nil {
		t.Fatal(err)
	}
	for i, url := range []string{"http://" + p.address, "https://" + p.address, "https://localhost:" + number} {
		code, answer, err := putOver(secure, url, onePut)
		if err != nil || code != 200 {
			t.Errorf("%s: %d %s %v", url, code, answer, err)
		}
		if got := len(s.stored()); got != i+1 {
			t.Errorf("%s: %d records stored", url, got)
		}
	}
	for scheme, want := range map[string]string{"http": "http://" + p.address, "https": "https://" + p.address} {
		w, err := secure.Get(scheme + "://" + p.address)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(w.Body)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("GET over %s says %q, %v", scheme, text, err)
		}
		w.Body.Close()
	}
}

func TestTLSHandshakes(t *testing.T) {
	p := start(t, Default(), memoryStreams{})
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", p.address, &tls.Config{RootCAs: p.roots(t), MinVersion: version, MaxVersion: version})
		if (err == nil) != ok {
			t.Errorf("%s: %v, want success: %v", tls.VersionName(version), err, ok)
		}
		if err == nil {
			c.Close()
		}
	}
}

func TestClientCertificates(t *testing.T) {
	folder := t.TempDir()
	a, err := openAuthority(folder)
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.TLS.ClientCAFile = filepath.Join(folder, caFile)
	p := start(t, c, memoryStreams{"web": direct()})

	if _, _, err := putOver(client(t, &tls.Config{RootCAs: p.roots(t)}), "https://"+p.address, onePut); err == nil {
		t.Error("let in without a client certificate")
	}
	if code, answer, err := putOver(client(t, nil), "http://"+p.address, onePut); err != nil || code != 403 {
		t.Errorf("plaintext went around the client certificates: %d %s %v", code, answer, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial(), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	known := client(t, &tls.Config{RootCAs: p.roots(t), Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if code, answer, err := putOver(known, "https://"+p.address, onePut); err != nil || code != 200 {
		t.Errorf("with a client certificate: %d %s %v", code, answer, err)
	}
}

// elsewhere makes connections look as if they came in at another address.
type elsewhere struct{ net.Listener }

type elsewhereConn struct{ net.Conn }

func (l elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return elsewhereConn{c}, err
}

func (elsewhereConn) LocalAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4573}
}

func TestPlaintextStaysOnLoopback(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		c := Default()
		c.AllowPlaintext = allowed
		stream := direct()
		s, err := OpenServer(c, NewHandler(c, memoryStreams{"web": stream}, Events{}), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		l, err := Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- s.Serve(elsewhere{l}) }()
		p := port{Server: s, address: l.Addr().String()}
		code, answer, err := putOver(client(t, nil), "http://"+p.address, onePut)
		if want := map[bool]int{false: 403, true: 200}[allowed]; err != nil || code != want {
			t.Errorf("allow_plaintext %v: %d %s %v", allowed, code, answer, err)
		}
		if !allowed && !strings.Contains(answer, "HTTPS only") {
			t.Errorf("refused with %s", answer)
		}
		code, answer, err = putOver(client(t, &tls.Config{RootCAs: p.roots(t)}), "https://"+p.address, onePut)
		if err != nil || code != 200 {
			t.Errorf("over TLS: %d %s %v", code, answer, err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestShutdownFinishesRunningRequests(t *testing.T) {
	s := direct()
	s.gate, s.entered = make(chan struct{}), make(chan struct{})
	c := Default()
	server, err := OpenServer(c, NewHandler(c, memoryStreams{"web": s}, Events{}), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, answered, stopped := make(chan error, 1), make(chan int, 1), make(chan error, 1)
	go func() { serving <- server.Serve(l) }()
	cl := client(t, nil)
	go func() {
		code, _, err := putOver(cl, "http://"+l.Addr().String(), onePut)
		if err != nil {
			t.Error(err)
		}
		answered <- code
	}()
	<-s.entered
	go func() { stopped <- server.Shutdown(context.Background()) }()
	if err := <-serving; err != nil { // has stopped accepting
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still accepts connections")
	}
	select {
	case <-stopped:
		t.Fatal("Shutdown did not wait for the request")
	default:
	}
	close(s.gate)
	if code := <-answered; code != 200 {
		t.Errorf("the running request was answered %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsOffAtItsDeadline(t *testing.T) {
	s := direct()
	s.gate, s.entered = make(chan struct{}), make(chan struct{})
	c := Default()
	server, err := OpenServer(c, NewHandler(c, memoryStreams{"web": s}, Events{}), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, failed := make(chan error, 1), make(chan error, 1)
	go func() { serving <- server.Serve(l) }()
	cl := client(t, nil)
	go func() {
		_, _, err := putOver(cl, "http://"+l.Addr().String(), onePut)
		failed <- err
	}()
	<-s.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the request that was cut off got an answer")
	}
	if err := <-serving; err != nil {
		t.Error(err)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	p := start(t, Default(), memoryStreams{})
	r, err := http.NewRequest("POST", "http://"+p.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	w, err := client(t, nil).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	w.Body.Close()
	if w.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", w.StatusCode)
	}
}

func TestConnectionCeiling(t *testing.T) {
	c := Default()
	c.MaxConnections = 2
	p := start(t, c, memoryStreams{"web": direct()})
	var idle []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	answered := make(chan int, 1)
	cl := client(t, nil)
	go func() {
		code, _, err := putOver(cl, "http://"+p.address, onePut)
		if err != nil {
			t.Error(err)
		}
		answered <- code
	}()
	select {
	case <-answered:
		t.Error("a third connection was served beside two")
	case <-time.After(100 * time.Millisecond):
	}
	for _, conn := range idle {
		conn.Close()
	}
	if code := <-answered; code != 200 {
		t.Errorf("after the others left: %d", code)
	}
}

func TestThousandConnections(t *testing.T) {
	stream := direct()
	p := start(t, Default(), memoryStreams{"web": stream})
	const n = 1000
	var opened, finished sync.WaitGroup
	opened.Add(n)
	for i := range n {
		finished.Go(func() {
			c, err := net.Dial("tcp", p.address)
			opened.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			opened.Wait() // all are connected at the same time
			body := `{"DeliveryStreamName":"web","Record":{"Data":"` + b64(fmt.Sprint("record ", i)) + `"}}`
			answers := bufio.NewReader(c)
			for range 2 {
				fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: %sPutRecord\r\nContent-Length: %d\r\n\r\n%s", targetPrefix, len(body), body)
				w, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, w.Body); err != nil || w.StatusCode != 200 {
					t.Error(w.Status, err)
				}
			}
		})
	}
	finished.Wait()
	count := make(map[string]int)
	for _, r := range stream.stored() {
		count[r]++
	}
	for i := range n {
		if got := count[fmt.Sprint("record ", i)]; got != 2 {
			t.Fatalf("record %d is stored %d times, want 2", i, got)
		}
	}
}

func FuzzSniff(f *testing.F) {
	s, err := openCertificates(TLS{}, f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("POST / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01\x00\x05hello"))
	f.Add([]byte{0x16})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sent []byte) {
		ours, theirs := net.Pipe()
		l := newListener(nil, s.config(), 1)
		l.slots <- struct{}{}
		c := &conn{Conn: ours, listener: l}
		defer c.Close()
		go func() {
			// The other side may stop listening first.
			_, _ = theirs.Write(sent)
			theirs.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		got, _ := io.ReadAll(c)
		if len(sent) > 0 && sent[0] == recordHandshake {
			if len(got) != 0 {
				t.Fatalf("%q arrived from a handshake that cannot have worked", got)
			}
		} else if string(got) != string(sent) {
			t.Fatalf("sent %q, got %q", sent, got)
		}
	})
}
