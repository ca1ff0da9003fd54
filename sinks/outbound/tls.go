// Package outbound is how hydrant calls other machines: which certificates it
// trusts and shows, which addresses it refuses, and how much of an answer it
// reads. Destinations that speak HTTP, and Postgres, share it.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// TLS says which certificates to trust, and which one to show.
type TLS struct {
	CAFile             string `yaml:"ca_file,omitempty" doc:"PEM file with certificates to trust beside the system's."`
	CertFile           string `yaml:"cert_file,omitempty" doc:"PEM file with the certificate to show to a server that asks for one; read again when it changes."`
	KeyFile            string `yaml:"key_file,omitempty" doc:"PEM file with the key of cert_file."`
	ServerName         string `yaml:"server_name,omitempty" doc:"Name to expect in the server's certificate, if it is not the host's."`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify,omitempty" doc:"Accept any certificate; for tests only."`
}

// Validate reports what is wrong, each as a *field.Error.
func (t TLS) Validate() error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		path, other := "cert_file", "key_file"
		if t.CertFile != "" {
			path, other = other, path
		}
		return field.Errorf(path, "give both, or none", "is missing although there is %s", other)
	}
	return nil
}

// Config reads the files. A certificate that is replaced later is noticed when
// the next connection is made.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read tls.ca_file: %w", err)
		}
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read tls.ca_file: %s holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		own := &certificate{cert: t.CertFile, key: t.KeyFile}
		if _, err := own.get(nil); err != nil {
			return nil, err
		}
		c.GetClientCertificate = own.get
	}
	return c, nil
}

// certificate is read again when its file has changed.
type certificate struct {
	cert, key string

	mu      sync.Mutex
	changed time.Time
	pair    *tls.Certificate
}

func (c *certificate) get(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && c.pair != nil && info.ModTime().Equal(c.changed) {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		if c.pair != nil {
			return c.pair, nil // it is being replaced: the key may not be there yet
		}
		return nil, fmt.Errorf("read tls.cert_file and tls.key_file: %w", err)
	}
	c.pair, c.changed = &pair, time.Time{}
	if info != nil {
		c.changed = info.ModTime()
	}
	return c.pair, nil
}
