package buffer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

func TestEveryFollowerHasEveryRecord(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	leader := x.log("all", 2)
	a, b := x.follow("a", "all", Oldest), x.follow("b", "all", Newest)
	want := numbered(1, 400)
	for i := 0; i < len(want); i += 4 {
		x.append(leader, want[i:i+4]...)
	}
	ids := map[string]bool{}
	spools := map[string]bool{}
	for _, l := range []*Log{leader, a, b} {
		if lost := missing(want, x.drain(l)); len(lost) > 0 {
			t.Errorf("%s misses %q", l.stream, lost)
		}
		x.expect(l, Ledger{Accepted: count(want), Delivered: count(want)})
		for _, f := range l.Feeds() {
			ids[f.ID()], spools[l.SpoolDir(f)] = true, true
		}
	}
	if len(ids) != 2+3+3 || len(spools) != len(ids) {
		t.Errorf("feeds have the identities %v and the spools %v", ids, spools)
	}
	x.fewer(leader, 2*2)
	x.reopen()
	x.expect(x.log("all", 2), Ledger{Accepted: count(want), Delivered: count(want)})
	x.expect(x.follow("a", "all", Oldest), Ledger{Accepted: count(want), Delivered: count(want)})
	x.undamaged()
}

func TestSegmentsStayUntilTheSlowestHasPassed(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	leader, fast, slow := x.log("all", 1), x.follow("fast", "all", Oldest), x.follow("slow", "all", Oldest)
	want := numbered(1, 600)
	for _, r := range want {
		x.append(leader, r)
	}
	all := x.segments(leader)
	if all < 10 {
		t.Fatalf("%d segments are too few", all)
	}
	x.drain(leader)
	x.drain(fast)
	hold := leader.Holders()
	if len(hold) != 3 || hold[0].Stream != "slow" || hold[0].Waiting != count(want) || hold[0].Bytes <= hold[1].Bytes {
		t.Errorf("holders are %+v, want slow with everything first", hold)
	}
	var got []string
	feed := slow.Feeds()[1]
	for len(got) < 300 {
		b := x.take(feed, 1<<30)
		if n := x.segments(leader); len(got) == 0 && n < all {
			t.Fatalf("%d of %d segments are left, and a stream has passed none", n, all)
		}
		x.done(b)
		got = append(got, b.records...)
	}
	x.fewer(leader, all/2+2)
	if n := x.segments(leader); n < all/2-2 {
		t.Errorf("%d of %d segments are left at half the way", n, all)
	}
	got = append(got, x.drain(slow)...)
	diff(t, "records", want, got)
	x.fewer(leader, 2)
	if hold := leader.Holders(); hold[0].Waiting.Records != 0 {
		t.Errorf("holders are %+v, want nothing waiting", hold)
	}
	x.undamaged()
}

// TestAFollowerThatIsNotThereHoldsTheLog opens the leader alone: whether a
// stream is configured is not the log's business.
func TestAFollowerThatIsNotThereHoldsTheLog(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 300)
	x.follow("away", "all", Oldest)
	for _, r := range want[:200] {
		x.append(x.log("all", 1), r)
	}
	for range 2 {
		x.reopen()
		for _, r := range want[200:250] {
			x.append(x.log("all", 1), r)
		}
		x.drain(x.log("all", 1))
	}
	if hold := x.log("all", 1).Holders(); hold[0].Stream != "away" || hold[0].Waiting.Records != 300 {
		t.Errorf("holders are %+v, want away with 300 records", hold)
	}
	got := x.drain(x.follow("away", "all", Newest)) // it was there before: Newest changes nothing
	if len(got) != 300 {
		t.Errorf("%d records, want 300", len(got))
	}
	x.fewer(x.log("all", 1), 2)
	x.undamaged()
}

func TestWhereANewFollowerStarts(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	leader := x.log("all", 1)
	old := numbered(1, 300)
	for _, r := range old {
		x.append(leader, r)
	}
	x.drain(leader)
	x.fewer(leader, 2)
	kept := numbered(301, 500)
	for _, r := range kept {
		x.append(leader, r)
	}
	oldest, newest := x.follow("oldest", "all", Oldest), x.follow("newest", "all", Newest)
	late := numbered(501, 600)
	for _, r := range late {
		x.append(leader, r)
	}
	check := func(l *Log, want []string, least int) {
		t.Helper()
		before := l.Ledger()
		got := x.drain(l)
		if len(got) < least {
			t.Errorf("%s: %d records, want %d at least", l.stream, len(got), least)
		}
		diff(t, l.stream, want[max(0, len(want)-len(got)):], got)
		if before.Accepted != count(got) || before.Buffered != count(got) {
			t.Errorf("%s: ledger was %+v, and it had %+v", l.stream, before, count(got))
		}
		x.expect(l, Ledger{Accepted: count(got), Delivered: count(got)})
	}
	check(newest, late, len(late))
	check(oldest, append(append(old, kept...), late...), len(kept)+len(late))
	x.undamaged()
}

