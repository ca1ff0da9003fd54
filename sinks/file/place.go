package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Place reads the objects in a folder.
type Place struct{ folder string }

var _ object.Place = (*Place)(nil)

// NewPlace returns the place for a folder. It does not touch the disk. A
// folder that is missing has no objects.
func NewPlace(folder string) *Place { return &Place{filepath.Clean(folder)} }

func (p *Place) String() string { return p.folder }

// Close does nothing: a folder is opened for each operation.
func (p *Place) Close() error { return nil }

// List does not show what is being written.
func (p *Place) List(ctx context.Context, prefix string, f func(object.Entry) error) error {
	root, err := os.OpenRoot(p.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list objects: %w", err)
	}
	defer root.Close() // nothing is written
	start := "."
	if i := strings.LastIndexByte(prefix, '/'); i > 0 {
		start = prefix[:i]
	}
	return fs.WalkDir(root.FS(), start, func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			return nil // the prefix, or an object that was deleted meanwhile
		case err != nil:
			return fmt.Errorf("list objects: %w", err)
		case d.IsDir():
			if name != "." && !strings.HasPrefix(name+"/", prefix) && !strings.HasPrefix(prefix, name+"/") {
				return fs.SkipDir
			}
			return nil
		case !strings.HasPrefix(name, prefix) || !d.Type().IsRegular() || strings.HasPrefix(path.Base(name), ".hydrant-"):
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list objects: %w", err)
		}
		return f(Entry(name, info))
	})
}

// Entry describes a file. Its tag is the time it was written at.
func Entry(name string, info fs.FileInfo) object.Entry {
	return object.Entry{Key: name, Size: info.Size(), Modified: info.ModTime(), Tag: fmt.Sprint(info.ModTime().UnixNano())}
}

// Folders lists one folder.
func (p *Place) Folders(_ context.Context, prefix string) ([]string, error) {
	root, err := os.OpenRoot(p.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	defer root.Close() // nothing is written
	above, _ := path.Split(prefix)
	entries, err := fs.ReadDir(root.FS(), path.Clean(above))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	var folders []string
	for _, e := range entries {
		if name := above + e.Name() + "/"; e.IsDir() && strings.HasPrefix(name, prefix) {
			folders = append(folders, name)
		}
	}
	return folders, nil
}

// Open checks that the file is the one that was listed.
func (p *Place) Open(ctx context.Context, e object.Entry) (object.Content, error) {
	root, err := os.OpenRoot(p.folder)
	if err != nil {
		return nil, fmt.Errorf("open object %s: %w", e.Key, err)
	}
	defer root.Close() // nothing is written
	f, err := root.Open(filepath.FromSlash(e.Key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open object %s: %w", e.Key, object.ErrChanged)
	}
	if err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		if now := Entry(e.Key, info); now.Tag != e.Tag || now.Size != e.Size {
			err = object.ErrChanged
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open object %s: %w", e.Key, err), f.Close())
	}
	return content{ctx, f}, nil
}

// content is an open file.
type content struct {
	ctx context.Context
	*os.File
}

func (c content) ReadAt(b []byte, at int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.File.ReadAt(b, at)
}
