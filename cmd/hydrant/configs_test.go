package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSchemaIsJSON(t *testing.T) {
	code, stdout, stderr := once(t, "schema")
	var schema map[string]any
	if err := json.Unmarshal([]byte(stdout), &schema); err != nil || code != 0 || schema["$schema"] == nil {
		t.Errorf("%d %v %s", code, err, stderr)
	}
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		path, want string
		code       int
	}{
		{"", "server", 0},
		{"server.buffer.max_size", "50GiB", 0},
		{"streams.clicks.destination.s3.buffering_hints.interval", "1m", 0},
		{"server.bufer", "did you mean", 1},
	} {
		args := []string{"explain"}
		if tt.path != "" {
			args = append(args, tt.path)
		}
		code, stdout, stderr := once(t, args...)
		if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
			t.Errorf("explain %s: %d\n%s%s\nwant %d and %q", tt.path, code, stdout, stderr, tt.code, tt.want)
		}
	}
}

func TestEffectiveConfigurationHidesSecretsAndIsOneItself(t *testing.T) {
	s := newSetting(t, "100ms")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, strings.Replace(string(text), "admin: {listen: 127.0.0.1:0}", "admin: {listen: 127.0.0.1:0, token: \"${TOKEN}\"}", 1))
	p := start(t, map[string]string{"TOKEN": "sesame-open"}, "", "explain", "--effective", "-c", s.file)
	if code := p.wait(); code != 0 || strings.Contains(p.stdout.String(), "sesame") || !strings.Contains(p.stdout.String(), "max_size: 50GiB") {
		t.Errorf("%d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
	effective := filepath.Join(t.TempDir(), "effective.yaml")
	if err := os.WriteFile(effective, []byte(p.stdout.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := once(t, "check", "-c", effective); code != 0 {
		t.Errorf("check of the effective configuration: %d\n%s%s", code, stdout, stderr)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := once(t, "version", "-o", "json")
	var v struct{ Version, Go string }
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || code != 0 || v.Version == "" || !strings.HasPrefix(v.Go, "go1.") {
		t.Errorf("%d %v %s", code, err, stdout)
	}
}

func TestCompletionForEveryShell(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, stdout, stderr := once(t, "completion", shell); code != 0 || len(stdout) < 1000 {
			t.Errorf("%s: %d %s", shell, code, stderr)
		}
	}
}

func TestSystemdUnitIsRight(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "systemd", "hydrant.service"))
	if err != nil {
		t.Fatal(err)
	}
	// The program it names must exist.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "hydrant.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "/usr/bin/hydrant", self)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
