package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPutExitCodes(t *testing.T) {
	code, _, stderr := putLines(t, "http://127.0.0.1:1", "clicks", "a\n")
	if code != exitUnreachable || !strings.Contains(stderr, "is hydrant running at http://127.0.0.1:1? name another place with --endpoint") {
		t.Errorf("nobody there: %d %s", code, stderr)
	}
	s := newSetting(t, "100ms")
	p := start(t, nil, "", "run", "-c", s.file)
	api, _ := p.up()
	code, _, stderr = putLines(t, api, "clickz", "a\n")
	if code != exitProblems || !strings.Contains(stderr, "Firehose clickz under account 000000000000 not found.") {
		t.Errorf("no such stream: %d %s", code, stderr)
	}
	code, stdout, stderr := putLines(t, api, "clicks", "a\n"+strings.Repeat("x", 1_024_001)+"\nb\n")
	if code != exitPartly || !strings.Contains(stdout, "2 records") || !strings.Contains(stderr, "1 record left out; make them smaller than 1,024,000 bytes") {
		t.Errorf("a record too large: %d %s %s", code, stdout, stderr)
	}
}

func TestPutReadsFilesAndGenerates(t *testing.T) {
	s := newSetting(t, "100ms")
	p := start(t, nil, "", "run", "-c", s.file)
	api, _ := p.up()
	dir := t.TempDir()
	for i := range 2 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), fmt.Appendf(nil, "%d a\n%d b\n", i, i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := once(t, "put", "clicks", filepath.Join(dir, "0"), filepath.Join(dir, "1"), "--endpoint", api, "--connections", "1"); code != 0 {
		t.Fatal(stderr)
	}
	p.until("delivery", func() bool { return strings.Join(s.delivered(t), "|") == "0 a|0 b|1 a|1 b" })
	if code, _, stderr := once(t, "put", "clicks", "--generate", "clicks", "--count", "1500", "--endpoint", api); code != 0 {
		t.Fatal(stderr)
	}
	p.until("delivery", func() bool { return len(s.delivered(t)) == 1504 })
}

func TestPutSignsWithKeys(t *testing.T) {
	s := newSetting(t, "100ms")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, strings.Replace(string(text), "api: {listen: 127.0.0.1:0}",
		"api: {listen: 127.0.0.1:0, access_keys: [{id: AKIDPRODUCER, secret: \"${KEY}\", allow: [\"put:clicks\"]}]}", 1))
	p := start(t, map[string]string{"KEY": "sesame-open-wide-enough"}, "", "run", "-c", s.file)
	api, _ := p.up()
	if code, _, stderr := putLines(t, api, "clicks", "a\n"); code != 1 || !strings.Contains(stderr, "MissingAuthenticationToken") {
		t.Errorf("without keys: %d %s", code, stderr)
	}
	for secret, want := range map[string]int{"sesame-open-wide-enough": 0, "something else": 1} {
		keys := map[string]string{"AWS_ACCESS_KEY_ID": "AKIDPRODUCER", "AWS_SECRET_ACCESS_KEY": secret}
		put := start(t, keys, "a\n", "put", "clicks", "--endpoint", api, "-q")
		if code := put.wait(); code != want || strings.Contains(put.stderr.String(), secret) {
			t.Errorf("secret %q: %d %s", secret, code, put.stderr.String())
		}
	}
	p.end()
	if strings.Contains(p.stderr.String(), "sesame") {
		t.Errorf("a secret is in the log:\n%s", p.stderr.String())
	}
}

func TestPutOverTLSTrustsWhatItIsTold(t *testing.T) {
	s := newSetting(t, "100ms")
	p := start(t, nil, "", "run", "-c", s.file)
	api, _ := p.up()
	secure := strings.Replace(api, "http://", "https://", 1)
	if code, _, stderr := putLines(t, secure, "clicks", "a\n"); code != 1 || !strings.Contains(stderr, "trust it with --ca and its ca.pem") {
		t.Errorf("untrusted: %d %s", code, stderr)
	}
	put := start(t, nil, "a\n", "put", "clicks", "--endpoint", secure, "--ca", filepath.Join(s.data, "tls", "ca.pem"))
	if code := put.wait(); code != 0 {
		t.Errorf("trusted: %d %s", code, put.stderr.String())
	}
	if strings.Contains(p.stderr.String(), "is not hydrant's") {
		t.Errorf("our own folder is called foreign:\n%s", p.stderr.String())
	}
}
