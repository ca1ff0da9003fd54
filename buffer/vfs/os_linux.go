package vfs

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// syncData is fdatasync: like fsync, it makes the size durable, but not the
// modification time, which saves a write to the journal of the file system.
func syncData(f *os.File) error {
	return control(f, "fdatasync", unix.Fdatasync)
}

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
	switch uint32(st.Type) { // the type's width and sign differ between architectures
	case unix.TMPFS_MAGIC:
		return "tmpfs", nil
	case unix.RAMFS_MAGIC:
		return "ramfs", nil
	case unix.NFS_SUPER_MAGIC:
		return "nfs", nil
	case unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC:
		return "cifs", nil
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay", nil
	case unix.FUSE_SUPER_MAGIC:
		return "fuse", nil
	case unix.V9FS_MAGIC:
		return "9p", nil
	}
	return "", nil
}
