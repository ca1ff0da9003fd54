//go:build darwin || freebsd

package vfs

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// syncData: os.File.Sync is F_FULLFSYNC on darwin, where fsync alone leaves
// the data in the drive's cache.
func syncData(f *os.File) error { return f.Sync() }

func syncDir(d *os.File) error { return d.Sync() }

func space(d *os.File) (free, total int64, err error) {
	var st unix.Statfs_t
	err = control(d, "statfs", func(fd int) error { return unix.Fstatfs(fd, &st) })
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), err
}

// Kind names the file system that holds the existing path root, as mount(8)
// writes it, or returns "" for one that needs no remark.
func Kind(root string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return "", &fs.PathError{Op: "statfs", Path: root, Err: err}
	}
	switch name := unix.ByteSliceToString(st.Fstypename[:]); name {
	case "apfs", "hfs", "ufs", "zfs":
		return "", nil
	case "smbfs":
		return "cifs", nil
	default:
		return name, nil
	}
}
