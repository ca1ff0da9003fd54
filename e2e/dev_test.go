package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

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
			if err == nil && strings.HasSuffix(path, ".parquet") {
				first = path
			}
			return nil // folders come and go
		})
		return first != ""
	})
	t.Logf("the first object came after %v", time.Since(began).Round(time.Millisecond))
	content, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() < 10 || len(f.Schema().Columns()) < 5 {
		t.Errorf("the object has %d rows of %v", f.NumRows(), f.Schema())
	}
	until(t, "a line about the delivery", 5*time.Second, func() bool { return strings.Contains(p.Log(), filepath.Base(first)) })
	if code := p.Stop(10 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
