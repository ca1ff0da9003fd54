package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const orders = `{"id":1,"at":"2026-11-23T08:00:00Z","tags":["new"]}
{"id":2,"at":"2026-11-23T08:00:01Z","tags":[]}
`

// first returns the first rows that inspect shows of a file.
func first(t *testing.T, file string) string {
	t.Helper()
	code, stdout, stderr := once(t, "inspect", file, "--json")
	if code != 0 {
		t.Fatal(stderr)
	}
	var r struct{ First []json.RawMessage }
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v in\n%s", err, stdout)
	}
	var rows []string
	for _, raw := range r.First {
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, b.String())
	}
	return strings.Join(rows, "\n")
}

func TestConvertAndInspectGoTogether(t *testing.T) {
	dir := t.TempDir()
	in := write(t, dir, "orders.ndjson", orders)
	want := strings.TrimSpace(orders)
	for _, name := range []string{"o.parquet", "o.orc", "o.arrow", "o.arrows"} {
		out := filepath.Join(dir, name)
		code, stdout, stderr := once(t, "convert", in, out)
		if code != 0 || stderr != "" || !strings.HasPrefix(stdout, out+"  2 rows in 1 ") {
			t.Fatalf("convert to %s: %d %s %s", name, code, stdout, stderr)
		}
		if got := first(t, out); got != want {
			t.Errorf("%s has\n%s\nwant\n%s", name, got, want)
		}
	}
	// To standard output, from standard input; the summary must not be in it.
	p := start(t, nil, orders, "convert", "-", "-", "--format", "orc", "--compression", "zstd")
	if code := p.wait(); code != 0 || !strings.HasPrefix(p.stderr.String(), "-  2 rows in 1 stripe") {
		t.Fatalf("convert a pipe: %d %s", code, p.stderr.String())
	}
	if got := first(t, write(t, dir, "piped.orc", p.stdout.String())); got != want {
		t.Errorf("piped.orc has\n%s\nwant\n%s", got, want)
	}
}

