package splunk

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// collectorConfig is an OpenTelemetry collector as Splunk's HEC, with
// acknowledgments. Its exporter writes at once and appends: it has rotation.
const collectorConfig = `
receivers:
  splunk_hec: {endpoint: "${env:ADDRESS}", splitting: line, raw_path: /services/collector/raw, ack: {extension: ack, path: /services/collector/ack}}
extensions: {ack: {}}
exporters:
  file: {path: "${env:OUTPUT}", rotation: {max_megabytes: 100000}}
service:
  telemetry: {metrics: {level: none}}
  extensions: [ack]
  pipelines: {logs: {receivers: [splunk_hec], exporters: [file]}}
`

func TestConformanceCollector(t *testing.T) {
	server := servers.Collector(t, collectorConfig)
	var n atomic.Int32
	sinktest.Run(t, sinktest.Harness{
		New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
			d := &collector{server: server, source: fmt.Sprint("test-", n.Add(1)), destination: destination{Proxy: sinktest.NewProxy(t, server.URL)}}
			c := testConfig(t, d.URL)
			c.Event.Source = d.source
			d.folder = strings.TrimPrefix(c.S3Backup.Bucket, "file://")
			return c, d
		},
		Faults:       true,
		Secrets:      []string{testToken},
		AllocsPerRow: 0.02,
	})
}

// collector is the part of a real collector that has one source.
type collector struct {
	server *servers.CollectorServer
	source string
	destination
}

// Rows returns what arrived, without repeats.
func (d *collector) Rows(t *testing.T) (rows []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, l := range readLogs(t, d.server.Output) {
		if l.source != d.source || seen[l.id] && l.id != "" {
			continue
		}
		seen[l.id] = true
		rows = append(rows, l.text)
	}
	return rows
}

// logged is a record of the collector's output.
type logged struct {
	text, source, host, index, id string
	nanos                         string
}

// attribute is a member, or a value, in OTLP's JSON.
type attribute struct {
	Key   string
	Value value
}

type value struct {
	StringValue *string
	KvlistValue *struct{ Values []attribute }
}

// plain returns the value as the JSON that an event had; of objects those
// whose members are texts.
func (v value) plain() any {
	if v.KvlistValue == nil {
		return *v.StringValue
	}
	members := map[string]any{}
	for _, m := range v.KvlistValue.Values {
		members[m.Key] = m.Value.plain()
	}
	return members
}

