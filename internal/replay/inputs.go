package replay

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/failed"
	"github.com/hydrant-dev/hydrant/internal/job"
)

// Open returns what reads the inputs of a replay.
func Open(o *failed.Output) func(context.Context, job.Input, *atomic.Int64) (job.Records, error) {
	return func(ctx context.Context, in job.Input, read *atomic.Int64) (job.Records, error) {
		lines, err := o.OpenLines(ctx, in.Entry, read)
		if err != nil {
			return nil, err
		}
		return &chosen{in, lines, in.Lines.Count()}, nil
	}
}

// chosen are the records in the lines of an input that were planned.
type chosen struct {
	in    job.Input
	lines *failed.Lines
	left  int64
}

func (c *chosen) Next() ([]byte, error) {
	if c.left == 0 {
		return nil, io.EOF
	}
	data, line, err := c.lines.Next(c.in.Lines.Has)
	if err == io.EOF {
		return nil, fmt.Errorf("read %s: it ends before the lines that were planned", c.in.Key)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s:%d: %w; it could be read when the replay was planned", c.in.Key, line, err)
	}
	c.left--
	return data, nil
}

func (c *chosen) Close() error { return c.lines.Close() }
