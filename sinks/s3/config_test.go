package s3

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// decode reads a destination as the loader does.
func decode(t *testing.T, text string) *Config {
	t.Helper()
	c := Default().(*Config)
	if err := yaml.Load([]byte(text), c, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestDefaultsLackOnlyABucket(t *testing.T) {
	c := Default().(*Config)
	err := c.Validate()
	var f *field.Error
	if !errors.As(err, &f) || f.Path != "bucket" || strings.Contains(err.Error(), "\n") {
		t.Errorf("Validate = %v, want the missing bucket only", err)
	}
	c.Bucket = "lake"
	if err := c.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if size, interval := c.Hints(); size != 5<<20 || interval != time.Minute {
		t.Errorf("Hints = %d, %v", size, interval)
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	c := decode(t, `
endpoint: http://minio:9000
region: eu-central-1
path_style: true
access_key_id: key
secret_access_key: canary
session_token: canary
bucket: lake
prefix: "!{timestamp:yyyy}/"
error_output_prefix: "errors/!{firehose:error-output-type}/"
custom_time_zone: Europe/Berlin
file_extension: .json.gz
compression_format: hadoop_snappy
record_delimiter: Between
buffering_hints: {size: 64MiB, interval: 5m}
part_size: 8MiB
tls: {ca_file: /ca.pem, insecure_skip_verify: true}
`)
	if err := c.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if c.CompressionFormat != "HADOOP_SNAPPY" || c.RecordDelimiter != "between" {
		t.Errorf("compression %q, delimiter %q", c.CompressionFormat, c.RecordDelimiter)
	}
	out, err := yaml.Dump(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(out), fmt.Sprintf("%v %+v %#v", c, c, c)} {
		if strings.Contains(text, "canary") {
			t.Errorf("a secret is in %s", text)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ config, want string }{
		{"bucket: Lake", `bucket: "Lake" is not a bucket name`},
		{"bucket: s3://lake", "bucket"},
		{"bucket: file://relative", `"file://relative" names no folder`},
		{"bucket: file:///", "root of the file system"},
		{"bucket: lake\nendpoint: minio:9000", "endpoint: \"minio:9000\" is not an http or https URL"},
		{"bucket: lake\nendpoint: http://minio:9000/lake", "more than scheme, host and port"},
		{"bucket: lake\nendpoint: http://user:canary@minio:9000", "must not hold a user"},
		{"bucket: lake\nendpoint: \"http://mi nio:canary/\"", "endpoint: is not a URL"},
		{"bucket: lake\naccess_key_id: x", "secret_access_key: is missing although there is access_key_id"},
		{"bucket: lake\nsecret_access_key: canary", "access_key_id: is missing"},
		{"bucket: lake\nsession_token: canary", "session_token: is of no use"},
		{"bucket: lake\nregion: ''", "region: is missing"},
		{"bucket: lake\nfile_extension: gz", "file_extension"},
		{"bucket: lake\nfile_extension: ./x", "file_extension"},
		{"bucket: lake\nbuffering_hints: {size: 0B}", "buffering_hints.size: 0B is out of range"},
		{"bucket: lake\nbuffering_hints: {interval: 0s}", "buffering_hints.interval: 0s is out of range"},
		{"bucket: lake\npart_size: 1MiB", "part_size: 1MiB is out of range"},
		{"bucket: lake\nprefix: a/!{timestamp:yyyy}/", "error_output_prefix: needed when prefix has expressions"},
		{"bucket: lake\ncustom_time_zone: Berlin", "custom_time_zone"},
	} {
		err := decode(t, test.config).Validate()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\nValidate = %v, want %q", test.config, err, test.want)
		}
		if strings.Contains(fmt.Sprint(err), "canary") {
			t.Errorf("a secret is in %v", err)
		}
	}
}

func TestFolderNeedsNoConnection(t *testing.T) {
	for _, bucket := range []string{"file:///var/lib/hydrant/objects", "file://./objects", "file:///with%20space"} {
		c := decode(t, "region: ''\nbucket: "+bucket)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", bucket, err)
		}
	}
	c := decode(t, "bucket: file://./objects/../x")
	if got, _, err := c.folder(); got != "x" || err != nil {
		t.Errorf("folder = %q, %v", got, err)
	}
}

func TestSharedConnection(t *testing.T) {
	shared := DefaultConnection()
	shared.Endpoint, shared.AccessKeyID, shared.SecretAccessKey = "http://minio:9000", "key", field.NewSecret("s")
	c := decode(t, "connection: minio\nbucket: lake")
	if err := c.UseConnection(shared); err != nil {
		t.Fatal(err)
	}
	if c.Connection != *shared {
		t.Errorf("connection %+v, want %+v", c.Connection, *shared)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if err := decode(t, "connection: minio\nendpoint: http://x\nbucket: lake").UseConnection(shared); err == nil {
		t.Error("a connection and an endpoint were both accepted")
	}
	if err := decode(t, "connection: events\nbucket: lake").UseConnection("kafka"); err == nil {
		t.Error("a connection of another kind was accepted")
	}
	if err := decode(t, "connection: minio\nbucket: lake").Validate(); err == nil {
		t.Error("a connection that nobody gave was not missed")
	}
}

// TestOpenTalksToNobody: a destination that is down must not keep a stream
// from accepting records.
func TestOpenTalksToNobody(t *testing.T) {
	for _, config := range []string{
		"bucket: lake\nendpoint: http://127.0.0.1:1\naccess_key_id: a\nsecret_access_key: b",
		"bucket: file://" + filepath.Join(t.TempDir(), "missing", "folder"),
	} {
		to, err := decode(t, config).Open(sinktest.Env(t))
		if err != nil {
			t.Fatalf("%s: %v", config, err)
		}
		_, err = to.Destination.(sinks.Prober).Probe(t.Context())
		if err == nil || sinks.AsError(err).Reason == "unknown" {
			t.Errorf("%s: Probe = %v, want an error with a reason", config, err)
		}
		to.Close()
	}
}

func TestOpenReadsCertificates(t *testing.T) {
	_, err := decode(t, "bucket: lake\ntls: {ca_file: /nowhere/ca.pem}").Open(sinktest.Env(t))
	if err == nil || !strings.Contains(err.Error(), "tls.ca_file") {
		t.Errorf("Open = %v", err)
	}
}
