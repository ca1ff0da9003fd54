package stream

import (
	"errors"
	"fmt"
	"io"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/sinks"
)

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
		s.err = contained(func() error { return w.deliver(d) })
	}()
	return nil
}

// settle waits for the batches in their order and checkpoints them. After a
// failure the batches behind it are left to the next start.
func (w *worker) settle(inFlight <-chan *sending) error {
	for s := range inFlight {
		if !fault.Bug("checkpoint-before-send") { // a mistake that tests plant
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
		sink := to.Destination
		switch {
		case p.Failed:
			sink = to.Errors
		case p.Backup:
			sink = to.Backup
		}
		send := delivery{stream: w.stream, sink: sink, failedType: to.FailedType, plan: m.Plan, stop: w.stop}
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
func (w *worker) reject(d *spoolDir, to sinks.Outputs, rejected []rejection) error {
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
	out := to.Errors.Batch(d)
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
	if fault.Bug("delete-before-checkpoint") { // a mistake that tests plant
		if err := d.remove(); err != nil {
			return err
		}
	}
	if err := w.feed.Done(w.grace, m.Plan, m.Outcome); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	w.stream.done(m.Plan, m.Outcome)
	return d.remove()
}
