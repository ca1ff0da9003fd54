// Package backfill sends the records of objects and files through a stream, as
// if they had been put.
package backfill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/sinks/file"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// Source is where the objects are.
type Source struct {
	object.Place
	name    string // as the user wrote it
	prefix  string // of the keys
	pattern string // that the keys match; "": any
}

// Open understands what a user writes: s3://bucket/prefix, a file, a folder or
// a file URL. Both may be patterns. It talks to no storage.
func Open(from string, connection *s3.Connection) (*Source, error) {
	if rest, ok := strings.CutPrefix(from, "s3://"); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		if bucket == "" {
			return nil, fmt.Errorf("open %s: write s3://bucket/prefix", from)
		}
		place, err := connection.Place(bucket)
		if err != nil {
			return nil, err
		}
		return newSource(place, from, prefix)
	}
	name := from
	if rest, ok := strings.CutPrefix(from, "file://"); ok {
		var err error
		if name, err = url.PathUnescape(rest); err != nil {
			return nil, fmt.Errorf("open %s: it is no file URL: %w", from, err)
		}
	} else if scheme, _, ok := strings.Cut(from, "://"); ok {
		return nil, fmt.Errorf("open %s: %s:// is not known; name a folder, a file or s3://bucket/prefix", from, scheme)
	}
	if from == "-" {
		return nil, errors.New("standard input cannot be read again after a crash; save it to a file, or send it with hydrant put")
	}
	return openFiles(from, name)
}

// openFiles finds the folder in which all files are.
func openFiles(from, name string) (*Source, error) {
	folder, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", from, err)
	}
	info, err := os.Stat(folder)
	switch {
	case err == nil && info.IsDir():
		return newFolder(folder, from, "")
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("open %s: it is no regular file, and could not be read again after a crash; save it to one", from)
	case err == nil:
		s, err := newFolder(filepath.Dir(folder), from, "")
		if err == nil {
			s.prefix, s.pattern = filepath.Base(folder), escape(filepath.Base(folder))
		}
		return s, err
	case !errors.Is(err, fs.ErrNotExist) || !strings.ContainsAny(folder, meta):
		return nil, fmt.Errorf("open %s: %w", from, err)
	}
	fixed := folder[:strings.IndexAny(folder, meta)]
	fixed = fixed[:strings.LastIndexByte(fixed, filepath.Separator)+1]
	return newFolder(filepath.Clean(fixed), from, filepath.ToSlash(folder[len(fixed):]))
}

func newFolder(folder, from, keys string) (*Source, error) {
	// Links on the way are the user's; those inside stay inside.
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", from, err)
	}
	return newSource(file.NewPlace(folder), from, keys)
}

// meta are the characters of patterns.
const meta = "*?["

// newSource takes keys for a prefix, or for a pattern if they look like one.
func newSource(place object.Place, from, keys string) (*Source, error) {
	s := &Source{Place: place, name: from, prefix: keys}
	if i := strings.IndexAny(keys, meta); i >= 0 {
		if _, err := path.Match(keys, ""); err != nil {
			return nil, fmt.Errorf("open %s: it is no pattern: %w", from, err)
		}
		s.prefix, s.pattern = keys[:i], keys
	}
	return s, nil
}

// escape makes a name a pattern that matches it alone.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// Name is what the user wrote.
func (s *Source) Name() string { return s.name }

// Plan is what a backfill is going to do.
type Plan struct {
	Inputs    []job.Input
	Bytes     int64
	Delivered int // objects that an earlier backfill delivered, and are left out
}

// Find lists the objects. Those that are taken are left out. Names that begin
// with a dot or an underscore are not data: writers of data lakes leave marks
// under such names.
func (s *Source) Find(ctx context.Context, taken *job.Taken) (*Plan, error) {
	p := &Plan{}
	err := s.List(ctx, s.prefix, func(e object.Entry) error {
		if !s.wanted(e) {
			return nil
		}
		if taken.Whole(e) {
			p.Delivered++
			return nil
		}
		p.Inputs = append(p.Inputs, job.Input{Entry: e})
		p.Bytes += e.Size
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find objects: %w", err)
	}
	if len(p.Inputs) == 0 && p.Delivered == 0 {
		return nil, fmt.Errorf("find objects: there are none in %s; names that begin with . or _ do not count", s.name)
	}
	return p, nil
}

func (s *Source) wanted(e object.Entry) bool {
	if e.Size == 0 || strings.HasSuffix(e.Key, "/") {
		return false
	}
	for part := range strings.SplitSeq(e.Key[min(len(e.Key), strings.LastIndexByte(s.prefix, '/')+1):], "/") {
		if part != "" && strings.IndexByte("._", part[0]) >= 0 {
			return false
		}
	}
	if s.pattern == "" {
		return true
	}
	ok, err := path.Match(s.pattern, e.Key)
	return err == nil && ok
}
