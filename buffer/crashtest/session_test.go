package crashtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// stream is the stream every test writes to.
const stream = "orders"

// session is one life of a process with a log: what it does, and the history
// of what it was told.
type session struct {
	fs      *crashfs.FS
	history *history
	luck    *rand.Rand
	options buffer.DirOptions
	shards  int  // of the log
	shard   int  // the one this session knows of
	sick    bool // the disk has faults: what the log refuses is tried again

	dir  *buffer.Dir
	log  *buffer.Log
	feed buffer.Feed

	beside []*session // others that read the same records

	acted   int           // faults that did something
	waiting int           // acknowledged records that were not read
	read    []arrived     // read and not in a plan
	plans   []buffer.Plan // not done
	cut     int64         // of the last plan

	mu     sync.Mutex
	damage []buffer.Damage
}

// arrived is a record with what a plan needs to know of it.
type arrived struct {
	record
	arrival int64
}

func newSession(fsys *crashfs.FS, h *history, luck *rand.Rand) *session {
	s := &session{fs: fsys, history: h, luck: luck, shards: 1}
	s.options = buffer.DirOptions{
		SegmentSize: 4096 + 1500, // a roll every few appends
		JournalSize: 4096 + 2500, // and every few plans
		MinFree:     -1,
		Events:      buffer.Events{Damaged: s.damaged},
	}
	return s
}

func (s *session) damaged(_ string, d buffer.Damage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damage = append(s.damage, d)
}

// open recovers the log.
func (s *session) open() error {
	dir, err := buffer.OpenDir(s.fs, s.options)
	if err != nil {
		return err
	}
	if s.log, err = dir.OpenLog(stream, buffer.LogOptions{Shards: s.shards}); err != nil {
		return errors.Join(err, dir.Close())
	}
	s.dir = dir
	return s.follow()
}

// follow takes the feed.
func (s *session) follow() error {
	feeds := s.log.Feeds()
	if len(feeds) != s.shards {
		return fmt.Errorf("%d feeds, want %d", len(feeds), s.shards)
	}
	s.feed = feeds[s.shard]
	return nil
}

// observe looks at a log of one shard that was just opened.
func (s *session) observe() error {
	truth, err := s.look()
	if err != nil {
		return err
	}
	if err := checkLedger(s.log.Ledger(), truth); err != nil {
		return err
	}
	return s.undamaged()
}

// look reads the shard to its end, which it marks with an append, compares it
// with the history, and makes it the new start of the history.
func (s *session) look() (*state, error) {
	var end call
	err := s.insist(func() (err error) { end, err = s.append(1); return err })
	if err != nil {
		return nil, err
	}
	return s.lookUpTo(end)
}

// lookUpTo looks at a shard whose last record was just appended.
func (s *session) lookUpTo(end call) (*state, error) {
	f := found{plans: s.feed.Unfinished()}
	s.read, s.plans = nil, f.plans
	for _, p := range f.plans {
		records, err := s.replay(p)
		if err != nil {
			return nil, fmt.Errorf("replay plan %v: %w", p.ID(), err)
		}
		f.records = append(f.records, records...)
		s.cut = max(s.cut, p.Cut.UnixMilli())
	}
	for last := -1; last != end.first; {
		if err := s.next(); err != nil {
			return nil, err
		}
		last = s.read[len(s.read)-1].n
	}
	s.waiting = 0
	for _, r := range s.read {
		f.records = append(f.records, r.record)
	}
	truth, err := s.history.expect().check(f)
	if err != nil {
		return nil, err
	}
	s.history.rebase(truth)
	return truth, nil
}

func (s *session) undamaged() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.damage) > 0 {
		return fmt.Errorf("damage was reported, and there is none: %v", s.damage[0])
	}
	return nil
}

func (s *session) replay(p buffer.Plan) (records []record, err error) {
	r, err := s.feed.Replay(p)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if records, err = readAll(r, nil); err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, errors.New("it gives no record")
	}
	var bytes uint64
	for _, r := range records {
		bytes += uint64(len(payload(r.n)))
	}
	got := buffer.Plan{First: records[0].pos, Last: records[len(records)-1].pos, Count: buffer.Count{Records: uint64(len(records)), Bytes: bytes}}
	if got.First != p.First || got.Last != p.Last || got.Count != p.Count {
		return nil, fmt.Errorf("it gives %v to %v, %+v, want %v to %v, %+v", got.First, got.Last, got.Count, p.First, p.Last, p.Count)
	}
	return records, nil
}

// readAll reads up to the end, or up to a record that is the last.
func readAll(r buffer.Reader, last func(n int) bool) (records []record, err error) {
	ctx, cancel := patience()
	defer cancel()
	var c buffer.Chunk
	for {
		if err := r.Next(ctx, &c); err == io.EOF {
			return records, nil
		} else if err != nil {
			return records, fmt.Errorf("read: %w", err)
		}
		got, err := readChunk(&c)
		if err != nil {
			return records, err
		}
		for _, x := range got {
			records = append(records, x.record)
		}
		if last != nil && last(records[len(records)-1].n) {
			return records, nil
		}
	}
}

// patience is for calls that must not hang. An hour passes at once in a
// bubble where nothing moves.
func patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Hour)
}

func readChunk(c *buffer.Chunk) ([]arrived, error) {
	got := make([]arrived, c.Len())
	for i := range got {
		n, err := identify(c.Bytes(i))
		if err != nil {
			return nil, fmt.Errorf("at %v: %w", c.Position(i), err)
		}
		got[i] = arrived{record{n, c.Position(i)}, c.ArrivalMillis(i)}
	}
	return got, nil
}

