package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// failedSite is a configuration whose stream clicks has failed records: two
// with text where a number belongs, one that is no JSON, and a line that is no
// error record. columns says what belongs there.
func failedSite(t *testing.T) (configure func(columns string) (config string), lake string) {
	t.Helper()
	dir := t.TempDir()
	lake = filepath.Join(dir, "lake")
	key := filepath.Join(lake, "failed", "format-conversion-failed", "clicks-1-2026-11-23-09-40-01-01234567-89ab-8def-8123-456789abcdef")
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 9, 40, 1, 0, time.UTC).UnixMilli()
	var text []byte
	for i, record := range []string{`{"id":"a"}`, `{"id":"b"}`, `{"id":`} {
		f := &buffer.Failure{Output: "format-conversion-failed", Code: "DataFormatConversion.MalformedData", Message: fmt.Sprintf("column id: \"%d\" is not a bigint", i), Attempts: 1}
		if i == 2 {
			f.Code, f.Message = "DataFormatConversion.ParseError", "unexpected end"
		}
		text = object.AppendErrorLine(text, f, buffer.Position{Epoch: 1, Seq: uint64(i) + 1}, at, []byte(record))
	}
	if err := os.WriteFile(key, append(text, "no error record\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(columns string) string {
		return write(t, dir, "hydrant.yaml", fmt.Sprintf(`version: 1
server: {data_dir: %[1]s/data}
streams:
  clicks:
    source: {direct_put: {}}
    destination:
      s3:
        bucket: "file://%[1]s/lake"
        prefix: clicks/
        error_output_prefix: failed/!{firehose:error-output-type}/
        data_format_conversion: {output_format: {parquet: {}}, schema: {columns: [{name: id, type: %[2]s}]}}
`, dir, columns))
	}, lake
}

func parquetFiles(t *testing.T, lake string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(lake, "clicks", "*", "*", "*", "*", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func wants(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not say %q:\n%s", what, part, text)
		}
	}
}

