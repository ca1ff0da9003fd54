package elasticsearch

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func good() *Config {
	c := Default().(*Config)
	c.URLs = []string{"https://es-1:9200/path/"}
	c.IndexName = "app"
	c.S3Backup.Bucket = "file:///var/lib/failed"
	return c
}

func TestMistakesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   string // path of the problem; none if it is empty
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.URLs = nil }, "urls"},
		{func(c *Config) { c.URLs = append(c.URLs, "es-2:9200") }, "urls[1]"},
		{func(c *Config) { c.URLs = []string{"http://u:canary@es"} }, "urls[0]"},
		{func(c *Config) { c.Username = "u" }, "password"},
		{func(c *Config) { c.Password = field.NewSecret("canary") }, "username"},
		{func(c *Config) { c.APIKey, c.ServiceToken = field.NewSecret("canary"), field.NewSecret("canary") }, "api_key"},
		{func(c *Config) { c.TLS.CertFile = "x" }, "tls.key_file"},
		{func(c *Config) { c.ConnectionName = "gone" }, "connection"},
		{func(c *Config) { c.IndexName = "" }, "index_name"},
		{func(c *Config) { c.IndexName = "App" }, "index_name"},
		{func(c *Config) { c.DataStream = "logs" }, "data_stream"},
		{func(c *Config) { c.IndexName, c.DataStream = "", "logs" }, ""},
		{func(c *Config) { c.IndexName, c.DataStream = "", "Logs" }, "data_stream"},
		{func(c *Config) { c.IndexName, c.DataStream, c.IndexRotationPeriod = "", "logs", OneHour }, "index_rotation_period"},
		{func(c *Config) { c.IndexName, c.DataStream, c.IndexRotationPeriod = "", "logs", NoRotation }, ""},
		{func(c *Config) { c.IndexName, c.DataStream, c.OpType = "", "logs", Index }, "op_type"},
		{func(c *Config) { c.TypeName = "a/b" }, "type_name"},
		{func(c *Config) { c.TypeName = "_doc" }, ""},
		{func(c *Config) { c.CustomTimeZone = "Mars/Olympus" }, "custom_time_zone"},
		{func(c *Config) { c.CustomTimeZone = "Local" }, "custom_time_zone"},
		{func(c *Config) { c.DocumentID = "firehose_default" }, ""},
		{func(c *Config) { c.DocumentID = "event_id" }, "document_id"},
		{func(c *Config) { c.DocumentID = ".a..b" }, "document_id"},
		{func(c *Config) { c.DocumentID = "" }, "document_id"},
		{func(c *Config) { c.Routing = "customer" }, "routing"},
		{func(c *Config) { c.BufferingHints.Size = 101 << 20 }, "buffering_hints.size"},
		{func(c *Config) { c.BufferingHints.Size = 1023 }, "buffering_hints.size"},
		{func(c *Config) { c.BufferingHints.Interval = 0 }, "buffering_hints.interval"},
		{func(c *Config) { c.RetryOptions.Duration = field.Duration(3 * time.Hour) }, "retry_options.duration"},
		{func(c *Config) { c.S3Backup.Bucket = "" }, "s3_backup.bucket"},
	} {
		c := good()
		tt.change(c)
		err := c.Validate()
		var paths []string
		for _, e := range field.Errors(err) {
			paths = append(paths, e.Path)
		}
		if tt.want == "" && err != nil || tt.want != "" && !slices.Equal(paths, []string{tt.want}) {
			t.Errorf("want %q: %v", tt.want, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("a secret is in %v", err)
		}
	}
}

func TestAConnectionIsTakenWhole(t *testing.T) {
	shared := &Connection{URLs: []string{"https://es-1:9200"}, APIKey: field.NewSecret("canary")}
	c := good()
	c.Connection, c.ConnectionName = Connection{}, "search"
	if err := c.UseConnection(shared); err != nil || c.Validate() != nil || c.APIKey.Reveal() != "canary" {
		t.Errorf("UseConnection = %v, Validate = %v", err, c.Validate())
	}
	if err := good().UseConnection(shared); err == nil {
		t.Error("fields of a connection beside a connection were accepted")
	}
	if err := c.UseConnection("something else"); err == nil {
		t.Error("a connection of another kind was accepted")
	}
}

func TestBrokenFilesAreFoundWhenTheSinkIsOpened(t *testing.T) {
	c := good()
	c.TLS.CAFile = "/does/not/exist"
	var missing *field.Error
	if _, err := c.Open(sinktest.Env(t)); err == nil || errors.As(err, &missing) || !strings.Contains(err.Error(), "tls.ca_file") {
		t.Errorf("Open = %v", err)
	}
}
