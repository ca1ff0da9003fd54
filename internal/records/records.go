// Package records reads records from objects, always the same in the same
// order: the lines of texts, plain or compressed, and the rows of Parquet files
// as JSON.
package records

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/container"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Record is one record of an object.
type Record struct {
	Data    []byte // valid until the next one is read; without its newline
	Number  int64  // of the line or the row, from 1
	TooLong bool   // it has more bytes than the reader allows, and Data only the first of them
}

// Reader reads the records of one object. It is used by one goroutine.
type Reader struct {
	name    string
	limit   int
	content object.Content
	source  source
	close   func() error // of what decompresses; nil: nothing does
	read    *atomic.Int64
}

// source cuts the content into records. It returns io.EOF behind the last.
type source interface {
	next() (Record, error)
}

// Open opens an object. limit is the most bytes of a record; read is told the
// bytes of the object that were read.
func Open(ctx context.Context, place object.Place, e object.Entry, limit int, read *atomic.Int64) (*Reader, error) {
	content, err := place.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	r := &Reader{name: e.Key, limit: limit, content: content, read: read}
	if err := r.open(ctx, e); err != nil {
		return nil, errors.Join(r.failed(err), content.Close())
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context, e object.Entry) error {
	again := &patient{ctx: ctx, ReaderAt: r.content}
	head := make([]byte, min(e.Size, container.HeadSize))
	if _, err := again.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	kind := container.Detect(head)
	if kind == container.Parquet {
		rows, err := newRows(again, e, r.read)
		r.source = rows
		return err
	}
	if kind != container.Plain && !kind.Compressed() {
		return fmt.Errorf("it is %s: only lines of text, compressed or not, and Parquet can be read", kind)
	}
	// Far away each read is a request: few large ones.
	plain := bufio.NewReaderSize(&counted{io.NewSectionReader(again, 0, e.Size), r.read}, 4<<20)
	content, err := container.NewReader(plain, kind)
	if err != nil {
		return fmt.Errorf("it begins as %s but is damaged: %w", kind, err)
	}
	r.close = content.Close
	r.source = &lines{r: bufio.NewReaderSize(content, 256<<10), limit: r.limit}
	return nil
}

// Next returns the next record, or io.EOF.
func (r *Reader) Next() (Record, error) {
	record, err := r.source.next()
	if err != nil && err != io.EOF {
		err = r.failed(err)
	}
	if len(record.Data) > r.limit {
		record.Data, record.TooLong = record.Data[:r.limit], true
	}
	return record, err
}

func (r *Reader) failed(err error) error {
	var storage *sinks.Error
	var disk *fs.PathError
	if errors.As(err, &storage) || errors.As(err, &disk) || errors.Is(err, object.ErrChanged) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("read %s: %w", r.name, err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends early, as if it was cut off")
	}
	return &damage{r.name, err}
}

// damage is what is wrong with the content of an object.
type damage struct {
	name string
	err  error
}

func (d *damage) Error() string { return fmt.Sprintf("read %s: %v", d.name, d.err) }
func (d *damage) Unwrap() error { return d.err }

// Damaged reports whether an error is about the content of an object: it will
// be the same when it is read again.
func Damaged(err error) bool {
	var d *damage
	return errors.As(err, &d)
}

// Close gives up the object.
func (r *Reader) Close() error {
	if r.close != nil {
		_ = r.close() // it repeats what Next said
	}
	return r.content.Close()
}

// lines cuts text. Empty lines are counted and left out.
type lines struct {
	r      *bufio.Reader
	limit  int
	number int64
	line   []byte // reused
}

func (l *lines) next() (Record, error) {
	for {
		l.line = l.line[:0]
		tooLong := false
		for {
			part, err := l.r.ReadSlice('\n')
			if room := l.limit + len("\r\n") - len(l.line); len(part) > room {
				part, tooLong = part[:max(room, 0)], true
			}
			l.line = append(l.line, part...)
			if err == nil {
				break
			}
			if err == io.EOF && len(l.line) > 0 {
				break
			}
			if err != bufio.ErrBufferFull {
				return Record{}, err
			}
		}
		l.number++
		if l.number == 1 {
			l.line = bytes.TrimPrefix(l.line, []byte("\xef\xbb\xbf"))
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(l.line, []byte("\n")), []byte("\r"))
		if len(line) > 0 {
			return Record{line, l.number, tooLong}, nil
		}
	}
}

type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
