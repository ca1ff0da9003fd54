package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/stream"
)

// trial runs records through a stream's transforms and its destination's
// writer, and sends nothing.
type trial struct {
	spec      stream.Spec
	to        sinks.Outputs
	decisions *decisions
	seq       uint64
	chunk     buffer.Chunk // reused
	rows      []int        // reused
}

// openTrial opens the destination, which talks to nobody.
func openTrial(spec stream.Spec, from map[string][]byte) (*trial, error) {
	d := &decisions{now: map[string][]byte{}}
	maps.Copy(d.now, from)
	to, err := spec.Open(d)
	if err != nil {
		return nil, fmt.Errorf("open destination: %w", err)
	}
	return &trial{spec: spec, to: to, decisions: d, seq: 1}, nil
}

func (t *trial) close() error { return t.to.Close() }

// run returns, for each record, why it would fail, or nil. The chunk that holds
// the records is used again by the next call.
func (t *trial) run(ctx context.Context, records [][]byte) ([]error, error) {
	for {
		why, err := t.once(ctx, records)
		if errors.Is(err, convert.ErrAgain) {
			continue // it knows more now
		}
		t.seq += uint64(len(records))
		return why, err
	}
}

func (t *trial) once(ctx context.Context, records [][]byte) ([]error, error) {
	now := time.Now()
	first := buffer.Position{Epoch: 1, Seq: t.seq}
	c := &t.chunk
	c.Reset(first)
	for _, r := range records {
		c.AppendCopy(r, now)
	}
	for _, transform := range t.spec.Transforms {
		if err := transform.Transform(ctx, c); err != nil {
			return nil, fmt.Errorf("transform records: %w", err)
		}
	}
	t.rows = t.rows[:0]
	for row := range c.Len() {
		if c.Pending(row) {
			t.rows = append(t.rows, row)
		}
	}
	w := t.to.Destination.Batch(&nowhere{})
	if err := w.Add(c, t.rows); err != nil {
		w.Abandon()
		return nil, fmt.Errorf("encode records: %w", err)
	}
	_, err := w.Seal(buffer.Plan{
		Feed: feed, First: first, Last: buffer.Position{Epoch: 1, Seq: t.seq + uint64(len(records)) - 1},
		Count: buffer.Count{Records: uint64(len(records))}, Oldest: now.UTC(), Cut: now.UTC(), Cause: buffer.CutFlush,
	})
	if err != nil {
		w.Abandon()
		return nil, fmt.Errorf("encode records: %w", err)
	}
	why := make([]error, len(records))
	c.Failures(func(row int, err error) { why[row] = err })
	return why, nil
}

// decisions are kept in memory, and start from those of the stream.
type decisions struct {
	mu  sync.Mutex
	now map[string][]byte
}

// Decide returns what is decided.
func (d *decisions) Decide(name string, decide func() ([]byte, error)) ([]byte, error) {
	return d.Revise(name, func(decided []byte) ([]byte, error) {
		if decided != nil {
			return decided, nil
		}
		return decide()
	})
}

// Revise changes what is decided.
func (d *decisions) Revise(name string, revise func([]byte) ([]byte, error)) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, err := revise(d.now[name])
	if err == nil {
		d.now[name] = text
	}
	return text, err
}

// feed is whose records these are, for writers that name things by it.
const feed = "trial"

// nowhere is a spool that keeps nothing.
type nowhere struct{ files int }

// Feed returns the feed of all trials.
func (n *nowhere) Feed() string { return feed }

func (n *nowhere) Create() (sinks.SpoolFile, error) {
	n.files++
	return &lost{name: strconv.Itoa(n.files)}, nil
}

type lost struct {
	name string
	size int64
}

func (l *lost) Write(p []byte) (int, error) {
	l.size += int64(len(p))
	return len(p), nil
}

func (l *lost) Finish() (sinks.Content, error) {
	return sinks.Content{File: l.name, Size: l.size, SHA256: fmt.Sprintf("%064d", 0)}, nil
}
