package crashfs

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Edit replaces the contents of a file, durably and without any fault: for
// damage. change gets a copy it may keep.
func (f *FS) Edit(name string, change func(data []byte) []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup(name)
	if err != nil {
		return &fs.PathError{Op: "edit", Path: name, Err: err}
	}
	data := change(n.live.bytes())
	f.used += int64(len(data)) - n.live.size
	n.live, n.durable = content{}, content{}
	n.live.writeAt(data, 0)
	n.durable = n.live.share()
	n.pending, n.dropped = nil, false
	return nil
}

// ReadFile returns the live contents of a file, whatever faults there are.
func (f *FS) ReadFile(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup(name)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return n.live.bytes(), nil
}

// Files returns the paths of all files, in order, whatever faults there are.
func (f *FS) Files() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	walk(f.root, ".", func(name string, n *node) {
		if n.dir == nil {
			names = append(names, name)
		}
	})
	return names
}

func walk(n *node, name string, visit func(string, *node)) {
	visit(name, n)
	if n.dir == nil {
		return
	}
	for _, base := range n.dir.names() {
		walk(n.dir.live[base], path.Join(name, base), visit)
	}
}

// String lists everything with its live and durable sizes: for the message of
// a failed test.
func (f *FS) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	walk(f.root, ".", func(name string, n *node) {
		if n.dir != nil {
			fmt.Fprintf(&b, "%s/ (%d changes pending)\n", name, len(n.dir.pending))
			return
		}
		fmt.Fprintf(&b, "%s %d bytes (%d durable, %d writes pending)\n", name, n.live.size, n.durable.size, len(n.pending))
	})
	return b.String()
}

// Export writes the live tree to a directory of the operating system, to look
// at it with other tools.
func (f *FS) Export(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var firstErr error
	walk(f.root, ".", func(name string, n *node) {
		if firstErr != nil {
			return
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if n.dir != nil {
			firstErr = os.MkdirAll(to, 0o700)
			return
		}
		firstErr = os.WriteFile(to, n.live.bytes(), 0o600)
	})
	return firstErr
}
