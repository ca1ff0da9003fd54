package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/sinks"
)

// worker follows one feed for one stream. A record's way is collect → commit
// → send → settle; each step has one durable result, in this order: the plan,
// the spooled outputs with their manifest, the destination's copy, the
// checkpoint. A crash between any two is made good by resume.
type worker struct {
	stream *Stream
	feed   buffer.Feed
	spool  *spool

	chunk   buffer.Chunk // what was read last
	row     int          // the first row of it that no batch has yet
	lastCut time.Time
	open    *batch // being filled or sealed; nil: none

	flushing atomic.Bool // a cut was asked for and has not happened
	wake     atomic.Pointer[context.CancelCauseFunc]

	stop   context.Context // ends reading and waiting
	cancel context.CancelFunc
	grace  context.Context // ends tries that are under way
}

// run works until it is stopped, and returns what stopped it if that was not
// asked for. A stop cuts nothing: what is not planned yet is read again by the
// next start.
func (w *worker) run() error {
	w.stop, w.cancel = context.WithCancel(w.stop)
	defer w.cancel()
	inFlight := make(chan *sending, w.stream.spec.InFlight-1)
	var filled, settled error
	var both sync.WaitGroup
	both.Go(func() {
		defer close(inFlight)
		filled = contained(func() error {
			if err := w.resume(inFlight); err != nil {
				return err
			}
			return w.fill(inFlight)
		})
		filled = errors.Join(filled, w.abandon())
		w.cancel()
	})
	both.Go(func() {
		settled = contained(func() error { return w.settle(inFlight) })
		w.cancel()
	})
	both.Wait()
	for _, err := range []error{filled, settled} {
		if err != nil && !errors.Is(err, errStopped) {
			return err // the other only stopped because of it
		}
	}
	return nil
}

// contained turns a panic into an error: it costs this stream a restart, not
// every stream the process.
func contained(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// fill turns the feed into sealed batches and starts to send them.
func (w *worker) fill(inFlight chan<- *sending) error {
	for {
		b, cause, err := w.collect()
		if err != nil {
			return err
		}
		if err := w.commit(b, cause); err != nil {
			return err
		}
		w.open = nil
		if err := w.send(b.spool, inFlight); err != nil {
			return err
		}
	}
}

// begin opens a batch.
func (w *worker) begin(to sinks.Outputs) (*batch, error) {
	if err := w.abandon(); err != nil {
		return nil, err
	}
	dir, err := w.spool.create()
	if err != nil {
		return nil, err
	}
	w.open = newBatch(dir, to)
	return w.open, nil
}

// abandon drops the batch that is open, if there is one, whatever it ended by.
func (w *worker) abandon() error {
	b := w.open
	w.open = nil
	if b == nil {
		return nil
	}
	return b.abandon()
}

// collect reads and encodes records until the size or the interval says cut.
func (w *worker) collect() (*batch, buffer.Cause, error) {
	b, err := w.begin(w.stream.outputs)
	if err != nil {
		return nil, "", err
	}
	for b.size < w.stream.spec.Hints.Size {
		if w.row == w.chunk.Len() {
			err := w.next(b)
			if cause := cutBy(err); cause != "" && !b.empty() {
				return b, cause, nil
			} else if cause != "" {
				continue // nothing to cut
			}
			if err != nil {
				return nil, "", err
			}
		}
		if b.empty() {
			b.due = time.Now().Add(w.stream.spec.Hints.Interval)
		}
		if w.row, err = b.add(&w.chunk, w.row, w.stream.spec.Hints.Size); err != nil {
			return nil, "", err
		}
	}
	return b, buffer.CutSize, nil
}

// errFlush ends a wait for records because someone asked for a cut.
var errFlush = errors.New("flush")

// cutBy translates the end of a wait into the cause of a cut.
func cutBy(err error) buffer.Cause {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return buffer.CutInterval
	case errors.Is(err, errFlush):
		return buffer.CutFlush
	}
	return ""
}

// next reads the following chunk and transforms it. It waits no longer than
// until the batch is due.
func (w *worker) next(b *batch) error {
	ctx, cancel := w.flushable()
	defer cancel(nil)
	if !b.empty() {
		if !time.Now().Before(b.due) {
			return context.DeadlineExceeded // more may be waiting, but the time is up
		}
		var done context.CancelFunc
		ctx, done = context.WithDeadline(ctx, b.due)
		defer done()
	}
	w.row = 0
	w.chunk.Reset(buffer.Position{})
	if err := w.feed.Next(ctx, &w.chunk); err != nil {
		w.chunk.Reset(buffer.Position{})
		switch {
		case w.stop.Err() != nil:
			return errStopped
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return context.Cause(ctx)
		}
		return fmt.Errorf("read buffer: %w", err)
	}
	return w.transform(&w.chunk)
}

// flush asks for a cut of what the worker has read so far.
func (w *worker) flush() {
	w.flushing.Store(true)
	if wake := w.wake.Load(); wake != nil {
		(*wake)(errFlush)
	}
}

// flushable returns a context that ends when flush is called, or was called
// since the last time.
func (w *worker) flushable() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(w.stop)
	w.wake.Store(&cancel)
	if w.flushing.Swap(false) {
		cancel(errFlush)
	}
	return ctx, cancel
}

// transform runs the chunk through the stream's transforms. One that does not
// work is tried again until it does: nothing may pass it untransformed.
func (w *worker) transform(c *buffer.Chunk) error {
	for _, t := range w.stream.spec.Transforms {
		for attempt := 1; ; attempt++ {
			err := t.Transform(w.stop, c)
			if err == nil {
				break
			}
			select {
			case <-w.stop.Done():
				return errStopped
			case <-time.After(backoff(attempt)):
			}
		}
	}
	return nil
}

// commit makes the batch durable: first what it is, then what it became.
func (w *worker) commit(b *batch, cause buffer.Cause) error {
	if now := time.Now().UTC(); now.After(w.lastCut) {
		w.lastCut = now
	}
	p := buffer.Plan{
		Feed: w.feed.ID(), First: b.first, Last: b.last, Count: b.count, Oldest: b.oldest,
		Cut: w.lastCut, Cause: cause, Config: w.stream.spec.Hash,
	}
	fault.Point("K5")
	if err := w.feed.Plan(w.grace, p); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	w.stream.events.cut(w.stream.Name(), p)
	fault.Point("K6")
	err := b.seal(p, w.stream.spec.Snapshot)
	if errors.Is(err, convert.ErrAgain) {
		err = w.again(b, p)
	}
	if err != nil {
		return err
	}
	fault.Point("K7")
	return nil
}

// again gives the records of a planned batch to a new writer: from the one
// before it has learnt how to encode them.
func (w *worker) again(b *batch, p buffer.Plan) error {
	d, err := w.encode(p, w.stream.outputs, w.stream.spec.Snapshot)
	b.spool = d
	return err
}
