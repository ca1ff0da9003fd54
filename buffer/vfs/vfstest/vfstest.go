// Package vfstest holds what every [vfs.FS] has to do.
package vfstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// Run tests the file systems that open returns, each of them empty.
func Run(t *testing.T, open func(t *testing.T) vfs.FS) {
	tests := map[string]func(t *testing.T, fsys vfs.FS){
		"CreateIsExclusive":             createIsExclusive,
		"ReadsWhatWasWritten":           readsWhatWasWritten,
		"HolesAreZeros":                 holesAreZeros,
		"TruncateCutsAndExtends":        truncateCutsAndExtends,
		"OpenReadsOnly":                 openReadsOnly,
		"OpenNeedsAFile":                openNeedsAFile,
		"RenameReplaces":                renameReplaces,
		"RenameMovesDirectories":        renameMovesDirectories,
		"RemoveKeepsOpenFiles":          removeKeepsOpenFiles,
		"RemoveKeepsFullDirectories":    removeKeepsFullDirectories,
		"MkdirMakesOne":                 mkdirMakesOne,
		"ListIsSorted":                  listIsSorted,
		"StatTellsFilesFromDirectories": statTellsFilesFromDirectories,
		"SyncDirNeedsADirectory":        syncDirNeedsADirectory,
		"LockExcludes":                  lockExcludes,
		"LockTakesAnExistingFile":       lockOfAnExistingFile,
		"ClosedFilesRefuse":             closedFilesRefuse,
		"BadOffsetsAndNamesAreRefused":  badOffsetsAndNames,
		"FreeIsSane":                    freeIsSane,
		"ErrorsNameThePath":             errorsNameThePath,
		"ConcurrentWritesDoNotMix":      concurrentWrites,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func createIsExclusive(t *testing.T, fsys vfs.FS) {
	write(t, fsys, "a", "old")
	if f, err := fsys.Create("a"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Create = %v, %v, want fs.ErrExist", f, err)
	}
	wantFile(t, fsys, "a", "old")
	if _, err := fsys.Create("missing/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create in a missing directory = %v", err)
	}
	must(t, fsys.Mkdir("d"))
	if _, err := fsys.Create("d"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a directory = %v", err)
	}
}

func readsWhatWasWritten(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a")
	want := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	n, err := f.WriteAt(want, 0)
	if n != len(want) || err != nil {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
	_, err = f.WriteAt([]byte("middle"), 4093) // over the edge of a page
	must(t, err)
	copy(want[4093:], "middle")
	got := make([]byte, len(want))
	if n, err = f.ReadAt(got, 0); n != len(want) || err != nil && err != io.EOF {
		t.Fatalf("ReadAt = %d, %v", n, err)
	}
	if !bytes.Equal(got, want) {
		t.Error("ReadAt returned something else than was written")
	}
	for _, c := range []struct {
		off  int64
		len  int
		want int
		err  error
	}{
		{15_990, 10, 10, nil},
		{15_990, 11, 10, io.EOF},
		{16_000, 1, 0, io.EOF},
		{99_999, 1, 0, io.EOF},
		{0, 0, 0, nil},
	} {
		n, err := f.ReadAt(make([]byte, c.len), c.off)
		if c.err == nil && err == io.EOF && c.off+int64(c.len) == int64(len(want)) {
			err = nil // io.ReaderAt allows both
		}
		if n != c.want || err != c.err {
			t.Errorf("ReadAt(%d bytes, %d) = %d, %v, want %d, %v", c.len, c.off, n, err, c.want, c.err)
		}
	}
	must(t, f.Sync())
	must(t, f.Close())
	wantFile(t, fsys, "a", string(want))
}

func holesAreZeros(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a")
	_, err := f.WriteAt([]byte("x"), 10_000)
	must(t, err)
	must(t, f.Close())
	wantFile(t, fsys, "a", string(make([]byte, 10_000))+"x")
}

func truncateCutsAndExtends(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a")
	_, err := f.WriteAt(bytes.Repeat([]byte("x"), 9000), 0)
	must(t, err)
	for _, size := range []int64{5000, 3, 6000} {
		must(t, f.Truncate(size))
		if got, err := f.Size(); got != size || err != nil {
			t.Errorf("Size after Truncate(%d) = %d, %v", size, got, err)
		}
	}
	must(t, f.Close())
	wantFile(t, fsys, "a", "xxx"+string(make([]byte, 5997)))
}

func openReadsOnly(t *testing.T, fsys vfs.FS) {
	write(t, fsys, "a", "old")
	f, err := fsys.Open("a")
	must(t, err)
	if _, err := f.WriteAt([]byte("new"), 0); err == nil {
		t.Error("WriteAt of a file opened for reading succeeded")
	}
	if err := f.Truncate(0); err == nil {
		t.Error("Truncate of a file opened for reading succeeded")
	}
	must(t, f.Close())
	wantFile(t, fsys, "a", "old")

	w, err := fsys.OpenWrite("a")
	must(t, err)
	_, err = w.WriteAt([]byte("new"), 0)
	must(t, err)
	must(t, w.Close())
	wantFile(t, fsys, "a", "new")
}

func openNeedsAFile(t *testing.T, fsys vfs.FS) {
	if f, err := fsys.Open("a"); !errors.Is(err, fs.ErrNotExist) || f != nil {
		t.Errorf("Open of a missing file = %v, %v", f, err)
	}
	if f, err := fsys.OpenWrite("a"); !errors.Is(err, fs.ErrNotExist) || f != nil {
		t.Errorf("OpenWrite of a missing file = %v, %v", f, err)
	}
	must(t, fsys.Mkdir("d"))
	if _, err := fsys.OpenWrite("d"); err == nil {
		t.Error("OpenWrite of a directory succeeded")
	}
	write(t, fsys, "f", "")
	if _, err := fsys.Open("f/g"); err == nil {
		t.Error("Open below a file succeeded")
	}
}

func renameReplaces(t *testing.T, fsys vfs.FS) {
	must(t, fsys.Mkdir("d"))
	write(t, fsys, "a", "new")
	write(t, fsys, "d/b", "old")
	old, err := fsys.Open("d/b")
	must(t, err)
	must(t, fsys.Rename("a", "d/b"))
	wantFile(t, fsys, "d/b", "new")
	wantList(t, fsys, ".", "d")
	if got := readAll(t, old); got != "old" {
		t.Errorf("a file that was replaced while open reads %q", got)
	}
	must(t, old.Close())
	if err := fsys.Rename("a", "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rename of a missing file = %v", err)
	}
	must(t, fsys.Rename("d/b", "d/b"))
	wantFile(t, fsys, "d/b", "new")
}

func renameMovesDirectories(t *testing.T, fsys vfs.FS) {
	must(t, fsys.Mkdir("d"))
	must(t, fsys.Mkdir("e"))
	write(t, fsys, "d/a", "x")
	must(t, fsys.Rename("d", "e/d"))
	wantFile(t, fsys, "e/d/a", "x")
	wantList(t, fsys, ".", "e")
	if err := fsys.Rename("e/d/a", "e"); err == nil {
		t.Error("Rename of a file over a directory succeeded")
	}
}

func removeKeepsOpenFiles(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a")
	_, err := f.WriteAt([]byte("x"), 0)
	must(t, err)
	must(t, fsys.Remove("a"))
	wantList(t, fsys, ".")
	if got := readAll(t, f); got != "x" {
		t.Errorf("a file that was removed while open reads %q", got)
	}
	_, err = f.WriteAt([]byte("y"), 1)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	wantList(t, fsys, ".")
	if err := fsys.Remove("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second Remove = %v", err)
	}
}

