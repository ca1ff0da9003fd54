// Package crashfs is a file system in memory that loses power on command and
// misbehaves like a bad disk.
//
// It promises exactly what POSIX does. Every file and every directory has a
// live state, which readers see, a durable state, which survives, and the
// changes between the two. [vfs.File].Sync and [vfs.FS].SyncDir make one file
// or one directory durable and nothing else: syncing a file does not save its
// name, syncing a directory does not save the files in it, and Close syncs
// nothing.
//
//   - [FS.CrashClone] returns the file system as it may be found after a power
//     loss: which of the pending changes survived is decided by a [Mode] and a
//     seed. The original goes on undisturbed, so thousands of futures can be
//     taken of one moment. Clones share pages and are cheap.
//   - [FS.KillClone] returns it as it is found after the process was killed:
//     everything is readable, but what was not synced still is not.
//   - [FS.Inject] makes chosen operations fail, each by a printable [Fault].
//   - [FS.Edit] damages a file, as rot or an operator would.
package crashfs

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// FS implements [vfs.FS]. All methods may be called concurrently.
type FS struct {
	mu       sync.Mutex
	root     *node
	lastID   uint64   // of a node
	lastSeq  uint64   // of a change of a directory
	unsynced []uint64 // seqs of the pending changes, ascending
	locked   map[*node]bool
	open     int // handles
	used     int64
	capacity int64
	faults   []*armed
	observe  func(Op)
}

// New returns an empty file system with room for 1 TiB.
func New() *FS {
	return &FS{root: &node{dir: newDirectory()}, locked: map[*node]bool{}, capacity: 1 << 40}
}

// SetCapacity changes the size of the file system in bytes, of which files
// use their size. A write that does not fit is cut short with ENOSPC, and
// nothing can be created when there is no room at all.
func (f *FS) SetCapacity(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = bytes
}

// OpenHandles returns how many files are open: after a shutdown, the leak.
func (f *FS) OpenHandles() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// Clean reports whether nothing is pending: all crash clones are equal.
func (f *FS) Clean() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	clean := len(f.unsynced) == 0
	walk(f.root, ".", func(_ string, n *node) { clean = clean && len(n.pending) == 0 && !n.dropped })
	return clean
}

// Observe calls fn after every operation that can change the file system,
// successful or not, on the goroutine that did it. fn may take clones.
func (f *FS) Observe(fn func(Op)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.observe = fn
}

// Create implements [vfs.FS].
func (f *FS) Create(name string) (vfs.File, error) {
	var file *file
	return result(&file, f.do(Op{Kind: OpCreate, Path: name}, func(effect) (err error) {
		file, err = f.create(name)
		return err
	}))
}

func (f *FS) create(name string) (*file, error) {
	d, base, err := f.parent(name)
	if err != nil {
		return nil, err
	}
	if d.live[base] != nil {
		return nil, syscall.EEXIST
	}
	if f.used >= f.capacity {
		return nil, syscall.ENOSPC
	}
	n := f.node(name)
	f.link(d, change{add: base, node: n})
	return f.handle(n, name, true), nil
}

// Open implements [vfs.FS].
func (f *FS) Open(name string) (vfs.File, error) { return f.openFile(name, false) }

// OpenWrite implements [vfs.FS].
func (f *FS) OpenWrite(name string) (vfs.File, error) { return f.openFile(name, true) }

func (f *FS) openFile(name string, writable bool) (vfs.File, error) {
	var file *file
	return result(&file, f.do(Op{Kind: OpOpen, Path: name}, func(effect) error {
		n, err := f.lookup(name)
		if err != nil {
			return err
		}
		if n.dir != nil {
			return syscall.EISDIR
		}
		file = f.handle(n, name, writable)
		return nil
	}))
}

// result keeps a nil *file from becoming a vfs.File that is not nil.
func result(file **file, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return *file, nil
}

// Rename implements [vfs.FS]. Within one directory it is atomic, also in a
// crash; between two, each directory remembers or forgets its half.
func (f *FS) Rename(oldname, newname string) error {
	return f.do(Op{Kind: OpRename, Path: oldname, To: newname}, func(effect) error {
		from, oldbase, err := f.parent(oldname)
		if err != nil {
			return err
		}
		to, newbase, err := f.parent(newname)
		if err != nil {
			return err
		}
		n, replaced := from.live[oldbase], to.live[newbase]
		switch {
		case n == nil:
			return syscall.ENOENT
		case n == replaced:
			return nil
		case replaced != nil && replaced.dir != nil:
			return syscall.EEXIST
		case replaced != nil && n.dir != nil:
			return syscall.ENOTDIR
		}
		if replaced != nil {
			f.used -= replaced.live.size
		}
		n.path = newname
		if from == to {
			f.link(to, change{remove: oldbase, add: newbase, node: n})
			return nil
		}
		f.link(to, change{add: newbase, node: n})
		f.link(from, change{remove: oldbase})
		return nil
	})
}

