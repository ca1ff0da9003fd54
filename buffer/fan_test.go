package buffer

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// fan is a data directory with several streams.
type fan struct {
	t    testing.TB
	fs   vfs.FS
	o    DirOptions
	dir  *Dir
	logs map[string]*Log
	dmg  []Damage
}

func newFan(t testing.TB, fsys vfs.FS, o DirOptions) *fan {
	x := &fan{t: t, fs: fsys, o: o}
	x.o.MinFree = -1
	x.o.Events.Damaged = func(_ string, d Damage) { x.dmg = append(x.dmg, d) }
	x.openDir()
	t.Cleanup(x.close)
	return x
}

func (x *fan) openDir() {
	x.t.Helper()
	var err error
	if x.dir, err = OpenDir(x.fs, x.o); err != nil {
		x.t.Fatal(err)
	}
	x.logs = map[string]*Log{}
}

func (x *fan) close() {
	if x.dir == nil {
		return
	}
	if err := x.dir.Close(); err != nil {
		x.t.Error(err)
	}
	x.dir = nil
}

func (x *fan) reopen() { x.close(); x.openDir() }

func (x *fan) log(name string, shards int) *Log {
	x.t.Helper()
	if l := x.logs[name]; l != nil {
		return l
	}
	l, err := x.dir.OpenLog(name, LogOptions{Shards: shards})
	if err != nil {
		x.t.Fatal(err)
	}
	x.logs[name] = l
	return l
}

// follow makes a stream follow another.
func (x *fan) follow(name, leader string, from Start) *Log {
	x.t.Helper()
	l := x.log(name, 1)
	if err := l.Follow(x.log(leader, 1), from); err != nil {
		x.t.Fatal(err)
	}
	return l
}

func (x *fan) append(l *Log, records ...string) {
	x.t.Helper()
	if _, err := l.Append(x.t.Context(), entries(records...)); err != nil {
		x.t.Fatal(err)
	}
}

// cut is a batch that was read and planned.
type cut struct {
	feed    Feed
	plan    Plan
	records []string
}

// more reports whether a feed has records that are not planned.
func more(f Feed) bool {
	k := f.(*feed).cursor
	k.shard.mu.Lock()
	defer k.shard.mu.Unlock()
	return k.state.next() <= k.upto().Records
}

// take reads what a feed has now, at most most records, and plans it; nothing
// if there is nothing.
func (x *fan) take(f Feed, most int) *cut {
	x.t.Helper()
	var c Chunk
	for c.Len() == 0 {
		if !more(f) {
			return nil
		}
		// What is left may be lost: then Next waits for what comes after it.
		ctx, cancel := context.WithTimeout(x.t.Context(), 50*time.Millisecond)
		err := f.Next(ctx, &c)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			x.t.Fatal(err)
		}
	}
	b := &cut{feed: f}
	for i := range min(c.Len(), most) {
		b.records = append(b.records, string(c.Bytes(i)))
	}
	b.plan = Plan{Feed: f.ID(), First: c.Position(0), Last: c.Position(len(b.records) - 1), Count: count(b.records),
		Oldest: time.Now().UTC(), Cut: time.Now().UTC(), Cause: CutFlush}
	if err := f.Plan(x.t.Context(), b.plan); err != nil {
		x.t.Fatal(err)
	}
	return b
}

func (x *fan) done(b *cut) {
	x.t.Helper()
	if err := b.feed.Done(x.t.Context(), b.plan, Outcome{Delivered: b.plan.Count}); err != nil {
		x.t.Fatal(err)
	}
}

// drain delivers what all feeds of a log have now.
func (x *fan) drain(l *Log) (records []string) {
	x.t.Helper()
	for _, f := range l.Feeds() {
		for _, p := range f.Unfinished() {
			r, err := f.Replay(p)
			if err != nil {
				x.t.Fatal(err)
			}
			got := readAll(x.t, r)
			records = append(records, got...)
			x.done(&cut{feed: f, plan: p, records: got})
		}
		for b := x.take(f, 1<<30); b != nil; b = x.take(f, 1<<30) {
			records = append(records, b.records...)
			x.done(b)
		}
	}
	return records
}

func (x *fan) expect(l *Log, want Ledger) {
	x.t.Helper()
	got := l.Ledger()
	if d := cmp.Diff(want, got); d != "" {
		x.t.Errorf("ledger of %s (-want +got):\n%s", l.stream, d)
	}
	if got.Gap() != 0 {
		x.t.Errorf("ledger of %s: gap %d", l.stream, got.Gap())
	}
}

// segments counts the files of a log.
func (x *fan) segments(l *Log) int {
	x.t.Helper()
	n := 0
	for _, s := range l.shards {
		names, err := x.fs.List(s.path + "/log")
		if err != nil {
			x.t.Fatal(err)
		}
		n += len(names)
	}
	return n
}

// fewer waits until at most so many segments are left.
func (x *fan) fewer(l *Log, most int) {
	x.t.Helper()
	for end := time.Now().Add(10 * time.Second); x.segments(l) > most; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("%d segments, want at most %d; held by %+v", x.segments(l), most, l.Holders())
		}
	}
}

func (x *fan) undamaged() {
	x.t.Helper()
	for _, d := range x.dmg {
		x.t.Errorf("damage: %v", d)
	}
}

const smallSegment = 4096 + 2000

func readAll(t testing.TB, r Reader) (records []string) {
	t.Helper()
	var c Chunk
	for {
		err := r.Next(t.Context(), &c)
		if err != nil {
			return records
		}
		for i := range c.Len() {
			records = append(records, string(c.Bytes(i)))
		}
	}
}
