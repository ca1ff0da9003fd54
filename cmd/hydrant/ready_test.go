package main

import (
	"strings"
	"testing"
)

func TestReadyAsksARunningHydrant(t *testing.T) {
	s := newSetting(t, "100ms")
	p := start(t, nil, "", "run", "-c", s.file)
	_, admin := p.up()
	address := strings.TrimPrefix(admin, "http://")
	if code, stdout, stderr := once(t, "ready", "--admin", address); code != 0 || !strings.Contains(stdout, "[+] stream clicks ok\n") {
		t.Errorf("exit code %d: %q %q", code, stdout, stderr)
	}
	p.end()
	if code, _, stderr := once(t, "ready", "--admin", address); code != exitUnreachable || !strings.Contains(stderr, "is hydrant running") {
		t.Errorf("after the end: exit code %d: %q", code, stderr)
	}
}
