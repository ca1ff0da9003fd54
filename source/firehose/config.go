package firehose

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Config is the server.api section: where the Firehose API listens and whom
// it lets in.
type Config struct {
	Listen         string      `yaml:"listen" doc:"Address of the Firehose API, HTTP and HTTPS on one port."`
	AccessKeys     []AccessKey `yaml:"access_keys" doc:"Whose requests are accepted. Without keys no signature is asked for, which is allowed on loopback only."`
	TLS            TLS         `yaml:"tls" doc:"The certificate to show. Left out: one is made, and signed by an authority whose certificate is in the data folder."`
	AllowPlaintext bool        `yaml:"allow_plaintext" doc:"Serve HTTP, not only HTTPS, on addresses other than loopback. Signed requests can then be read on the way, not changed."`
	MaxConnections int         `yaml:"max_connections" doc:"Open connections at a time; more wait to be accepted."`
	MaxInFlight    field.Size  `yaml:"max_in_flight" doc:"Bytes of requests held in memory at a time; more are refused with ServiceUnavailableException."`
	Region         string      `yaml:"region" doc:"The region in ARNs and in the scope of signatures."`
	Account        string      `yaml:"account" doc:"The account in ARNs, 12 digits in quotes."`
}

// TLS says which certificate to show. Without one, a certificate is made and
// signed by an authority of our own.
type TLS struct {
	CertFile     string   `yaml:"cert_file" doc:"PEM file with the certificate and its intermediates; read again when it changes."`
	KeyFile      string   `yaml:"key_file" doc:"PEM file with the key of the certificate."`
	ClientCAFile string   `yaml:"client_ca_file" doc:"PEM file with authorities; clients must show a certificate of one of them."`
	Names        []string `yaml:"names" doc:"Further host names and addresses for the self-made certificate."`
}

// Default returns the configuration of a developer's machine.
func Default() Config {
	return Config{
		Listen:         "127.0.0.1:4573",
		MaxConnections: 4096,
		MaxInFlight:    256 << 20,
		Region:         "us-east-1",
		Account:        "000000000000",
	}
}

var (
	regionForm  = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
)

// Validate returns nil or *field.Errors, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(path, hint, format string, args ...any) {
		errs = append(errs, field.Errorf(path, hint, format, args...))
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		bad("listen", "write an address like 127.0.0.1:4573 or :4573", "%q is not an address", c.Listen)
	} else if len(c.AccessKeys) == 0 && !loopback(host) {
		bad("access_keys", "add a key, or listen on 127.0.0.1:"+port, "%s can be reached from other machines and asks for no access key", c.Listen)
	}
	seen := make(map[string]bool)
	for i, key := range c.AccessKeys {
		path := fmt.Sprintf("access_keys[%d]", i)
		errs = append(errs, key.validate(path)...)
		if seen[key.ID] {
			bad(path+".id", "give every key an id of its own", "%q is there twice", key.ID)
		}
		seen[key.ID] = true
	}
	switch {
	case c.TLS.CertFile != "" && c.TLS.KeyFile == "":
		bad("tls.key_file", "name the PEM file with the certificate's key", "it is missing")
	case c.TLS.CertFile == "" && c.TLS.KeyFile != "":
		bad("tls.cert_file", "name the PEM file with the certificate", "it is missing")
	}
	if c.MaxConnections < 1 {
		bad("max_connections", "4096 is the default", "%d leaves no connection", c.MaxConnections)
	}
	if c.MaxInFlight < 2*maxBody {
		bad("max_in_flight", "256MiB is the default", "%v is less than one large request takes, 16MiB", c.MaxInFlight)
	}
	if !regionForm.MatchString(c.Region) {
		bad("region", "us-east-1 is the default", "%q is not a region", c.Region)
	}
	if !accountForm.MatchString(c.Account) {
		bad("account", "write 12 digits in quotes", "%q is not an account id", c.Account)
	}
	return errors.Join(errs...)
}

// loopback reports whether a host can be reached from this machine only. A
// name other than localhost could become any address.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