func TestAFollowerThatLeavesDeliversWhatWasAcceptedThen(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	leader, f := x.log("all", 1), x.follow("f", "all", Oldest)
	before := numbered(1, 200)
	for _, r := range before {
		x.append(leader, r)
	}
	feed := f.Feeds()[1]
	b := x.take(feed, 50)
	if err := f.Unfollow(); err != nil {
		t.Fatal(err)
	}
	x.expect(f, Ledger{Accepted: count(before), Buffered: count(before)})
	for _, r := range numbered(201, 400) {
		x.append(leader, r)
	}
	x.expect(f, Ledger{Accepted: count(before), Buffered: count(before)})
	x.drain(leader)
	x.done(b)

	x.reopen()
	leader, f = x.log("all", 1), x.log("f", 1)
	if err := f.Unfollow(); err != nil { // as a stream that has its own records again does
		t.Fatal(err)
	}
	x.expect(f, Ledger{Accepted: count(before), Delivered: count(b.records), Buffered: count(before[len(b.records):])})
	diff(t, "records", before, append(b.records, x.drain(f)...))
	x.expect(f, Ledger{Accepted: count(before), Delivered: count(before)})
	x.fewer(leader, 2)
	if n := len(f.Feeds()); n != 1 {
		t.Errorf("%d feeds, want its own alone", n)
	}

	x.reopen() // the account stays, also while the leader is not open
	x.expect(x.log("f", 1), Ledger{Accepted: count(before), Delivered: count(before)})
	x.log("all", 1)
	if err := x.log("f", 1).Unfollow(); err != nil {
		t.Fatal(err)
	}
	x.expect(x.log("f", 1), Ledger{Accepted: count(before), Delivered: count(before)})
	x.undamaged()
}

func TestAFollowerThatComesBackMissesNothingAndRepeatsNothing(t *testing.T) {
	for _, delivered := range []bool{false, true} {
		t.Run(fmt.Sprintf("all delivered %v", delivered), func(t *testing.T) {
			x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
			leader, f := x.log("all", 1), x.follow("f", "all", Oldest)
			one, two, three := numbered(1, 100), numbered(101, 200), numbered(201, 300)
			put := func(records []string) {
				for _, r := range records {
					x.append(leader, r)
				}
			}
			put(one)
			var got []string
			if delivered {
				got = x.drain(f)
			}
			if err := f.Unfollow(); err != nil {
				t.Fatal(err)
			}
			put(two)
			if f.Follow(leader, Oldest) != nil {
				t.Fatal("cannot come back")
			}
			put(three)
			x.expect(f, Ledger{
				Accepted: count(one).Add(count(two)).Add(count(three)), Delivered: count(got),
				Buffered: count(one).Add(count(two)).Add(count(three)).Sub(count(got)),
			})
			got = append(got, x.drain(f)...)
			diff(t, "records", append(append(one, two...), three...), got)
			x.expect(f, Ledger{Accepted: count(got), Delivered: count(got)})
			x.undamaged()
		})
	}
}

func TestAFollowerThatComesBackLateIsToldWhatIsNotItsBusiness(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	leader, f := x.log("all", 1), x.follow("f", "all", Oldest)
	one := numbered(1, 100)
	for _, r := range one {
		x.append(leader, r)
	}
	x.drain(f)
	if err := f.Unfollow(); err != nil {
		t.Fatal(err)
	}
	gone := numbered(101, 400)
	for _, r := range gone {
		x.append(leader, r)
	}
	x.drain(leader)
	x.fewer(leader, 2)
	x.reopen()
	leader = x.log("all", 1)
	f = x.follow("f", "all", Newest)
	x.expect(f, Ledger{Accepted: count(one), Delivered: count(one)})
	late := numbered(401, 450)
	x.append(leader, late...)
	diff(t, "records", late, x.drain(f))
	x.expect(f, Ledger{Accepted: count(one).Add(count(late)), Delivered: count(one).Add(count(late))})
	x.undamaged()
}