// append hands in count records in one call.
func (s *session) append(count int) (call, error) {
	c := call{first: int(s.history.numbers.Add(int64(count))) - count, count: count}
	var e buffer.Entries
	for i := range count {
		e.Add(payload(c.first + i))
	}
	s.say(event{kind: handed, call: c})
	ctx, cancel := patience()
	defer cancel()
	pos, err := s.log.Append(ctx, &e)
	if err != nil {
		return c, fmt.Errorf("append %d records: %w", count, err)
	}
	s.say(event{kind: acked, call: c, pos: pos})
	return c, nil
}

// say tells what the outside world learns of the log's records.
func (s *session) say(e event) {
	s.history.say(e)
	for _, x := range s.beside {
		x.history.say(e)
	}
}

// appendSome hands in records from several goroutines.
func (s *session) appendSome() error {
	writers := 1 + s.luck.IntN(3)
	errs := make([]error, writers)
	counts := make([]int, writers)
	var wg sync.WaitGroup
	for i := range writers {
		counts[i] = 1 + s.luck.IntN(5)
		wg.Go(func() { _, errs[i] = s.append(counts[i]) })
	}
	wg.Wait()
	for i, n := range counts {
		if errs[i] == nil {
			s.waiting += n
		}
	}
	return errors.Join(errs...)
}

// next reads one chunk.
func (s *session) next() error {
	var c buffer.Chunk
	ctx, cancel := patience()
	defer cancel()
	if err := s.feed.Next(ctx, &c); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	got, err := readChunk(&c)
	if err != nil {
		return err
	}
	if len(got) == 0 {
		return errors.New("read: an empty chunk")
	}
	if n := len(s.read); n > 0 && got[0].pos.Seq != s.read[n-1].pos.Seq+1 {
		return fmt.Errorf("read: %v follows %v", got[0].pos, s.read[n-1].pos)
	}
	s.read = append(s.read, got...)
	s.waiting -= len(got)
	return nil
}

// plan makes a plan of the first count records that were read.
func (s *session) plan(count int) error {
	batch := s.read[:count]
	p := buffer.Plan{
		Feed: s.feed.ID(), First: batch[0].pos, Last: batch[len(batch)-1].pos,
		Cause: buffer.CutSize, Config: "c0ffee",
	}
	oldest := batch[0].arrival
	for _, r := range batch {
		oldest = min(oldest, r.arrival)
		p.Count = p.Count.Add(buffer.Count{Records: 1, Bytes: uint64(len(payload(r.n)))})
	}
	p.Oldest = time.UnixMilli(oldest).UTC()
	s.cut = max(s.cut+1, time.Now().UnixMilli())
	p.Cut = time.UnixMilli(s.cut).UTC()
	s.history.say(event{kind: planning, plan: p})
	if err := s.insist(func() error { return s.feed.Plan(context.Background(), p) }); err != nil {
		return err
	}
	s.history.say(event{kind: planned, plan: p})
	s.read = s.read[len(batch):]
	s.plans = append(s.plans, p)
	return nil
}

// done settles the oldest plan.
func (s *session) done() error {
	p := s.plans[0]
	one := buffer.Count{Records: 1, Bytes: 1}
	o := buffer.Outcome{Delivered: p.Count}
	if p.Count.Records > 2 && p.Count.Bytes > 2 {
		o = buffer.Outcome{Delivered: p.Count.Sub(one).Sub(one), Failed: one, Dropped: one}
	}
	s.history.say(event{kind: settling, plan: p})
	if err := s.insist(func() error { return s.feed.Done(context.Background(), p, o) }); err != nil {
		return err
	}
	s.history.say(event{kind: settled, plan: p})
	s.plans = s.plans[1:]
	return nil
}

// insist tries again what a sick disk refuses, as the engine does. The disk
// gets well at last.
func (s *session) insist(try func() error) error {
	err := try()
	for n := 0; err != nil && s.sick && isRefusal(err); n++ {
		if n == 3 {
			s.heal()
		}
		if n == 60 {
			return fmt.Errorf("a minute after the disk got well: %w", err)
		}
		time.Sleep(time.Second)
		err = try()
	}
	return err
}

// isRefusal reports whether an error is one of those the log promises.
func isRefusal(err error) bool {
	return errors.Is(err, buffer.ErrFull) || errors.Is(err, buffer.ErrFailing)
}

// heal makes the disk well again.
func (s *session) heal() {
	s.acted += s.fs.Heal()
	s.fs.SetCapacity(1 << 40)
}

// step does something that makes sense now.
func (s *session) step() error {
	switch x := s.luck.IntN(100); {
	case x < 40:
		return s.appendSome()
	case x < 60 && s.waiting > 0:
		return s.next()
	case x < 75 && len(s.read) > 0:
		return s.plan(1 + s.luck.IntN(len(s.read)))
	case x < 92 && len(s.plans) > 0:
		return s.done()
	case x < 94 && len(s.plans) > 0:
		_, err := s.replay(s.plans[s.luck.IntN(len(s.plans))])
		return err
	case x < 96:
		time.Sleep(time.Second) // the log writes that it is idle
	case x < 98:
		return s.reopen()
	}
	return nil
}

// reopen stops the process and starts it again.
func (s *session) reopen() error {
	if err := s.close(); err != nil && !s.sick {
		return err
	}
	s.dir = nil
	if err := s.open(); err != nil {
		return err
	}
	return s.observe()
}

func (s *session) close() error {
	if err := s.dir.Close(); err != nil {
		return err
	}
	if n := s.fs.OpenHandles(); n > 0 {
		return fmt.Errorf("%d files are open after Close", n)
	}
	return nil
}

// abandon ends the goroutines of a session that has failed.
func (s *session) abandon() {
	if s.dir != nil {
		s.dir.Close()
	}
}
