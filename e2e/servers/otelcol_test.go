package servers

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// Also what builds the collector on a fresh machine; see the Makefile.
func TestCollectorKeepsWhatItAnsweredOverARestart(t *testing.T) {
	s := Collector(t, `
receivers:
  splunk_hec: {endpoint: "${env:ADDRESS}", raw_path: /services/collector/raw, ack: {extension: ack, path: /services/collector/ack}}
extensions: {ack: {}}
exporters:
  file: {path: "${env:OUTPUT}", rotation: {max_megabytes: 100000}} # with rotation it writes at once, and appends
service:
  telemetry: {metrics: {level: none}}
  extensions: [ack]
  pipelines: {logs: {receivers: [splunk_hec], exporters: [file]}}
`)
	post := func(event string) error {
		req, err := http.NewRequest(http.MethodPost, s.URL+"/services/collector/event", strings.NewReader(event))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Splunk-Request-Channel", "b1f4c0de-0000-4000-8000-000000000001")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(body), "ackId") {
			t.Errorf("answer %s: %s", resp.Status, body)
		}
		return err
	}
	if err := post(`{"event":"first"}`); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if post(`{"event":"nowhere"}`) == nil {
		t.Error("it answers after Kill")
	}
	s.Start()
	if err := post(`{"event":"second"}`); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	written, err := os.ReadFile(s.Output)
	if err != nil || !strings.Contains(string(written), "first") || !strings.Contains(string(written), "second") {
		t.Errorf("output %s, %v", written, err)
	}
}
