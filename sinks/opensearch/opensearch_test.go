package opensearch

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/elasticsearch"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	servers.StopShared()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

func TestConformance(t *testing.T) {
	server := servers.OpenSearch(t)
	var n atomic.Int32
	sinktest.Run(t, sinktest.Harness{
		New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
			x := newIndex(t, server, fmt.Sprintf("conformance-%d", n.Add(1)))
			return x.config(), x
		},
		Faults:  true,
		Secrets: []string{"canary"},
	})
}

// index is what a rotating index of a real node holds, behind a proxy that can
// misbehave.
type index struct {
	name   string
	folder string // of the error output
	server *servers.OpenSearchServer
	*sinktest.Proxy
}

func newIndex(t *testing.T, server *servers.OpenSearchServer, name string) *index {
	t.Helper()
	return &index{name, t.TempDir(), server, sinktest.NewProxy(t, server.URL)}
}

func (x *index) config() *elasticsearch.Config {
	c := Default().(*elasticsearch.Config)
	c.URLs = []string{x.URL}
	c.Username, c.Password = "hydrant", field.NewSecret("canary") // nobody looks at it
	c.IndexName = x.name
	c.S3Backup.Bucket = "file://" + x.folder
	return c
}

func (x *index) Misbehave(f sinktest.Fault) { x.Proxy.Misbehave(f) }

func (x *index) Rows(t *testing.T) []string {
	var rows []string
	for _, d := range x.server.Documents(t, x.name+"*") {
		if want := x.name + "-2024-12-31"; d.Index != want {
			t.Errorf("a document is in index %s, want %s: the day it arrived", d.Index, want)
		}
		rows = append(rows, string(d.Source))
	}
	return rows
}

func (x *index) Errors(t *testing.T) []string { return linesBelow(t, x.folder) }

func linesBelow(t *testing.T, folder string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		lines = append(lines, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
