package e2e

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// What people do wrong, and every word they get to read. The golden file is
// meant to be read from top to bottom: would you know what to do next?
func TestMessages(t *testing.T) {
	var seen strings.Builder
	note := func(what, text string) { fmt.Fprintf(&seen, "# %s\n%s\n\n", what, strings.TrimSpace(text)) }

	// At the command line.
	s := hydrant.NewSite(t, hydrant.Binary(t))
	run := func(what, config string) {
		t.Helper()
		name := filepath.Join(s.Dir, "hydrant.yaml")
		os.Remove(name)
		if config != "" {
			write(t, name, config)
		}
		p := s.Exec(nil, "run", "-c", name)
		code := p.Wait(20 * time.Second)
		note(what, fmt.Sprintf("%s\nexit code %d", neutral(s, p.Log()), code))
	}
	good := func(dir, api string) string {
		return fmt.Sprintf("version: 1\nserver: {data_dir: %s, api: {listen: %q}, admin: {listen: %q}}\nstreams: {}\n", dir, api, s.Admin)
	}
	run("the configuration is missing", "")
	run("it is not YAML", "version: 1\nstreams: {a: [}\n")
	run("a field is misspelt", "version: 1\nstreams:\n  clicks:\n    source: {direct_put: {}}\n    destination:\n      s3:\n        bukcet: lake\n")
	run("a variable is missing", "version: 1\nserver: {data_dir: \"${NOBODY_SET_THIS}\"}\nstreams: {}\n")
	run("the API is open to everyone", "version: 1\nserver: {api: {listen: \":4573\"}}\nstreams: {}\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	run("the port is taken", good(s.DataDir(), taken.Addr().String()))
	write(t, filepath.Join(s.Dir, "a-file"), "")
	run("the data directory is a file", good(filepath.Join(s.Dir, "a-file"), s.API))

	// At the API.
	d := openDoor(t)
	call := func(what, operation, body string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, "http://"+d.API, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if operation != "" {
			req.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		note(what, fmt.Sprintf("%d %s", resp.StatusCode, text))
	}
	call("a put without a signature", "PutRecord", `{"DeliveryStreamName":"clients","Record":{"Data":"YQ=="}}`)
	d = openDoorWithoutKeys(t)
	call("a put to a stream that does not exist", "PutRecord", `{"DeliveryStreamName":"cilents","Record":{"Data":"YQ=="}}`)
	call("a record that is too large", "PutRecord", `{"DeliveryStreamName":"clients","Record":{"Data":"`+strings.Repeat("AAAA", 342_000)+`"}}`)
	call("too many records", "PutRecordBatch", `{"DeliveryStreamName":"clients","Records":[`+strings.Repeat(`{"Data":"YQ=="},`, 500)+`{"Data":"YQ=="}]}`)
	call("no records", "PutRecordBatch", `{"DeliveryStreamName":"clients","Records":[]}`)
	call("a batch that is too large", "PutRecordBatch", `{"DeliveryStreamName":"clients","Records":[`+strings.Repeat(`{"Data":"`+strings.Repeat("AAAA", 300_000)+`"},`, 4)+`{"Data":"`+strings.Repeat("AAAA", 300_000)+`"}]}`)
	call("data that is not base64", "PutRecord", `{"DeliveryStreamName":"clients","Record":{"Data":"{}"}}`)
	call("a body that is not JSON", "PutRecord", `DeliveryStreamName=clients`)
	call("an operation that is configured in the file", "CreateDeliveryStream", `{"DeliveryStreamName":"new"}`)
	call("an operation that does not exist", "PutRecords", `{}`)
	call("a request for something else", "", `{}`)

	golden := filepath.Join("testdata", "messages.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, golden, seen.String())
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), seen.String()); diff != "" {
		t.Errorf("messages changed; if they are better now: go test ./e2e -run TestMessages -update\n%s", diff)
	}
}

// neutral replaces what is different in each run.
func neutral(s *hydrant.Site, text string) string {
	text = strings.ReplaceAll(text, s.Dir, "DIR")
	text = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`).ReplaceAllString(text, "127.0.0.1:PORT")
	return regexp.MustCompile(`"time":"[^"]+"`).ReplaceAllString(text, `"time":"TIME"`)
}
