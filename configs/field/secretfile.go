package field

import (
	"os"
	"strings"
	"sync"
)

// Follow says that the secret stands in a file, alone but for a line feed: from
// now on Reveal returns what the file holds, in all copies of the secret.
func (s *Secret) Follow(path string) { s.file = &secretFile{path: path, value: s.value} }

// secretFile is read again when it has changed. It may be used concurrently.
type secretFile struct {
	path string

	mu    sync.Mutex
	last  os.FileInfo // of when value was read; nil: not known
	value string
}

// read returns the content. While the file is missing, empty or too large it is
// being replaced, and the last content counts.
func (f *secretFile) read() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path) // follows links, which are switched to replace files
	if err != nil || !info.Mode().IsRegular() || info.Size() > LongestSecret || f.last != nil && unchanged(f.last, info) {
		return f.value
	}
	content, err := os.ReadFile(f.path)
	if text := TrimLineEnd(string(content)); err == nil && text != "" {
		f.value, f.last = text, info
	}
	return f.value
}

func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// LongestSecret is how large a file with a secret may be, in bytes.
const LongestSecret = 64 << 10

// TrimLineEnd takes the line end away that editors leave in files.
func TrimLineEnd(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}
