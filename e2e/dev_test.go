package e2e

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
)

// The first thing that anyone sees: one command, nothing installed, nothing
// configured, and an object.
func TestDevShowsAnObjectWithinTenSeconds(t *testing.T) {
	s := hydrant.NewSite(t, hydrant.Binary(t))
	state := filepath.Join(s.Dir, "state")
	began := time.Now()
	p := s.Exec(nil, "dev", "--dir", state, "--port", port(s.API), "--admin-port", port(s.Admin))
	var first string
	until(t, "an object", 10*time.Second, func() bool {
		filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".gz") {
				first = path
			}
			return nil // folders come and go
		})
		return first != ""
	})
	t.Logf("the first object came after %v", time.Since(began).Round(time.Millisecond))
	f, err := os.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		count++
		if !json.Valid([]byte(line)) {
			t.Errorf("a line is not JSON: %q", line)
		}
	}
	if count < 10 {
		t.Errorf("the object has %d records", count)
	}
	until(t, "a line about the delivery", 5*time.Second, func() bool { return strings.Contains(p.Log(), filepath.Base(first)) })
	if code := p.Stop(10 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