func removeKeepsFullDirectories(t *testing.T, fsys vfs.FS) {
	must(t, fsys.Mkdir("d"))
	write(t, fsys, "d/a", "x")
	if err := fsys.Remove("d"); err == nil {
		t.Error("Remove of a directory with a file succeeded")
	}
	must(t, fsys.Remove("d/a"))
	must(t, fsys.Remove("d"))
	wantList(t, fsys, ".")
}

func mkdirMakesOne(t *testing.T, fsys vfs.FS) {
	must(t, fsys.Mkdir("d"))
	if err := fsys.Mkdir("d"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Mkdir = %v", err)
	}
	if err := fsys.Mkdir("e/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Mkdir in a missing directory = %v", err)
	}
	must(t, fsys.Mkdir("d/e"))
	must(t, fsys.SyncDir("d"))
	must(t, fsys.SyncDir("."))
	wantList(t, fsys, "d", "e")
}

func listIsSorted(t *testing.T, fsys vfs.FS) {
	wantList(t, fsys, ".")
	for _, name := range []string{"b", "a10", "a9", "Z", "ä"} {
		write(t, fsys, name, "")
	}
	must(t, fsys.Mkdir("aa"))
	wantList(t, fsys, ".", "Z", "a10", "a9", "aa", "b", "ä")
	if _, err := fsys.List("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("List of a missing directory = %v", err)
	}
	if names, err := fsys.List("b"); err == nil {
		t.Errorf("List of a file = %q", names)
	}
}

func statTellsFilesFromDirectories(t *testing.T, fsys vfs.FS) {
	must(t, fsys.Mkdir("d"))
	write(t, fsys, "d/a", "12345")
	info, err := fsys.Stat("d/a")
	must(t, err)
	if info.Name() != "a" || info.Size() != 5 || info.IsDir() || !info.Mode().IsRegular() {
		t.Errorf("Stat of a file: %q, %d bytes, directory %v", info.Name(), info.Size(), info.IsDir())
	}
	if info, err = fsys.Stat("d"); err != nil || !info.IsDir() || info.Name() != "d" {
		t.Errorf("Stat of a directory = %v, %v", info, err)
	}
	if info, err = fsys.Stat("."); err != nil || !info.IsDir() {
		t.Errorf("Stat of the root = %v, %v", info, err)
	}
	if _, err := fsys.Stat("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of a missing file = %v", err)
	}
}

