package stream

import (
	"errors"
	"fmt"
	"io"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/sinks"
)

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
	return w.encode(p, to, snapshot)
}

// encode seals the records of a plan as they are read from the feed, and again
// as long as that teaches the writer how to encode them. Nothing of what is
// encoded in vain was sent: sending comes after the manifest.
func (w *worker) encode(p buffer.Plan, to sinks.Outputs, snapshot []byte) (*spoolDir, error) {
	for {
		d, err := w.encodeOnce(p, to, snapshot)
		if !errors.Is(err, convert.ErrAgain) {
			return d, err
		}
	}
}

func (w *worker) encodeOnce(p buffer.Plan, to sinks.Outputs, snapshot []byte) (*spoolDir, error) {
	b, err := w.begin(to)
	if err != nil {
		return nil, err
	}
	r, err := w.feed.Replay(p)
	if err != nil {
		return nil, fmt.Errorf("read planned records: %w", err)
	}
	defer r.Close()
	var c buffer.Chunk
	for {
		if err := r.Next(w.stop, &c); err == io.EOF {
			break
		} else if w.stop.Err() != nil {
			return nil, errStopped
		} else if err != nil {
			return nil, fmt.Errorf("read planned records: %w", err)
		}
		if err := w.transform(&c); err != nil {
			return nil, err
		}
		if _, err := b.add(&c, 0, 1<<62); err != nil {
			return nil, err
		}
	}
	if err := b.seal(p, snapshot); err != nil {
		return nil, err
	}
	w.open = nil
	return b.spool, nil
}
