package firehose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	serverLife    = 90 * 24 * time.Hour
	serverRenew   = 30 * 24 * time.Hour // before the end
	reloadEvery   = time.Second
)

// certificates knows the certificate to show now: a configured one, read
// again when its files change, or one signed by our own authority, made again
// before it expires.
type certificates struct {
	caFile    string // of our own authority, or ""
	clientCAs *x509.CertPool

	certFile, keyFile string // configured
	authority         *authority
	names             []string

	mu      sync.Mutex
	current *tls.Certificate
	checked time.Time
	stamp   [2]time.Time // when the files last changed
}

func openCertificates(c TLS, folder string) (*certificates, error) {
	s := &certificates{certFile: c.CertFile, keyFile: c.KeyFile}
	if c.ClientCAFile != "" {
		text, err := os.ReadFile(c.ClientCAFile)
		if err != nil {
			return nil, fmt.Errorf("read tls.client_ca_file: %w", err)
		}
		s.clientCAs = x509.NewCertPool()
		if !s.clientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read tls.client_ca_file: %s has no PEM certificate", c.ClientCAFile)
		}
	}
	if s.certFile == "" {
		a, err := openAuthority(folder)
		if err != nil {
			return nil, err
		}
		s.authority = a
		s.caFile = filepath.Join(folder, caFile)
		s.names = append([]string{"localhost", "127.0.0.1", "::1"}, c.Names...)
		if host, err := os.Hostname(); err == nil && !slices.Contains(s.names, host) {
			s.names = append(s.names, host)
		}
	}
	if _, err := s.certificate(time.Now()); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *certificates) config() *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certificate(time.Now())
		},
	}
	if s.clientCAs != nil {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, s.clientCAs
	}
	return c
}

// certificate returns the one to show at now. New files that cannot be used
// are ignored as long as there is an older certificate: half-written files
// are normal during a renewal.
func (s *certificates) certificate(now time.Time) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && now.Sub(s.checked) < reloadEvery {
		return s.current, nil
	}
	s.checked = now
	fresh, err := s.renew(now)
	if err != nil && s.current == nil {
		return nil, err
	}
	if err == nil {
		s.current = fresh
	}
	return s.current, nil
}

func (s *certificates) renew(now time.Time) (*tls.Certificate, error) {
	if s.authority != nil {
		if s.current != nil && now.Before(s.current.Leaf.NotAfter.Add(-serverRenew)) {
			return s.current, nil
		}
		return s.authority.issue(s.names, now)
	}
	var stamp [2]time.Time
	for i, name := range []string{s.certFile, s.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		stamp[i] = info.ModTime()
	}
	if s.current != nil && stamp == s.stamp {
		return s.current, nil
	}
	pair, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s with key %s: %w", s.certFile, s.keyFile, err)
	}
	s.stamp = stamp
	return &pair, nil
}

// The files of our own authority.
const (
	caFile    = "ca.pem"
	caKeyFile = "ca.key"
)

// authority signs the certificates of this installation. Its key stays in the
// folder; server certificates live in memory only.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority reads the authority from folder, or makes it.
func openAuthority(folder string) (*authority, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open folder of the certificate authority: %w", err)
	}
	defer root.Close()
	a, err := readAuthority(root)
	if errors.Is(err, fs.ErrNotExist) {
		a, err = makeAuthority(root)
	}
	if err != nil {
		return nil, fmt.Errorf("open certificate authority in %s: %w; remove %s and %s to have a new one made", folder, err, caFile, caKeyFile)
	}
	return a, nil
}

func readAuthority(root *os.Root) (*authority, error) {
	keyText, err := root.ReadFile(caKeyFile)
	if err != nil {
		return nil, err
	}
	certText, err := root.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("the certificate is no ECDSA authority")
	}
	if time.Until(pair.Leaf.NotAfter) < serverLife {
		return nil, fmt.Errorf("the authority expires on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &authority{pair.Leaf, key}, nil
}

func makeAuthority(root *os.Root) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "hydrant local authority " + now.UTC().Format(time.DateOnly)},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	// The key is written last: with it, the authority exists.
	if err := root.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	if err := root.WriteFile(caKeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return nil, err
	}
	return &authority{cert, key}, nil
}

// issue makes a server certificate for names, which may be addresses.
func (a *authority) issue(names []string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "hydrant"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(serverLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}
