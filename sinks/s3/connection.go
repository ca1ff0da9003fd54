package s3

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
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
	TLS             outbound.TLS `yaml:"tls,omitempty" doc:"For https endpoints."`
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
	add(field.Under("tls", c.TLS.Validate()))
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
		return credentials.New(&configured{connection: c})
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
		&credentials.IAM{Client: &http.Client{Timeout: 10 * time.Second}, Region: c.Region},
	})
}

// configured are the credentials of the configuration. Their secrets are new when
// the files that hold them are.
type configured struct {
	connection *Connection
	used       credentials.Value
}

func (p *configured) now() credentials.Value {
	c := p.connection
	v := credentials.Value{SignerType: credentials.SignatureAnonymous}
	if secret := c.SecretAccessKey.Reveal(); secret != "" {
		v = credentials.Value{AccessKeyID: c.AccessKeyID, SecretAccessKey: secret, SessionToken: c.SessionToken.Reveal(), SignerType: credentials.SignatureV4}
	}
	return v
}

// Retrieve returns them.
func (p *configured) Retrieve() (credentials.Value, error) {
	p.used = p.now()
	return p.used, nil
}

// RetrieveWithCredContext returns them.
func (p *configured) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return p.Retrieve()
}

// IsExpired reports whether they were replaced.
func (p *configured) IsExpired() bool { return p.used != p.now() }

func (c *Connection) transport() (*http.Transport, error) {
	config, err := c.TLS.Config()
	if err != nil {
		return nil, err
	}
	return outbound.Transport(config), nil
}
