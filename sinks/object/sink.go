// Package object makes objects from batches: their names, their bytes and
// their headers. Where they go is the business of a [Store]: packages s3 and
// file.
package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Store keeps objects.
type Store interface {
	// Put stores an object and never overwrites one. It returns nil if the
	// store holds the object, be it from an earlier attempt. It tries once;
	// errors are *sinks.Error. It may be called concurrently.
	Put(ctx context.Context, o *Object) error
	// Probe says in a line what was found at the other end.
	Probe(ctx context.Context) (string, error)
	// Close releases connections.
	Close() error
}

// Object is a file on its way into a store.
type Object struct {
	Key             string
	ID              string // identity of its records: stored beside it when the store can
	Size            int64
	SHA256          string // hex
	ContentType     string
	ContentEncoding string // "" for none
	Body            io.ReaderAt
}

// ConflictKey is where an object goes when another one, with other content,
// has its key. It is the same on every attempt.
func (o *Object) ConflictKey() string {
	return o.Key + ".conflict-" + o.SHA256[:min(16, len(o.SHA256))]
}

// Layout says what is in the objects of a stream and how they are called.
type Layout struct {
	Names       *Names
	Format      convert.Format
	Compression compress.Format
}

// Sink delivers batches as objects. See [New].
type Sink struct {
	layout Layout
	pool   *compress.Pool
	failed bool // it is the error output
	store  *shared
	closed atomic.Bool
}

var (
	_ sinks.Sink   = (*Sink)(nil)
	_ sinks.Prober = (*Sink)(nil)
)

// New makes the sink for a stream's objects and the one for its error output.
// They share the store, which is closed with the second of them.
func New(store Store, layout Layout) (destination, errorOutput *Sink) {
	s := &shared{Store: store, users: 2}
	destination = &Sink{layout: layout, pool: compress.NewPool(layout.Compression), store: s}
	errorOutput = &Sink{layout: layout, pool: compress.NewPool(compress.Uncompressed), store: s, failed: true}
	return destination, errorOutput
}

// Batch starts a batch.
func (s *Sink) Batch(spool sinks.Spool) sinks.Writer {
	if s.failed {
		return &errorWriter{sink: s, spool: spool}
	}
	return &writer{sink: s, spool: spool}
}

var errClosed = errors.New("the destination is closed")

// Send puts the object into the store.
func (s *Sink) Send(ctx context.Context, p *sinks.Payload) error {
	if s.closed.Load() {
		return &sinks.Error{Op: "put object", Reason: "closed", Err: errClosed}
	}
	o := Object{
		Key:             p.Name,
		ID:              p.ID,
		Size:            p.Size,
		SHA256:          p.SHA256,
		ContentType:     p.Headers["Content-Type"],
		ContentEncoding: p.Headers["Content-Encoding"],
		Body:            p.Body,
	}
	if fault.Bug("name-from-clock") {
		o.Key += fmt.Sprint("-", time.Now().UnixNano())
	}
	return s.store.Put(ctx, &o)
}

// Probe asks the store.
func (s *Sink) Probe(ctx context.Context) (string, error) {
	if s.closed.Load() {
		return "", &sinks.Error{Op: "probe", Reason: "closed", Err: errClosed}
	}
	return s.store.Probe(ctx)
}

// Close gives up the store.
func (s *Sink) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.store.leave()
}

// shared is a store with two users.
type shared struct {
	Store
	mu    sync.Mutex
	users int
}

func (s *shared) leave() error {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return s.Close()
}
