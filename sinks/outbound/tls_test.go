package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// secureServer answers with the name in the certificate that it is shown.
func secureServer(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shown := r.TLS.PeerCertificates; len(shown) > 0 {
			io.WriteString(w, shown[0].Subject.CommonName)
		}
	}))
	s.TLS = config
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// authority writes the certificate of a server as a file to trust.
func authority(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// client returns one with the certificates of c.
func (c TLS) client(t *testing.T) *http.Client {
	t.Helper()
	config, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	transport := Transport(config)
	transport.Proxy = nil
	t.Cleanup(transport.CloseIdleConnections)
	return Client(transport)
}

func get(t *testing.T, client *http.Client, url string) (string, error) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	text, err := ReadAnswer(resp.Body, 1<<10)
	return string(text), err
}

func TestServersAreTrustedByTheirAuthority(t *testing.T) {
	s := secureServer(t, nil)
	ca := authority(t, s)
	old := secureServer(t, &tls.Config{MaxVersion: tls.VersionTLS11})
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		c    TLS
		url  string
		want Trouble // -1: none
	}{
		{"nobody trusts it", TLS{}, s.URL, Untrusted},
		{"its authority is known", TLS{CAFile: ca}, s.URL, -1},
		{"under another name, which it has, too", TLS{CAFile: ca, ServerName: "example.com"}, s.URL, -1},
		{"under a name that it does not have", TLS{CAFile: ca, ServerName: "endpoint.internal"}, s.URL, Untrusted},
		{"it need not be trusted", TLS{InsecureSkipVerify: true}, s.URL, -1},
		{"it speaks an old version", TLS{InsecureSkipVerify: true}, old.URL, Handshake},
	} {
		_, err := get(t, test.c.client(t), test.url)
		if got := TroubleOf(err); (err == nil) != (test.want < 0) || err != nil && got != test.want {
			t.Errorf("%s: %v (%v)", test.name, err, got)
		}
	}
	for _, c := range []TLS{{CAFile: empty}, {CAFile: empty + ".missing"}, {CertFile: empty, KeyFile: empty}} {
		if _, err := c.Config(); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// A server asks for our certificate, and a new one is shown as soon as it is
// there, with the next connection.
func TestOurCertificateIsShownAndReplaced(t *testing.T) {
	dir := t.TempDir()
	c := TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	known := x509.NewCertPool()
	for i, name := range []string{"second", "first"} {
		writePair(t, c, name, time.Unix(int64(i), 0))
		text, err := os.ReadFile(c.CertFile)
		if err != nil || !known.AppendCertsFromPEM(text) {
			t.Fatal(err)
		}
		for _, file := range []string{c.CertFile, c.KeyFile} { // kept for later
			if err := os.Rename(file, file+"."+name); err != nil {
				t.Fatal(err)
			}
		}
	}
	use := func(name string) {
		t.Helper()
		for _, file := range []string{c.CertFile, c.KeyFile} {
			os.Remove(file)
			if err := os.Link(file+"."+name, file); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := secureServer(t, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known})
	ca := authority(t, s)

	if _, err := get(t, TLS{CAFile: ca}.client(t), s.URL); TroubleOf(err) != Rejected || !TroubleOf(err).Permanent() {
		t.Errorf("without a certificate: %v", err)
	}
	stranger := TLS{CAFile: ca, CertFile: filepath.Join(dir, "stranger.pem"), KeyFile: filepath.Join(dir, "stranger-key.pem")}
	writePair(t, stranger, "stranger", time.Unix(9, 0))
	if _, err := get(t, stranger.client(t), s.URL); TroubleOf(err) != Rejected {
		t.Errorf("with a stranger's certificate: %v", err)
	}
	use("first")
	c.CAFile = ca
	client := c.client(t)
	for _, want := range []string{"first", "second", "first"} {
		use(want)
		client.CloseIdleConnections() // as the minute without requests does
		if got, err := get(t, client, s.URL); err != nil || got != want {
			t.Errorf("the server was shown %q, %v; want %q", got, err, want)
		}
	}
}
