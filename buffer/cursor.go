package buffer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// cursor is the place of one stream in a shard: what it has planned, what is
// settled and where that went. The shard's own stream has one, and so has
// every stream that follows it. A segment is deleted when all have passed it.
type cursor struct {
	shard   *shard
	stream  string // whose place it is; for events
	home    string // streams/<id> of that stream
	id      string // Feed.ID
	spool   string // name of the spool of its feed
	journal *journal
	of      *following    // nil: the shard's own
	grown   chan struct{} // to Next: more is durable

	state    checkpoint // as in the journal
	buffered Count      // counted apart from the outcomes
}

// newCursor returns the place of the stream with the directory home, whose
// journal is in the directory where.
func newCursor(s *shard, stream, home, where string) *cursor {
	k := &cursor{shard: s, stream: stream, home: home, grown: make(chan struct{}, 1)}
	h := s.header(segment.KindJournal, 0, 0)
	h.Stream, _ = decodeID(path.Base(home)) // made or checked by the directory
	k.journal = newJournal(s.log.dir, path.Join(where, "journal"), h)
	return k
}

// load reads the journal. There may be none (fs.ErrNotExist) or only a damaged
// one (errNoCheckpoint). That is copied for the operator and stays where it is
// until a good one takes its place: without any, nobody would know that there
// is a follower.
func (k *cursor) load() error {
	d := k.shard.log.dir
	if err := removeIfThere(d.fs, k.journal.path+".new"); err != nil {
		return err
	}
	c, err := readJournal(d.fs, k.journal.path, k.journal.header, k.damaged)
	if errors.Is(err, errNoCheckpoint) {
		x := Damage{File: k.journal.path, Reason: err.Error()}
		if x.Quarantine, err = k.keepJournal(); err != nil {
			x.Reason += "; it could not be copied: " + err.Error()
		}
		k.damaged(x)
		return errNoCheckpoint
	}
	k.state = c
	return err
}

// keepJournal copies the journal to the quarantine.
func (k *cursor) keepJournal() (name string, err error) {
	fsys, dir := k.shard.log.dir.fs, path.Join(k.home, "quarantine")
	text, err := readWhole(fsys, k.journal.path)
	if err != nil {
		return "", err
	}
	if err := makeDir(fsys, dir); err != nil {
		return "", err
	}
	if name, err = freeName(fsys, path.Join(dir, k.spool+"-journal")); err != nil {
		return "", err
	}
	if err := replaceFile(fsys, name, text); err != nil {
		return "", err
	}
	return name, nil
}

// save makes durable what load has read: it may be in the page cache only.
func (k *cursor) save() error {
	err := k.commit(func(c *checkpoint) error { c.Owner++; return nil })
	if errors.Is(err, ErrFull) {
		// Nothing can be planned before an entry fits, but a full disk is no
		// reason not to start: space may come back at any time. Then we go on
		// from the entry that is there, so it has to be durable.
		k.shard.report(err)
		return k.journal.save()
	}
	return err
}

func (k *cursor) damaged(d Damage) { k.shard.log.dir.o.Events.damaged(k.stream, d) }

// commit changes the state: first on disk, then in memory.
func (k *cursor) commit(change func(*checkpoint) error) error {
	k.journal.turn <- struct{}{}
	defer func() { <-k.journal.turn }()
	return k.commitInTurn(change)
}

