package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"
)

// Object is an object of a bucket, read in ranges. It may be used
// concurrently.
type Object struct {
	store     *store
	ctx       context.Context // of the command that reads it
	key, etag string
	size      int64
}

// Open finds an object. Reads end when ctx is done.
func (c *Connection) Open(ctx context.Context, bucket, key string) (*Object, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	s, err := newStore(&Config{Connection: *c, Bucket: bucket}, nil)
	if err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	info, err := s.client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if missing(err) {
		return nil, errors.Join(fmt.Errorf("open object: there is no %s in bucket %s", key, bucket), s.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open object: %w; check the bucket, the endpoint and the credentials", err), s.Close())
	}
	return &Object{store: s, ctx: ctx, key: key, etag: info.ETag, size: info.Size}, nil
}

// Size returns how many bytes the object has.
func (o *Object) Size() int64 { return o.size }

// ReadAt makes one request for each answerLimit bytes. An object that was
// replaced meanwhile is an error.
func (o *Object) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) && at < o.size {
		part := p[n:min(n+answerLimit, len(p))]
		part = part[:min(int64(len(part)), o.size-at)]
		got, err := o.read(part, at)
		n, at = n+got, at+int64(got)
		if err != nil {
			return n, fmt.Errorf("read object %s: %w", o.key, err)
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (o *Object) read(p []byte, at int64) (int, error) {
	ctx, cancel := context.WithTimeout(o.ctx, patience(int64(len(p))))
	defer cancel()
	var opts minio.GetObjectOptions
	if err := errors.Join(opts.SetRange(at, at+int64(len(p))-1), opts.SetMatchETag(o.etag)); err != nil {
		return 0, err
	}
	body, info, _, err := o.store.client.GetObject(ctx, o.store.bucket, o.key, opts)
	if err != nil {
		return 0, err
	}
	if info.ETag != o.etag { // not all servers look at If-Match
		return 0, errors.Join(errReplaced, body.Close())
	}
	n, err := io.ReadFull(body, p)
	return n, errors.Join(err, body.Close())
}

var errReplaced = errors.New("the object was replaced while it was read; try again")

// Close gives up the connections.
func (o *Object) Close() error { return o.store.Close() }
