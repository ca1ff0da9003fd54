// Package failed reads the error output of streams: the records that could not
// be converted, or that a destination would not take, and why.
package failed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/progress"
	"github.com/hydrant-dev/hydrant/internal/records"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Output is the error output of one stream.
type Output struct {
	Stream string
	object.ErrorOutput
	taken *job.Taken // by replays
}

// storing is a destination, or the backup beside it, that keeps failed records.
type storing interface {
	ErrorOutput(stream string) (object.ErrorOutput, error)
}

// parted is a destination whose failed records are kept by one of its parts.
type parted interface{ Parts() map[string]any }

// Open returns the error output that a stream's configuration names. jobs tell
// what was replayed of it. It talks to nobody.
func Open(c *configs.Stream, jobs []*job.Job) (*Output, error) {
	config := any(c.Destination.Config)
	s, ok := config.(storing)
	if p, isParted := config.(parted); !ok && isParted {
		s, ok = p.Parts()["s3_backup"].(storing)
	}
	if !ok {
		return nil, fmt.Errorf("stream %s: its destination %s has no error output that can be read", c.Name, c.Destination.Kind)
	}
	o, err := s.ErrorOutput(c.Name)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", c.Name, err)
	}
	return &Output{c.Name, o, job.Take(jobs, job.Replay, c.Name, o.Place.String())}, nil
}

// Record is a failed record.
type Record struct {
	Object string // key of the object it is in
	Line   int64  // of the object, from 1
	Type   string // of the failure: "processing-failed"
	object.ErrorRecord
	Replayed bool // some replay has taken it
}

// Garbage is a line of an object that is no error record, or a whole object.
type Garbage struct {
	Object string
	Line   int64 // 0: the object
	Why    error
}

func (g Garbage) String() string {
	if g.Line == 0 {
		return fmt.Sprintf("%s: %v", g.Object, g.Why)
	}
	return fmt.Sprintf("%s:%d: %v", g.Object, g.Line, g.Why)
}

// Visitor is told what is found, in the order of the listing.
type Visitor struct {
	Record func(e object.Entry, r *Record) error
	// Garbage is told about what is no error record.
	Garbage func(g Garbage)
}

// Progress is how much was looked at. It may be read while Read works.
type Progress struct {
	Objects, Records, Bytes atomic.Int64
}

// Status says how much was looked at.
func (p *Progress) Status(time.Duration) progress.Status {
	return progress.Status{Text: fmt.Sprintf("looked at %s  %s  %s", progress.Counted(p.Objects.Load(), "object", "objects"),
		progress.Counted(p.Records.Load(), "record", "records"), progress.Size(p.Bytes.Load()))}
}

// longestLine is far more than the line of the largest record.
const longestLine = 32 << 20

// Read visits the records that f matches. Lines that are no error records, and
// objects that end early, are told to v.Garbage and passed over: what can be
// read is read.
func (o *Output) Read(ctx context.Context, f *Filter, p *Progress, v Visitor) error {
	err := o.Each(ctx, func(e object.Entry, errorType string) error {
		if !f.mayHold(e, errorType) {
			return nil
		}
		p.Objects.Add(1)
		return o.readObject(ctx, e, errorType, f, p, v)
	})
	if err != nil {
		return fmt.Errorf("read error output of %s in %s: %w", o.Stream, o.Place, err)
	}
	return nil
}

// readObject visits the records of one object.
func (o *Output) readObject(ctx context.Context, e object.Entry, errorType string, f *Filter, p *Progress, v Visitor) error {
	garbage := func(line int64, why error) { v.Garbage(Garbage{e.Key, line, why}) }
	if e.Size == 0 {
		return nil
	}
	r, err := records.Open(ctx, o.Place, e, longestLine, &p.Bytes)
	if err != nil {
		return o.damaged(ctx, err, garbage)
	}
	defer r.Close() // nothing was written
	replayed := o.taken.Lines(e)
	for {
		line, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return o.damaged(ctx, err, garbage)
		}
		if line.TooLong {
			garbage(line.Number, fmt.Errorf("it is longer than %d bytes", longestLine))
			continue
		}
		record, err := object.ReadErrorLine(line.Data)
		if err != nil {
			garbage(line.Number, err)
			continue
		}
		found := &Record{Object: e.Key, Line: line.Number, Type: typeOf(errorType, record), ErrorRecord: *record,
			Replayed: replayed.Has(line.Number)}
		p.Records.Add(1)
		if !f.Match(found) {
			continue
		}
		if err := v.Record(e, found); err != nil {
			return err
		}
	}
}

// damaged tells an object that is at fault from a storage that is.
func (o *Output) damaged(ctx context.Context, err error, garbage func(int64, error)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, object.ErrChanged) {
		garbage(0, object.ErrChanged) // someone cleans up
		return nil
	}
	if records.Damaged(err) {
		garbage(0, err)
		return nil
	}
	return err
}

// typeOf is what the key says, or else what the form of the line does.
func typeOf(key string, r *object.ErrorRecord) string {
	switch {
	case key != "":
		return key
	case r.Converted:
		return "format-conversion-failed"
	}
	return "unknown"
}
