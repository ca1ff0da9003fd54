package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

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
	hint := regexp.MustCompile(`duckdb -c "SELECT \* FROM read_parquet\('(.*)/\*\*/\*\.parquet'\) LIMIT 3"`).FindStringSubmatch(p.stdout.String())
	if hint == nil {
		t.Fatalf("no hint how to look into the objects:\n%s", p.stdout.String())
	}
	// The record is in the first batch, or has a field that is no column.
	p.until("row of the record", func() bool { return strings.Contains(parquetText(t, hint[1]), "all mine") })
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

// parquetText returns the values of all files below a folder.
func parquetText(t *testing.T, folder string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".parquet" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return err
		}
		row := make([]parquet.Row, 1)
		for _, g := range f.RowGroups() {
			rows := g.Rows()
			for n, err := rows.ReadRows(row); n > 0; n, err = rows.ReadRows(row) {
				fmt.Fprintln(&text, row[0])
				if err != nil {
					break
				}
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestDevDeliversJSONLinesIfAsked(t *testing.T) {
	code, stdout, stderr := once(t, "dev", "--print-config", "--format", "json.gz")
	if code != 0 || !strings.Contains(stdout, "compression_format: GZIP") || strings.Contains(stdout, "parquet") {
		t.Errorf("exit code %d, stderr %q:\n%s", code, stderr, stdout)
	}
	if _, problems := configs.Parse("printed", ".", []byte(stdout), os.LookupEnv); len(problems) > 0 {
		t.Error(problems)
	}
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
