package server

import (
	"slices"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/internal/job"
)

// TestTheDataDirectoryKnowsItsOwnFolders: what the program keeps beside the
// buffer is not foreign to it, neither at a start nor in a check.
func TestTheDataDirectoryKnowsItsOwnFolders(t *testing.T) {
	fsys, err := vfs.OS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{tlsDir, job.Dir, "photos"} {
		if err := fsys.Mkdir(name); err != nil {
			t.Fatal(err)
		}
	}
	var foreign []string
	d, err := buffer.OpenDir(fsys, buffer.DirOptions{Events: buffer.Events{Foreign: func(name string) { foreign = append(foreign, name) }}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := buffer.CheckDir(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range [][]string{foreign, report.Foreign} {
		if want := []string{"photos"}; !slices.Equal(got, want) {
			t.Errorf("foreign are %q, want %q", got, want)
		}
	}
}