func TestAStreamThatFollowsAnotherLogFinishesTheFirst(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	f := x.log("f", 1)
	own, a, b := numbered(1, 20), numbered(21, 40), numbered(41, 60)
	x.append(f, own...)
	x.follow("f", "a", Oldest)
	x.append(x.log("a", 1), a...)
	x.follow("f", "b", Oldest)
	x.append(x.log("a", 1), numbered(100, 120)...) // not for f any more
	x.append(x.log("b", 1), b...)
	all := append(append(own, a...), b...)
	x.expect(f, Ledger{Accepted: count(all), Buffered: count(all)})
	if lost := missing(all, x.drain(f)); len(lost) > 0 {
		t.Errorf("missing %q", lost)
	}
	x.expect(f, Ledger{Accepted: count(all), Delivered: count(all)})
	x.reopen() // a is not opened, and its part of the account stays
	x.expect(x.follow("f", "b", Oldest), Ledger{Accepted: count(all), Delivered: count(all)})
	x.undamaged()
}

func TestNewShardsOfALeaderAreFollowed(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{})
	x.follow("f", "all", Newest)
	x.follow("away", "all", Newest)
	want := numbered(1, 30)
	x.append(x.log("all", 1), want[:10]...)
	x.reopen()
	leader := x.log("all", 4)
	f := x.follow("f", "all", Newest)
	for _, r := range want[10:] {
		x.append(leader, r)
	}
	if lost := missing(want, x.drain(f)); len(lost) > 0 {
		t.Errorf("missing %q", lost)
	}
	x.expect(f, Ledger{Accepted: count(want), Delivered: count(want)})
	x.drain(leader)
	x.reopen()
	x.log("all", 1)
	if got := x.drain(x.follow("away", "all", Newest)); len(missing(want, got)) > 0 || len(got) != len(want) {
		t.Errorf("the stream that was away has %d records, want %d", len(got), len(want))
	}
	x.undamaged()
}

func TestAFullBufferNamesTheStreamThatIsBehind(t *testing.T) {
	for _, where := range []string{"stream", "directory"} {
		t.Run(where, func(t *testing.T) {
			o, lo := DirOptions{}, LogOptions{MaxSize: 1 << 20}
			if where == "directory" {
				o.MaxSize, lo.MaxSize = 1<<20, 0
			}
			x := newFan(t, newFS(t), o)
			leader, err := x.dir.OpenLog("all", lo)
			if err != nil {
				t.Fatal(err)
			}
			x.logs["all"] = leader
			slow := x.follow("slow", "all", Oldest)
			e := entries(strings.Repeat("x", 50_000))
			for range 1000 {
				if _, err = leader.Append(t.Context(), e); err != nil {
					break
				}
				x.drain(leader)
			}
			if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "stream slow has not delivered") || !strings.Contains(err.Error(), "hydrant buffer release slow") {
				t.Fatalf("append: %v; want ErrFull and who is behind", err)
			}
			x.drain(slow)
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
				if _, err = leader.Append(t.Context(), e); err == nil {
					break
				}
				if time.Now().After(end) {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestReleaseDropsWhatAStreamHasNotDelivered(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 300)
	f := x.follow("f", "all", Oldest)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	b := x.take(f.Feeds()[1], 20)
	x.done(b)
	x.take(f.Feeds()[1], 10) // and a plan that is not finished
	x.reopen()
	leader := x.log("all", 1)
	x.drain(leader)
	dropped, err := leader.Release("f")
	if err != nil || dropped != count(want[20:]) {
		t.Fatalf("released %+v, %v; want %+v", dropped, err, count(want[20:]))
	}
	x.fewer(leader, 2)
	for range 2 {
		x.expect(x.log("f", 1), Ledger{Accepted: count(want), Delivered: count(b.records), Dropped: count(want[20:])})
		x.reopen()
	}
	x.undamaged()
}

func TestAClosedLogCannotBeFollowed(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{})
	leader := x.log("all", 1)
	f := x.log("f", 1)
	if err := leader.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Follow(leader, Oldest); !errors.Is(err, ErrClosed) {
		t.Errorf("follow: %v, want ErrClosed", err)
	}
}

func TestReleaseDirNeedsTheDirectoryForItself(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{})
	want := numbered(1, 30)
	x.follow("f", "all", Oldest)
	x.append(x.log("all", 2), want...)
	x.append(x.log("f", 1), "own")
	if _, err := ReleaseDir(x.fs, "f"); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("release of an open directory: %v, want ErrLocked", err)
	}
	x.close()
	if _, err := ReleaseDir(x.fs, "g"); err == nil {
		t.Error("a stream that does not exist was released")
	}
	for _, times := range []int{1, 0} {
		released, err := ReleaseDir(x.fs, "f")
		if err != nil || len(released) != times || times == 1 && (released[0].Stream != "all" || released[0].Waiting != count(want)) {
			t.Errorf("released %+v, %v", released, err)
		}
	}
	x.openDir()
	x.expect(x.log("f", 1), Ledger{Accepted: count(append(want, "own")), Dropped: count(want), Buffered: count([]string{"own"})})
	x.expect(x.log("all", 1), Ledger{Accepted: count(want), Buffered: count(want)})
}

