package httpendpoint

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

const collectorConfig = `
receivers:
  awsfirehose: {endpoint: "${env:ADDRESS}", access_key: ` + secret + `, record_type: cwlogs}
exporters:
  file: {path: "${env:OUTPUT}", rotation: {max_megabytes: 100000}} # with rotation it writes at once
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [awsfirehose], exporters: [file]}}
`

// TestTheCollectorsReceiverTakesOurRequests: somebody else's reading of the
// contract, the receiver of the OpenTelemetry collector.
func TestTheCollectorsReceiverTakesOurRequests(t *testing.T) {
	server := servers.Collector(t, collectorConfig)
	var want []string
	for _, encoding := range []Encoding{none, gzipped} {
		c := Default().(*Config)
		c.URL = server.URL + "/"
		c.RequestConfiguration.ContentEncoding = encoding
		c.RequestConfiguration.MaxRecords = 40
		c.RequestConfiguration.CommonAttributes = map[string]string{"env": "prüf"}
		newBackup(t).configure(c)

		var records []string
		for i := range 100 {
			message := fmt.Sprintf("message %s-%03d", encoding, i)
			want = append(want, message)
			records = append(records, subscription(t, message))
		}
		s, _ := open(t, c)
		payloads := seal(t, s, sinktest.Chunk(records...))
		if len(payloads) != 3 {
			t.Fatalf("%d requests", len(payloads))
		}
		c.AccessKey = field.NewSecret("another")
		stranger, _ := open(t, c)
		if e := sinks.AsError(stranger.Send(t.Context(), &payloads[0])); e.Kind != sinks.Permanent {
			t.Errorf("Send with a wrong key = %v (%v)", e, e.Kind)
		}
		c.AccessKey = field.NewSecret(secret)
		known, _ := open(t, c)
		for i := range payloads {
			if err := known.Send(t.Context(), &payloads[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	server.Stop()
	output, err := os.ReadFile(server.Output)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`"stringValue":"(message [A-Z]+-[0-9]+)"`).FindAllSubmatch(output, -1) {
		got = append(got, string(m[1]))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// subscription is a record as CloudWatch Logs sends it to Firehose.
func subscription(t *testing.T, message string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "group", "logStream": "stream",
		"subscriptionFilters": []string{"all"},
		"logEvents":           []map[string]any{{"id": "1", "timestamp": 1735687815000, "message": message}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
