package backfill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/records"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Records returns what reads the inputs of a backfill at a place.
func Records(place object.Place) func(context.Context, job.Input, *atomic.Int64) (job.Records, error) {
	return func(ctx context.Context, in job.Input, read *atomic.Int64) (job.Records, error) {
		r, err := records.Open(ctx, place, in.Entry, job.MaxRecord, read)
		if err != nil {
			return nil, skipped(in.Key, err)
		}
		return &whole{in.Key, r}, nil
	}
}

// whole are all records of an input.
type whole struct {
	key string
	r   *records.Reader
}

func (w *whole) Next() ([]byte, error) {
	r, err := w.r.Next()
	switch {
	case err == io.EOF:
		return nil, err
	case err != nil:
		return nil, skipped(w.key, err)
	case r.TooLong:
		return nil, &job.Skipped{Where: fmt.Sprintf("%s:%d", w.key, r.Number), Why: errTooLong}
	}
	return r.Data, nil
}

var errTooLong = fmt.Errorf("it has more than %d bytes", job.MaxRecord)

// skipped tells damage, which stays, from a storage that does not answer.
func skipped(key string, err error) error {
	if records.Damaged(err) {
		return &job.Skipped{Where: key, Why: errors.Unwrap(err), End: true}
	}
	return err
}

func (w *whole) Close() error { return w.r.Close() }
