package server

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/configs"
)

func TestDestinationsSayHowManyBatchesAreOnTheirWay(t *testing.T) {
	for file, want := range map[string]int{"s3-gzip.yaml": inFlight, "splunk.yaml": 16} {
		c, problems := configs.Load([]string{filepath.Join("..", "..", "configs", file)}, func(name string) (string, bool) {
			return "secret", strings.Contains(name, "TOKEN") || strings.Contains(name, "KEY")
		})
		if problems.Failed() {
			t.Fatal(problems)
		}
		if got := Spec(c.Streams[0], Env{}).InFlight; got != want {
			t.Errorf("%s: %d batches in flight, want %d", file, got, want)
		}
	}
}
