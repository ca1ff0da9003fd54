package buffer

import (
	"context"
	"io"
	"slices"
)

// feed is one user's view of a shard: the cursor knows what is planned and
// done, the feed how far it has read.
type feed struct {
	reader
	unfinished []Plan
}

// feed returns a view that starts after the last plan.
func (k *cursor) feed() *feed {
	k.shard.mu.Lock()
	defer k.shard.mu.Unlock()
	return &feed{
		reader:     reader{cursor: k, shard: k.shard, seq: k.state.next()},
		unfinished: slices.Clone(k.state.Plans),
	}
}

// ID returns incarnation/stream id/shard, or incarnation/stream id/id of the
// stream that is followed/shard.
func (f *feed) ID() string { return f.cursor.id }

// Unfinished returns the plans that were made and not done.
func (f *feed) Unfinished() []Plan { return f.unfinished }

// Plan makes the boundaries of a batch durable.
func (f *feed) Plan(ctx context.Context, p Plan) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.cursor.plan(p)
}

// Done makes durable that the oldest plan is settled, and lets the segments
// go that nobody needs any more.
func (f *feed) Done(ctx context.Context, p Plan, o Outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.cursor.done(p, o)
}

// Replay reads the records of a plan again.
func (f *feed) Replay(p Plan) (interface {
	Reader
	io.Closer
}, error) {
	return &replay{reader{cursor: f.cursor, shard: f.shard, seq: p.First.Seq, until: p.Last.Seq}}, nil
}

type replay struct{ reader }

// Close has nothing to release.
func (r *replay) Close() error { return nil }
