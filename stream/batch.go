package stream

import (
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
	backup sinks.Writer // for all records; nil: none

	first, last buffer.Position
	oldest      time.Time
	count       buffer.Count   // all records
	outcome     buffer.Outcome // where they went
	size        int64          // bytes that go to the destination, before encoding
	due         time.Time      // when the interval ends; set with the first record

	rows, bad []int // scratch
}

func newBatch(spool *spoolDir, to sinks.Outputs) *batch {
	b := &batch{spool: spool, main: to.Destination.Batch(spool), failed: to.Errors.Batch(spool)}
	if to.Backup != nil {
		b.backup = to.Backup.Batch(spool)
	}
	return b
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
	if err := b.keep(c, first, row); err != nil {
		return row, err
	}
	if len(b.rows) > 0 {
		if err := b.main.Add(c, b.rows); err != nil {
			return row, fmt.Errorf("encode records: %w", err)
		}
	}
	return row, b.settle(c, first, row)
}

// keep hands the rows to the backup, whatever becomes of them.
func (b *batch) keep(c *buffer.Chunk, first, end int) error {
	if b.backup == nil {
		return nil
	}
	b.bad = b.bad[:0]
	for row := first; row < end; row++ {
		b.bad = append(b.bad, row)
	}
	if err := b.backup.Add(c, b.bad); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
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
	payloads = append(payloads, errs...)
	if b.backup != nil {
		backup, err := b.backup.Seal(p)
		if err != nil {
			return fmt.Errorf("seal backup: %w", err)
		}
		for i := range backup {
			backup[i].Backup = true
		}
		payloads = append(payloads, backup...)
	}
	return b.spool.seal(&manifest{Plan: p, Payloads: payloads, Outcome: b.outcome, Snapshot: snapshot})
}

// abandon drops what was encoded; the records are still in the feed.
func (b *batch) abandon() error {
	b.main.Abandon()
	b.failed.Abandon()
	if b.backup != nil {
		b.backup.Abandon()
	}
	return b.spool.abandon()
}