func TestConvertTellsWhatFailed(t *testing.T) {
	dir := t.TempDir()
	in := write(t, dir, "in.ndjson", "{\"id\":1}\nbad\n{\"id\":\"x\"}\n{\"id\":4}\n")
	out, failed := filepath.Join(dir, "out.parquet"), filepath.Join(dir, "failed.ndjson")
	run := func(args ...string) (int, string, string) {
		return once(t, append([]string{"convert", in, out, "--columns", "id bigint"}, args...)...)
	}
	t.Run("strict", func(t *testing.T) {
		code, _, stderr := run("--strict", "--errors", failed)
		if code != exitProblems || !strings.Contains(stderr, "in.ndjson:2: ") || !strings.Contains(stderr, "--strict stops at the first record that fails") {
			t.Errorf("%d %s", code, stderr)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 1 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	t.Run("lost", func(t *testing.T) {
		code, stdout, stderr := run()
		if code != exitPartly || !strings.Contains(stdout, "2 records FAILED") || !strings.Contains(stderr, "in.ndjson:3: ") ||
			!strings.Contains(stderr, "2 records left out; keep them with --errors FILE") {
			t.Errorf("%d\n%s\n%s", code, stdout, stderr)
		}
	})
	t.Run("kept", func(t *testing.T) {
		code, stdout, stderr := run("--errors", failed, "--force")
		if code != exitOK || !strings.Contains(stdout, "2 records FAILED and are not in it; see "+failed) {
			t.Errorf("%d\n%s\n%s", code, stdout, stderr)
		}
		code, stdout, _ = once(t, "inspect", failed)
		if code != 0 || !strings.Contains(stdout, "Firehose error records") || !strings.Contains(stdout, "DataFormatConversion.ParseError") || !strings.Contains(stdout, "\n  bad\n") {
			t.Errorf("inspect of the failed records:\n%s", stdout)
		}
		text, err := os.ReadFile(failed)
		if err != nil || !strings.Contains(string(text), `"line":2}`+"\n") {
			t.Errorf("failed records: %s, %v", text, err)
		}
	})
	t.Run("never overwrites", func(t *testing.T) {
		if code, _, stderr := run(); code != exitProblems || !strings.Contains(stderr, "it exists already; --force replaces it") {
			t.Errorf("%d %s", code, stderr)
		}
	})
	t.Run("nothing is right", func(t *testing.T) {
		in := write(t, dir, "text", "a\nb\n")
		code, _, stderr := once(t, "convert", in, filepath.Join(dir, "no.parquet"), "--columns", "id int")
		if _, err := os.Stat(filepath.Join(dir, "no.parquet")); code != exitProblems || err == nil || !strings.Contains(stderr, "none of 2 records is a row") {
			t.Errorf("%d %s, %v", code, stderr, err)
		}
	})
}

func TestConvertTakesColumnsFromAFileOrAStream(t *testing.T) {
	dir := t.TempDir()
	in := write(t, dir, "in.ndjson", `{"ID":"7","Note":"n"}`+"\n")
	table := write(t, dir, "table.sql", "CREATE TABLE t (id bigint, note string)")
	config := write(t, dir, "hydrant.yaml", fmt.Sprintf(`version: 1
server: {data_dir: %s}
streams:
  notes:
    source: {direct_put: {}}
    destination:
      s3:
        bucket: file://%s/bucket
        data_format_conversion:
          output_format: {orc: {}}
          schema: {columns: [{name: id, type: int}]}
`, dir, dir))
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"schema":                {[]string{"--schema", table}, `{"id":7,"note":"n"}`},
		"stream":                {[]string{"-c", config, "--stream", "notes"}, `{"id":7}`},
		"stream, other columns": {[]string{"-c", config, "--stream", "notes", "--columns", "note string"}, `{"note":"n"}`},
	} {
		out := filepath.Join(dir, name+".parquet")
		if code, _, stderr := once(t, append([]string{"convert", in, out}, tt.args...)...); code != 0 {
			t.Errorf("%s: %s", name, stderr)
			continue
		}
		if got := first(t, out); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestConvertSaysWhatToWrite(t *testing.T) {
	dir := t.TempDir()
	in := write(t, dir, "in.ndjson", orders)
	empty := write(t, dir, "empty", "")
	garbage, cut := write(t, dir, "garbage", "\x01\x02\n\x03"), write(t, dir, "cut", "\x1f\x8b\x08")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{in}, "an argument is missing; write: hydrant convert IN... OUT [flags]"},
		{[]string{in, "out.txt"}, "the format of out.txt is not known by its name; add --format: arrow, orc, parquet"},
		{[]string{in, dir}, "is a folder; name a file in it"},
		{[]string{in, "out.parquet", "--columns", "id blob"}, `read columns, character 4: "blob" is not a type`},
		{[]string{in, "out.orc", "--compression", "lz4"}, "NONE, ZLIB, SNAPPY, ZSTD"},
		{[]string{in, "out.orc", "-c", "x.yaml"}, "-c goes with --stream"},
		{[]string{in, "out.orc", "--columns", "a int", "--schema", "x"}, "leave one out"},
		{[]string{in, "out"}, "the format of out is not known by its name"},
		{[]string{in, "-"}, "standard output needs a format"},
		{[]string{in, "out.orc", "--format", "csv"}, "--format csv is not known; there are arrow, orc, parquet"},
		{[]string{in, in}, "it exists already"},
		{[]string{in, in, "--force"}, "is an output too; name another output"},
		{[]string{in, "out.orc", "--errors", in, "--force"}, "is an output too"},
		{[]string{in, "out.orc", "--errors", "./out.orc"}, "--errors ./out.orc is the output too"},
		{[]string{in, "nowhere/out.orc"}, "there is no folder nowhere; make it first"},
		{[]string{in, "/dev/null", "--format", "orc"}, "is no regular file; write - for standard output"},
		{[]string{in, "out.orc", "--cores", "-1"}, "--cores -1: it is less than nothing"},
		{[]string{in, "out.orc", "--columns", "id bigintt"}, "\"bigintt\" is not a type"},
		{[]string{dir + "/.none/", "out.orc"}, "no such file"},
		{[]string{garbage, "out.orc"}, "none of the first 2 lines of " + garbage + " is a JSON object; hydrant inspect shows"},
		{[]string{cut, "out.orc"}, "it ends early, as if it was cut off"},
		{[]string{empty, "out.orc"}, "there are no records in " + empty + "; with --columns"},
		{[]string{"missing", "out.orc"}, "no such file"},
		{[]string{in, "out.orc", "--memory", "5"}, "did you mean 5MiB?"},
	} {
		code, _, stderr := once(t, append([]string{"convert"}, tt.args...)...)
		if code == 0 || !strings.Contains(stderr, tt.want) {
			t.Errorf("convert %q: %d %s", tt.args, code, stderr)
		}
	}
}

// Who presses ^C at a pipe that says nothing does not wait for it, and finds no
// half a file.
func TestConvertStopsWhileItWaitsForInput(t *testing.T) {
	for _, columns := range []string{"", "id bigint"} {
		dir := t.TempDir()
		in, silent := io.Pipe()
		ctx, cancel := context.WithCancel(context.Background())
		var stderr bytes.Buffer
		m := Main{Env: func(string) (string, bool) { return "", false }}
		done := make(chan int)
		go func() {
			done <- m.Run(ctx, []string{"convert", "-", filepath.Join(dir, "out.orc"), "--columns", columns}, in, io.Discard, &stderr)
		}()
		if _, err := io.WriteString(silent, "{\"id\":1}\n"); err != nil {
			t.Fatal(err)
		}
		cancel()
		if code := <-done; code != exitProblems || !strings.Contains(stderr.String(), "stopped before the end; nothing is kept") {
			t.Errorf("it ends with %d: %s", code, stderr.String())
		}
		if err := silent.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v is left, %v", left, err)
		}
	}
}

func TestInspectReadsS3(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "o.parquet")
	if code, _, stderr := once(t, "convert", write(t, dir, "in.ndjson", orders), out); code != 0 {
		t.Fatal(stderr)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	if _, err := backend.PutObject("lake", "a/o.parquet", map[string]string{"Last-Modified": "Mon, 23 Nov 2026 08:00:00 GMT"}, bytes.NewReader(content), int64(len(content)), nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	env := map[string]string{"AWS_ENDPOINT_URL_S3": server.URL}
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	p := start(t, env, "", "inspect", "s3://lake/a/o.parquet", "-n", "1")
	if code := p.wait(); code != 0 || !strings.Contains(p.stdout.String(), strings.SplitN(orders, "\n", 2)[0]) {
		t.Errorf("%d\n%s\n%s", code, p.stdout.String(), p.stderr.String())
	}
	p = start(t, env, "", "inspect", "s3://lake/no")
	if code := p.wait(); code != exitProblems || !strings.Contains(p.stderr.String(), "there is no no in bucket lake") {
		t.Errorf("%d %s", code, p.stderr.String())
	}
}

// Sizes change with the version of a library, times with the machine, and
// both move the columns of tables.
var (
	amounts = regexp.MustCompile(`[0-9.,]+ ?(KiB|MiB|B|ms|s|x|MB/s|bytes)\b`)
	blanks  = regexp.MustCompile(` +`)
)

func normal(text string) string {
	return blanks.ReplaceAllString(amounts.ReplaceAllString(text, "N"), " ")
}

// TestDocumentedConversion holds docs/convert.md to what the commands print.
func TestDocumentedConversion(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "convert.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, "orders.ndjson", string(between(t, text, "<!-- orders.ndjson -->\n```json\n", "```")))
	for block := range strings.SplitSeq(string(text), "```console\n") {
		command, rest, ok := strings.Cut(block, "\n")
		args, isOurs := strings.CutPrefix(command, "$ hydrant ")
		if !ok || !isOurs {
			continue
		}
		want, _, _ := strings.Cut(rest, "```")
		_, stdout, stderr := once(t, fields(args)...)
		if diff := cmp.Diff(normal(want), normal(stderr+stdout)); diff != "" {
			t.Errorf("%s prints\n%s%s\nand docs/convert.md says something else:\n%s", command, stderr, stdout, diff)
		}
	}
}

func between(t *testing.T, text []byte, start, end string) []byte {
	t.Helper()
	_, rest, ok := bytes.Cut(text, []byte(start))
	got, _, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		t.Fatalf("no %q in the document", start)
	}
	return got
}

// fields splits a command line at blanks that are not in quotes.
func fields(line string) []string {
	var all []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			all = append(all, part)
		} else {
			all = append(all, strings.Fields(part)...)
		}
	}
	return all
}
