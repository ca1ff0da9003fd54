package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrExists says that the output is there already.
var ErrExists = errors.New("it exists already; --force replaces it")

// File is an output that has its name only when it is complete.
type File struct {
	*os.File
	name  string
	force bool
}

// CheckOutput returns an error if a file of this name cannot be started.
// Without force, an existing one is an error.
func CheckOutput(name string, force bool) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("create output: %s is a folder; name a file in it", name)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("create output: %s is no regular file; write - for standard output", name)
	case err == nil && !force:
		return fmt.Errorf("create %s: %w", name, ErrExists)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("create output: %w", err)
	}
	folder := filepath.Dir(name)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("create %s: there is no folder %s; make it first", name, folder)
	}
	return nil
}

// Create starts a file beside name, see [CheckOutput].
func Create(name string, force bool) (*File, error) {
	if err := CheckOutput(name, force); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, cause(err))
	}
	return &File{File: f, name: name, force: force}, nil
}

// Write names the file in errors as the user did.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		err = fmt.Errorf("write %s: %w; nothing of it is kept: make room and start again", f.name, cause(err))
	case err != nil:
		err = fmt.Errorf("write %s: %w", f.name, cause(err))
	}
	return n, err
}

// cause leaves out the name of a file that the user does not know.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Commit makes the file durable and gives it its name. It returns its size.
func (f *File) Commit() (int64, error) {
	size, err := f.commit()
	if err != nil {
		f.Discard()
		return 0, fmt.Errorf("finish %s: %w", f.name, cause(err))
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
