package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// setting is a configuration with a data directory and a folder as bucket.
type setting struct {
	file, data, out string
}

const oneStream = `
version: 1
server:
  data_dir: %s
  api: {listen: 127.0.0.1:0}
  admin: {listen: 127.0.0.1:0}
  log: {level: info, format: json}
  shutdown_timeout: 10s
streams:
  clicks:
    source: {direct_put: {}}
    destination:
      s3:
        bucket: file://%s
        compression_format: GZIP
        buffering_hints: {size: 1MiB, interval: %s} # hydrant:allow small-objects
`

func newSetting(t *testing.T, interval string) setting {
	t.Helper()
	dir := t.TempDir()
	s := setting{filepath.Join(dir, "hydrant.yaml"), filepath.Join(dir, "data"), filepath.Join(dir, "out")}
	s.write(t, fmt.Sprintf(oneStream, s.data, s.out, interval))
	return s
}

func (s setting) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// delivered returns all lines of all objects.
func (s setting) delivered(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(s.out, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".gz") {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(z)
		all = append(all, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return all
}

var ready = regexp.MustCompile(`"hydrant is ready".*"api":"([^"]+)","admin":"([^"]+)"`)

// up waits until the program takes records and returns its addresses.
func (p *program) up() (api, admin string) {
	p.t.Helper()
	p.until("sign of readiness", func() bool { return ready.MatchString(p.stderr.String()) })
	m := ready.FindStringSubmatch(p.stderr.String())
	return "http://" + m[1], "http://" + m[2]
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func putLines(t *testing.T, api, stream, text string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, nil, text, "put", stream, "--endpoint", api, "-q", "--retry", "2s")
	code = p.wait()
	return code, p.stdout.String(), p.stderr.String()
}

func TestRunDeliversWhatIsPut(t *testing.T) {
	s := newSetting(t, "100ms")
	p := start(t, nil, "", "run", "-c", s.file)
	api, admin := p.up()
	if code, text := get(t, admin+"/readyz"); code != 200 || text != "ready\n" {
		t.Errorf("readyz: %d %q", code, text)
	}
	code, stdout, stderr := putLines(t, api, "clicks", "a\nb\n\nc")
	if code != 0 || !strings.HasPrefix(stdout, "clicks  3 records  3B") {
		t.Errorf("put: %d %q %q", code, stdout, stderr)
	}
	p.until("delivery", func() bool { return len(s.delivered(t)) == 3 })
	p.until("checkpoint", func() bool {
		_, text := get(t, admin+"/metrics")
		return strings.Contains(text, `hydrant_ledger_delivered_records_total{stream="clicks"} 3`) &&
			strings.Contains(text, `hydrant_ledger_buffered_records{stream="clicks"} 0`)
	})
	_, text := get(t, admin+"/api/v1/streams")
	var answer struct {
		Streams []struct {
			Name, State string
			Ledger      struct{ Accepted, Delivered struct{ Records int } }
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	if st := answer.Streams; len(st) != 1 || st[0].Name != "clicks" || st[0].State != "ACTIVE" || st[0].Ledger.Accepted.Records != 3 {
		t.Errorf("streams: %s", text)
	}
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d; stderr:\n%s", code, p.stderr.String())
	}
}

func TestWhatAStopLeavesIsDeliveredByOnce(t *testing.T) {
	s := newSetting(t, "1h")
	p := start(t, nil, "", "run", "-c", s.file)
	api, _ := p.up()
	if code, _, stderr := putLines(t, api, "clicks", "kept\nsafe\n"); code != 0 {
		t.Fatal(stderr)
	}
	if code := p.end(); code != 0 {
		t.Fatalf("exit code %d; stderr:\n%s", code, p.stderr.String())
	}
	if got := s.delivered(t); len(got) != 0 {
		t.Fatalf("a stop cut a batch: %q", got)
	}

	code, stdout, stderr := once(t, "buffer", "export", "clicks", "-c", s.file)
	if code != 0 || stdout != "kept\nsafe\n" {
		t.Errorf("export: %d %q %q", code, stdout, stderr)
	}
	code, stdout, stderr = once(t, "buffer", "export", "clicks", "--json", "--dir", s.data)
	if code != 0 || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, `"data":"a2VwdA=="`) || !strings.Contains(stdout, `{"position":"1@`) {
		t.Errorf("export --json: %d %q %q", code, stdout, stderr)
	}
	code, stdout, stderr = once(t, "buffer", "check", s.data)
	if code != 0 || !strings.Contains(stdout, "clicks") {
		t.Errorf("check: %d %q %q", code, stdout, stderr)
	}

	if code, _, stderr := once(t, "run", "-c", s.file, "--once"); code != 0 {
		t.Fatalf("run --once: %d %s", code, stderr)
	}
	if got := strings.Join(s.delivered(t), " "); got != "kept safe" {
		t.Errorf("delivered %q", got)
	}
	code, stdout, _ = once(t, "buffer", "export", "clicks", "-c", s.file)
	if code != 0 || stdout != "" {
		t.Errorf("export after delivery: %d %q", code, stdout)
	}
}

func TestOnceWithoutADestinationEndsOnSignalAndKeepsTheRecords(t *testing.T) {
	s := newSetting(t, "1h")
	p := start(t, nil, "", "run", "-c", s.file)
	api, _ := p.up()
	if code, _, stderr := putLines(t, api, "clicks", "kept\n"); code != 0 {
		t.Fatal(stderr)
	}
	p.end()
	if err := os.WriteFile(s.out, []byte("a file, not a folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	p = start(t, nil, "", "run", "-c", s.file, "--once")
	p.until("line about the failing delivery", func() bool {
		return strings.Contains(p.stderr.String(), "delivery is failing") || strings.Contains(p.stderr.String(), "stream is held")
	})
	if code := p.end(); code != exitPartly || !strings.Contains(p.stderr.String(), "stays in the buffer") {
		t.Errorf("exit code %d, stderr:\n%s", code, p.stderr.String())
	}
	if _, stdout, _ := once(t, "buffer", "export", "clicks", "-c", s.file); stdout != "kept\n" {
		t.Errorf("export: %q", stdout)
	}
}

func TestReloadChangesStreamsAndAMistakeChangesNothing(t *testing.T) {
	s := newSetting(t, "100ms")
	p := start(t, nil, "", "run", "-c", s.file)
	api, admin := p.up()
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	second := strings.ReplaceAll(string(text[strings.Index(string(text), "  clicks:"):]), "clicks", "orders")

	s.write(t, string(text)+second)
	p.reload <- syscall.SIGHUP
	p.until("second stream", func() bool { return strings.Contains(p.stderr.String(), "started orders") })
	if code, _, stderr := putLines(t, api, "orders", "x\n"); code != 0 {
		t.Fatal(stderr)
	}

	s.write(t, strings.Replace(string(text), "direct_put", "direct_putt", 1))
	p.reload <- syscall.SIGHUP
	p.until("refusal", func() bool { return strings.Contains(p.stderr.String(), "the running one stays") })
	if _, text := get(t, admin+"/metrics"); !strings.Contains(text, "hydrant_config_reload_failures_total 1\n") {
		t.Error("the refused reload is not counted")
	}
	if code, _, stderr := putLines(t, api, "orders", "y\n"); code != 0 {
		t.Fatal(stderr)
	}

	s.write(t, string(text))
	p.reload <- syscall.SIGHUP
	p.until("drain", func() bool { return strings.Contains(p.stderr.String(), "draining orders") })
	if code, _, stderr := putLines(t, api, "orders", "z\n"); code != 1 || !strings.Contains(stderr, "ResourceNotFoundException") {
		t.Errorf("put to a removed stream: %d %s", code, stderr)
	}
	p.until("delivery of the removed stream", func() bool { return len(s.delivered(t)) == 2 })
}

func TestWarningsOfTheConfigurationAreLogLines(t *testing.T) {
	s := newSetting(t, "100ms")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, strings.Replace(string(text), "# hydrant:allow small-objects", "", 1))
	p := start(t, nil, "", "run", "-c", s.file)
	p.up()
	for line := range strings.Lines(p.stderr.String()) {
		var l struct{ Level, Msg, File string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("not a log line: %s", line)
		}
		if l.Level == "WARN" && strings.HasPrefix(l.Msg, "configuration: ") && l.File == s.file {
			return
		}
	}
	t.Errorf("no warning in\n%s", p.stderr.String())
}

func TestNoAdminPortIfNoneIsConfigured(t *testing.T) {
	s := newSetting(t, "50ms")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, strings.Replace(string(text), "admin: {listen: 127.0.0.1:0}", `admin: {listen: ""}`, 1))
	p := start(t, nil, "", "run", "-c", s.file)
	if _, admin := p.up(); admin != "http://off" {
		t.Errorf("admin is at %s", admin)
	}
}

func TestWatchReadsTheConfigurationWhenItChanges(t *testing.T) {
	s := newSetting(t, "100ms")
	p := start(t, nil, "", "run", "-c", s.file, "--watch")
	p.up()
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, strings.Replace(string(text), "interval: 100ms", "interval: 101ms", 1))
	p.until("reload", func() bool { return strings.Contains(p.stderr.String(), "changed clicks") })
}

func TestAVariableWithNewContentRestartsItsStreamOnly(t *testing.T) {
	s := newSetting(t, "100ms")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(filepath.Dir(s.file), "prefix")
	if err := os.WriteFile(prefix, []byte("one/"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := strings.ReplaceAll(string(text[strings.Index(string(text), "  clicks:"):]), "clicks", "orders") + "        prefix: ${file:prefix}\n"
	s.write(t, string(text)+second)
	p := start(t, nil, "", "run", "-c", s.file)
	p.up()
	p.reload <- syscall.SIGHUP
	p.until("reload of nothing", func() bool { return strings.Contains(p.stderr.String(), "nothing changed") })
	if err := os.WriteFile(prefix, []byte("two/"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.reload <- syscall.SIGHUP
	p.until("restart", func() bool { return strings.Contains(p.stderr.String(), "changed orders") })
	if strings.Contains(p.stderr.String(), "changed clicks") {
		t.Error("a stream that did not change was restarted")
	}
}

func TestOrphansAreReportedWithTheirBacklog(t *testing.T) {
	s := newSetting(t, "1h")
	p := start(t, nil, "", "run", "-c", s.file)
	api, _ := p.up()
	if code, _, stderr := putLines(t, api, "clicks", "kept\n"); code != 0 {
		t.Fatal(stderr)
	}
	p.end()
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, strings.ReplaceAll(string(text), "clicks:", "others:"))
	p = start(t, nil, "", "run", "-c", s.file)
	p.up()
	if log := p.stderr.String(); !strings.Contains(log, `"stream":"clicks","records":1,"bytes":4`) || !strings.Contains(log, "hydrant buffer export clicks") {
		t.Errorf("stderr:\n%s", log)
	}
}

func TestASuspendedStreamDoesNotKeepTheOthersFromRunning(t *testing.T) {
	s := newSetting(t, "100ms")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	second := strings.ReplaceAll(string(text[strings.Index(string(text), "  clicks:"):]), "clicks", "broken")
	second = regexp.MustCompile(`bucket: .*`).ReplaceAllLiteralString(second, "bucket: lake\n        endpoint: http://127.0.0.1:1\n        access_key_id: a\n        secret_access_key: ${KEY}\n        tls: {ca_file: /does/not/exist.pem}")
	s.write(t, string(text)+strings.Replace(second, "http://", "https://", 1))
	p := start(t, map[string]string{"KEY": "sesame-open"}, "", "run", "-c", s.file)
	api, admin := p.up()
	if code, text := get(t, admin+"/readyz?verbose"); code != 200 || !strings.Contains(text, "[-] stream broken: SUSPENDED") || !strings.Contains(text, "[+] stream clicks ok") {
		t.Errorf("readyz: %d %s", code, text)
	}
	if code, _, stderr := putLines(t, api, "broken", "x\n"); code != 1 || !strings.Contains(stderr, "is not active") {
		t.Errorf("put to a suspended stream: %d %s", code, stderr)
	}
	if code, _, stderr := putLines(t, api, "clicks", "x\n"); code != 0 {
		t.Errorf("put to the other: %d %s", code, stderr)
	}
	if strings.Contains(p.stderr.String(), "sesame") {
		t.Error("a secret is in the log")
	}
}

// masked replaces what differs from run to run.
func masked(text string, s setting) string {
	text = strings.ReplaceAll(text, filepath.Dir(s.file), "DIR")
	text = regexp.MustCompile(`(pid|process) \d+ on (host )?[^ ;:]+`).ReplaceAllString(text, "$1 PID on HOST")
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "127.0.0.1:PORT")
}

func TestDataDirectoryInUseNamesItsOwner(t *testing.T) {
	s := newSetting(t, "1h")
	p := start(t, nil, "", "run", "-c", s.file)
	p.up()
	code, _, stderr := once(t, "run", "-c", s.file)
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stderr, fmt.Sprint(os.Getpid())) {
		t.Errorf("the owner's process id is missing: %s", stderr)
	}
	golden(t, "errors/data-dir-in-use.txt", masked(stderr, s))
}

func TestDataDirectoryThatCannotBeWritten(t *testing.T) {
	s := newSetting(t, "1h")
	if err := os.WriteFile(s.data, nil, 0o600); err != nil { // root may write everywhere, but not below a file
		t.Fatal(err)
	}
	code, _, stderr := once(t, "run", "-c", s.file)
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	golden(t, "errors/data-dir-not-writable.txt", masked(stderr, s))
}

func TestPortTakenSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := newSetting(t, "1h")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{"api", "admin"} {
		s.write(t, strings.Replace(string(text), section+": {listen: 127.0.0.1:0}", section+": {listen: "+taken.Addr().String()+"}", 1))
		code, _, stderr := once(t, "run", "-c", s.file)
		if code != 1 {
			t.Errorf("exit code %d", code)
		}
		golden(t, "errors/port-taken-"+section+".txt", masked(stderr, s))
	}
}

func TestMistakesInTheConfigurationAreAllShown(t *testing.T) {
	s := newSetting(t, "1h")
	s.write(t, "streams:\n  clicks:\n    source: {direct_put: {}}\n    destination: {s3: {bukcet: lake, buffering_hints: {interval: 60}}}\n")
	code, _, stderr := once(t, "run", "-c", s.file)
	if code != 1 {
		t.Errorf("run: exit code %d", code)
	}
	golden(t, "errors/config.txt", masked(stderr, s))
	code, stdout, _ := once(t, "check", "-c", s.file)
	if code != 1 {
		t.Errorf("check: exit code %d", code)
	}
	if stdout != stderr {
		t.Errorf("check shows\n%s\nand run\n%s", stdout, stderr)
	}
	code, stdout, _ = once(t, "check", "-c", s.file, "-o", "json")
	var found struct{ Problems []struct{ ID string } }
	if err := json.Unmarshal([]byte(stdout), &found); err != nil || code != 1 || len(found.Problems) != 2 {
		t.Errorf("check -o json: %d %v %s", code, err, stdout)
	}
}

func TestCheckConnectTriesTheDestination(t *testing.T) {
	s := newSetting(t, "1h")
	code, stdout, stderr := once(t, "check", "-c", s.file, "--connect")
	if code != 0 || !strings.Contains(stdout, "clicks  s3") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
	if err := os.RemoveAll(s.out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.out, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = once(t, "check", "-c", s.file, "--connect")
	if code != 1 || !strings.Contains(stdout, "FAILED: ") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
}
