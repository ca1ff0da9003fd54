package splunk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/hydrant-dev/hydrant/configs/field"
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

const smallest = "hec_endpoint: https://splunk:8088\nhec_token: canary\ns3_backup: {bucket: file:///tmp/failed}\n"

func TestDefaults(t *testing.T) {
	c := decode(t, smallest)
	if err := c.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if size, interval := c.Hints(); size != 5<<20 || interval != 5*time.Second {
		t.Errorf("Hints = %d, %v", size, interval)
	}
	if c.RetryDuration() != time.Hour || c.HECAcknowledgmentTimeout.Std() != 3*time.Minute {
		t.Errorf("retry %v, acknowledgment %v", c.RetryDuration(), c.HECAcknowledgmentTimeout)
	}
	if c.S3BackupMode.String() != "FailedEventsOnly" || c.HECEndpointType != EventEndpoint || c.HECAcknowledgments != Required {
		t.Errorf("%+v", c)
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	c := decode(t, `
hec_endpoint: https://a:8088/
hec_endpoints: ["https://b:8088", "http://proxy/splunk"]
hec_endpoint_type: event
hec_token: canary
hec_acknowledgments: If_Available
hec_acknowledgment_timeout: 10m
max_in_flight: 256
event: {wrap: Never, index: main, source: .a.b, sourcetype: x, host: .h, time: .t, id_field: id}
content_encoding: none
buffering_hints: {size: 1MiB, interval: 60s}
retry_options: {duration: 0s}
tls: {ca_file: /ca.pem}
addresses: {refuse_private: true, allow: [10.1.2.3]}
s3_backup_mode: allevents
s3_backup: {bucket: failed, endpoint: "http://minio:9000", prefix: p/, error_output_prefix: e/}
`)
	if err := c.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if c.HECAcknowledgments != IfAvailable || c.InFlight() != 256 || c.Event.Wrap != WrapNever || c.ContentEncoding != plain || fmt.Sprint(c.Addresses) != "{true [10.1.2.3]}" || !c.S3BackupMode.All {
		t.Errorf("%+v", c)
	}
	var urls []string
	for _, n := range c.nodes().list {
		urls = append(urls, n.url)
	}
	if got := strings.Join(urls, " "); got != "https://a:8088 https://b:8088 http://proxy/splunk" {
		t.Errorf("endpoints %s", got)
	}
	out, err := yaml.Dump(c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "canary") || strings.Contains(fmt.Sprintf("%v %+v %#v", c, c, c), "canary") {
		t.Errorf("the token is shown:\n%s", out)
	}
}

func TestMistakesAreReportedWhereTheyAre(t *testing.T) {
	for text, want := range map[string]string{
		"hec_endpoint: ''":                                    "hec_endpoint: is missing",
		"hec_endpoint: splunk:8088":                           "hec_endpoint",
		"hec_endpoint: https://u:canary@splunk":               "hec_endpoint: must not hold",
		"hec_endpoint: https://splunk/services/collector/raw": "hec_endpoint: the path is chosen by hec_endpoint_type (write https://splunk)",
		"hec_endpoints: ['https://b/x/services/collector']":   "hec_endpoints[0]: the path is chosen by hec_endpoint_type (write https://b/x)",
		"hec_token: ''":                                       "hec_token: is missing",
		"hec_acknowledgment_timeout: 11m":                     "hec_acknowledgment_timeout",
		"hec_acknowledgment_timeout: 0s":                      "hec_acknowledgment_timeout",
		"max_in_flight: 0":                                    "max_in_flight",
		"max_in_flight: 257":                                  "max_in_flight",
		"buffering_hints: {size: 65MiB, interval: 5s}":        "buffering_hints.size",
		"buffering_hints: {size: 5MiB, interval: 0s}":         "buffering_hints.interval",
		"retry_options: {duration: 25h}":                      "retry_options.duration",
		"tls: {cert_file: x}":                                 "tls.key_file",
		"s3_backup: {bucket: x_y}":                            "s3_backup.bucket",
		"event: {time: noon}":                                 "event.time",
		"event: {time: .a..b}":                                "event.time",
		"event: {host: .}":                                    "event.host",
		"event: {host: '.a[0]'}":                              "event.host",
		"hec_endpoint_type: Raw\nevent: {index: .a}":          "event.index: a path has no meaning",
		"hec_endpoint_type: Raw\nevent: {time: .a}":           "event.time: has no meaning",
		"hec_endpoint_type: Raw\nevent: {id_field: x}":        "event.id_field: has no meaning",
		"hec_endpoint_type: Raw\nevent: {wrap: never}":        "event.wrap: has no meaning",
	} {
		c := decode(t, text)
		base := decode(t, smallest)
		if !strings.Contains(text, "hec_endpoint:") {
			c.HECEndpoint = base.HECEndpoint
		}
		if !strings.Contains(text, "hec_token:") {
			c.HECToken = base.HECToken
		}
		if !strings.Contains(text, "s3_backup:") {
			c.S3Backup = base.S3Backup
		}
		err := c.Validate()
		var f *field.Error
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want %s and nothing else", text, err, want)
		}
	}
	for _, text := range []string{"hec_endpoint_type: Metric", "hec_acknowledgments: maybe", "content_encoding: zstd", "event: {wrap: x}", "hec_tokens: x", "s3_backup_mode: AllDocuments"} {
		if err := yaml.Load([]byte(text), Default().(*Config), yaml.WithKnownFields()); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

// A channel belongs to a feed of a stream, whatever is configured.
func TestChannelsAreStable(t *testing.T) {
	first := payload(t, open(t, testConfig(t, "http://a")), "x").Headers[channelHeader]
	again := payload(t, open(t, testConfig(t, "http://b")), "y").Headers[channelHeader]
	if first != again || first != "f2678083-0ea5-83c3-a23b-b68ef83fea73" {
		t.Errorf("channel %s, then %s", first, again)
	}
	if other := channel("other", "test/0"); other == first || other == channel("other", "test/1") {
		t.Errorf("channel %s is another's, too", other)
	}
}

func TestMetadataOfTheRawEndpoint(t *testing.T) {
	c := testConfig(t, "http://splunk")
	c.HECEndpointType, c.Event = RawEndpoint, Event{Wrap: WrapAuto, Time: timeOfArrival, Index: "a b", Sourcetype: "x&y"}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	f, err := c.form()
	if err != nil || f.path != "/services/collector/raw?index=a+b&sourcetype=x%26y" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := c.Open(sinktest.Env(t)); err != nil {
		t.Error(err)
	}
}
