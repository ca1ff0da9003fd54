package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func newDirs(t *testing.T) (root string, fsys *osFS) {
	t.Helper()
	root = t.TempDir()
	opened, err := OS(root)
	must(t, err)
	return root, opened.(*osFS)
}

func touch(t *testing.T, fsys FS, name string) {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	must(t, f.Close())
}

func kept(f *osFS) int {
	f.dirs.mu.Lock()
	defer f.dirs.mu.Unlock()
	return len(f.dirs.open)
}

func TestADirectoryMadeAgainIsTheNewOne(t *testing.T) {
	root, fsys := newDirs(t)
	remake := map[string]func(){
		"by us": func() {
			must(t, fsys.Remove("d/e"))
			must(t, fsys.Remove("d"))
			must(t, fsys.Mkdir("d"))
			must(t, fsys.Mkdir("d/e"))
		},
		"by others": func() {
			must(t, os.RemoveAll(filepath.Join(root, "d")))
			must(t, os.MkdirAll(filepath.Join(root, "d", "e"), 0o700))
		},
	}
	must(t, fsys.Mkdir("d"))
	must(t, fsys.Mkdir("d/e"))
	for who, again := range remake {
		touch(t, fsys, "d/e/old")
		must(t, fsys.Remove("d/e/old"))
		again()
		if _, err := fsys.Open("d/e/old"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Open of an old file = %v", who, err)
		}
		touch(t, fsys, "d/e/new")
		must(t, fsys.SyncDir("d/e"))
		if names, err := fsys.List("d/e"); err != nil || len(names) != 1 {
			t.Errorf("%s: List = %v, %v, want the new file", who, names, err)
		}
		if _, err := os.Stat(filepath.Join(root, "d", "e", "new")); err != nil {
			t.Errorf("%s: the new file went elsewhere: %v", who, err)
		}
		must(t, fsys.Remove("d/e/new"))
	}
}

func TestADeletedDirectoryIsNoticed(t *testing.T) {
	root, fsys := newDirs(t)
	must(t, fsys.Mkdir("d"))
	must(t, fsys.Mkdir("d/e"))
	touch(t, fsys, "d/e/f")
	must(t, os.RemoveAll(filepath.Join(root, "d")))
	_, create := fsys.Create("d/e/g")
	_, open := fsys.Open("d/e/f")
	_, list := fsys.List("d/e")
	_, stat := fsys.Stat("d/e/f")
	for op, err := range map[string]error{
		"Create": create, "Open": open, "List": list, "Stat": stat,
		"Mkdir": fsys.Mkdir("d/e/h"), "Remove": fsys.Remove("d/e/f"), "SyncDir": fsys.SyncDir("d/e"),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s in a deleted directory = %v", op, err)
		}
	}
}

// TestStatTellsOfAMovedDirectory: whoever takes a directory away from below
// us must not make us fill it where no start will look.
func TestStatTellsOfAMovedDirectory(t *testing.T) {
	root, fsys := newDirs(t)
	must(t, fsys.Mkdir("d"))
	touch(t, fsys, "d/f")
	must(t, os.Rename(filepath.Join(root, "d"), filepath.Join(root, "away")))
	if _, err := fsys.Stat("d/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat in a moved directory = %v", err)
	}
}

func TestLinksWithinTheRootWork(t *testing.T) {
	root, fsys := newDirs(t)
	for _, d := range []string{"a", "a/real", "b"} {
		must(t, fsys.Mkdir(d))
	}
	must(t, os.Symlink("../a/real", filepath.Join(root, "b", "link")))
	touch(t, fsys, "b/other")
	touch(t, fsys, "b/link/f")
	if _, err := os.Stat(filepath.Join(root, "a", "real", "f")); err != nil {
		t.Error(err)
	}
}

func TestErrorsNameTheWholePath(t *testing.T) {
	_, fsys := newDirs(t)
	must(t, fsys.Mkdir("d"))
	touch(t, fsys, "d/f")
	for _, name := range []string{"d/f", "d/missing/f"} {
		_, err := fsys.Create(name)
		var pe *fs.PathError
		if !errors.As(err, &pe) || filepath.ToSlash(pe.Path) != name {
			t.Errorf("Create(%q) = %v", name, err)
		}
	}
}

// TestDirectoriesAreUsedTogether has more of them than are kept open, while
// others are made and removed.
func TestDirectoriesAreUsedTogether(t *testing.T) {
	_, fsys := newDirs(t)
	const workers, each = 8, maxDirs/8 + 10
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for round := range 3 {
				for i := range each {
					dir := fmt.Sprintf("%d-%d", w, i)
					f := path.Join(dir, "f")
					err := fsys.Mkdir(dir)
					if err == nil {
						var file File
						if file, err = fsys.Create(f); err == nil {
							err = errors.Join(file.Close(), fsys.SyncDir(dir))
						}
					}
					if err == nil && (i%2 == 0 || round > 0) {
						err = fsys.Remove(f)
					}
					if err == nil && i%2 == 0 {
						err = fsys.Remove(dir)
					}
					if err != nil && !(round > 0 && errors.Is(err, fs.ErrExist)) {
						t.Errorf("%s: %v", dir, err)
					}
				}
			}
		})
	}
	wait.Wait()
	if n := kept(fsys); n > maxDirs {
		t.Errorf("%d directories are open, at most %d", n, maxDirs)
	}
}

func TestRemovedDirectoriesAreClosed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("none is kept open on Windows")
	}
	_, fsys := newDirs(t)
	must(t, fsys.Mkdir("d"))
	before := kept(fsys)
	for i := range 100 {
		dir := fmt.Sprintf("d/%d", i)
		must(t, fsys.Mkdir(dir))
		touch(t, fsys, dir+"/f")
		must(t, fsys.Remove(dir+"/f"))
		must(t, fsys.Remove(dir))
	}
	if n := kept(fsys); n > before+1 {
		t.Errorf("%d directories are open, want d at most", n)
	}
}

func BenchmarkOpenDeep(b *testing.B) {
	fsys, err := OS(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	dir := "streams"
	for _, name := range []string{"", "id", "shards", "00", "log"} {
		dir = path.Join(dir, name)
		if err := fsys.Mkdir(dir); err != nil {
			b.Fatal(err)
		}
	}
	f, err := fsys.Create(dir + "/segment")
	if err != nil {
		b.Fatal(err)
	}
	f.Close()
	for b.Loop() {
		f, err := fsys.Open(dir + "/segment")
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
