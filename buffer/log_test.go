package buffer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newFS(t testing.TB) vfs.FS {
	t.Helper()
	fsys, err := vfs.OS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// rig is a data directory with one stream, which can be opened again.
type rig struct {
	t       testing.TB
	fs      vfs.FS
	o       DirOptions
	lo      LogOptions
	dir     *Dir
	feed    Feed // the first
	log     *Log
	mu      sync.Mutex
	damages []Damage
	failed  []error
}

func newRig(t testing.TB, o DirOptions) *rig {
	r := &rig{t: t, fs: newFS(t), o: o}
	r.o.MinFree = -1
	r.o.Events.Damaged = func(_ string, d Damage) {
		r.mu.Lock()
		r.damages = append(r.damages, d)
		r.mu.Unlock()
	}
	r.o.Events.SegmentFailed = func(_ string, err error) {
		r.mu.Lock()
		r.failed = append(r.failed, err)
		r.mu.Unlock()
	}
	r.open()
	t.Cleanup(r.close)
	return r
}

func (r *rig) open() {
	r.t.Helper()
	var err error
	if r.dir, err = OpenDir(r.fs, r.o); err != nil {
		r.t.Fatal(err)
	}
	if r.log, err = r.dir.OpenLog("clicks", r.lo); err != nil {
		r.t.Fatal(err)
	}
	r.feed = r.log.Feeds()[0]
}

func (r *rig) close() {
	if r.dir == nil {
		return
	}
	if err := r.dir.Close(); err != nil {
		r.t.Error(err)
	}
	r.dir = nil
}

func (r *rig) reopen() {
	r.t.Helper()
	r.close()
	r.open()
}

func (r *rig) append(records ...string) Position {
	r.t.Helper()
	pos, err := r.log.Append(r.t.Context(), entries(records...))
	if err != nil {
		r.t.Fatal(err)
	}
	return pos
}

func entries(records ...string) *Entries {
	var e Entries
	for _, x := range records {
		e.Add([]byte(x))
	}
	return &e
}

// read reads n records from the first feed.
func (r *rig) read(n int) (records []string, first, last Position) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	var c Chunk
	for len(records) < n {
		if err := r.feed.Next(ctx, &c); err != nil {
			r.t.Fatalf("after %d of %d records: %v", len(records), n, err)
		}
		for i := range c.Len() {
			if len(records) == 0 {
				first = c.Position(i)
			}
			last = c.Position(i)
			records = append(records, string(c.Bytes(i)))
		}
	}
	return records, first, last
}

