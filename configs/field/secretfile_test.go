package field

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file is replaced in the ways that people and programs do it.
func TestSecretFollowsItsFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := NewSecret("canary-0")
	s.Follow(path)
	copied := s
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"it is not there yet", func() {}, "canary-0"},
		{"written", func() { write("secret", "canary-1\n") }, "canary-1"},
		{"nothing", func() {}, "canary-1"},
		{"written again, of the same length", func() { write("secret", "canary-2\r\n") }, "canary-2"},
		{"emptied, to be written", func() { write("secret", "") }, "canary-2"},
		{"too large", func() { write("secret", strings.Repeat("x", LongestSecret+1)) }, "canary-2"},
		{"switched by rename", func() {
			write("new", "canary-3")
			must(os.Rename(filepath.Join(dir, "new"), path))
		}, "canary-3"},
		{"removed", func() { must(os.Remove(path)) }, "canary-3"},
		{"a link, as Kubernetes has it", func() {
			write("v4", "canary-4")
			must(os.Symlink("v4", path))
		}, "canary-4"},
		{"the link switched", func() {
			write("v5", "canary-5")
			must(os.Symlink("v5", path+".new"))
			must(os.Rename(path+".new", path))
		}, "canary-5"},
		{"a folder", func() {
			must(os.Remove(path))
			must(os.Mkdir(path, 0o700))
		}, "canary-5"},
	} {
		step.do()
		if got, other := s.Reveal(), copied.Reveal(); got != step.want || other != step.want {
			t.Errorf("%s: %s and %s, want %s", step.name, got, other, step.want)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, struct{ S Secret }{s}, &s); strings.Contains(text, "canary") {
		t.Errorf("it is shown: %s", text)
	}
}
