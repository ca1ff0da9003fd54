package crashfs

import (
	"io"
	"io/fs"
	"slices"
	"syscall"
)

// file is an open file. Its fields are guarded by the lock of fs.
type file struct {
	fs       *FS
	node     *node
	name     string // it was opened under
	writable bool
	locks    bool
	closed   bool
}

func (f *FS) handle(n *node, name string, writable bool) *file {
	f.open++
	return &file{fs: f, node: n, name: name, writable: writable}
}

func (f *file) do(op Op, run func(effect) error) error {
	op.Path = f.name
	return f.fs.do(op, func(e effect) error {
		if f.closed {
			return fs.ErrClosed
		}
		return run(e)
	})
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.do(Op{Kind: OpRead, Off: off, Len: int64(len(p))}, func(e effect) error {
		if off < 0 {
			return syscall.EINVAL
		}
		n = f.node.live.readAt(p, off)
		if e.flip && n > 0 {
			p[n/2] ^= 1 << (uint(n) % 8)
		}
		return nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.do(Op{Kind: OpWrite, Off: off, Len: int64(len(p))}, func(e effect) error {
		if off < 0 {
			return syscall.EINVAL
		}
		if !f.writable {
			return syscall.EBADF
		}
		n, err = f.write(p[:len(p)-e.cut(len(p))], off)
		return err
	})
	return n, err
}

func (f *file) write(p []byte, off int64) (int, error) {
	var err error
	if grow := off + int64(len(p)) - f.node.live.size; grow > 0 {
		room := max(0, f.fs.capacity-f.fs.used)
		if grow > room {
			p, err = p[:max(0, int64(len(p))-(grow-room))], syscall.ENOSPC
		}
	}
	if len(p) == 0 {
		return 0, err
	}
	before := f.node.live.size
	f.node.write(write{off, slices.Clone(p)})
	f.fs.used += f.node.live.size - before
	return len(p), err
}

func (f *file) Sync() error {
	return f.do(Op{Kind: OpSync}, func(e effect) error {
		if e.drop {
			f.node.drop()
			return nil
		}
		f.node.sync()
		return nil
	})
}

func (f *file) Truncate(size int64) error {
	return f.do(Op{Kind: OpTruncate, Off: size}, func(effect) error {
		if size < 0 {
			return syscall.EINVAL
		}
		if !f.writable {
			return syscall.EINVAL
		}
		if size > f.node.live.size && size-f.node.live.size > f.fs.capacity-f.fs.used {
			return syscall.ENOSPC
		}
		f.fs.used += size - f.node.live.size
		f.node.write(write{off: size})
		return nil
	})
}

func (f *file) Size() (size int64, err error) {
	err = f.do(Op{Kind: OpStat}, func(effect) error {
		size = f.node.live.size
		return nil
	})
	return size, err
}

func (f *file) Close() error {
	return f.do(Op{Kind: OpClose}, func(effect) error {
		f.closed = true
		f.fs.open--
		if f.locks {
			delete(f.fs.locked, f.node)
		}
		return nil
	})
}
