package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/parquet-go/parquet-go"

	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// bucket is a bucket in a MinIO of its own.
type bucket struct {
	server *servers.MinIOServer
	name   string
	borrow *borrowed
}

// openBucket starts a server with an empty bucket.
func openBucket(s settings) (b *bucket, err error) {
	t := &borrowed{dir: s.dir}
	err = t.try(func() {
		b = &bucket{server: servers.MinIO(t), name: "bench", borrow: t}
		b.server.Bucket(b.name)
	})
	if err != nil {
		t.end()
		return nil, err
	}
	return b, nil
}

func (b *bucket) close() { b.borrow.end() }

// start starts the server again after b.server.Stop.
func (b *bucket) start() error { return b.borrow.try(b.server.Start) }

// records counts those of all objects.
func (b *bucket) records(ctx context.Context, form objectForm) (n int64, err error) {
	client := b.server.Client()
	for object := range client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return 0, fmt.Errorf("list bucket: %w", object.Err)
		}
		body, err := client.GetObject(ctx, b.name, object.Key, minio.GetObjectOptions{})
		if err != nil {
			return 0, fmt.Errorf("get %s: %w", object.Key, err)
		}
		var records int64
		if form == parquetObjects {
			records, err = rowsOf(body, object.Size)
		} else {
			records, err = linesOf(body)
		}
		body.Close()
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", object.Key, err)
		}
		n += records
	}
	return n, nil
}

// rowsOf counts the rows of a Parquet file, as its footer has them.
func rowsOf(r io.ReaderAt, size int64) (int64, error) {
	f, err := parquet.OpenFile(r, size)
	if err != nil {
		return 0, err
	}
	return f.NumRows(), nil
}

// linesOf counts the lines of a GZIP object.
func linesOf(r io.Reader) (n int64, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for {
		got, err := z.Read(buf)
		n += int64(bytes.Count(buf[:got], []byte("\n")))
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// borrowed lets this program use the servers that tests use: it is as much of
// a testing.TB as they need.
type borrowed struct {
	testing.TB // nil: anything else would panic
	dir        string
	cleanups   []func()
}

// failure is what Fatalf and its kin panic with.
type failure struct{ error }

// try runs f, which may call Fatalf.
func (t *borrowed) try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

func (t *borrowed) end() {
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		last()
	}
}

func (t *borrowed) Helper()                        {}
func (t *borrowed) Cleanup(f func())               { t.cleanups = append(t.cleanups, f) }
func (t *borrowed) Fatal(args ...any)              { panic(failure{fmt.Errorf("%s", fmt.Sprint(args...))}) }
func (t *borrowed) Fatalf(format string, a ...any) { panic(failure{fmt.Errorf(format, a...)}) }
func (t *borrowed) Skipf(format string, a ...any)  { t.Fatalf(format, a...) }

func (t *borrowed) TempDir() string {
	dir, err := os.MkdirTemp(t.dir, "server-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