func TestCheckAndExportKnowFollowers(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 300)
	f := x.follow("f", "all", Oldest)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	b := x.take(f.Feeds()[1], 20)
	x.done(b)
	x.drain(x.log("all", 1))
	if err := f.Unfollow(); err != nil {
		t.Fatal(err)
	}
	x.append(x.log("all", 1), "not for f")
	x.close()

	report, err := CheckDir(x.fs)
	if err != nil || len(report.Damages)+len(report.Foreign) > 0 {
		t.Fatalf("%v, damages %v, foreign %v", err, report.Damages, report.Foreign)
	}
	var got []FollowerReport
	for _, s := range report.Streams {
		for _, sh := range s.Shards {
			got = append(got, sh.Followers...)
		}
	}
	if len(got) != 1 || got[0].Stream != "f" || !got[0].Left || got[0].Oldest.IsZero() ||
		got[0].Ledger != (Ledger{Accepted: count(want), Delivered: count(b.records), Buffered: count(want[20:])}) {
		t.Errorf("followers are %+v", got)
	}
	var records []string
	err = ExportDir(x.fs, "f", false, func(r Record) error { records = append(records, string(r.Data)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "exported", want[20:], records)
}

func TestFollowersAddNoSyncToAnAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := crashfs.New()
		x := newFan(t, disk, DirOptions{})
		defer x.close()
		leader := x.log("all", 1)
		for i := range 3 {
			x.follow(fmt.Sprint("f", i), "all", Oldest)
		}
		time.Sleep(time.Hour)
		syncs := 0
		disk.Observe(func(op crashfs.Op) {
			if op.Kind == crashfs.OpSync {
				syncs++
			}
		})
		x.append(leader, "a")
		if syncs != 1 {
			t.Errorf("%d syncs for an append, want 1", syncs)
		}
	})
}

// TestFollowersComeAndGoBesideAppendsAndDeletions: whatever a stream reads
// between coming and going is without a gap.
func TestFollowersComeAndGoBesideAppendsAndDeletions(t *testing.T) {
	x := newFan(t, newFS(t), DirOptions{SegmentSize: smallSegment, JournalSize: 8 << 10})
	leader := x.log("all", 1)
	const rounds = 60
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		feed := leader.Feeds()[0]
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := leader.Append(context.Background(), entries(fmt.Sprint(n, strings.Repeat("x", 300)))); err != nil {
				t.Error(err)
				return
			}
			if n%20 == 0 { // the leader's own delivery keeps up, so segments go
				var c Chunk
				if err := feed.Next(context.Background(), &c); err != nil {
					t.Error(err)
					return
				}
				p := Plan{Feed: feed.ID(), First: c.Position(0), Last: c.Position(c.Len() - 1), Cause: CutFlush}
				for i := range c.Len() {
					p.Count = p.Count.Add(Count{1, uint64(len(c.Bytes(i)))})
				}
				if err := errors.Join(feed.Plan(context.Background(), p), feed.Done(context.Background(), p, Outcome{Delivered: p.Count})); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	f := x.log("f", 1)
	last := uint64(0)
	for i := range rounds {
		from := Oldest
		if i%3 == 0 {
			from = Newest
		}
		if err := f.Follow(leader, from); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if err := f.Unfollow(); err != nil {
				t.Fatal(err)
			}
		}
		feeds := f.Feeds()
		if len(feeds) < 2 {
			continue // it came and went between two records
		}
		for range 3 {
			b := x.take(feeds[1], 1<<30)
			if b == nil {
				break
			}
			if b.plan.First.Seq <= last {
				t.Fatalf("round %d: record %d again, after %d", i, b.plan.First.Seq, last)
			}
			for j, r := range b.records {
				if want := fmt.Sprint(b.plan.First.Seq+uint64(j), strings.Repeat("x", 300)); r != want {
					t.Fatalf("round %d: %.20q, want %.20q", i, r, want)
				}
			}
			last = b.plan.Last.Seq
			x.done(b)
		}
		if l := f.Ledger(); l.Gap() != 0 || l.Lost.Records != 0 {
			t.Fatalf("round %d: ledger %+v, gap %d", i, l, l.Gap())
		}
	}
	close(stop)
	<-over
	l := f.Ledger()
	if l.Delivered.Records < rounds {
		t.Errorf("ledger %+v: it has seen next to nothing", l)
	}
	x.undamaged()
}