func syncDirNeedsADirectory(t *testing.T, fsys vfs.FS) {
	if err := fsys.SyncDir("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SyncDir of a missing directory = %v", err)
	}
	must(t, fsys.SyncDir("."))
}

func lockExcludes(t *testing.T, fsys vfs.FS) {
	held, err := fsys.Lock("LOCK")
	must(t, err)
	for range 2 { // failing must not release it
		if f, err := fsys.Lock("LOCK"); !errors.Is(err, vfs.ErrLocked) || f != nil {
			t.Fatalf("second Lock = %v, %v, want ErrLocked", f, err)
		}
	}
	other, err := fsys.Lock("OTHER")
	must(t, err)
	must(t, other.Close())
	must(t, held.Close())
	again, err := fsys.Lock("LOCK")
	must(t, err)
	must(t, again.Close())
}

func lockOfAnExistingFile(t *testing.T, fsys vfs.FS) {
	write(t, fsys, "LOCK", "")
	held, err := fsys.Lock("LOCK")
	must(t, err)
	_, err = held.WriteAt([]byte("epoch"), 0)
	must(t, err)
	must(t, held.Close())
}

func closedFilesRefuse(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a")
	must(t, f.Close())
	_, readErr := f.ReadAt(make([]byte, 1), 0)
	_, writeErr := f.WriteAt([]byte("x"), 0)
	_, sizeErr := f.Size()
	for call, err := range map[string]error{
		"ReadAt": readErr, "WriteAt": writeErr, "Size": sizeErr,
		"Sync": f.Sync(), "Truncate": f.Truncate(0), "Close": f.Close(),
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s of a closed file = %v, want fs.ErrClosed", call, err)
		}
	}
}

func badOffsetsAndNames(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a")
	if _, err := f.WriteAt([]byte("x"), -1); err == nil {
		t.Error("WriteAt before the start succeeded")
	}
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("ReadAt before the start succeeded")
	}
	if err := f.Truncate(-1); err == nil {
		t.Error("Truncate(-1) succeeded")
	}
	must(t, f.Close())
	for _, name := range []string{"", "../a", "/a"} {
		if _, err := fsys.Create(name); err == nil {
			t.Errorf("Create(%q) succeeded", name)
		}
	}
	wantList(t, fsys, ".", "a")
}

func freeIsSane(t *testing.T, fsys vfs.FS) {
	free, total, err := fsys.Free()
	if err != nil || free <= 0 || free > total {
		t.Errorf("Free = %d of %d, %v", free, total, err)
	}
}

func errorsNameThePath(t *testing.T, fsys vfs.FS) {
	_, err := fsys.Open("missing")
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) || pathErr.Path != "missing" {
		t.Errorf("Open of a missing file = %v, want its path in an fs.PathError", err)
	}
}

func concurrentWrites(t *testing.T, fsys vfs.FS) {
	f := create(t, fsys, "a")
	const writers, size, rounds = 4, 3000, 20
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			block := bytes.Repeat([]byte{'a' + byte(w)}, size)
			for r := range rounds {
				_, err := f.WriteAt(block, int64((r*writers+w)*size))
				errs[w] = errors.Join(errs[w], err, f.Sync())
			}
		})
	}
	wg.Wait()
	must(t, errors.Join(errs...))
	got := readAll(t, f)
	for i := range writers * rounds {
		want := string(bytes.Repeat([]byte{'a' + byte(i%writers)}, size))
		if got[i*size:(i+1)*size] != want {
			t.Fatalf("block %d is not what its writer wrote", i)
		}
	}
	must(t, f.Close())
}

func create(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	return f
}

func write(t *testing.T, fsys vfs.FS, name, data string) {
	t.Helper()
	f := create(t, fsys, name)
	_, err := f.WriteAt([]byte(data), 0)
	must(t, err)
	must(t, f.Close())
}

func readAll(t *testing.T, f vfs.File) string {
	t.Helper()
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n != len(b) || err != nil && err != io.EOF {
		t.Fatalf("ReadAt = %d, %v, want %d bytes", n, err, len(b))
	}
	return string(b)
}

func wantFile(t *testing.T, fsys vfs.FS, name, want string) {
	t.Helper()
	f, err := fsys.Open(name)
	must(t, err)
	if got := readAll(t, f); got != want {
		t.Errorf("%s holds %s, want %s", name, brief(got), brief(want))
	}
	must(t, f.Close())
}

func brief(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%d bytes %.40q...", len(s), s)
	}
	return fmt.Sprintf("%q", s)
}

func wantList(t *testing.T, fsys vfs.FS, dir string, want ...string) {
	t.Helper()
	got, err := fsys.List(dir)
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("List(%q) = %q, want %q", dir, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
