package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// OS returns the directory root of the operating system, which it creates
// when missing. No path can leave root, not even through a symbolic link.
// Directories get mode 0700 and files 0600: records are nobody else's
// business.
//
// Deleting root behind our back makes every later call fail with
// fs.ErrNotExist, even if a new directory takes the name.
func OS(root string) (FS, error) {
	if err := makeRoot(root); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	return &osFS{root: r, dirs: dirs{root: r, open: map[string]*openDir{}}}, nil
}

// makeRoot creates dir and its missing parents, each durably.
func makeRoot(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeRoot(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

// osFS reaches files through the handles of dirs, but Rename and Stat always
// go from the root: Stat tells what a path means today, even if somebody moved
// a directory that we have open.
type osFS struct {
	root *os.Root
	dirs dirs
}

func (f *osFS) Create(name string) (File, error) {
	return f.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (f *osFS) Open(name string) (File, error) { return f.open(name, os.O_RDONLY) }

func (f *osFS) OpenWrite(name string) (File, error) { return f.open(name, os.O_RDWR) }

func (f *osFS) open(name string, flag int) (File, error) {
	file, err := f.openFile(name, flag)
	if err != nil {
		return nil, err
	}
	return &osFile{file}, nil
}

// openFile opens a file or a directory.
func (f *osFS) openFile(name string, flag int) (file *os.File, err error) {
	err = f.dirs.in(name, func(dir *os.Root, base string) (err error) {
		file, err = dir.OpenFile(base, flag, 0o600)
		return err
	})
	return file, err
}

func (f *osFS) Rename(oldname, newname string) error {
	err := f.root.Rename(filepath.FromSlash(oldname), filepath.FromSlash(newname))
	f.dirs.forget(oldname)
	f.dirs.forget(newname)
	return err
}

func (f *osFS) Remove(name string) error {
	err := f.dirs.in(name, func(dir *os.Root, base string) error { return dir.Remove(base) })
	f.dirs.forget(name)
	return err
}

func (f *osFS) Mkdir(name string) error {
	return f.dirs.in(name, func(dir *os.Root, base string) error { return dir.Mkdir(base, 0o700) })
}

func (f *osFS) SyncDir(name string) error {
	d, err := f.openFile(name, os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

func (f *osFS) List(name string) ([]string, error) {
	d, err := f.openFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, errors.Join(err, d.Close())
}

func (f *osFS) Stat(name string) (fs.FileInfo, error) {
	return f.root.Stat(filepath.FromSlash(name))
}

func (f *osFS) Free() (free, total int64, err error) {
	d, err := f.root.Open(".")
	if err != nil {
		return 0, 0, err
	}
	free, total, err = space(d)
	return free, total, errors.Join(err, d.Close())
}

// Lock leaves "pid 4711 on host a" in the file, so that whoever comes second
// can say who is there.
func (f *osFS) Lock(name string) (File, error) {
	file, err := f.open(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := lock(file.(*osFile).File); err != nil {
		if errors.Is(err, ErrLocked) {
			err = fmt.Errorf("lock %s: %w%s", name, err, owner(file))
		}
		return nil, errors.Join(err, file.Close())
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if err := errors.Join(file.Truncate(0), writeAll(file, fmt.Sprintf("pid %d on host %s\n", os.Getpid(), host))); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func writeAll(f File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// owner returns ": " and what the owner of a lock wrote about itself, or
// nothing when it cannot be read.
func owner(f File) string {
	b := make([]byte, 256)
	n, _ := f.ReadAt(b, 0) // io.EOF at the end; without a text there is none to show
	if s := strings.TrimSpace(string(b[:n])); s != "" {
		return ": " + s
	}
	return ""
}

type osFile struct {
	*os.File
}

func (f *osFile) Sync() error { return syncData(f.File) }

func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
