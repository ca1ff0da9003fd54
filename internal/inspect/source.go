package inspect

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
)

// OpenFile opens a file of this machine, by its path or a file URL.
func OpenFile(name string) (Object, io.Closer, error) {
	path := name
	if rest, ok := strings.CutPrefix(name, "file://"); ok {
		unescaped, err := url.PathUnescape(rest)
		if err != nil || unescaped == "" {
			return Object{}, nil, fmt.Errorf("open %s: it names no file; write file:///absolute/path", name)
		}
		path = unescaped
	}
	f, err := os.Open(path)
	if err != nil {
		return Object{}, nil, fmt.Errorf("open object: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: it is no regular file; name a file in it, or save the stream to one", name)
	}
	if err != nil {
		_ = f.Close()
		return Object{}, nil, err
	}
	return Object{Name: name, ReaderAt: f, Size: info.Size()}, f, nil
}

const (
	blockSize  = 256 << 10
	mostBlocks = 64
)

// Blocks reads an object in blocks and keeps the last of them: readers of
// formats ask for many small pieces, and far away each is a request.
type Blocks struct {
	object Object

	mu     sync.Mutex
	blocks map[int64][]byte
	order  []int64
}

// InBlocks returns the object, read in blocks.
func InBlocks(o Object) Object {
	return Object{Name: o.Name, Size: o.Size, ReaderAt: &Blocks{object: o, blocks: map[int64][]byte{}}}
}

// ReadAt may be called concurrently.
func (b *Blocks) ReadAt(p []byte, at int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for n < len(p) {
		if at >= b.object.Size {
			return n, io.EOF
		}
		if at < 0 {
			return n, fmt.Errorf("read object: there is nothing at %d", at)
		}
		block, err := b.block(at / blockSize)
		if err != nil {
			return n, err
		}
		copied := copy(p[n:], block[at%blockSize:])
		n, at = n+copied, at+int64(copied)
	}
	return n, nil
}

func (b *Blocks) block(i int64) ([]byte, error) {
	if block, ok := b.blocks[i]; ok {
		return block, nil
	}
	block := make([]byte, min(blockSize, b.object.Size-i*blockSize))
	n, err := b.object.ReadAt(block, i*blockSize)
	if n < len(block) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if len(b.order) == mostBlocks {
		delete(b.blocks, b.order[0])
		b.order = b.order[1:]
	}
	b.blocks[i], b.order = block, append(b.order, i)
	return block, nil
}
