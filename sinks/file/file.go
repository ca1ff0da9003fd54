// Package file keeps objects in a folder, under the same names and with the
// same promises as a bucket: an object appears whole or not at all, stays
// what it is, and survives a power failure once Put returned.
package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Store is a folder. A folder that is missing is created if its parent
// exists: a typing error or a disk that is not mounted should not go unseen.
// Nothing is ever written outside of it: links that lead out are refused.
type Store struct {
	folder string
	warn   func(text string)
}

var _ object.Store = (*Store)(nil)

// New returns the store for a folder. It does not touch the disk. warn is
// told about things a person should look into and may be nil.
func New(folder string, warn func(text string)) *Store {
	if warn == nil {
		warn = func(string) {}
	}
	return &Store{folder: filepath.Clean(folder), warn: warn}
}

// Put writes the object beside its place, makes it durable, and gives it its
// name only if the name is free.
func (s *Store) Put(ctx context.Context, o *object.Object) error {
	root, err := s.open()
	if err != nil {
		return s.classify("open folder", err)
	}
	defer root.Close()
	fault.Point("K8")
	err = s.put(ctx, root, o, o.Key)
	if errors.Is(err, errConflict) {
		s.warn(fmt.Sprintf("object %s exists in %s with other content; it stays as it is and ours becomes %s",
			o.Key, s.folder, o.ConflictKey()))
		err = s.put(ctx, root, o, o.ConflictKey())
	}
	if err != nil {
		return s.classify("put object", err)
	}
	fault.Point("K8-after")
	return nil
}

// errConflict says that another object has the name.
var errConflict = errors.New("object exists with other content")

func (s *Store) put(ctx context.Context, root *os.Root, o *object.Object, key string) error {
	dir := path.Dir(key)
	if err := root.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	// The identity makes the name: an attempt that a crash interrupted is
	// written over by the next.
	temporary := path.Join(dir, ".hydrant-"+o.ID+".tmp")
	if err := write(ctx, root, temporary, o); err != nil {
		return errors.Join(err, remove(root, temporary))
	}
	published := publish(root, temporary, key)
	if err := remove(root, temporary); err != nil {
		return err
	}
	switch {
	case errors.Is(published, fs.ErrExist):
		if err := compare(ctx, root, key, o); err != nil {
			return err
		}
	case published != nil:
		return published
	}
	// Even if nothing is new: the attempt that made it may have died before
	// this point.
	return syncTree(root, dir)
}

func write(ctx context.Context, root *os.Root, name string, o *object.Object) (err error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	body := reader{ctx, io.NewSectionReader(o.Body, 0, o.Size)}
	n, err := io.CopyBuffer(onlyWriter{io.MultiWriter(f, sum)}, body, make([]byte, 256<<10))
	if err != nil {
		return err
	}
	if n != o.Size || hex.EncodeToString(sum.Sum(nil)) != o.SHA256 {
		return errDamaged
	}
	return f.Sync()
}

// errDamaged says that the spool does not hold what was written to it.
var errDamaged = errors.New("the spool file does not match its checksum")

// publish gives the file its name unless the name is taken: fs.ErrExist.
func publish(root *os.Root, temporary, key string) error {
	err := root.Link(temporary, key)
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.EMLINK) {
		return err
	}
	// File systems without links (FAT, some network shares): we are the only
	// one to use this name, so looking first is safe.
	if _, err := root.Lstat(key); err == nil {
		return fs.ErrExist
	}
	return root.Rename(temporary, key)
}

func remove(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// compare returns nil if the file of that name holds the object's bytes.
func compare(ctx context.Context, root *os.Root, key string, o *object.Object) error {
	f, err := root.Open(key)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != o.Size {
		return errConflict
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, reader{ctx, f}); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != o.SHA256 {
		return errConflict
	}
	// The bytes may still be in memory only, from an attempt without links.
	return f.Sync()
}

// syncTree makes the entries of dir and of all directories above it durable.
func syncTree(root *os.Root, dir string) error {
	for ; ; dir = path.Dir(dir) {
		if err := syncDir(root, dir); err != nil || dir == "." {
			return err
		}
	}
}

func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// open opens the folder for one operation. A handle that is kept would go on
// writing into a folder that was moved or unmounted.
func (s *Store) open() (*os.Root, error) {
	root, err := os.OpenRoot(s.folder)
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := os.Mkdir(s.folder, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	parent, err := os.OpenRoot(filepath.Dir(s.folder))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(syncDir(parent, "."), parent.Close()); err != nil {
		return nil, err
	}
	return os.OpenRoot(s.folder)
}

// Probe creates the folder if needed and tries to write.
func (s *Store) Probe(context.Context) (string, error) {
	root, err := s.open()
	if err != nil {
		return "", s.classify("open folder", err)
	}
	defer root.Close()
	const name = ".hydrant-probe"
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return "", s.classify("write to folder", err)
	}
	if err := errors.Join(f.Close(), remove(root, name)); err != nil {
		return "", s.classify("write to folder", err)
	}
	return "folder " + s.folder + ", writable", nil
}

// Close does nothing: a folder is opened for each operation.
func (s *Store) Close() error { return nil }

// reader stops when the context is done.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// onlyWriter hides ReadFrom, so that the buffer given to io.CopyBuffer is used.
type onlyWriter struct{ io.Writer }

// classify says what an error of the file system means.
func (s *Store) classify(op string, err error) error {
	e := &sinks.Error{Op: op, Reason: "io", Err: err}
	switch {
	case errors.Is(err, context.Canceled):
		e.Reason = "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason = "timeout"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Reason, e.Hint = "no-space", "free space for "+s.folder
	case errors.Is(err, errDamaged):
		e.Reason, e.Hint = "spool-damaged", "check the disk of the data directory"
	case errors.Is(err, errConflict):
		e.Kind, e.Reason, e.Hint = sinks.Permanent, "conflict", "move the objects that are in the way out of "+s.folder
	case errors.Is(err, fs.ErrNotExist):
		e.Kind, e.Reason, e.Hint = sinks.Permanent, "no-folder", "create the folder "+s.folder+", or mount its disk"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Kind, e.Reason, e.Hint = sinks.Permanent, "permission", "let hydrant's user write to "+s.folder
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EISDIR):
		e.Kind, e.Reason, e.Hint = sinks.Permanent, "name", "choose another prefix: the name cannot be created in "+s.folder
	}
	return e
}
