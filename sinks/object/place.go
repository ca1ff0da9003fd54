package object

import (
	"context"
	"errors"
	"io"
	"time"
)

// Entry is an object as a listing describes it.
type Entry struct {
	Key      string    `json:"key"`
	Size     int64     `json:"size"`
	Tag      string    `json:"tag"` // another one when the content is another: an ETag, a time
	Modified time.Time `json:"-"`
}

// Place is where objects are read: a bucket or a folder. It may be used
// concurrently.
type Place interface {
	// List calls f for the objects whose keys begin with prefix, always in the
	// same order, until f returns an error.
	List(ctx context.Context, prefix string, f func(Entry) error) error
	// Folders returns the prefixes below a prefix: what follows it up to the
	// next slash, and all before.
	Folders(ctx context.Context, prefix string) ([]string, error)
	// Open reads an object that was listed. Reads end when ctx is done, and
	// fail with ErrChanged if there is another object by now.
	Open(ctx context.Context, e Entry) (Content, error)
	// String names it as people write it: s3://bucket, /folder.
	String() string
	Close() error
}

// Content is an open object. It may be read concurrently.
type Content interface {
	io.ReaderAt
	io.Closer
}

// ErrChanged says that an object is not the one that was listed.
var ErrChanged = errors.New("it was replaced or deleted since it was listed")
