package convert

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/internal/container"
)

// Find returns the inputs that names stand for, in order: files; everything
// in a folder, by name, but for names that begin with a dot or an underscore;
// patterns that no shell has expanded; and stdin for "-". An archive is all of
// its entries. Outputs are no inputs, even if they are in a folder.
func Find(names []string, stdin io.Reader, outputs ...string) ([]Input, error) {
	var all []Input
	for _, name := range names {
		found, err := find(name, stdin)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if path == "-" {
				all = append(all, Input{Name: "stdin", once: true, Open: func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }})
				continue
			}
			if slices.ContainsFunc(outputs, func(o string) bool { return sameFile(path, o) }) {
				if path == name {
					return nil, fmt.Errorf("find input: %s is an output too; name another output", name)
				}
				continue
			}
			inputs, err := open(path)
			if err != nil {
				return nil, err
			}
			all = append(all, inputs...)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("find input: there are no files in %s; those that begin with . or _ do not count", strings.Join(names, ", "))
	}
	return all, nil
}

func find(name string, stdin io.Reader) ([]string, error) {
	if name == "-" {
		if stdin == nil {
			return nil, errors.New("find input: there is no standard input")
		}
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "*?[") {
		found, bad := filepath.Glob(name)
		if bad != nil {
			return nil, fmt.Errorf("find input: %q is not a pattern: %w", name, bad)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("find input: nothing matches %q", name)
		}
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find input: %w", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var found []string
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		hidden := path != name && strings.IndexByte("._", d.Name()[0]) >= 0
		switch {
		case err != nil:
			return err
		case hidden && d.IsDir():
			return filepath.SkipDir
		case !hidden && d.Type().IsRegular():
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find input: %w", err)
	}
	return found, nil
}

func sameFile(a, b string) bool {
	if b == "" || b == "-" {
		return false
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// open returns the inputs in a file: one, or those in an archive.
func open(path string) ([]Input, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	defer f.Close() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	if !info.Mode().IsRegular() { // a pipe: its head must not be lost
		return []Input{{Name: path, once: true, Open: func() (io.ReadCloser, error) { return os.Open(path) }}}, nil
	}
	head := make([]byte, container.HeadSize)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("read input: %w", err)
	}
	kind := container.Detect(head[:n])
	if kind != container.Zip {
		in := Input{Name: path, Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
		if kind == container.Plain && (n == 0 || info.Size() > 0) { // /proc says 0 of what is not empty
			in.openAt = func(at int64) (io.ReadCloser, error) { return openAt(path, at) }
		}
		return []Input{in}, nil
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; is the download complete?", path, err)
	}
	var inputs []Input
	for i, entry := range archive.File {
		if entry.FileInfo().IsDir() {
			continue
		}
		inputs = append(inputs, Input{
			Name: path + ":" + entry.Name,
			Size: int64(entry.UncompressedSize64),
			Open: func() (io.ReadCloser, error) { return openEntry(path, i) },
		})
	}
	return inputs, nil
}

func openAt(path string, at int64) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func openEntry(path string, i int) (io.ReadCloser, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	if i >= len(archive.File) {
		return nil, errors.Join(fmt.Errorf("read %s: it has changed", path), archive.Close())
	}
	entry, err := archive.File[i].Open()
	if err != nil {
		return nil, errors.Join(err, archive.Close())
	}
	return &entryReader{entry, archive}, nil
}

type entryReader struct {
	io.ReadCloser
	archive io.Closer
}

func (e *entryReader) Close() error { return errors.Join(e.ReadCloser.Close(), e.archive.Close()) }

// Size returns how many bytes the inputs have, or 0 if one does not know.
func Size(inputs []Input) int64 {
	total := int64(0)
	for i := range inputs {
		if inputs[i].once {
			return 0
		}
		total += inputs[i].Size
	}
	return total
}

// Infer decides columns by the first records of the inputs, see
// [schema.Inference]. It returns inputs to convert in place of those: what
// cannot be read twice is kept in memory as far as it was read.
func Infer(ctx context.Context, inputs []Input, inf *schema.Inference) (*column.Schema, []Input, error) {
	inputs = slices.Clone(inputs)
	again := make([]func(), 0, 1)
	for i := range inputs {
		if in := &inputs[i]; in.once {
			first := in.Open
			var seen bytes.Buffer
			var pipe io.ReadCloser
			in.Open = func() (_ io.ReadCloser, err error) {
				if pipe, err = first(); err != nil {
					return nil, err
				}
				return io.NopCloser(io.TeeReader(pipe, &seen)), nil
			}
			again = append(again, func() {
				if pipe == nil {
					in.Open = first
					return
				}
				in.Open = func() (io.ReadCloser, error) {
					return &entryReader{io.NopCloser(io.MultiReader(&seen, pipe)), pipe}, nil
				}
			})
		}
	}
	var read atomic.Int64
	r := reader{sections: whole(inputs), read: &read}
	defer r.close()
	for enough := false; !enough; {
		b, err := r.next(ctx)
		if err != nil {
			return nil, nil, err
		}
		if b == nil {
			break
		}
		for line := range bytes.Lines(b.data) {
			if !blank(bytes.TrimSuffix(line, newline)) && inf.Add(line) {
				enough = true
				break
			}
		}
	}
	for _, f := range again {
		f()
	}
	switch all, bad := inf.Records(); {
	case all == 0:
		return nil, nil, fmt.Errorf("infer columns: there are no records in %s; with --columns or --schema it becomes a file without rows", named(inputs))
	case all == bad:
		return nil, nil, fmt.Errorf("infer columns: none of the first %d lines of %s is a JSON object; hydrant inspect shows what it is", all, named(inputs))
	}
	s, err := inf.Schema()
	return s, inputs, err
}

// named is the name of the inputs for people.
func named(inputs []Input) string {
	if len(inputs) == 1 {
		return inputs[0].Name
	}
	return fmt.Sprintf("%s and %d more", inputs[0].Name, len(inputs)-1)
}
