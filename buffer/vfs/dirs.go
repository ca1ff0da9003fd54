package vfs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

const (
	// keepDirs: on Windows a directory that is open cannot be deleted.
	keepDirs = runtime.GOOS != "windows"
	// maxDirs is more than a few dozen busy streams use; each has its
	// segments, its spool and the batches in it.
	maxDirs = 256
)

// dirs keeps directories open, so that an operation on a file is one system
// call and not one more for each directory on the way to it.
//
// A directory may be deleted, and its name used again, while its handle is
// kept. Nothing can be made or found in a deleted directory: the operation
// fails, and whatever fails is done again from the root. A directory must not
// be renamed while others use it.
type dirs struct {
	root *os.Root

	mu   sync.Mutex
	open map[string]*openDir // by path; at most maxDirs
	uses uint64
}

type openDir struct {
	root *os.Root
	used uint64 // value of uses when it was used last
}

// in runs an operation on a name with the directory that holds it.
func (d *dirs) in(name string, do func(dir *os.Root, base string) error) error {
	if parent := path.Dir(name); keepDirs && parent != "." && fs.ValidPath(name) {
		if dir := d.dir(parent); dir != nil {
			if do(dir, path.Base(name)) == nil {
				return nil
			}
			d.forget(parent)
		}
	}
	return do(d.root, filepath.FromSlash(name))
}

// dir returns the handle of a directory, or nil if it cannot be opened. Others
// may close it any time: what is under way goes on, what comes later fails.
func (d *dirs) dir(name string) *os.Root {
	d.mu.Lock()
	d.uses++
	if kept := d.open[name]; kept != nil {
		kept.used = d.uses
		d.mu.Unlock()
		return kept.root
	}
	d.mu.Unlock()

	var dir *os.Root
	err := d.in(name, func(parent *os.Root, base string) (err error) {
		dir, err = parent.OpenRoot(base)
		return err
	})
	if err != nil {
		return nil // the operation from the root tells why
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if kept := d.open[name]; kept != nil { // opened by another at the same time
		dir.Close()
		return kept.root
	}
	if len(d.open) == maxDirs {
		d.drop(d.oldest())
	}
	d.open[name] = &openDir{dir, d.uses}
	return dir
}

// oldest returns the directory that was not used for the longest time. The
// caller holds mu.
func (d *dirs) oldest() (name string) {
	least := d.uses + 1
	for n, kept := range d.open {
		if kept.used < least {
			name, least = n, kept.used
		}
	}
	return name
}

// drop closes a handle; nothing was written through it that Close could lose.
// The caller holds mu.
func (d *dirs) drop(name string) {
	if kept := d.open[name]; kept != nil {
		kept.root.Close()
		delete(d.open, name)
	}
}

// forget closes the handles of name and of everything below it.
func (d *dirs) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := range d.open {
		if n == name || strings.HasPrefix(n, name+"/") {
			d.drop(n)
		}
	}
}
