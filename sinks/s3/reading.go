package s3

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/file"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// ErrorOutput returns where the failed records of a stream are. It talks to
// nobody.
func (c *Config) ErrorOutput(stream string) (object.ErrorOutput, error) {
	names, err := c.naming().Names(stream, 1, "")
	if err != nil {
		return object.ErrorOutput{}, fmt.Errorf("open error output: %w", err)
	}
	place, err := c.place()
	if err != nil {
		return object.ErrorOutput{}, fmt.Errorf("open error output: %w", err)
	}
	return object.ErrorOutput{Place: place, Names: names}, nil
}

// ErrorOutput returns where the failed records of a stream are. It talks to
// nobody.
func (b *Backup) ErrorOutput(stream string) (object.ErrorOutput, error) {
	return b.destination().ErrorOutput(stream)
}

// place is the bucket or the folder, to be read.
func (c *Config) place() (object.Place, error) {
	folder, isFolder, err := c.folder()
	if err != nil {
		return nil, err
	}
	if isFolder {
		if folder, err = filepath.Abs(folder); err != nil {
			return nil, fmt.Errorf("find folder: %w", err)
		}
		return file.NewPlace(folder), nil
	}
	s, err := newStore(c, nil)
	if err != nil {
		return nil, err
	}
	return &place{s}, nil
}

// Place returns a bucket, to be read. It talks to nobody.
func (c *Connection) Place(bucket string) (object.Place, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	s, err := newStore(&Config{Connection: *c, Bucket: bucket}, nil)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return &place{s}, nil
}

// place reads a bucket.
type place struct{ store *store }

var _ object.Place = (*place)(nil)

func (p *place) String() string { return "s3://" + p.store.bucket }

func (p *place) Close() error { return p.store.Close() }

func (p *place) List(ctx context.Context, prefix string, f func(object.Entry) error) error {
	return p.list(ctx, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}, func(o minio.ObjectInfo) error {
		return f(object.Entry{Key: o.Key, Size: o.Size, Tag: strings.Trim(o.ETag, `"`), Modified: o.LastModified})
	})
}

func (p *place) Folders(ctx context.Context, prefix string) ([]string, error) {
	var folders []string
	err := p.list(ctx, minio.ListObjectsOptions{Prefix: prefix}, func(o minio.ObjectInfo) error {
		if strings.HasSuffix(o.Key, "/") {
			folders = append(folders, o.Key)
		}
		return nil
	})
	return folders, err
}

func (p *place) list(ctx context.Context, opts minio.ListObjectsOptions, f func(minio.ObjectInfo) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range p.store.client.Client.ListObjectsIter(ctx, p.store.bucket, opts) {
		if o.Err != nil {
			return p.failed("list objects", o.Err)
		}
		if err := f(o); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Open makes no request. It is the reads that ask for the object of that tag.
func (p *place) Open(ctx context.Context, e object.Entry) (object.Content, error) {
	return content{Object{store: p.store, ctx: ctx, key: e.Key, etag: e.Tag, size: e.Size}}, nil
}

// content is an open object of a place, which keeps the connections.
type content struct{ Object }

func (c content) Close() error { return nil }

func (c content) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.Object.ReadAt(b, at)
	switch {
	case errors.Is(err, errReplaced), taken(err), missing(err):
		return n, fmt.Errorf("read object %s: %w", c.key, object.ErrChanged)
	case response(err).StatusCode != 0:
		return n, (&place{c.store}).failed("read object "+c.key, err)
	}
	return n, err
}

// failed says what an answer means to somebody who reads.
func (p *place) failed(op string, err error) error {
	e := classify(op, p.store.bucket, err)
	if e.Kind == sinks.Permanent && strings.Contains(e.Hint, "s3:PutObject") {
		e.Hint = "let the user list and read the bucket " + p.store.bucket + ": s3:ListBucket and s3:GetObject"
	}
	return e
}
