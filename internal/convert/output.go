package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrExists says that the output is there already.
var ErrExists = errors.New("it exists already; --force replaces it")

// File is an output that has its name only when it is complete.
type File struct {
	*os.File
	name  string
	force bool
}

// Create starts a file beside name. Without force, an existing one is an
// error.
func Create(name string, force bool) (*File, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("create output: %s is a folder; name a file in it", name)
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("create output: %s is no regular file; write - for standard output", name)
	case err == nil && !force:
		return nil, fmt.Errorf("create %s: %w", name, ErrExists)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("create output: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("create output: %w", err)
	}
	return &File{File: f, name: name, force: force}, nil
}

// Commit makes the file durable and gives it its name. It returns its size.
func (f *File) Commit() (int64, error) {
	size, err := f.commit()
	if err != nil {
		f.Discard()
		return 0, fmt.Errorf("finish %s: %w", f.name, err)
	}
	return size, nil
}

func (f *File) commit() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if err := f.Chmod(0o644); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return 0, err
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	if !f.force { // someone may have made it meanwhile
		if _, err := os.Lstat(f.name); err == nil {
			return 0, ErrExists
		}
	}
	return info.Size(), os.Rename(f.Name(), f.name)
}

// Discard removes what was written. The error is nobody's concern: there is
// another one already.
func (f *File) Discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
