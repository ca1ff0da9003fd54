package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// A job's file is a line of JSON and a line with its CRC-32C. After a crash it
// is there whole, or as it was before.

func writeFile(fsys vfs.FS, name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	text := fmt.Appendf(body, "\n%08x\n", sum(body))
	temp := name + ".new"
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f, err := fsys.Create(temp)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fsys.Rename(temp, name)
	}
	if err == nil {
		err = fsys.SyncDir(path.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func readFile(fsys vfs.FS, name string, v any) (err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close() // nothing was written
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	text := make([]byte, size)
	if _, err := f.ReadAt(text, 0); err != nil && err != io.EOF {
		return fmt.Errorf("read %s: %w", name, err)
	}
	body, check, _ := strings.Cut(string(text), "\n")
	if check != fmt.Sprintf("%08x\n", sum([]byte(body))) {
		return fmt.Errorf("read %s: it is damaged: wrong checksum", name)
	}
	if err := json.Unmarshal([]byte(body), v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// removeAll removes a directory with everything below it.
func removeAll(fsys vfs.FS, name string) error {
	info, err := fsys.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		names, err := fsys.List(name)
		if err != nil {
			return err
		}
		for _, below := range names {
			if err := removeAll(fsys, path.Join(name, below)); err != nil {
				return err
			}
		}
	}
	return fsys.Remove(name)
}
