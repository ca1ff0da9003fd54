package splunk

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	for _, kind := range []EndpointType{EventEndpoint, RawEndpoint} {
		t.Run(string(kind), func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
					h := newHEC()
					server := httptest.NewServer(h)
					t.Cleanup(server.Close)
					d := &destination{hec: h, Proxy: sinktest.NewProxy(t, server.URL)}
					c := testConfig(t, d.URL)
					if c.HECEndpointType = kind; kind == RawEndpoint {
						c.Event.IDField = ""
					}
					d.folder = strings.TrimPrefix(c.S3Backup.Bucket, "file://")
					return c, d
				},
				Faults:       true,
				Secrets:      []string{testToken},
				AllocsPerRow: 0.02, // where each record ends is kept
			})
		})
	}
}

// destination is a collector as who searches sees it.
type destination struct {
	*hec
	*sinktest.Proxy
	folder string
}

// Misbehave spoils requests that carry events.
func (d *destination) Misbehave(f sinktest.Fault) {
	if f.Request == nil {
		f.Request = func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/ack") }
	}
	d.Proxy.Misbehave(f)
}

func (d *destination) Rows(t *testing.T) []string { return d.texts() }

func (d *destination) Errors(t *testing.T) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(d.folder, "errors"), func(path string, f os.DirEntry, err error) error {
		if err != nil || f.IsDir() {
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