// commitInTurn is commit for who has the journal's turn.
func (k *cursor) commitInTurn(change func(*checkpoint) error) error {
	s := k.shard
	if k.journal.stopped {
		return ErrClosed
	}
	s.mu.Lock()
	c := k.state.clone()
	err := change(&c)
	c.Generation++
	if n := len(s.segs); n > 0 {
		c.High = high{Segment: s.segs[n-1].id, End: s.segs[n-1].end, Accepted: s.synced}
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := k.journal.write(c); err != nil {
		return refuse("write checkpoint", err)
	}
	s.mu.Lock()
	k.buffered = k.buffered.Sub(c.released)
	c.released = Count{}
	switch {
	case c.End != nil && k.state.End == nil: // what came meanwhile is not its any more
		k.buffered = k.buffered.Sub(s.synced.Sub(*c.End))
	case c.End == nil && k.state.End != nil:
		k.buffered = k.buffered.Add(s.synced.Sub(*k.state.End))
	}
	k.state = c
	s.mu.Unlock()
	return nil
}

// upto returns what was accepted up to the end of what is to be delivered. The
// caller holds shard.mu.
func (k *cursor) upto() Count {
	if k.state.End != nil {
		return *k.state.End
	}
	return k.shard.synced
}

// finished reports whether the cursor has reached its end: it needs nothing of
// the log any more, and only its account is of interest. The caller holds
// shard.mu.
func (k *cursor) finished() bool {
	return k.state.End != nil && k.state.through() >= k.state.End.Records
}

// enter puts a cursor that is new, or finished, where a follower begins, which
// is never before its end. The place holds the log from this moment on, also
// against a deletion under way; the caller makes it durable. The caller holds
// shard.mu and has the journal's turn.
func (k *cursor) enter(from Start) {
	s, c := k.shard, &k.state
	at, epoch := s.synced, uint64(0)
	for _, g := range s.segs {
		if from == Oldest && !g.doomed {
			at = g.start
			break
		}
		epoch = g.id
	}
	if c.End != nil && c.End.Records > at.Records {
		at, epoch = *c.End, c.Settled.Epoch
	}
	done := c.Outcome.Delivered.Add(c.Outcome.Failed).Add(c.Outcome.Dropped).Add(c.Lost)
	c.Skipped = at.Sub(done)
	c.Settled = Position{Epoch: epoch, Seq: at.Records}
	c.End, c.Losses, c.Plans = nil, nil, nil
	k.buffered = s.synced.Sub(at)
}

// leave ends the cursor behind what is accepted now.
func (k *cursor) leave() error {
	k.shard.mu.Lock()
	left := k.state.End != nil
	k.shard.mu.Unlock()
	if left {
		return nil
	}
	return k.commit(func(c *checkpoint) error {
		end := k.shard.synced
		c.End = &end
		return nil
	})
}

func (k *cursor) ledger() Ledger {
	k.shard.mu.Lock()
	defer k.shard.mu.Unlock()
	o := k.state.Outcome
	return Ledger{
		Accepted:  k.upto().Sub(k.state.Skipped),
		Delivered: o.Delivered, Failed: o.Failed, Dropped: o.Dropped, Lost: k.state.Lost, Buffered: k.buffered,
	}
}

// plan makes the boundaries of a batch durable.
func (k *cursor) plan(p Plan) error {
	err := k.commit(func(c *checkpoint) error {
		if err := k.checkPlan(c, p); err != nil {
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
func (k *cursor) checkPlan(c *checkpoint, p Plan) error {
	next, end := c.next(), k.upto().Records
	switch {
	case p.Feed != k.id:
		return fmt.Errorf("it is of feed %s, this is %s", p.Feed, k.id)
	case p.First.Seq > next:
		return fmt.Errorf("it leaves out records %d to %d", next, p.First.Seq-1)
	case p.First.Seq < next:
		return fmt.Errorf("it starts at record %d, but the log is planned up to %d", p.First.Seq, next-1)
	case p.Last.Seq < p.First.Seq || p.Last.Seq > end:
		return fmt.Errorf("it ends at record %d, the log has %d to %d", p.Last.Seq, next, end)
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

// done makes durable that the oldest plan is settled.
func (k *cursor) done(p Plan, o Outcome) error {
	s := k.shard
	if fault.Bug("delete-before-checkpoint") {
		s.deleteEarly(p.Last.Seq)
	}
	err := k.commit(func(c *checkpoint) error {
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

// lose makes durable that records are lost, unless that is known. It returns
// what is new of it.
func (k *cursor) lose(l loss) (lost loss, err error) {
	err = k.commit(func(c *checkpoint) error {
		if end := k.upto().Records; l.Last > end { // the rest is not its
			l.Bytes, l.Last = share(l.Bytes, end+1-l.First, l.records()), end
		}
		c.lose(l)
		return nil
	})
	signal(k.shard.chores) // it may have been the last that somebody waited for
	return l, err
}

// knows reports whether a loss is in the account already.
func (k *cursor) knows(l loss) bool {
	k.shard.mu.Lock()
	defer k.shard.mu.Unlock()
	if l.Last <= k.state.Settled.Seq {
		return true
	}
	return slices.ContainsFunc(k.state.Losses, func(x loss) bool { return x.First <= l.First && l.Last <= x.Last })
}

// countBuffered counts what is not settled, from the segments alone unless
// damage hides where it starts.
func (k *cursor) countBuffered() (Count, error) {
	s, c := k.shard, &k.state
	settled, end := c.Settled.Seq, k.upto()
	if settled >= end.Records {
		return Count{}, nil
	}
	left := Count{Records: end.Records - settled}
	before := c.settledCount().Bytes
	if g := s.holding(settled + 1); g != nil && settled+1 >= g.first() {
		within, known, err := bytesWithin(s.log.dir.fs, g, settled+1)
		if err != nil {
			return Count{}, err
		}
		if known {
			before = g.start.Bytes + within
		}
	}
	left.Bytes = less(end.Bytes, before)
	for _, l := range c.Losses {
		left.Records = less(left.Records, l.records())
		left.Bytes = less(left.Bytes, l.Bytes)
	}
	return left, nil
}

// oldest returns when the oldest record that is not settled arrived.
func (k *cursor) oldest() time.Time {
	s := k.shard
	s.mu.Lock()
	seq, end := k.state.through()+1, k.upto().Records
	if n := len(k.state.Plans); n > 0 {
		t := k.state.Plans[0].Oldest
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
