package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

func syncData(f *os.File) error { return f.Sync() }

// syncDir has nothing to do: NTFS writes directory changes to its journal in
// order, and a directory handle cannot be flushed.
func syncDir(d *os.File) error { return nil }

func space(d *os.File) (free, total int64, err error) {
	path, err := windows.UTF16PtrFromString(d.Name())
	if err != nil {
		return 0, 0, err
	}
	var avail, size uint64
	err = windows.GetDiskFreeSpaceEx(path, &avail, &size, nil)
	return int64(avail), int64(size), err
}

// lock locks one byte far beyond the text in the file, so that others can
// still read who owns it.
func lock(f *os.File) error {
	at := windows.Overlapped{OffsetHigh: 1}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// Kind names the file system that holds root, or returns "" for one that
// needs no remark. On Windows it does not look.
func Kind(root string) (string, error) { return "", nil }
