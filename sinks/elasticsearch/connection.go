package elasticsearch

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// Connection is how to reach a cluster. It may stand under connections and be
// named by several streams, or in the destination itself.
type Connection struct {
	URLs         []string     `yaml:"urls,omitempty" doc:"Of the cluster's nodes, or of what stands before them, such as https://es-1:9200; they take turns, and those that fail are left out for a while."`
	Username     string       `yaml:"username,omitempty" doc:"For basic authentication, with password."`
	Password     field.Secret `yaml:"password,omitempty" doc:"The password that belongs to username."`
	APIKey       field.Secret `yaml:"api_key,omitempty" doc:"An API key of Elasticsearch, encoded as it was shown."`
	ServiceToken field.Secret `yaml:"service_token,omitempty" doc:"A token that is sent as Authorization: Bearer."`
	TLS          outbound.TLS `yaml:"tls,omitempty" doc:"For https URLs."`
}

// DefaultConnection is anonymous and lacks URLs.
func DefaultConnection() *Connection { return &Connection{} }

// empty reports whether nothing was written.
func (c *Connection) empty() bool {
	return len(c.URLs) == 0 && c.Username == "" && c.Password.Empty() && c.APIKey.Empty() && c.ServiceToken.Empty() && c.TLS == (outbound.TLS{})
}

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Connection) Validate() error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	if len(c.URLs) == 0 {
		add(field.Errorf("urls", "write a list, such as [https://es-1:9200]", "is missing"))
	}
	for i, text := range c.URLs {
		if _, err := outbound.CheckURL(fmt.Sprintf("urls[%d]", i), text); err != nil {
			add(err)
		}
	}
	if (c.Username == "") != c.Password.Empty() {
		path, other := "username", "password"
		if c.Username != "" {
			path, other = other, path
		}
		add(field.Errorf(path, "give both, or none", "is missing although there is %s", other))
	}
	ways := 0
	for _, given := range []bool{c.Username != "", !c.APIKey.Empty(), !c.ServiceToken.Empty()} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		add(field.Errorf("api_key", "give one of username with password, api_key and service_token", "there is more than one way to log in"))
	}
	add(field.Under("tls", c.TLS.Validate()))
	return errors.Join(problems...)
}

// open makes the client: a pool of nodes, and how to log in to them. It asks
// nobody what he is, so that OpenSearch is as welcome as Elasticsearch, and
// tries once: retries exist once, above.
func (c *Connection) open() (elastictransport.Interface, *http.Transport, error) {
	var urls []*url.URL
	for i, text := range c.URLs {
		u, err := outbound.CheckURL(fmt.Sprintf("urls[%d]", i), text)
		if err != nil {
			return nil, nil, err
		}
		u.Path = strings.TrimSuffix(u.Path, "/")
		urls = append(urls, u)
	}
	config, err := c.TLS.Config()
	if err != nil {
		return nil, nil, err
	}
	transport := outbound.Transport(config)
	client, err := elastictransport.New(elastictransport.Config{
		UserAgent:    "hydrant",
		URLs:         urls,
		Transport:    login{transport, c},
		DisableRetry: true,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make client: %w", err)
	}
	return client, transport, nil
}

// login adds the credentials to each request, as they are by then.
type login struct {
	http.RoundTripper
	of *Connection
}

func (l login) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	switch c := l.of; {
	case c.Username != "":
		r.SetBasicAuth(c.Username, c.Password.Reveal())
	case !c.APIKey.Empty():
		r.Header.Set("Authorization", "APIKey "+c.APIKey.Reveal())
	case !c.ServiceToken.Empty():
		r.Header.Set("Authorization", "Bearer "+c.ServiceToken.Reveal())
	}
	return l.RoundTripper.RoundTrip(r)
}
