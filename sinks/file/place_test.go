package file

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/sinks/object"
)

func entries(t *testing.T, p *Place, prefix string) (keys []string, all map[string]object.Entry) {
	t.Helper()
	all = map[string]object.Entry{}
	err := p.List(t.Context(), prefix, func(e object.Entry) error {
		keys, all[e.Key] = append(keys, e.Key), e
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys, all
}

func TestPlaceListsByPrefix(t *testing.T) {
	folder := t.TempDir()
	s := New(folder, nil)
	for _, key := range []string{"a/1", "a/b/2", "ab/3", "c", "d/.hydrant-x.tmp"} {
		put(t, s, newObject(key, key))
	}
	p := NewPlace(folder)
	for prefix, want := range map[string][]string{
		"": {"a/1", "a/b/2", "ab/3", "c"}, "a": {"a/1", "a/b/2", "ab/3"}, "a/": {"a/1", "a/b/2"}, "a/b": {"a/b/2"}, "x/y": nil, "c/": nil,
	} {
		if keys, _ := entries(t, p, prefix); cmp.Diff(want, keys) != "" {
			t.Errorf("List(%q) = %q, want %q", prefix, keys, want)
		}
	}
	for prefix, want := range map[string][]string{"": {"a/", "ab/", "d/"}, "a": {"a/", "ab/"}, "a/": {"a/b/"}, "x/": nil} {
		folders, err := p.Folders(t.Context(), prefix)
		if err != nil || cmp.Diff(want, folders) != "" {
			t.Errorf("Folders(%q) = %q, %v, want %q", prefix, folders, err, want)
		}
	}
	if keys, _ := entries(t, NewPlace(filepath.Join(folder, "missing")), ""); len(keys) > 0 {
		t.Errorf("objects in a folder that is not there: %q", keys)
	}
}

func TestPlaceReadsOnlyWhatWasListed(t *testing.T) {
	folder := t.TempDir()
	put(t, New(folder, nil), newObject("k", "content"))
	p := NewPlace(folder)
	_, all := entries(t, p, "")
	ctx, cancel := context.WithCancel(t.Context())
	c, err := p.Open(ctx, all["k"])
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 7)
	if _, err := c.ReadAt(text, 0); err != nil && err != io.EOF || string(text) != "content" {
		t.Errorf("%q, %v", text, err)
	}
	cancel()
	if _, err := c.ReadAt(text, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	name := filepath.Join(folder, "k")
	for what, change := range map[string]func() error{
		"touched":  func() error { return os.Chtimes(name, time.Now(), time.Now().Add(time.Hour)) },
		"replaced": func() error { return os.WriteFile(name, []byte("more content"), 0o600) },
		"deleted":  func() error { return os.Remove(name) },
	} {
		if err := change(); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if _, err := p.Open(t.Context(), all["k"]); !errors.Is(err, object.ErrChanged) || !strings.Contains(err.Error(), "k") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
