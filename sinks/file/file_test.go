package file_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/s3"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	sinktest.Run(t, sinktest.Harness{
		New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
			dir := filepath.Join(t.TempDir(), "bucket") // created by the sink
			c := s3.Default().(*s3.Config)
			c.Bucket = "file://" + dir
			c.Prefix = "data/!{timestamp:yyyy/MM/dd}/"
			c.ErrorOutputPrefix = "errors/!{firehose:error-output-type}/"
			return c, folder(dir)
		},
		AllocsPerRow: 0,
	})
}

// folder reads a destination back.
type folder string

func (f folder) Rows(t *testing.T) []string   { return f.lines(t, "data") }
func (f folder) Errors(t *testing.T) []string { return f.lines(t, "errors") }
func (f folder) Misbehave(sinktest.Fault)     { panic("a folder does not misbehave") }
func (f folder) Pending() int                 { return 0 }
func (f folder) lines(t *testing.T, sub string) (lines []string) {
	t.Helper()
	for _, name := range f.files(t, sub) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines = slices.AppendSeq(lines, func(yield func(string) bool) {
			for line := range strings.Lines(string(b)) {
				if !yield(strings.TrimSuffix(line, "\n")) {
					return
				}
			}
		})
	}
	return lines
}

func (f folder) files(t *testing.T, sub string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(string(f), sub), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return names
}