func (r *rig) plan(first, last Position, records []string) Plan {
	r.t.Helper()
	f := r.feed
	p := Plan{Feed: f.ID(), First: first, Last: last, Count: count(records), Oldest: time.Now().UTC(), Cut: time.Now().UTC(), Cause: CutFlush}
	if err := f.Plan(r.t.Context(), p); err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) done(p Plan) {
	r.t.Helper()
	if err := r.feed.Done(r.t.Context(), p, Outcome{Delivered: p.Count}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) deliver(n int) []string {
	r.t.Helper()
	records, first, last := r.read(n)
	r.done(r.plan(first, last, records))
	return records
}

func (r *rig) checkLedger(want Ledger) {
	r.t.Helper()
	got := r.log.Ledger()
	if d := cmp.Diff(want, got); d != "" {
		r.t.Errorf("ledger (-want +got):\n%s", d)
	}
	if got.Gap() != 0 {
		r.t.Errorf("gap %d in %+v", got.Gap(), got)
	}
}

func count(records []string) Count {
	var c Count
	for _, x := range records {
		c = c.Add(Count{1, uint64(len(x))})
	}
	return c
}

func numbered(from, to int) []string {
	var s []string
	for i := from; i <= to; i++ {
		s = append(s, fmt.Sprintf("record %d %s", i, "xxxxxxxxxxxxxxxxxxxxxxxx"[:i%20]))
	}
	return s
}

func diff(t testing.TB, what string, want, got []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestAppendedRecordsAreReadInOrder(t *testing.T) {
	r := newRig(t, DirOptions{})
	want := numbered(1, 1000)
	for i := 0; i < len(want); i += 10 {
		pos := r.append(want[i : i+10]...)
		if pos.Seq != uint64(i+1) {
			t.Fatalf("append %d: position %v", i, pos)
		}
	}
	got, _, _ := r.read(1000)
	diff(t, "records", want, got)
	r.checkLedger(Ledger{Accepted: count(want), Buffered: count(want)})
}

func TestRecordsSurviveReopening(t *testing.T) {
	r := newRig(t, DirOptions{SegmentSize: 8 << 10})
	want := numbered(1, 2000)
	for i := 0; i < len(want); i += 10 {
		r.append(want[i : i+10]...)
		if i%500 == 0 {
			r.reopen()
		}
	}
	r.reopen()
	got, _, _ := r.read(len(want))
	diff(t, "records", want, got)
	r.checkLedger(Ledger{Accepted: count(want), Buffered: count(want)})
	if len(r.damages) > 0 {
		t.Errorf("damages: %v", r.damages)
	}
}

func TestSettledSegmentsAreDeleted(t *testing.T) {
	r := newRig(t, DirOptions{SegmentSize: 8 << 10})
	want := numbered(1, 2000)
	for i := 0; i < len(want); i += 10 {
		r.append(want[i : i+10]...)
	}
	full := r.log.Size()
	for n := 0; n < 2000; {
		n += len(r.deliver(1))
	}
	r.reopen()
	if size := r.log.Size(); size > 3*(8<<10) {
		t.Errorf("%d of %d bytes are left", size, full)
	}
	r.checkLedger(Ledger{Accepted: count(want), Delivered: count(want)})
	r.append("next")
	got, _, _ := r.read(1)
	diff(t, "after all was delivered", []string{"next"}, got)
}

func TestUnfinishedPlansComeBackUnchanged(t *testing.T) {
	r := newRig(t, DirOptions{SegmentSize: 8 << 10})
	want := numbered(1, 600)
	for i := 0; i < len(want); i += 10 {
		r.append(want[i : i+10]...)
	}
	// Settle a plan that ends in the middle of a frame, leave another open.
	f := r.feed
	var c Chunk
	if err := f.Next(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	n := c.Len()
	first := r.plan(c.Position(0), c.Position(13), want[:14])
	second := r.plan(c.Position(14), c.Position(n-1), want[14:n])
	r.done(first)
	r.checkLedger(Ledger{Accepted: count(want), Delivered: count(want[:14]), Buffered: count(want[14:])})
	r.reopen()
	r.checkLedger(Ledger{Accepted: count(want), Delivered: count(want[:14]), Buffered: count(want[14:])})
	f = r.feed
	if d := cmp.Diff([]Plan{second}, f.Unfinished()); d != "" {
		t.Fatalf("unfinished plans (-want +got):\n%s", d)
	}
	again, err := f.Replay(second)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		err := again.Next(t.Context(), &c)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Len() {
			got = append(got, string(c.Bytes(i)))
		}
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	diff(t, "replayed", want[14:n], got)
	rest, _, _ := r.read(600 - n)
	diff(t, "after the plan", want[n:], rest)
	r.done(second)
	r.checkLedger(Ledger{Accepted: count(want), Delivered: count(want[:n]), Buffered: count(want[n:])})
}

func TestOldestIsTheFirstRecordNotDone(t *testing.T) {
	r := newRig(t, DirOptions{})
	if got := r.log.Oldest(); !got.IsZero() {
		t.Errorf("empty log: oldest %v", got)
	}
	before := time.Now().Truncate(time.Millisecond)
	r.append("a")
	if got := r.log.Oldest(); got.Before(before) || got.After(time.Now()) {
		t.Errorf("oldest %v, want now", got)
	}
	r.deliver(1)
	if got := r.log.Oldest(); !got.IsZero() {
		t.Errorf("all done: oldest %v", got)
	}
}

func TestFewerShardsLaterDrainTheOthers(t *testing.T) {
	r := newRig(t, DirOptions{})
	r.close()
	r.lo.Shards = 3
	r.open()
	for range 6 {
		r.append("x")
	}
	r.close()
	r.lo.Shards = 1
	r.open()
	if n := len(r.log.Feeds()); n != 3 {
		t.Fatalf("%d feeds, want 3", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i, f := range r.log.Feeds() {
		var c Chunk
		if err := f.Next(ctx, &c); err != nil {
			t.Fatal(err)
		}
		if c.Len() != 1 {
			// Two frames may come in one chunk.
			if c.Len() != 2 {
				t.Errorf("feed %d: %d records, want 2", i, c.Len())
			}
		}
	}
	for range 4 {
		r.append("y")
	}
	if got := r.log.Ledger().Accepted.Records; got != 10 {
		t.Errorf("accepted %d, want 10", got)
	}
	if err := r.log.Health(); err != nil {
		t.Errorf("health: %v", err)
	}
}

func TestNextWaitsForTheLiveEnd(t *testing.T) {
	r := newRig(t, DirOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	var c Chunk
	go func() { got <- r.feed.Next(ctx, &c) }()
	r.append("late")
	if err := <-got; err != nil || c.Len() != 1 {
		t.Fatalf("%d records, %v", c.Len(), err)
	}
	go func() { got <- r.feed.Next(ctx, &c) }()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	go func() { got <- r.feed.Next(t.Context(), &c) }()
	r.close()
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestSecondOwnerIsRefused(t *testing.T) {
	r := newRig(t, DirOptions{})
	_, err := OpenDir(r.fs, DirOptions{})
	if !errors.Is(err, vfs.ErrLocked) {
		t.Fatalf("second owner: %v", err)
	}
	t.Log(err)
}

func TestAppendRefusesWhatNoFrameHolds(t *testing.T) {
	r := newRig(t, DirOptions{})
	var e Entries
	e.Add(make([]byte, 8<<20))
	if _, err := r.log.Append(t.Context(), &e); err == nil {
		t.Error("8 MiB and more was accepted")
	}
	var big Entries
	big.Add(make([]byte, 8<<20-4))
	if _, err := r.log.Append(t.Context(), &big); err != nil {
		t.Error(err)
	}
	if got, _, _ := r.read(1); len(got[0]) != 8<<20-4 {
		t.Errorf("read %d bytes", len(got[0]))
	}
}

func TestPlanLeavesNothingOut(t *testing.T) {
	r := newRig(t, DirOptions{})
	want := numbered(1, 20)
	r.append(want...)
	_, first, last := r.read(20)
	at := func(seq uint64) Position { return Position{first.Epoch, seq} }
	good := Plan{Feed: r.feed.ID(), First: first, Last: at(10), Count: count(want[:10])}
	for name, change := range map[string]func(*Plan){
		"a hole":         func(p *Plan) { p.First = at(3) },
		"beyond the end": func(p *Plan) { p.Last = at(21) },
		"backwards":      func(p *Plan) { p.Last = at(0) },
		"another feed":   func(p *Plan) { p.Feed += "x" },
		"too few in it":  func(p *Plan) { p.Count.Records-- },
	} {
		p := good
		change(&p)
		if err := r.feed.Plan(t.Context(), p); err == nil {
			t.Errorf("%s: the plan was made", name)
		}
	}
	if err := r.feed.Plan(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if err := r.feed.Plan(t.Context(), good); err == nil {
		t.Error("the same records were planned twice")
	}
	second := Plan{Feed: r.feed.ID(), First: at(11), Last: last, Count: count(want[10:])}
	if err := r.feed.Plan(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := r.feed.Done(t.Context(), second, Outcome{Delivered: second.Count}); err == nil {
		t.Error("the second plan was done before the first")
	}
}

func TestNewFeedsStartAfterTheLastPlan(t *testing.T) {
	r := newRig(t, DirOptions{})
	want := numbered(1, 20)
	r.append(want[:10]...)
	r.append(want[10:]...)
	_, first, _ := r.read(20)
	p := r.plan(first, Position{first.Epoch, 10}, want[:10])
	r.feed = r.log.Feeds()[0]
	if d := cmp.Diff([]Plan{p}, r.feed.Unfinished()); d != "" {
		t.Errorf("unfinished (-want +got):\n%s", d)
	}
	got, _, _ := r.read(10)
	diff(t, "read but not planned before", want[10:], got)
}
