package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
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

	flushing atomic.Bool // a cut was asked for and has not happened
	wake     atomic.Pointer[context.CancelCauseFunc]

	stop   context.Context // ends reading and waiting
	cancel context.CancelFunc
	grace  context.Context // ends tries that are under way
}

// run works until it is stopped. A stop cuts nothing: what is not planned yet
// is read again by the next start.
func (w *worker) run() error {
	inFlight := make(chan *sending, w.stream.spec.InFlight-1)
	w.stop, w.cancel = context.WithCancel(w.stop)
	defer w.cancel()
	var g *errgroup.Group
	g, w.stop = errgroup.WithContext(w.stop)
	g.Go(contained(func() error {
		defer close(inFlight)
		if err := w.resume(inFlight); err != nil {
			return err
		}
		return w.fill(inFlight)
	}))
	g.Go(contained(func() error { return w.settle(inFlight) }))
	if err := g.Wait(); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// contained turns a panic into an error: it costs this stream a restart, not
// every stream the process.
func contained(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("internal error: %v\n%s", r, debug.Stack())
			}
		}()
		return f()
	}
}

// fill turns the feed into sealed batches and starts to send them.
func (w *worker) fill(inFlight chan<- *sending) error {
	for {
		b, cause, err := w.collect()
		if err != nil {
			return err
		}
		if err := w.commit(b, cause); err != nil {
			return errors.Join(err, b.abandon())
		}
		if err := w.send(b.spool, inFlight); err != nil {
			return err
		}
	}
}

