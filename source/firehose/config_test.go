package firehose

import (
	"errors"
	"testing"

	"github.com/hydrant-dev/hydrant/configs/field"
)

func TestValidate(t *testing.T) {
	key := AccessKey{"AK1", field.NewSecret("s"), []string{"put:web-*"}}
	for _, c := range []struct {
		name   string
		change func(*Config)
		path   string // "" means valid
	}{
		{"default", func(*Config) {}, ""},
		{"localhost", func(c *Config) { c.Listen = "localhost:1" }, ""},
		{"ipv6 loopback", func(c *Config) { c.Listen = "[::1]:1" }, ""},
		{"all addresses without keys", func(c *Config) { c.Listen = ":4573" }, "access_keys"},
		{"public address without keys", func(c *Config) { c.Listen = "192.0.2.1:4573" }, "access_keys"},
		{"a name without keys", func(c *Config) { c.Listen = "example.com:4573" }, "access_keys"},
		{"all addresses with a key", func(c *Config) { c.Listen, c.AccessKeys = ":4573", []AccessKey{key} }, ""},
		{"no port", func(c *Config) { c.Listen = "localhost" }, "listen"},
		{"same id", func(c *Config) { c.AccessKeys = []AccessKey{key, key} }, "access_keys[1].id"},
		{"bad id", func(c *Config) { c.AccessKeys = []AccessKey{{"a/b", key.Secret, key.Allow}} }, "access_keys[0].id"},
		{"no secret", func(c *Config) { c.AccessKeys = []AccessKey{{"A", field.Secret{}, key.Allow}} }, "access_keys[0].secret"},
		{"no allow", func(c *Config) { c.AccessKeys = []AccessKey{{"A", key.Secret, nil}} }, "access_keys[0].allow"},
		{"bad allow", func(c *Config) { c.AccessKeys = []AccessKey{{"A", key.Secret, []string{"web-*"}}} }, "access_keys[0].allow"},
		{"unknown action", func(c *Config) { c.AccessKeys = []AccessKey{{"A", key.Secret, []string{"write:*"}}} }, "access_keys[0].allow"},
		{"certificate without key", func(c *Config) { c.TLS.CertFile = "x" }, "tls.key_file"},
		{"key without certificate", func(c *Config) { c.TLS.KeyFile = "x" }, "tls.cert_file"},
		{"no connections", func(c *Config) { c.MaxConnections = 0 }, "max_connections"},
		{"little memory", func(c *Config) { c.MaxInFlight = 1 << 20 }, "max_in_flight"},
		{"region", func(c *Config) { c.Region = "" }, "region"},
		{"account", func(c *Config) { c.Account = "12" }, "account"},
	} {
		config := Default()
		c.change(&config)
		err := config.Validate()
		var got *field.Error
		if errors.As(err, &got); (err == nil) != (c.path == "") || got != nil && got.Path != c.path {
			t.Errorf("%s: %v, want an error at %q", c.name, err, c.path)
		}
	}
}
