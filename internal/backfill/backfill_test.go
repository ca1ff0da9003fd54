package backfill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

func files(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindTakesWhatTheUserMeans(t *testing.T) {
	dir := files(t, "a/1.gz", "a/2.gz", "a/b/3.gz", "a/_SUCCESS", "a/.x", "_tmp/4", "c", "c[1]", "c2")
	if err := os.WriteFile(filepath.Join(dir, "a", "empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string][]string{
		"":        {"a/1.gz", "a/2.gz", "a/b/3.gz", "c", "c2", "c[1]"},
		"/a":      {"1.gz", "2.gz", "b/3.gz"},
		"/a/1.gz": {"1.gz"},
		"/c":      {"c"},
		"/c[1]":   {"c[1]"}, // there is a file of that name
		"/c*":     {"c", "c2", "c[1]"},
		"/*/*.gz": {"a/1.gz", "a/2.gz"},
		"/a/?.gz": {"1.gz", "2.gz"},
		"/_tmp":   {"4"},
	} {
		s, err := Open(dir+from, nil)
		if err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		p, err := s.Find(t.Context(), job.Take(nil, job.Backfill, "s", s.Place.String()))
		if err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		var got []string
		for _, in := range p.Inputs {
			got = append(got, in.Key)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", from, diff)
		}
	}
}

func TestWhatWasDeliveredIsLeftOut(t *testing.T) {
	dir := files(t, "1", "2")
	s, err := Open("file://"+dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	nothing := job.Take(nil, job.Backfill, "s", s.Place.String())
	all, err := s.Find(t.Context(), nothing)
	if err != nil {
		t.Fatal(err)
	}
	done := &job.Job{Manifest: job.Manifest{Kind: job.Backfill, Stream: "s", From: s.Place.String(), Inputs: all.Inputs}}
	if err := os.WriteFile(filepath.Join(dir, "2"), []byte("other content"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := s.Find(t.Context(), job.Take([]*job.Job{done}, job.Backfill, "s", s.Place.String()))
	if err != nil || p.Delivered != 1 || len(p.Inputs) != 1 || p.Inputs[0].Key != "2" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWrongSourcesSayWhatToWrite(t *testing.T) {
	dir := files(t, "_only/x")
	for from, want := range map[string]string{
		"-":              "hydrant put",
		"gs://b/k":       "gs:// is not known",
		"s3:///key":      "s3://bucket/prefix",
		"/dev/null":      "no regular file",
		dir + "/missing": "no such file",
		dir + "/[":       "no pattern",
	} {
		if _, err := Open(from, s3.DefaultConnection()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %q", from, err, want)
		}
	}
	s, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), job.Take(nil, job.Backfill, "s", "")); err == nil || !strings.Contains(err.Error(), "do not count") {
		t.Errorf("nothing to find: %v", err)
	}
}
