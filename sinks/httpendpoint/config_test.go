package httpendpoint

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/s3"
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

func TestDefaultsLackOnlyAURLAndABucket(t *testing.T) {
	c := Default().(*Config)
	var paths []string
	for _, e := range field.Errors(c.Validate()) {
		paths = append(paths, e.Path)
	}
	if diff := cmp.Diff([]string{"url", "s3_backup.bucket"}, paths); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	c.URL, c.S3Backup.Bucket = "https://alerts.internal/firehose", "failed"
	if err := c.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	size, interval := c.Hints()
	if size != 5<<20 || interval != 10*time.Second || c.RetryDuration() != 300*time.Second || c.RequestTimeout.Std() != 180*time.Second {
		t.Errorf("hints %d, %v; retry %v; timeout %v", size, interval, c.RetryDuration(), c.RequestTimeout)
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	c := decode(t, `
url: https://logs.internal/in?source=hydrant
name: alerts
format: JSON_Array
method: put
content_type: application/vnd.log+json
headers: {X-Scope: tenant}
secret_headers: {X-Api-Key: canary}
bearer_token: canary
request_configuration: {content_encoding: gzip, max_records: 1000, max_size: 4MiB}
request_timeout: 30s
status_codes: {success: [200, 409], retry: [403], reject: [400, 422], hold: [401, 5xx, 404-410]}
buffering_hints: {size: 1MiB, interval: 1s}
retry_options: {duration: 1h}
s3_backup_mode: alldata
s3_backup: {bucket: failed, prefix: all/, error_output_prefix: errors/, compression_format: GZIP}
tls: {ca_file: /ca.pem}
addresses: {refuse_private: true, allow: [10.1.2.3, "fd00::/8"]}
`)
	if err := c.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if got := fmt.Sprint(c.Addresses); got != "{true [10.1.2.3 fd00::/8]}" {
		t.Errorf("addresses %s", got)
	}
	if c.Format != JSONArray || c.Method != "PUT" || c.RequestConfiguration.ContentEncoding != "GZIP" || !c.S3BackupMode.All {
		t.Errorf("%+v", c)
	}
	if got := fmt.Sprint(c.StatusCodes); got != "{[200 409] [403] [400 422] [401 5xx 404-410]}" {
		t.Errorf("status codes %s", got)
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
	c = decode(t, "access_key: canary\nrequest_configuration: {common_attributes: {env: prod}}\nusername: u\npassword: canary")
	if c.AccessKey.Reveal() != "canary" || c.RequestConfiguration.CommonAttributes["env"] != "prod" || c.Password.Reveal() != "canary" {
		t.Errorf("%+v", c)
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ config, want string }{
		{"url: alerts:443", `"alerts:443" is not an http or https URL`},
		{"url: https://u:canary@x", "must not hold a user"},
		{"url: https://x/#canary", "has a fragment"},
		{"method: PUT", "method: has no meaning with format firehose"},
		{"content_type: text/plain", "content_type: has no meaning with format firehose"},
		{"status_codes: {success: [204]}", "status_codes.success: has no meaning with format firehose"},
		{"format: ndjson\naccess_key: canary", "access_key: has no meaning with format ndjson"},
		{"format: ndjson\nrequest_configuration: {common_attributes: {a: b}}", "common_attributes: has no meaning"},
		{"format: ndjson\ncontent_type: what", `"what" is not a media type`},
		{"format: ndjson\nstatus_codes: {success: []}", "status_codes.success: is empty"},
		{"status_codes: {retry: [4xx], reject: [422]}", "4xx is in reject, too"},
		{"headers: {X Y: a}", `"X Y" is not the name of a header`},
		{"headers: {content-length: \"1\"}", "headers.content-length: cannot be chosen"},
		{"headers: {X-Amz-Firehose-Access-Key: a}", "cannot be chosen"},
		{"headers: {X-A: \"a\\r\\nB: c\"}", "headers.X-A: has a control character"},
		{"secret_headers: {X-A: \"canary\\n\"}", "secret_headers.X-A: has a control character"},
		{"access_key: \"canary\\n\"", "access_key: has a control character"},
		{"bearer_token: \"canary\\n\"", "bearer_token: has a control character"},
		{"bearer_token: canary\nusername: u\npassword: canary", "username: cannot be given together"},
		{"bearer_token: canary\nheaders: {authorization: x}", "headers.authorization: is given already"},
		{"username: u", "password: is missing"},
		{"password: canary", "username: is missing"},
		{"request_configuration: {max_records: 10001}", "request_configuration.max_records: 10001 is out of range"},
		{"request_configuration: {max_size: 65MiB}", "request_configuration.max_size: 65MiB is out of range"},
		{"request_configuration: {common_attributes: {\"\": a}}", "common_attributes"},
		{"buffering_hints: {size: 129MiB}", "buffering_hints.size: 129MiB is out of range"},
		{"buffering_hints: {interval: 0s}", "buffering_hints.interval: 0s is out of range"},
		{"request_timeout: 10ms", "request_timeout: 10ms is out of range"},
		{"tls: {cert_file: x}", "tls.key_file"},
		{"s3_backup: {bucket: Failed}", `s3_backup.bucket: "Failed" is not a bucket name`},
	} {
		config := test.config
		for _, line := range []string{"url: https://x", "s3_backup: {bucket: failed}"} {
			if key, _, _ := strings.Cut(line, ":"); !strings.HasPrefix(config, key+":") {
				config += "\n" + line
			}
		}
		err := decode(t, config).Validate()
		if err == nil || !strings.Contains(err.Error(), test.want) || len(field.Errors(err)) != 1 {
			t.Errorf("%s\nValidate = %v, want %q alone", config, err, test.want)
		}
		if strings.Contains(fmt.Sprint(err), "canary") {
			t.Errorf("a secret is in %v", err)
		}
	}
}

func TestStatusIsReadInThreeForms(t *testing.T) {
	for text, want := range map[string]Status{"404": {404, 404}, "5xx": {500, 599}, "2XX": {200, 299}, "500-504": {500, 504}, "200-299": {200, 299}} {
		var s, again Status
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s = %v, %v", text, s, err)
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%v read again is %v, %v", s, again, err)
		}
	}
	for _, text := range []string{"", "x", "xx", "6xx", "1xx", "100", "600", "504-500", "400-", "-", "400-4xx"} {
		var s Status
		var f *field.Error
		if err := s.UnmarshalText([]byte(text)); !errors.As(err, &f) || f.Hint == "" {
			t.Errorf("%q = %v, %v", text, s, err)
		}
	}
}

// TestOpenTalksToNobody: a destination that is down must not keep a stream from
// accepting records.
func TestOpenTalksToNobody(t *testing.T) {
	c := decode(t, "url: http://127.0.0.1:1/\ns3_backup_mode: AllData\ns3_backup: {bucket: \"file:///nowhere/at/all\"}")
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatal(err)
	}
	if to.Backup == nil || to.FailedType != "http-endpoint-failed" {
		t.Errorf("outputs %+v", to)
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	if _, err := decode(t, "url: http://x\ntls: {ca_file: /nowhere/ca.pem}\ns3_backup: {bucket: x}").Open(sinktest.Env(t)); err == nil {
		t.Error("a certificate that is not there was not missed")
	}
}

func TestTheBackupCanUseASharedConnection(t *testing.T) {
	c := decode(t, "url: https://x\ns3_backup: {connection: lake, bucket: failed}")
	part, ok := c.Parts()["s3_backup"].(*s3.Backup)
	if !ok {
		t.Fatalf("parts %v", c.Parts())
	}
	shared := s3.DefaultConnection()
	shared.Endpoint = "http://minio:9000"
	if err := part.UseConnection(shared); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil || c.S3Backup.Endpoint != "http://minio:9000" {
		t.Errorf("Validate = %v, backup %+v", err, c.S3Backup)
	}
}
