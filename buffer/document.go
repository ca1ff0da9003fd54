package buffer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// A document is a small file that is written once and must not be lost to one
// bad block: a line of JSON, a line with its CRC-32C, and a second copy under
// the name with ".copy".

// documentVersion is the format version every document states.
const documentVersion = 1

const copySuffix = ".copy"

// writeDocument makes both copies durable.
func writeDocument(fsys vfs.FS, name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	text := fmt.Appendf(body, "\n%08x\n", segment.Sum(body))
	for _, to := range []string{name + copySuffix, name} {
		if err := replaceFile(fsys, to, text); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// readDocument reads the first copy that is whole. damaged is what is wrong
// with the other, if anything; fs.ErrNotExist means there is neither.
//
// valid says what is wrong with v, or nil.
func readDocument(fsys vfs.FS, name string, v any, valid func() error) (damaged, err error) {
	first := readCopy(fsys, name, v, valid)
	if first == nil {
		if second := readCopy(fsys, name+copySuffix, nil, nil); second != nil {
			return second, nil
		}
		return nil, nil
	}
	if second := readCopy(fsys, name+copySuffix, v, valid); second != nil {
		if errors.Is(first, fs.ErrNotExist) {
			// Without the second copy the first was never finished.
			return nil, second
		}
		return nil, first
	}
	return first, nil
}

func readCopy(fsys vfs.FS, name string, v any, valid func() error) error {
	body, ok, err := readSummed(fsys, name)
	if err == nil && !ok {
		body, ok, err = readSummed(fsys, name) // it may have gone wrong on its way from the disk
	}
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("read %s: wrong checksum", name)
	}
	var head struct{ Version int }
	if err := json.Unmarshal([]byte(body), &head); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if head.Version > documentVersion {
		return fmt.Errorf("read %s: version %d: %w", name, head.Version, segment.ErrVersion)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal([]byte(body), v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := valid(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// readSummed reads a document and reports whether its checksum is right.
func readSummed(fsys vfs.FS, name string) (body string, ok bool, err error) {
	text, err := readFile(fsys, name, 64<<10)
	if err != nil {
		return "", false, err
	}
	body, sum, _ := strings.Cut(string(text), "\n")
	return body, fmt.Sprintf("%08x\n", segment.Sum([]byte(body))) == sum, nil
}

// replaceFile writes a file so that after a crash it is there whole or as it
// was before.
func replaceFile(fsys vfs.FS, name string, text []byte) error {
	temp := name + ".new"
	if err := removeIfThere(fsys, temp); err != nil {
		return err
	}
	f, err := fsys.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(temp, name); err != nil {
		return err
	}
	return syncDir(fsys, path.Dir(name))
}

func readFile(fsys vfs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, limit))
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, fmt.Errorf("read %s: %w", name, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return b, nil
}

func removeIfThere(fsys vfs.FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makeDir makes a directory that may exist and makes its entry durable. It
// syncs also when it exists: the one who made it may have died before.
func makeDir(fsys vfs.FS, name string) error {
	if err := fsys.Mkdir(name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(fsys, path.Dir(name))
}

func syncDir(fsys vfs.FS, name string) error {
	if fault.Bug("no-dir-sync") {
		return nil
	}
	return fsys.SyncDir(name)
}
