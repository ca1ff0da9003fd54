package firehose

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAuthoritySurvivesRestart(t *testing.T) {
	folder := t.TempDir()
	first, err := openCertificates(TLS{}, folder)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(folder, caKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	second, err := openCertificates(TLS{Names: []string{"hydrant.internal", "10.1.2.3"}}, folder)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(first.authority.cert)
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "hydrant.internal", "10.1.2.3"} {
		if _, err := second.current.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	soon := second.current.Leaf.NotAfter.Add(-serverRenew + time.Hour)
	fresh, err := second.certificate(soon)
	if err != nil || !fresh.Leaf.NotAfter.After(soon.Add(serverRenew)) {
		t.Errorf("shortly before its end the certificate was not renewed: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, caKeyFile), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openCertificates(TLS{}, folder); err == nil || !strings.Contains(err.Error(), "remove ca.pem") {
		t.Errorf("damaged key: %v", err)
	}
}

// writeCertificate writes a certificate for 127.0.0.1 with a serial number of
// its own and returns that.
func writeCertificate(t *testing.T, a *authority, certFile, keyFile string, at time.Time) string {
	t.Helper()
	pair, err := a.issue([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		keyFile:  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return pair.Leaf.SerialNumber.String()
}

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	folder := t.TempDir()
	a, err := openAuthority(folder)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(folder, "c.pem"), filepath.Join(folder, "k.pem")
	now := time.Now()
	first := writeCertificate(t, a, certFile, keyFile, now.Add(-time.Hour))
	s, err := openCertificates(TLS{CertFile: certFile, KeyFile: keyFile}, folder)
	if err != nil {
		t.Fatal(err)
	}
	shown := func(at time.Time) string {
		c, err := s.certificate(at)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.String()
	}
	if got := shown(now); got != first {
		t.Errorf("shows %s, want %s", got, first)
	}
	second := writeCertificate(t, a, certFile, keyFile, now)
	if got := shown(now.Add(2 * time.Second)); got != second {
		t.Errorf("after the change: shows %s, want %s", got, second)
	}
	if err := os.WriteFile(certFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := shown(now.Add(4 * time.Second)); got != second {
		t.Errorf("with a broken file: shows %s, want the old one %s", got, second)
	}
	third := writeCertificate(t, a, certFile, keyFile, now.Add(time.Minute))
	if got := shown(now.Add(6 * time.Second)); got != third {
		t.Errorf("after the repair: shows %s, want %s", got, third)
	}
}
