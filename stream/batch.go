package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// batch is the run of records between two cuts on its way through the sink's
// writer into the spool.
type batch struct {
	spool  *spoolDir
	main   sinks.Writer // for the destination
	failed sinks.Writer // for the error output

	first, last buffer.Position
	oldest      time.Time
	count       buffer.Count   // all records
	outcome     buffer.Outcome // where they went
	size        int64          // bytes that go to the destination, before encoding
	due         time.Time      // when the interval ends; set with the first record

	rows, bad []int // scratch
}

func newBatch(spool *spoolDir, to outputs) *batch {
	return &batch{spool: spool, main: to.destination.Batch(spool), failed: to.errors.Batch(spool)}
}

func (b *batch) empty() bool { return b.count.Records == 0 }

// add takes records of c, from row on, until the batch has reached its size,
// and returns the first row it left.
func (b *batch) add(c *buffer.Chunk, row int, hint int64) (next int, err error) {
	first := row
	b.rows = b.rows[:0]
	for ; row < c.Len() && (b.size < hint || b.empty()); row++ {
		n := len(c.Bytes(row))
		if b.empty() {
			b.first = c.Position(row)
			b.oldest = time.UnixMilli(c.ArrivalMillis(row)).UTC()
		}
		b.count.Records++
		b.count.Bytes += uint64(n)
		if c.Pending(row) {
			b.rows = append(b.rows, row)
			b.size += int64(n)
		}
	}
	b.last = c.Position(row - 1)
	if len(b.rows) > 0 {
		if err := b.main.Add(c, b.rows); err != nil {
			return row, fmt.Errorf("encode records: %w", err)
		}
	}
	return row, b.settle(c, first, row)
}

// settle counts where the rows went and hands the failed ones to the error
// output.
func (b *batch) settle(c *buffer.Chunk, first, end int) error {
	b.rows, b.bad = b.rows[:0], b.bad[:0]
	for row := first; row < end; row++ {
		one := buffer.Count{Records: 1, Bytes: uint64(len(c.Bytes(row)))}
		switch {
		case c.Pending(row):
			b.rows = append(b.rows, row)
			b.outcome.Delivered = b.outcome.Delivered.Add(one)
		case c.Dropped(row):
			b.outcome.Dropped = b.outcome.Dropped.Add(one)
		default:
			b.bad = append(b.bad, row)
			b.outcome.Failed = b.outcome.Failed.Add(one)
		}
	}
	c.Deliver(b.rows)
	if len(b.bad) == 0 {
		return nil
	}
	if err := b.failed.Add(c, b.bad); err != nil {
		return fmt.Errorf("write error output: %w", err)
	}
	return nil
}

// seal finishes the outputs and makes them durable, with their names.
func (b *batch) seal(p buffer.Plan, snapshot []byte) error {
	payloads, err := b.main.Seal(p)
	if err != nil {
		return fmt.Errorf("seal batch: %w", err)
	}
	errs, err := b.failed.Seal(p)
	if err != nil {
		return fmt.Errorf("seal error output: %w", err)
	}
	for i := range errs {
		errs[i].Failed = true
	}
	return b.spool.seal(&manifest{Plan: p, Payloads: append(payloads, errs...), Outcome: b.outcome, Snapshot: snapshot})
}

// abandon drops what was encoded; the records are still in the feed.
func (b *batch) abandon() error {
	b.main.Abandon()
	b.failed.Abandon()
	return b.spool.abandon()
}

// outputs are the two places a stream's records can go.
type outputs struct {
	destination sinks.Sink
	errors      sinks.Sink
}

func (o outputs) close() error { return errors.Join(o.destination.Close(), o.errors.Close()) }
