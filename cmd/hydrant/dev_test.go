package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/configs"
)

func TestDevDeliversItsFirstObjectByItself(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the 5 s of the demo's buffering interval")
	}
	dir := filepath.Join(t.TempDir(), "state")
	p := start(t, nil, "", "dev", "--dir", dir, "--port", "0", "--admin-port", "0")
	p.until("banner", func() bool { return strings.Contains(p.stdout.String(), "hydrant put demo FILE") })
	banner := p.stdout.String()
	api := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(banner)
	if code, _, stderr := putLines(t, api, "demo", `{"mine":"all mine"}`+"\n"); code != 0 {
		t.Errorf("put: %s", stderr)
	}
	p.until("delivery", func() bool { return strings.Contains(p.stdout.String(), "  delivered  ") })
	object := regexp.MustCompile(`zcat '([^']+)'`).FindStringSubmatch(p.stdout.String())
	if object == nil {
		t.Fatalf("no hint how to look into the object:\n%s", p.stdout.String())
	}
	if _, err := os.Stat(object[1]); err != nil {
		t.Errorf("the hint names a file that is not there: %v", err)
	}
	if got := strings.Join(setting{out: dir}.delivered(t), "\n"); !strings.Contains(got, `{"mine":"all mine"}`) || strings.Count(got, "\n") < 20 {
		t.Errorf("delivered:\n%s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "ca.pem")); err != nil {
		t.Error(err)
	}
	if code := p.end(); code != 0 || p.stderr.String() != "" {
		t.Errorf("exit code %d, stderr:\n%s", code, p.stderr.String())
	}
	text := strings.ReplaceAll(banner[:strings.Index(banner, "hydrant put demo FILE")], dir, "DIR")
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "127.0.0.1:PORT")
	text = regexp.MustCompile(`hydrant [^ ]+ ·`).ReplaceAllString(text, "hydrant VERSION ·")
	golden(t, "banner.txt", regexp.MustCompile(`(\S) {2,}`).ReplaceAllString(text, "$1  ")) // columns depend on the ports
}

func TestDevEphemeralLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	p := start(t, nil, "", "dev", "--ephemeral", "--no-demo", "--port", "0", "--admin-port", "0")
	p.until("banner", func() bool { return strings.Contains(p.stdout.String(), "hydrant put demo FILE") })
	if strings.Contains(p.stdout.String(), "sample records") {
		t.Error("--no-demo sends sample records")
	}
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestDevPortTakenNamesTheFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, flags := range [][]string{{"--port", port, "--admin-port", "0"}, {"--port", "0", "--admin-port", port}} {
		p := start(t, nil, "", append([]string{"dev", "--dir", t.TempDir()}, flags...)...)
		if code := p.wait(); code != 1 || !strings.Contains(p.stderr.String(), "hydrant dev --port 4583 --admin-port 4584") {
			t.Errorf("exit code %d, stderr:\n%s", code, p.stderr.String())
		}
	}
}

func TestDevConfigurationIsOneThatRunTakes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `a "b" ${c} d`)
	code, stdout, stderr := once(t, "dev", "--print-config", "--dir", dir, "--port", "1234")
	if code != 0 {
		t.Fatal(stderr)
	}
	config, problems := configs.Parse("printed", ".", []byte(stdout), os.LookupEnv)
	if len(problems) > 0 {
		t.Errorf("%v\n%s", problems, stdout)
	}
	if config.Server.DataDir != filepath.Join(dir, "data") || !strings.HasSuffix(config.Server.API.Listen, strconv.Itoa(1234)) {
		t.Errorf("data_dir %q, listen %q", config.Server.DataDir, config.Server.API.Listen)
	}
}