// collect reads and encodes records until the size or the interval says cut.
func (w *worker) collect() (*batch, buffer.Cause, error) {
	dir, err := w.spool.create()
	if err != nil {
		return nil, "", err
	}
	b := newBatch(dir, w.stream.outputs)
	for b.size < w.stream.spec.Hints.Size {
		if w.row == w.chunk.Len() {
			err := w.next(b)
			if cause := cutBy(err); cause != "" && !b.empty() {
				return b, cause, nil
			} else if cause != "" {
				continue // nothing to cut
			}
			if err != nil {
				return nil, "", errors.Join(err, b.abandon())
			}
		}
		if b.empty() {
			b.due = time.Now().Add(w.stream.spec.Hints.Interval)
		}
		if w.row, err = b.add(&w.chunk, w.row, w.stream.spec.Hints.Size); err != nil {
			return nil, "", errors.Join(err, b.abandon())
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
	if err := b.seal(p, w.stream.spec.Snapshot); err != nil {
		return err
	}
	fault.Point("K7")
	return nil
}

// sending is a batch on its way. Err holds the result once it is over.
type sending struct {
	spool *spoolDir
	over  chan struct{}
	err   error
}

// send starts to deliver a sealed batch as soon as there is room among those
// in flight; settle waits for it.
func (w *worker) send(d *spoolDir, inFlight chan<- *sending) error {
	s := &sending{spool: d, over: make(chan struct{})}
	select {
	case inFlight <- s:
	case <-w.stop.Done():
		return errStopped
	}
	go func() {
		defer close(s.over)
		s.err = contained(func() error { return w.deliver(d) })()
	}()
	return nil
}

// settle waits for the batches in their order and checkpoints them. After a
// failure the batches behind it are left to the next start.
func (w *worker) settle(inFlight <-chan *sending) error {
	for s := range inFlight {
		if !fault.Bug("checkpoint-before-send") {
			<-s.over
		}
		if s.err != nil {
			return w.leave(inFlight, s.err)
		}
		if err := w.done(s.spool); err != nil {
			return w.leave(inFlight, err)
		}
	}
	return nil
}

// leave waits for the batches behind a failed one without checkpointing them.
func (w *worker) leave(inFlight <-chan *sending, err error) error {
	w.cancel()
	for s := range inFlight {
		<-s.over
	}
	return err
}

// deliver sends the payloads of a sealed batch, then what the destination
// would not take to the error output.
func (w *worker) deliver(d *spoolDir) error {
	m := d.manifest
	to, err := w.stream.outputsFor(m)
	if err != nil {
		return err
	}
	var rejected []rejection
	for i := range m.Payloads {
		p := m.Payloads[i]
		body, err := d.body(&p)
		if err != nil {
			return fmt.Errorf("open spool file: %w", err)
		}
		p.Body = body
		sink := to.destination
		if p.Failed {
			sink = to.errors
		}
		send := delivery{stream: w.stream, sink: sink, plan: m.Plan, stop: w.stop}
		bad, err := send.deliver(w.grace, &p)
		body.Close()
		if err != nil {
			return errors.Join(errStopped, err)
		}
		rejected = append(rejected, bad...)
		fault.Point("K10")
	}
	if len(rejected) == 0 {
		return nil
	}
	if err := w.reject(d, to, rejected); err != nil {
		return err
	}
	return w.deliver(d)
}

// reject turns records the destination would not take into payloads of the
// error output, and makes that durable: on a restart they are not offered to
// the destination again.
func (w *worker) reject(d *spoolDir, to outputs, rejected []rejection) error {
	p, o := d.manifest.Plan, d.manifest.Outcome
	why := make(map[uint64]*buffer.Failure, len(rejected))
	for i := range rejected {
		why[rejected[i].seq] = &rejected[i].fail
	}
	r, err := w.feed.Replay(p)
	if err != nil {
		return fmt.Errorf("read rejected records: %w", err)
	}
	defer r.Close()
	out := to.errors.Batch(d)
	var c buffer.Chunk
	for {
		if err := r.Next(w.grace, &c); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("read rejected records: %w", err)
		}
		var rows []int
		for row := range c.Len() {
			f, ok := why[c.Position(row).Seq]
			if !ok {
				continue
			}
			c.Fail(row, f)
			rows = append(rows, row)
			one := buffer.Count{Records: 1, Bytes: uint64(len(c.Bytes(row)))}
			o.Delivered, o.Failed = o.Delivered.Sub(one), o.Failed.Add(one)
		}
		if len(rows) > 0 {
			if err := out.Add(&c, rows); err != nil {
				return fmt.Errorf("write error output: %w", err)
			}
		}
	}
	payloads, err := out.Seal(p)
	if err != nil {
		return fmt.Errorf("seal error output: %w", err)
	}
	for i := range payloads {
		payloads[i].Failed = true
	}
	return d.seal(&manifest{Plan: p, Payloads: payloads, Outcome: o, Snapshot: d.manifest.Snapshot, Rejected: true})
}

// done checkpoints a delivered batch and forgets its spool.
func (w *worker) done(d *spoolDir) error {
	fault.Point("K9")
	m := d.manifest
	if err := w.feed.Done(w.grace, m.Plan, m.Outcome); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	w.stream.done(m.Plan, m.Outcome)
	return d.remove()
}

// resume finishes what an earlier run had planned, unchanged: from the spool
// when its manifest was durable, else from the records again. Without a
// manifest nothing had been sent.
func (w *worker) resume(inFlight chan<- *sending) error {
	plans := w.feed.Unfinished()
	spooled, err := w.spool.recover(plans)
	if err != nil {
		return err
	}
	for _, p := range plans {
		if w.lastCut.Before(p.Cut) {
			w.lastCut = p.Cut
		}
		fault.Point("K13")
		d := spooled[p.ID()]
		if d == nil || d.verify() != nil {
			if d, err = w.redo(p, d); err != nil {
				return err
			}
		}
		if err := w.send(d, inFlight); err != nil {
			return err
		}
	}
	return nil
}

// redo seals a plan's records again. damaged is its spool if there was a
// manifest but not all of the content; then something may have been sent, and
// the configuration of that time decides.
func (w *worker) redo(p buffer.Plan, damaged *spoolDir) (*spoolDir, error) {
	to, snapshot := w.stream.outputs, w.stream.spec.Snapshot
	if damaged != nil {
		var err error
		if to, err = w.stream.outputsFor(damaged.manifest); err != nil {
			return nil, err
		}
		snapshot = damaged.manifest.Snapshot
		if err := damaged.remove(); err != nil {
			return nil, err
		}
	}
	d, err := w.spool.create()
	if err != nil {
		return nil, err
	}
	r, err := w.feed.Replay(p)
	if err != nil {
		return nil, fmt.Errorf("read planned records: %w", err)
	}
	defer r.Close()
	b := newBatch(d, to)
	var c buffer.Chunk
	for {
		if err := r.Next(w.stop, &c); err == io.EOF {
			break
		} else if w.stop.Err() != nil {
			return nil, errors.Join(errStopped, b.abandon())
		} else if err != nil {
			return nil, errors.Join(fmt.Errorf("read planned records: %w", err), b.abandon())
		}
		if err := w.transform(&c); err != nil {
			return nil, errors.Join(err, b.abandon())
		}
		if _, err := b.add(&c, 0, 1<<62); err != nil {
			return nil, errors.Join(err, b.abandon())
		}
	}
	if err := b.seal(p, snapshot); err != nil {
		return nil, errors.Join(err, b.abandon())
	}
	return d, nil
}
