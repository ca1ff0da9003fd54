package s3

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/hydrant-dev/hydrant/configs/field"
)

const defaultRegion = "us-east-1"

// Connection is how to reach S3-compatible storage. It may stand under
// connections and be named by several streams, or in the destination itself.
type Connection struct {
	Endpoint        string       `yaml:"endpoint,omitempty" doc:"URL of the storage, such as http://minio:9000; left out: Amazon S3."`
	Region          string       `yaml:"region,omitempty" doc:"Region that requests are signed for."`
	PathStyle       bool         `yaml:"path_style,omitempty" doc:"Put the bucket into the path instead of the host name; most own storage needs it."`
	AccessKeyID     string       `yaml:"access_key_id,omitempty" doc:"Left out, with the secret: environment, shared credentials file, then the machine's role."`
	SecretAccessKey field.Secret `yaml:"secret_access_key,omitempty" doc:"The secret that belongs to access_key_id."`
	SessionToken    field.Secret `yaml:"session_token,omitempty" doc:"Token of temporary credentials."`
	TLS             TLS          `yaml:"tls,omitempty" doc:"For https endpoints."`
}

// TLS says which certificates to trust.
type TLS struct {
	CAFile             string `yaml:"ca_file,omitempty" doc:"PEM file with certificates to trust beside the system's."`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify,omitempty" doc:"Accept any certificate; for tests only."`
}

// DefaultConnection returns what an entry under connections starts from.
func DefaultConnection() *Connection { return &Connection{Region: defaultRegion} }

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Connection) Validate() error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	if c.Endpoint != "" {
		if _, err := c.endpoint(); err != nil {
			add(err)
		}
	}
	if c.Region == "" {
		add(field.Errorf("region", "most own storage takes us-east-1", "is missing"))
	}
	if (c.AccessKeyID == "") != c.SecretAccessKey.Empty() {
		path, other := "access_key_id", "secret_access_key"
		if c.AccessKeyID != "" {
			path, other = other, path
		}
		add(field.Errorf(path, "give both, or none to use the environment", "is missing although there is %s", other))
	}
	if !c.SessionToken.Empty() && c.AccessKeyID == "" {
		add(field.Errorf("session_token", "add access_key_id and secret_access_key", "is of no use without a key"))
	}
	return errors.Join(problems...)
}

func (c *Connection) endpoint() (*url.URL, error) {
	if c.Endpoint == "" {
		return &url.URL{Scheme: "https", Host: "s3." + c.Region + ".amazonaws.com"}, nil
	}
	const hint = "write a URL like http://minio:9000"
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil: // the text may hold a password and is not repeated
		return nil, field.Errorf("endpoint", hint, "is not a URL")
	case u.User != nil:
		return nil, field.Errorf("endpoint", "use access_key_id and secret_access_key", "must not hold a user or a password")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, field.Errorf("endpoint", hint, "%q is not an http or https URL", c.Endpoint)
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return nil, field.Errorf("endpoint", hint, "%q has more than scheme, host and port", c.Endpoint)
	}
	return u, nil
}

// client makes the S3 client. Retries are off: they exist once, above.
func (c *Connection) client() (*minio.Core, *credentials.Credentials, *http.Transport, error) {
	u, err := c.endpoint()
	if err != nil {
		return nil, nil, nil, err
	}
	transport, err := c.transport()
	if err != nil {
		return nil, nil, nil, err
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	creds := c.credentials()
	client, err := minio.NewCore(u.Host, &minio.Options{
		Creds:        creds,
		Secure:       u.Scheme == "https",
		Region:       c.Region,
		BucketLookup: lookup,
		Transport:    limited{transport},
		MaxRetries:   1,
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make S3 client: %w", err)
	}
	return client, creds, transport, nil
}

// credentials are the configured ones, or the first found where AWS's own
// tools look. The latter are read again when they expire.
func (c *Connection) credentials() *credentials.Credentials {
	if c.AccessKeyID != "" {
		return credentials.NewStaticV4(c.AccessKeyID, c.SecretAccessKey.Reveal(), c.SessionToken.Reveal())
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
		&credentials.IAM{Client: &http.Client{Timeout: 10 * time.Second}, Region: c.Region},
	})
}

func (c *Connection) transport() (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.TLS.InsecureSkipVerify}
	if c.TLS.CAFile != "" {
		pem, err := os.ReadFile(c.TLS.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read tls.ca_file: %w", err)
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read tls.ca_file: %s holds no PEM certificate", c.TLS.CAFile)
		}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second, Control: refuseLinkLocal}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        time.Minute,
		ExpectContinueTimeout:  5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        64 << 10,
		DisableCompression:     true, // Content-Encoding belongs to the object
	}, nil
}

// refuseLinkLocal looks at the address that a name resolved to. The metadata
// services of clouds live on link-local ones; no storage does.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	if ip := a.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() {
		return fmt.Errorf("dial %s: %w", address, errLinkLocal)
	}
	return nil
}

var errLinkLocal = errors.New("link-local addresses are refused")