func readLogs(t *testing.T, name string) (logs []logged) {
	t.Helper()
	f, err := os.Open(name)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var request struct {
			ResourceLogs []struct {
				Resource  struct{ Attributes []attribute }
				ScopeLogs []struct {
					LogRecords []struct {
						TimeUnixNano string
						Body         value
						Attributes   []attribute
					}
				}
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			t.Fatalf("read output: %v", err)
		}
		for _, r := range request.ResourceLogs {
			for _, s := range r.ScopeLogs {
				for _, record := range s.LogRecords {
					l := logged{nanos: record.TimeUnixNano}
					switch body := record.Body.plain().(type) {
					case string:
						l.text = body
					default:
						text, err := json.Marshal(body)
						if err != nil {
							t.Fatal(err)
						}
						l.text = string(text)
					}
					for _, a := range append(r.Resource.Attributes, record.Attributes...) {
						for name, to := range map[string]*string{"com.splunk.source": &l.source, "host.name": &l.host, "com.splunk.index": &l.index, testID: &l.id} {
							if a.Key == name {
								*to = *a.Value.StringValue
							}
						}
					}
					logs = append(logs, l)
				}
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return logs
}

// A third party reads the metadata, and the text of the raw endpoint.
func TestCollectorReadsWhatWeSend(t *testing.T) {
	server := servers.Collector(t, collectorConfig)
	c := testConfig(t, server.URL)
	c.Event = Event{Wrap: WrapAuto, Host: ".device.name", Index: "plant", Source: "s", Time: ".ts", IDField: testID}
	s := open(t, c)
	sent(t, s, payload(t, s, `{"device":{"name":"press-7"},"ts":"1766412000.5"}`, `{"event":"mine","time":5,"index":"other"}`, "text \"with\"\nlines"), 0, "")

	c = testConfig(t, server.URL)
	c.HECEndpointType, c.ContentEncoding, c.Event = RawEndpoint, plain, Event{Wrap: WrapAuto, Time: timeOfArrival, Index: "raw", Host: "h"}
	s = open(t, c)
	sent(t, s, payload(t, s, "line 1", "line 2\n"), 0, "")

	const arrival = "1735687815000000000"
	want := []logged{
		{`{"device":{"name":"press-7"},"ts":"1766412000.5"}`, "s", "press-7", "plant", "9f0c31aa52e07b44-1", "1766412000500000000"},
		{`mine`, "s", "", "other", "9f0c31aa52e07b44-2", "5000000000"},
		{"text \"with\"\nlines", "s", "", "plant", "9f0c31aa52e07b44-3", arrival},
		{"line 1", "", "h", "raw", "", ""},
		{"line 2", "", "h", "raw", "", ""},
	}
	if diff := cmp.Diff(want, readLogs(t, server.Output), cmp.AllowUnexported(logged{})); diff != "" {
		t.Errorf("what the collector wrote (-want +got):\n%s", diff)
	}
}

// The collector names the bad event, and takes none of the request.
func TestCollectorNamesTheBadEvent(t *testing.T) {
	server := servers.Collector(t, collectorConfig)
	s := open(t, testConfig(t, server.URL))
	p := payload(t, s, "0", "1", nested, "3")
	err := s.Send(t.Context(), p)
	if got := fates(p, err); got != "rrbr" {
		t.Fatalf("fates %s: %v", got, err)
	}
	sent(t, s, part(p, 0, 2), 0, "")
	sent(t, s, part(p, 3, 4), 0, "")
	var texts []string
	for _, l := range readLogs(t, server.Output) {
		texts = append(texts, l.text)
	}
	if diff := cmp.Diff([]string{"0", "1", "3"}, texts); diff != "" {
		t.Error(diff)
	}
}

// A collector that restarts has forgotten what it owes.
func TestCollectorThatRestartsIsSentToAgain(t *testing.T) {
	server := servers.Collector(t, collectorConfig)
	proxy := sinktest.NewProxy(t, server.URL)
	c := testConfig(t, proxy.URL)
	c.HECAcknowledgmentTimeout = 1e9
	s := open(t, c)
	sent(t, s, payload(t, s, "first"), 0, "")
	isAck := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/ack") }
	proxy.Misbehave(sinktest.Fault{When: sinktest.Before, Request: isAck, Happened: func() {
		server.Kill()
		server.Start()
	}})
	p := payload(t, s, "second")
	sent(t, s, p, sinks.Retryable, codeAckTimeout)
	sent(t, s, p, 0, "")
	if n := len(readLogs(t, server.Output)); n != 3 {
		t.Errorf("%d events, want the second one twice", n)
	}
}

// A collector without the extension for acknowledgments.
func TestCollectorWithoutAcknowledgmentsGetsNoEvents(t *testing.T) {
	without := strings.NewReplacer(", ack: {extension: ack, path: /services/collector/ack}", "", "extensions: {ack: {}}\n", "", "  extensions: [ack]\n", "")
	server := servers.Collector(t, without.Replace(collectorConfig))
	c := testConfig(t, server.URL)
	s := open(t, c)
	p := payload(t, s, "a")
	sent(t, s, p, sinks.Permanent, codeNoAcks)
	if logs := readLogs(t, server.Output); len(logs) != 0 {
		t.Errorf("%v", logs)
	}
	c.HECAcknowledgments = IfAvailable
	s = open(t, c)
	sent(t, s, p, 0, "")
	if line, err := s.Probe(t.Context()); err != nil || !strings.Contains(line, "no acknowledgments") {
		t.Errorf("Probe = %q, %v", line, err)
	}
}
