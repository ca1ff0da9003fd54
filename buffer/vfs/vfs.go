// Package vfs is the only way to touch the data directory.
//
// Everything durable goes through [FS], so that a test can lose power at any
// moment: package crashfs implements FS in memory and forgets what was not
// synced. The interface has no more than the log and the spool need.
package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// FS is a file system. Paths are slash-separated and relative to the root the
// FS was made with. All methods may be called concurrently.
//
// A directory operation (Create, Rename, Remove, Mkdir) is durable only after
// SyncDir of the directory it changed; a write only after File.Sync.
type FS interface {
	// Create makes a new file, open for reading and writing. It fails with
	// fs.ErrExist if the name is taken.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(name string) (File, error)
	// Rename replaces newname, as rename(2) does.
	Rename(oldname, newname string) error
	// Remove deletes a file or an empty directory.
	Remove(name string) error
	// Mkdir makes one directory; it fails with fs.ErrExist if it exists.
	Mkdir(name string) error
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
	// List returns the names in a directory, sorted.
	List(name string) ([]string, error)
	// Stat describes a file or directory.
	Stat(name string) (fs.FileInfo, error)
	// Lock takes an exclusive lock on a file, which it creates when missing,
	// and does not wait. ErrLocked means another process holds it. The lock
	// lasts until Close or the end of the process.
	Lock(name string) (File, error)
	// Free returns the bytes available to us and the size of the file system.
	Free() (free, total int64, err error)
}

// File is an open file. ReadAt and WriteAt may be called concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes the data and the size durable (fdatasync). After an error
	// nothing may be assumed of what was written since the last good Sync,
	// and calling Sync again proves nothing.
	Sync() error
	// Truncate changes the size.
	Truncate(size int64) error
	// Size returns the size in bytes.
	Size() (int64, error)
	// Close releases the file. It does not sync.
	Close() error
}

// ErrLocked says that another process owns the lock.
var ErrLocked = errors.New("locked by another process")
