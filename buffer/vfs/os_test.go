package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOSIsPrivate(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b", "data")
	fsys, err := OS(root)
	if err != nil {
		t.Fatal(err)
	}
	must(t, fsys.Mkdir("d"))
	f, err := fsys.Create("d/f")
	must(t, err)
	must(t, f.Close())
	for name, want := range map[string]fs.FileMode{root: 0o700 | fs.ModeDir, root + "/d": 0o700 | fs.ModeDir, root + "/d/f": 0o600} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode() != want {
			t.Errorf("mode of %s is %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestOSNeverLeavesItsRoot(t *testing.T) {
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600))
	root := t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	fsys, err := OS(root)
	must(t, err)
	for _, name := range []string{"link/secret", "../" + filepath.Base(outside) + "/secret", outside + "/secret"} {
		if f, err := fsys.Open(name); err == nil {
			f.Close()
			t.Errorf("Open(%q) left the root", name)
		}
		if err := fsys.Remove(name); err == nil {
			t.Errorf("Remove(%q) left the root", name)
		}
	}
	if _, err := fsys.Create("link/new"); err == nil {
		t.Error("Create left the root")
	}
}

func TestLockNamesItsOwner(t *testing.T) {
	root := t.TempDir()
	first, err := OS(root)
	must(t, err)
	second, err := OS(root)
	must(t, err)
	held, err := first.Lock("LOCK")
	must(t, err)
	_, err = second.Lock("LOCK")
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("pid ", os.Getpid(), " on host ")) {
		t.Errorf("second Lock = %v, want ErrLocked and its owner", err)
	}
	must(t, held.Close())
	again, err := second.Lock("LOCK")
	must(t, err)
	must(t, again.Close())
}

// TestDeletedRootIsNoticed: who recreates the directory under our feet must
// not make us write into the void.
func TestDeletedRootIsNoticed(t *testing.T) {
	root := filepath.Join(t.TempDir(), "data")
	fsys, err := OS(root)
	must(t, err)
	must(t, fsys.Mkdir("d"))
	must(t, os.RemoveAll(root))
	must(t, os.MkdirAll(filepath.Join(root, "d"), 0o700))
	if _, err := fsys.Stat("d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat in a deleted root = %v", err)
	}
	if _, err := fsys.Create("d/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create in a deleted root = %v", err)
	}
}

func TestOSRefusesAFileAsRoot(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, nil, 0o600))
	if _, err := OS(name); err == nil {
		t.Error("OS of a regular file succeeded")
	}
	if _, err := OS(filepath.Join(name, "below")); err == nil {
		t.Error("OS below a regular file succeeded")
	}
}

func TestKindKnowsMemory(t *testing.T) {
	kind, err := Kind("/dev/shm")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no /dev/shm here")
	}
	must(t, err)
	if kind == "tmpfs" && (!Volatile(kind) || Warning(kind) == "") {
		t.Errorf("tmpfs is volatile = %v with warning %q", Volatile(kind), Warning(kind))
	}
	if _, err := Kind(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Kind of a missing directory = %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