// Remove implements [vfs.FS].
func (f *FS) Remove(name string) error {
	return f.do(Op{Kind: OpRemove, Path: name}, func(effect) error {
		d, base, err := f.parent(name)
		if err != nil {
			return err
		}
		n := d.live[base]
		switch {
		case n == nil:
			return syscall.ENOENT
		case n.dir != nil && len(n.dir.live) > 0:
			return syscall.ENOTEMPTY
		}
		f.used -= n.live.size
		f.link(d, change{remove: base})
		return nil
	})
}

// Mkdir implements [vfs.FS].
func (f *FS) Mkdir(name string) error {
	return f.do(Op{Kind: OpMkdir, Path: name}, func(effect) error {
		d, base, err := f.parent(name)
		if err != nil {
			return err
		}
		if d.live[base] != nil {
			return syscall.EEXIST
		}
		if f.used >= f.capacity {
			return syscall.ENOSPC
		}
		n := f.node(name)
		n.dir = newDirectory()
		f.link(d, change{add: base, node: n})
		return nil
	})
}

// SyncDir implements [vfs.FS].
func (f *FS) SyncDir(name string) error {
	return f.do(Op{Kind: OpSyncDir, Path: name}, func(e effect) error {
		d, err := f.directory(name)
		if err != nil {
			return err
		}
		done := d.pending
		f.unsynced = slices.DeleteFunc(f.unsynced, func(seq uint64) bool {
			return slices.ContainsFunc(done, func(c change) bool { return c.seq == seq })
		})
		if e.drop {
			d.pending = nil
			return nil
		}
		d.sync()
		return nil
	})
}

// List implements [vfs.FS].
func (f *FS) List(name string) ([]string, error) {
	var names []string
	err := f.do(Op{Kind: OpList, Path: name}, func(effect) error {
		d, err := f.directory(name)
		if err != nil {
			return err
		}
		names = d.names()
		return nil
	})
	return names, err
}

// Stat implements [vfs.FS].
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	var info info
	err := f.do(Op{Kind: OpStat, Path: name}, func(effect) error {
		n, err := f.lookup(name)
		if err != nil {
			return err
		}
		info.name, info.size, info.dir = path.Base(name), n.live.size, n.dir != nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} } // nothing may depend on it
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

// Lock implements [vfs.FS]. A clone starts without locks.
func (f *FS) Lock(name string) (vfs.File, error) {
	var file *file
	return result(&file, f.do(Op{Kind: OpLock, Path: name}, func(effect) error {
		n, err := f.lookup(name)
		if err == nil && f.locked[n] {
			return fmt.Errorf("%w: pid 1 on host crashfs", vfs.ErrLocked)
		}
		if err == nil {
			file = f.handle(n, name, true)
		} else if file, err = f.create(name); err != nil {
			return err
		}
		file.locks = true
		f.locked[file.node] = true
		return nil
	}))
}

// Free implements [vfs.FS].
func (f *FS) Free() (free, total int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(0, f.capacity-f.used), f.capacity, nil
}

// do runs an operation under the lock, as the faults let it, and tells the
// observer.
func (f *FS) do(op Op, run func(effect) error) error {
	f.mu.Lock()
	e := f.hit(op)
	if e.delay > 0 {
		f.mu.Unlock()
		time.Sleep(e.delay)
		f.mu.Lock()
	}
	err := e.err
	if err == nil || e.runs {
		err = run(e)
		if e.err != nil {
			err = e.err
		}
	}
	observe := f.observe
	f.mu.Unlock()
	if observe != nil && op.Kind&opChanges != 0 {
		observe(op)
	}
	if err != nil {
		return &fs.PathError{Op: op.Kind.String(), Path: op.Path, Err: err}
	}
	return nil
}

func (f *FS) node(name string) *node {
	f.lastID++
	return &node{id: f.lastID, path: name}
}

func (f *FS) link(d *directory, c change) {
	f.lastSeq++
	c.seq = f.lastSeq
	f.unsynced = append(f.unsynced, c.seq)
	d.change(c)
}

func (f *FS) lookup(name string) (*node, error) {
	if name == "." {
		return f.root, nil
	}
	d, base, err := f.parent(name)
	if err != nil {
		return nil, err
	}
	n := d.live[base]
	if n == nil {
		return nil, syscall.ENOENT
	}
	return n, nil
}

func (f *FS) directory(name string) (*directory, error) {
	n, err := f.lookup(name)
	if err != nil {
		return nil, err
	}
	if n.dir == nil {
		return nil, syscall.ENOTDIR
	}
	return n.dir, nil
}

// parent returns the directory that holds name, and name's last element.
func (f *FS) parent(name string) (*directory, string, error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, "", syscall.EINVAL
	}
	d, err := f.directory(path.Dir(name))
	return d, path.Base(name), err
}
