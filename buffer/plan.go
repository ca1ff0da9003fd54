package buffer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// feed is one user's view of a shard: the shard knows what is planned and
// done, the feed how far it has read.
type feed struct {
	follower
	unfinished []Plan
}

// feed returns a view that starts after the last plan.
func (s *shard) feed() *feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &feed{
		follower:   follower{shard: s, seq: s.state.next()},
		unfinished: slices.Clone(s.state.Plans),
	}
}

// ID returns incarnation/stream id/shard.
func (f *feed) ID() string { return f.shard.id }

// Unfinished returns the plans that were made and not done.
func (f *feed) Unfinished() []Plan { return f.unfinished }

// Plan makes the boundaries of a batch durable.
func (f *feed) Plan(ctx context.Context, p Plan) error { return f.shard.plan(ctx, p) }

// Done makes durable that the oldest plan is settled, and lets the segments
// go that hold nothing else.
func (f *feed) Done(ctx context.Context, p Plan, o Outcome) error { return f.shard.done(ctx, p, o) }

// Replay reads the records of a plan again.
func (f *feed) Replay(p Plan) (interface {
	Reader
	io.Closer
}, error) {
	return &replay{follower{shard: f.shard, seq: p.First.Seq, until: p.Last.Seq}}, nil
}

type replay struct{ follower }

// Close has nothing to release.
func (r *replay) Close() error { return nil }

func (s *shard) plan(ctx context.Context, p Plan) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.commit(func(c *checkpoint) error {
		if err := s.checkPlan(c, p); err != nil {
			return err
		}
		c.Plans = append(c.Plans, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("make plan %v: %w", p.ID(), err)
	}
	fault.Point("K6")
	return nil
}

// checkPlan refuses a plan that would leave out records: they would count as
// settled and never be delivered. The caller holds mu.
func (s *shard) checkPlan(c *checkpoint, p Plan) error {
	next := c.next()
	switch {
	case p.Feed != s.id:
		return fmt.Errorf("it is of feed %s, this is %s", p.Feed, s.id)
	case p.First.Seq > next:
		return fmt.Errorf("it leaves out records %d to %d", next, p.First.Seq-1)
	case p.First.Seq < next:
		return fmt.Errorf("it starts at record %d, but the log is planned up to %d", p.First.Seq, next-1)
	case p.Last.Seq < p.First.Seq || p.Last.Seq > s.synced.Records:
		return fmt.Errorf("it ends at record %d, the log has %d to %d", p.Last.Seq, next, s.synced.Records)
	}
	records := p.Last.Seq - p.First.Seq + 1
	for _, l := range c.Losses {
		if l.First >= p.First.Seq && l.Last <= p.Last.Seq {
			records -= l.records()
		}
	}
	if p.Count.Records != records {
		return fmt.Errorf("it counts %d records, between its positions are %d", p.Count.Records, records)
	}
	return nil
}

func (s *shard) done(ctx context.Context, p Plan, o Outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if fault.Bug("delete-before-checkpoint") {
		s.deleteEarly(p.Last.Seq)
	}
	err := s.commit(func(c *checkpoint) error {
		if len(c.Plans) == 0 || c.Plans[0].ID() != p.ID() {
			return fmt.Errorf("it is not the oldest of the %d plans under way", len(c.Plans))
		}
		c.released = c.Plans[0].Count
		c.Plans = c.Plans[1:]
		c.Settled = p.Last
		c.Outcome.Delivered = c.Outcome.Delivered.Add(o.Delivered)
		c.Outcome.Failed = c.Outcome.Failed.Add(o.Failed)
		c.Outcome.Dropped = c.Outcome.Dropped.Add(o.Dropped)
		c.Losses = slices.DeleteFunc(c.Losses, func(l loss) bool {
			over := l.Last <= p.Last.Seq
			if over && l.Late {
				c.released = c.released.Sub(Count{l.records(), l.Bytes})
			}
			return over
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("finish plan %v: %w", p.ID(), err)
	}
	if s.log.pressed() {
		s.relieve()
	}
	signal(s.chores)
	return nil
}

// deleteEarly is a mistake to plant: a crash after it, and before the
// checkpoint, makes settled records look lost.
func (s *shard) deleteEarly(seq uint64) {
	s.mu.Lock()
	var paths []string
	for _, g := range s.segs {
		if g.closed && g.last.Records <= seq {
			paths = append(paths, g.path)
		}
	}
	s.mu.Unlock()
	s.report(s.remove(paths))
}

// oldest returns when the oldest record that is not settled arrived.
func (s *shard) oldest() time.Time {
	s.mu.Lock()
	seq, end := s.state.through()+1, s.synced.Records
	if n := len(s.state.Plans); n > 0 {
		t := s.state.Plans[0].Oldest
		s.mu.Unlock()
		return t
	}
	s.mu.Unlock()
	if seq > end {
		return time.Time{}
	}
	g := s.holding(seq)
	if g == nil {
		return time.Time{}
	}
	s.mu.Lock()
	from, limit := g.nearest(seq), g.end
	s.mu.Unlock()
	file, err := s.log.dir.fs.Open(g.path)
	if err != nil {
		return time.Time{} // it was deleted meanwhile, or reading it will report why
	}
	defer file.Close() // nothing was written
	w := walker{sc: segment.NewScanner(file, g.id, from.off, limit), next: from.seq}
	for {
		f, off, err := w.frame()
		if err != nil {
			return time.Time{}
		}
		if f.Type == segment.Data && f.Seq+uint64(f.Count) > seq {
			return time.UnixMilli(f.Arrival).UTC()
		}
		w.pass(f, off)
	}
}
