package outbound

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	for in, want := range map[string]string{"": "0s", "7": "7s", "-1": "0s", "99999999": "0s", "Wed, 21 Oct 2026 07:28:00 GMT": "0s"} {
		if got := RetryAfter(http.Header{"Retry-After": {in}}).String(); got != want {
			t.Errorf("RetryAfter(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestLongAnswersAreRefused(t *testing.T) {
	for n, want := range map[int]error{4: nil, 5: nil, 6: ErrLongAnswer} {
		got, err := ReadAnswer(io.NopCloser(bytes.NewReader(make([]byte, n))), 5)
		if !errors.Is(err, want) || err == nil && len(got) != n {
			t.Errorf("%d bytes: %d, %v; want %v", n, len(got), err, want)
		}
	}
}

func TestURLsAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		"https://es:9200":      "",
		"http://es:9200/path/": "",
		"":                     "is missing",
		"es:9200":              "not an http or https URL",
		"https://u:canary@es":  "must not hold a user or a password",
		"https://es?x=1":       "has a query",
		"https://canary\x7f":   "is not a URL",
	} {
		_, err := CheckURL("urls", text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("CheckURL(%q) = %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"https://es:8443/in?key=x": "",
		"https://es/#x":            "has a fragment",
		"es:8443/?key=canary":      "not an http or https URL",
	} {
		_, err := CheckEndpoint("url", text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("CheckEndpoint(%q) = %v, want %q", text, err, want)
		}
	}
}

func TestReplacedCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	c := TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	if err := (TLS{CertFile: "x"}).Validate(); err == nil || !strings.Contains(err.Error(), "key_file") {
		t.Errorf("a certificate without a key: %v", err)
	}
	if _, err := c.Config(); err == nil || !strings.Contains(err.Error(), "tls.cert_file") {
		t.Errorf("files that are missing: %v", err)
	}
	writePair(t, c, "first", time.Unix(1, 0))
	config, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		pair, err := config.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Subject.CommonName
	}
	if got := shown(); got != "first" {
		t.Errorf("shown %s", got)
	}
	writePair(t, c, "second", time.Unix(2, 0))
	if got := shown(); got != "second" {
		t.Errorf("shown %s after it was replaced", got)
	}
	if err := os.Remove(c.CertFile); err != nil {
		t.Fatal(err)
	}
	if got := shown(); got != "second" {
		t.Errorf("shown %s while it is being replaced", got)
	}
}

func writePair(t *testing.T, c TLS, name string, changed time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		c.KeyFile:  {Type: "EC PRIVATE KEY", Bytes: der},
		c.CertFile: {Type: "CERTIFICATE", Bytes: cert},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
}