func TestErrorsAreListedShownAndExported(t *testing.T) {
	configure, _ := failedSite(t)
	config := configure("bigint")
	code, stdout, stderr := once(t, "errors", "ls", "-c", config)
	wants(t, "errors ls", stdout, "format-conversion-failed", "DataFormatConversion.MalformedData", `column id: "…" is not a bigint  2 `, "2026-11-23 09:40:01")
	wants(t, "errors ls", stderr, ":4: it is no JSON object")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	_, stdout, _ = once(t, "errors", "show", "clicks", "-n", "1", "-c", config, "--code", "DataFormatConversion.ParseError")
	wants(t, "errors show", stdout, "unexpected end", `{"id":`, ":3\n")
	_, stdout, _ = once(t, "errors", "show", "clicks", "-n", "0", "--json", "-c", config)
	wants(t, "errors show --json", stdout, `"data":"{\"id\":\"a\"}"`, `"replayed":false`)
	_, stdout, _ = once(t, "errors", "export", "clicks", "-c", config, "--contains", `"b"`)
	if stdout != `{"id":"b"}`+"\n" {
		t.Errorf("exported %q", stdout)
	}
	file := filepath.Join(t.TempDir(), "out")
	for i, want := range []int{0, 1, 0} {
		args := []string{"errors", "export", "clicks", file, "--delimiter", "none", "-c", config, "--force"}
		if i == 1 {
			args = args[:len(args)-1] // it exists
		}
		if code, _, stderr := once(t, args...); code != want {
			t.Errorf("export to a file: exit code %d, want %d\n%s", code, want, stderr)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != `{"id":"a"}{"id":"b"}{"id":` {
		t.Errorf("exported %q, %v", text, err)
	}
}

func TestReplayDeliversWhatPassesNowOnce(t *testing.T) {
	configure, lake := failedSite(t)
	if code, stdout, _ := once(t, "errors", "replay", "clicks", "-c", configure("bigint")); code != 0 || !strings.Contains(stdout, "3  would fail again") || !strings.Contains(stdout, "nothing to replay") {
		t.Errorf("as it is: %d\n%s", code, stdout)
	}
	config := configure("string")
	code, stdout, _ := once(t, "errors", "replay", "clicks", "-c", config, "--dry-run")
	wants(t, "a dry run", stdout, "2  would pass now", "1  would fail again")
	if code != 0 || parquetFiles(t, lake) != 0 {
		t.Errorf("a dry run: exit code %d, %d objects", code, parquetFiles(t, lake))
	}
	for answer, want := range map[string]int{"": 1, "n\n": 0} {
		p := start(t, nil, answer, "errors", "replay", "clicks", "-c", config)
		if code := p.wait(); code != want || parquetFiles(t, lake) != 0 {
			t.Errorf("answer %q: exit code %d\n%s", answer, code, p.stderr.String())
		}
	}
	p := start(t, nil, "y\n", "errors", "replay", "clicks", "-c", config)
	if code := p.wait(); code != 0 || parquetFiles(t, lake) != 1 {
		t.Errorf("exit code %d, %d objects\n%s", code, parquetFiles(t, lake), p.stderr.String())
	}
	wants(t, "the summary", p.stdout.String(), "Replay 2 records", "done in", "2 records delivered")
	code, stdout, _ = once(t, "errors", "replay", "clicks", "-c", config, "--yes")
	wants(t, "a second replay", stdout, "2  replayed before", "nothing to replay")
	if code != 0 || parquetFiles(t, lake) != 1 {
		t.Errorf("a second replay: exit code %d, %d objects", code, parquetFiles(t, lake))
	}
	_, stdout, _ = once(t, "errors", "export", "clicks", "-c", config)
	if stdout != `{"id":`+"\n" {
		t.Errorf("left to export: %q", stdout)
	}
}

func TestBackfillSendsFilesOnce(t *testing.T) {
	configure, lake := failedSite(t)
	config := configure("string")
	from := t.TempDir()
	write(t, from, "old.ndjson", "{\"id\":\"1\"}\n{\"id\":\"2\"}\nbroken\n")
	args := []string{"backfill", "clicks", "--from", from, "--yes", "-c", config}
	code, stdout, stderr := once(t, args...)
	wants(t, "backfill", stdout, "1 object", "2 records delivered  1 failed", "failed records: failed/format-conversion-failed/clicks-1-")
	wants(t, "backfill", stderr, "1 record failed", "hydrant errors show clicks --since ")
	if code != exitPartly || parquetFiles(t, lake) != 1 {
		t.Errorf("exit code %d, %d objects", code, parquetFiles(t, lake))
	}
	code, stdout, _ = once(t, args...)
	wants(t, "a second backfill", stdout, "1 object left out", "nothing to send")
	if code != 0 || parquetFiles(t, lake) != 1 {
		t.Errorf("a second backfill: exit code %d, %d objects", code, parquetFiles(t, lake))
	}
}

func TestBackfillStopsAndGoesOn(t *testing.T) {
	configure, lake := failedSite(t)
	config := configure("string")
	from := t.TempDir()
	write(t, from, "old.ndjson", strings.Repeat("{\"id\":\"1\"}\n", 400))
	args := []string{"backfill", "clicks", "--from", from, "--yes", "-c", config}
	p := start(t, nil, "", append(args, "--rate", "100")...)
	p.until("job", func() bool {
		names, _ := filepath.Glob(filepath.Join(filepath.Dir(config), "data", "jobs", "*", "buffer", "streams", "*", "shards", "00", "log", "*.seg"))
		return len(names) > 0
	})
	code := p.end()
	wants(t, "a stop", p.stderr.String(), "stopped; go on with: hydrant backfill clicks --from '"+from+"'")
	if code != exitPartly {
		t.Errorf("exit code %d", code)
	}
	if code, _, stderr := once(t, "backfill", "clicks", "--from", lake, "--yes", "-c", config); code != 1 || !strings.Contains(stderr, "finish it first") {
		t.Errorf("another one meanwhile: %d %s", code, stderr)
	}
	code, stdout, _ := once(t, args...)
	wants(t, "going on", stdout, "was stopped; it goes on", "400 records delivered")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestJobsSayWhatIsWrong(t *testing.T) {
	configure, _ := failedSite(t)
	config := configure("string")
	for args, want := range map[string]string{
		"errors show clocks":                                `there is no stream "clocks" in the configuration`,
		"errors ls --since tomorrow":                        `--since: "tomorrow" is no time`,
		"errors export clicks --delimiter tab":              "write newline, none or nul",
		"errors replay clicks --abandon":                    "no replay of stream clicks was stopped",
		"backfill clicks":                                   "write --from PATH",
		"backfill clicks --abandon":                         "no backfill of stream clicks was stopped",
		"backfill clicks --from missing":                    "no such file",
		"backfill clicks --from s3://b/k --connection none": `there is no s3 connection "none"`,
	} {
		code, _, stderr := once(t, append(strings.Fields(args), "-c", config)...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %q, want %q", args, code, stderr, want)
		}
	}
}
