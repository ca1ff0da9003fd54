package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// TestABufferThatAStreamHoldsIsShownAndReleased: web-tables follows web-events
// and has delivered nothing.
func TestABufferThatAStreamHoldsIsShownAndReleased(t *testing.T) {
	data := t.TempDir()
	fsys, err := vfs.OS(data)
	if err != nil {
		t.Fatal(err)
	}
	d, err := buffer.OpenDir(fsys, buffer.DirOptions{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	leader, err := d.OpenLog("web-events", buffer.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	follower, err := d.OpenLog("web-tables", buffer.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := follower.Follow(leader, buffer.Oldest); err != nil {
		t.Fatal(err)
	}
	var e buffer.Entries
	e.Add([]byte("a"))
	e.Add([]byte("b"))
	if _, err := leader.Append(t.Context(), &e); err != nil {
		t.Fatal(err)
	}

	says := func(want string, code int, args ...string) {
		t.Helper()
		got, stdout, stderr := once(t, append(args, "--dir", data)...)
		if got != code || !strings.Contains(stdout+stderr, want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, want, stdout, stderr)
		}
	}
	follows := func(want ...string) {
		t.Helper()
		code, stdout, stderr := once(t, "buffer", "check", data)
		for line := range strings.Lines(stdout) {
			if f := strings.Fields(line); code == 0 && slices.Equal(f[:min(4, len(f))], []string{"web-tables", "<", "web-events", "0"}) {
				if !slices.Equal(f[6:12], want) {
					t.Errorf("check: %q, want the counts %q", f, want)
				}
				return
			}
		}
		t.Errorf("check: exit code %d, and no line of web-tables < web-events\n%s%s", code, stdout, stderr)
	}
	follows("2", "0", "0", "0", "0", "2") // while it is open, too
	says("locked", 1, "buffer", "release", "web-tables")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	says("a\nb\n", 0, "buffer", "export", "web-tables")
	says("there is no such stream", 1, "buffer", "release", "web-tablets")
	says("web-events holds no log back", 0, "buffer", "release", "web-events")
	says("web-tables: gave up 2 records of web-events", 0, "buffer", "release", "web-tables")
	says("web-tables holds no log back", 0, "buffer", "release", "web-tables")
	follows("2", "0", "0", "2", "0", "0")
	says("a\nb\n", 0, "buffer", "export", "web-events") // these stay
}
