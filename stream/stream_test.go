package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/transform"
)

// run gives f a bench in virtual time and checks the trace it leaves.
func run(t *testing.T, want string, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f(b)
		if b.Stream != nil {
			b.halt()
		}
		if want == "" {
			return
		}
		lines := strings.Split(strings.TrimSpace(want), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		if diff := cmp.Diff(lines, b.trace.lines); diff != "" {
			t.Errorf("what happened (-want +got):\n%s", diff)
		}
	})
}

func TestIntervalCountsFromTheFirstRecord(t *testing.T) {
	run(t, `
		plan 1-2 interval
		sent main-1-2: a b
		done 1-2`, func(b *bench) {
		b.begin()
		time.Sleep(10 * time.Hour) // idle time does not count
		b.log.put("a")
		time.Sleep(59 * time.Second)
		b.log.put("b")
		synctest.Wait()
		if got := b.trace.String(); got != "" {
			t.Errorf("before the interval was over: %s", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
	})
}

func TestSizeCutsAtTheRecordThatReachesIt(t *testing.T) {
	x := strings.Repeat("x", 50)
	run(t, fmt.Sprintf(`
		plan 1-2 size
		sent main-1-2: %[1]s %[1]s
		done 1-2`, x), func(b *bench) {
		b.log.put(x, x, x)
		b.begin()
		synctest.Wait()
		if got := b.log.Ledger().Buffered.Records; got != 1 {
			t.Errorf("buffered %d records, want the one behind the second cut", got)
		}
	})
}

func TestZeroIntervalHoldsNothingBack(t *testing.T) {
	run(t, `
		plan 1-1 interval
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		b.spec.Hints.Interval = 0
		b.begin()
		b.log.put("a")
		synctest.Wait()
	})
}

func TestFlushCutsNow(t *testing.T) {
	run(t, `
		plan 1-1 flush
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		b.begin()
		b.log.put("a")
		synctest.Wait()
		b.Flush()
		synctest.Wait()
	})
}

func TestDrainEmptiesTheBuffer(t *testing.T) {
	run(t, "", func(b *bench) {
		b.spec.Hints.Size = 3
		b.begin()
		for i := range 50 {
			b.log.put(fmt.Sprint(i))
		}
		if err := b.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := len(b.sink.lines()); n != 50 {
			t.Errorf("delivered %d records, want 50", n)
		}
	})
}

func TestStopCutsNothingAndTheNextStartGoesOn(t *testing.T) {
	run(t, `
		plan 1-2 interval
		sent main-1-2: a b
		done 1-2`, func(b *bench) {
		b.begin()
		b.log.put("a", "b")
		synctest.Wait()
		b.halt()
		if got := b.trace.String(); got != "" {
			t.Errorf("the stop did: %s", got)
		}
		b.begin()
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestUnknownErrorsAreRetriedUntilItWorks(t *testing.T) {
	run(t, `
		plan 1-1 interval
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		tries := 0
		b.sink.send = func(context.Context, *sinks.Payload, []string) error {
			if tries++; tries < 500 {
				return errors.New("who knows")
			}
			return nil
		}
		b.begin()
		b.log.put("a")
		start := time.Now()
		for len(b.sink.lines()) == 0 {
			time.Sleep(time.Minute)
		}
		if took := time.Since(start); took < time.Hour || took > 500*longestWait {
			t.Errorf("500 tries took %v", took)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	run(t, "", func(b *bench) {
		var tries []time.Time
		b.sink.send = func(context.Context, *sinks.Payload, []string) error {
			if tries = append(tries, time.Now()); len(tries) == 1 {
				return &sinks.Error{Kind: sinks.Throttled, Op: "put", RetryAfter: time.Hour, Err: errors.New("slow down")}
			}
			return nil
		}
		b.begin()
		b.log.put("a")
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		b.halt()
		if len(tries) != 2 || tries[1].Sub(tries[0]) < time.Hour {
			t.Errorf("tries at %v, want two, an hour apart", tries)
		}
	})
}

func TestPermanentErrorHoldsTheStreamAndDropsNothing(t *testing.T) {
	run(t, `
		plan 1-1 interval
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		var locked atomic.Bool
		locked.Store(true)
		b.sink.send = func(context.Context, *sinks.Payload, []string) error {
			if locked.Load() {
				return &sinks.Error{Kind: sinks.Permanent, Op: "put object", Err: errors.New("AccessDenied"), Hint: "check the keys"}
			}
			return nil
		}
		b.begin()
		b.log.put("a")
		time.Sleep(7 * 24 * time.Hour)
		st := b.Status()
		if st.State != Held || st.Reason != "put object: AccessDenied; check the keys" {
			t.Errorf("state %s (%s), want HELD with the reason", st.State, st.Reason)
		}
		if !b.Accepting() {
			t.Error("a held stream must go on accepting records")
		}
		locked.Store(false)
		time.Sleep(longestWait)
		synctest.Wait()
		if st := b.Status(); st.State != Active || st.Reason != "" {
			t.Errorf("state %s (%s) after recovery, want ACTIVE", st.State, st.Reason)
		}
	})
}

func TestBisectFindsThePoison(t *testing.T) {
	run(t, "", func(b *bench) {
		b.sink.send = func(_ context.Context, _ *sinks.Payload, lines []string) error {
			for _, l := range lines {
				if strings.HasPrefix(l, "bad") {
					return &sinks.Error{Kind: sinks.Bisect, Op: "copy", Reason: "22P02", Err: errors.New("some row is bad")}
				}
			}
			return nil
		}
		b.begin()
		b.log.put("a", "bad1", "c", "d", "e", "bad2")
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"a", "c", "d", "e"}, b.sink.lines()); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
		want := []string{"bad1 (22P02: some row is bad)", "bad2 (22P02: some row is bad)"}
		if diff := cmp.Diff(want, b.errs.lines()); diff != "" {
			t.Errorf("error output (-want +got):\n%s", diff)
		}
		if got, want := b.log.total.Failed, (buffer.Count{Records: 2, Bytes: 8}); got != want {
			t.Errorf("failed %v, want %v", got, want)
		}
	})
}

func TestOnlyTheNamedItemsAreTriedAgainOrGivenUp(t *testing.T) {
	run(t, "", func(b *bench) {
		b.sink.send = func(_ context.Context, _ *sinks.Payload, lines []string) error {
			var items []sinks.Item
			for i, l := range lines {
				switch {
				case l == "late" && len(lines) > 1:
					items = append(items, sinks.Item{Row: i, Kind: sinks.Throttled, Code: "429"})
				case l == "bad":
					items = append(items, sinks.Item{Row: i, Kind: sinks.BadRecord, Code: "400", Message: "mapping"})
				}
			}
			if items == nil {
				return nil
			}
			return &sinks.Error{Op: "bulk", Items: items, Err: errors.New("some items failed")}
		}
		b.begin()
		b.log.put("a", "late", "bad", "d")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"a", "d", "late"}, b.sink.lines()); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"bad (400: mapping)"}, b.errs.lines()); diff != "" {
			t.Errorf("error output (-want +got):\n%s", diff)
		}
	})
}

// A destination that names one bad record at a time is not waited for longer
// and longer.
func TestBadRecordsThatAreNamedOneByOneDoNotSlowDown(t *testing.T) {
	run(t, "", func(b *bench) {
		b.sink.send = func(_ context.Context, _ *sinks.Payload, lines []string) error {
			items := make([]sinks.Item, len(lines))
			for i := range lines {
				items[i] = sinks.Item{Row: i, Kind: sinks.Retryable}
			}
			for i, l := range lines {
				if l == "bad" {
					items[i] = sinks.Item{Row: i, Kind: sinks.BadRecord, Code: "6", Message: "no"}
					return &sinks.Error{Kind: sinks.BadRecord, Op: "post", Items: items, Err: errors.New("one is bad")}
				}
			}
			return nil
		}
		b.begin()
		records := []string{"good"}
		for range 100 {
			records = append(records, "bad")
		}
		b.log.put(records...)
		time.Sleep(b.spec.Hints.Interval + 100*firstWait)
		synctest.Wait()
		if got, failed := b.sink.lines(), b.errs.lines(); len(got) != 1 || len(failed) != 100 {
			t.Errorf("delivered %q, %d failed", got, len(failed))
		}
	})
}

func TestRetryDurationEndsInTheErrorOutput(t *testing.T) {
	run(t, "", func(b *bench) {
		b.spec.Retry = 5 * time.Minute
		b.sink.send = func(context.Context, *sinks.Payload, []string) error { return errors.New("down") }
		b.begin()
		b.log.put("a")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		b.halt()
		if got := b.errs.lines(); len(got) != 1 || !strings.Contains(got[0], "unknown: given up after 5m0s: send: down") {
			t.Errorf("error output %q, want the record, given up", got)
		}
	})
}

// What the last answer said of a record is why it was given up.
func TestGivenUpRecordsKeepTheirOwnReason(t *testing.T) {
	run(t, "", func(b *bench) {
		b.spec.Retry = 5 * time.Minute
		b.sink.send = func(_ context.Context, p *sinks.Payload, lines []string) error {
			var items []sinks.Item
			for row, line := range lines {
				if line != "good" {
					items = append(items, sinks.Item{Row: row, Code: "code-" + line, Message: line + " is busy"})
				}
			}
			return &sinks.Error{Op: "send", Reason: "busy", Items: items, Err: errors.New("some were not taken")}
		}
		b.begin()
		b.log.put("a", "good", "b")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		b.halt()
		got := b.errs.lines()
		if len(got) != 2 || !strings.Contains(got[0], "code-a: given up after 5m0s: a is busy") || !strings.Contains(got[1], "code-b: given up after 5m0s: b is busy") {
			t.Errorf("error output %q, want a and b, each with its own reason", got)
		}
	})
}

// A password that was changed must not send records to the error output.
func TestWhatAPersonHasToMendIsWaitedFor(t *testing.T) {
	run(t, "", func(b *bench) {
		b.spec.Retry = 5 * time.Minute
		var refused atomic.Bool
		refused.Store(true)
		var failures atomic.Int32
		b.sink.send = func(context.Context, *sinks.Payload, []string) error {
			if refused.Load() {
				return &sinks.Error{Kind: sinks.Permanent, Op: "bulk", Reason: "401", Err: errors.New("wrong password")}
			}
			if failures.Add(1) <= 3 { // a day of waiting was no attempt
				return errors.New("busy")
			}
			return nil
		}
		b.begin()
		b.log.put("a")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if st := b.Status(); st.State != Held {
			t.Errorf("state %s, want HELD", st.State)
		}
		refused.Store(false)
		time.Sleep(4 * longestWait)
		synctest.Wait()
		if got, failed := b.sink.lines(), b.errs.lines(); len(got) != 1 || len(failed) != 0 {
			t.Errorf("delivered %q, failed %q", got, failed)
		}
	})
}

func TestBackupTakesEveryRecordAsItCame(t *testing.T) {
	run(t, `
		plan 1-3 interval
		sent main-1-3: a c
		sent errors-1-3: bad (no)
		sent backup-1-3: a bad c
		done 1-3`, func(b *bench) {
		b.backup = &memSink{name: "backup", trace: b.trace, opaque: true}
		b.sink.add = func(record []byte) error {
			if string(record) == "bad" {
				return errors.New("no")
			}
			return nil
		}
		b.begin()
		b.log.put("a", "bad", "c")
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

// A record that failed once is not offered to the destination again after a
// crash between its error object and the checkpoint.
func TestRejectionsOutliveACrash(t *testing.T) {
	run(t, `
		plan 1-2 interval
		sent main-1-2: a
		sent errors-1-2: bad (400: no)
		done 1-2`, func(b *bench) {
		b.sink.send = func(_ context.Context, _ *sinks.Payload, lines []string) error {
			return &sinks.Error{Op: "bulk", Items: []sinks.Item{{Row: 1, Kind: sinks.BadRecord, Code: "400", Message: "no"}}, Err: errors.New("400")}
		}
		down := true
		b.errs.send = func(context.Context, *sinks.Payload, []string) error {
			if down {
				return errors.New("down")
			}
			return nil
		}
		b.begin()
		b.log.put("a", "bad")
		time.Sleep(2 * time.Minute)
		b.halt()
		down = false
		b.begin()
		synctest.Wait()
	})
}

// A crash may leave the list of rejected records empty, or half of it, and error
// output that it was to name: both are made again.
func TestTornRejectionsAreMadeAgain(t *testing.T) {
	for _, torn := range []string{"", `{"plan":`} {
		run(t, `
			plan 1-2 interval
			sent main-1-2: a
			sent errors-1-2: bad (400: no)
			done 1-2`, func(b *bench) {
			b.sink.send = func(context.Context, *sinks.Payload, []string) error { return errors.New("down") }
			b.begin()
			b.log.put("a", "bad")
			time.Sleep(2 * time.Minute)
			b.halt()
			for name, text := range map[string]string{"rejected": torn, "3": "left over"} {
				f, err := b.fs.Create("spool/0/0/" + name)
				if err != nil {
					t.Fatal(err)
				}
				f.WriteAt([]byte(text), 0)
				f.Close()
			}
			b.sink.send = func(context.Context, *sinks.Payload, []string) error {
				return &sinks.Error{Op: "bulk", Items: []sinks.Item{{Row: 1, Kind: sinks.BadRecord, Code: "400", Message: "no"}}, Err: errors.New("400")}
			}
			b.begin()
			time.Sleep(2 * time.Minute)
			synctest.Wait()
		})
	}
}

func TestRecordsThatFailToEncodeCostOnlyThemselves(t *testing.T) {
	run(t, `
		plan 1-3 interval
		sent main-1-3: a c
		sent errors-1-3: bad (X: not a word)
		done 1-3`, func(b *bench) {
		b.sink.add = func(r []byte) error {
			if string(r) == "bad" {
				return &buffer.Failure{Code: "X", Message: "not a word"}
			}
			return nil
		}
		b.begin()
		b.log.put("a", "bad", "c")
		time.Sleep(time.Minute)
		synctest.Wait()
		want := buffer.Outcome{Delivered: buffer.Count{Records: 2, Bytes: 2}, Failed: buffer.Count{Records: 1, Bytes: 3}}
		if b.log.total != want {
			t.Errorf("outcome %v, want %v", b.log.total, want)
		}
	})
}

type transformFunc func(context.Context, *buffer.Chunk) error

func (f transformFunc) Transform(ctx context.Context, c *buffer.Chunk) error { return f(ctx, c) }

func TestDroppedRecordsAreCounted(t *testing.T) {
	run(t, `
		plan 1-3 interval
		sent main-1-3: a c
		done 1-3`, func(b *bench) {
		b.spec.Transforms = []transform.Transformer{transformFunc(func(_ context.Context, c *buffer.Chunk) error {
			for row := range c.Len() {
				if string(c.Bytes(row)) == "debug" {
					c.Drop(row)
				}
			}
			return nil
		})}
		b.begin()
		b.log.put("a", "debug", "c")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := b.log.total.Dropped, (buffer.Count{Records: 1, Bytes: 5}); got != want {
			t.Errorf("dropped %v, want %v", got, want)
		}
	})
}

func TestSpooledBatchIsSentUnchangedAfterARestart(t *testing.T) {
	run(t, `
		plan 1-2 interval
		sent main-1-2: a b
		done 1-2`, func(b *bench) {
		b.sink.send = func(context.Context, *sinks.Payload, []string) error { return errors.New("down") }
		b.begin()
		b.log.put("a", "b")
		time.Sleep(2 * time.Minute)
		b.halt()
		old := b.sink
		old.send = nil
		b.sink = &memSink{name: "elsewhere", trace: b.trace} // the configuration changed meanwhile
		b.spec.Hash, b.spec.Snapshot = "v2", []byte("v2")
		b.spec.OpenSnapshot = func(s []byte, _ sinks.Decisions) (sinks.Outputs, error) {
			if string(s) != "v1" {
				t.Errorf("opened snapshot %q, want v1", s)
			}
			return sinks.Outputs{Destination: old, Errors: b.errs}, nil
		}
		b.begin()
		synctest.Wait()
	})
}

func TestPlanWithoutManifestIsExecutedAgainUnchanged(t *testing.T) {
	run(t, `
		sent main-1-2: a b
		done 1-2
		plan 3-3 interval
		sent main-3-3: c
		done 3-3`, func(b *bench) {
		b.log.put("a", "b", "c")
		b.log.plans = []buffer.Plan{{Feed: "feed", First: buffer.Position{Epoch: epoch, Seq: 1}, Last: buffer.Position{Epoch: epoch, Seq: 2}}}
		b.begin()
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestDamagedSpoolIsMadeAgain(t *testing.T) {
	run(t, `
		plan 1-2 interval
		sent main-1-2: a b
		done 1-2`, func(b *bench) {
		b.sink.send = func(context.Context, *sinks.Payload, []string) error { return errors.New("down") }
		b.begin()
		b.log.put("a", "b")
		time.Sleep(2 * time.Minute)
		b.halt()
		f, err := b.fs.OpenWrite("spool/0/0/0")
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte("z"), 0)
		f.Close()
		b.sink.send = nil
		b.begin()
		synctest.Wait()
	})
}

func TestNothingIsLeftInTheSpool(t *testing.T) {
	run(t, "", func(b *bench) {
		b.begin()
		for range 5 {
			b.log.put("a")
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		b.halt()
		names, err := b.fs.List("spool/0")
		if err != nil || len(names) != 0 {
			t.Errorf("spool holds %v (%v)", names, err)
		}
	})
}

func TestBatchesInFlightAreDoneInOrder(t *testing.T) {
	run(t, "", func(b *bench) {
		b.spec.Hints.Size, b.spec.InFlight = 1, 4
		var mu sync.Mutex
		most, now := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			now += n
			most = max(most, now)
		}
		b.sink.send = func(_ context.Context, p *sinks.Payload, _ []string) error {
			count(1)
			defer count(-1)
			time.Sleep(time.Duration(100-p.Seqs[0]) * time.Second) // the later, the faster
			return nil
		}
		b.begin()
		for i := range 40 {
			b.log.put(fmt.Sprint(i))
		}
		if err := b.Drain(context.Background()); err != nil { // memFeed panics when the order is wrong
			t.Fatal(err)
		}
		if most != 4 {
			t.Errorf("at most %d payloads were sent at once, want 4", most)
		}
	})
}

// A payload that waits for its turn when all stops has not failed, and is not
// given up, however long it waited.
func TestStopBeforeATryIsNoFailure(t *testing.T) {
	run(t, `
		plan 1-1 size
		plan 2-2 size
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		b.spec.Hints.Size, b.spec.InFlight, b.spec.Retry = 1, 2, time.Second
		b.sink.send = func(context.Context, *sinks.Payload, []string) error {
			time.Sleep(20 * time.Second)
			return nil
		}
		b.begin()
		b.events.Retry = func(_ string, r Retry) { t.Errorf("retry of %s: %v", r.Payload.Name, r.Err) }
		b.log.put("a", "b")
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		if err := b.Stream.stop(ctx); err != nil {
			t.Error(err)
		}
		if st := b.Status(); st.Reason != "" {
			t.Errorf("the stream is said to fail: %s", st.Reason)
		}
	})
}

func TestStopLetsATryUnderWayFinish(t *testing.T) {
	run(t, `
		plan 1-1 interval
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		b.sink.send = func(ctx context.Context, _ *sinks.Payload, _ []string) error {
			select {
			case <-time.After(20 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		b.begin()
		b.log.put("a")
		time.Sleep(70 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		if err := b.Stream.stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestStopEndsATryAtTheDeadline(t *testing.T) {
	run(t, `plan 1-1 interval`, func(b *bench) {
		b.sink.send = func(ctx context.Context, _ *sinks.Payload, _ []string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		b.begin()
		b.log.put("a")
		time.Sleep(70 * time.Second)
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		if err := b.Stream.stop(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 25*time.Second {
			t.Errorf("stop took %v, want the 25s it was given", took)
		}
	})
}

func TestAFailingDiskIsTriedAgain(t *testing.T) {
	run(t, `
		plan 1-1 interval
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		b.log.planErr = errors.New("no space left on device")
		b.begin()
		b.log.put("a")
		time.Sleep(5 * time.Minute)
		if st := b.Status(); !strings.Contains(st.Reason, "no space left on device") {
			t.Errorf("reason %q, want the disk's", st.Reason)
		}
		b.log.mu.Lock()
		b.log.planErr = nil
		b.log.mu.Unlock()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
	})
}

func TestAPanicCostsARestartOfTheStream(t *testing.T) {
	run(t, `
		plan 1-1 interval
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		panics := 3
		b.sink.add = func([]byte) error {
			if panics--; panics >= 0 {
				panic("oops")
			}
			return nil
		}
		b.begin()
		b.log.put("a")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
	})
}

// One shard's checkpoint that fails must not leave that shard without a
// worker while the others go on.
func TestAFailingCheckpointIsTriedAgain(t *testing.T) {
	run(t, "", func(b *bench) {
		b.spec.Hints.Size, b.spec.InFlight = 1, 4
		b.log.doneErr = errors.New("disk is sulking")
		b.begin()
		b.log.put("a", "b", "c", "d", "e", "f", "g", "h")
		time.Sleep(10 * time.Minute)
		b.log.mu.Lock()
		b.log.doneErr = nil
		b.log.mu.Unlock()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := b.log.Ledger(); got.Buffered.Records != 0 {
			t.Errorf("%d records are still buffered", got.Buffered.Records)
		}
	})
}

func TestBatchIsEncodedAgainWhenItsWriterAsksForIt(t *testing.T) {
	run(t, `
		plan 1-2 size
		again 1-2
		again 1-2
		sent main-1-2: a b
		done 1-2
		plan 3-4 size
		sent main-3-4: c d
		done 3-4`, func(b *bench) {
		b.spec.Hints.Size = 2
		b.sink.again = 2
		b.begin()
		b.log.put("a", "b")
		synctest.Wait()
		b.log.put("c", "d")
		synctest.Wait()
	})
}

// A crash after the plan and before anything was learnt: the records are
// looked at again, and then encoded.
func TestPlanIsEncodedAgainAfterARestart(t *testing.T) {
	run(t, `
		again 1-2
		again 1-2
		sent main-1-2: a b
		done 1-2`, func(b *bench) {
		b.sink.again = 2
		b.log.put("a", "b")
		b.log.plans = []buffer.Plan{{Feed: "feed", First: buffer.Position{Epoch: epoch, Seq: 1}, Last: buffer.Position{Epoch: epoch, Seq: 2}}}
		b.begin()
		synctest.Wait()
	})
}

// A writer that will not be sealed gives back its memory: a stop and a reload
// leave one behind in every shard.
func TestOpenBatchIsAbandonedWithItsWriters(t *testing.T) {
	run(t, ``, func(b *bench) {
		b.begin()
		b.log.put("a")
		synctest.Wait()
		b.halt()
		if main, errs := b.sink.abandoned.Load(), b.errs.abandoned.Load(); main != 1 || errs != 1 {
			t.Errorf("%d and %d writers abandoned, want 1 and 1", main, errs)
		}
	})
}

func TestPanicLeavesNoOpenBatch(t *testing.T) {
	run(t, `
		plan 1-1 interval
		sent main-1-1: a
		done 1-1`, func(b *bench) {
		calm := false
		b.sink.add = func([]byte) error {
			if !calm {
				calm = true
				panic("a defect")
			}
			return nil
		}
		b.begin()
		b.log.put("a")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := b.sink.abandoned.Load(); n != 1 {
			t.Errorf("%d writers abandoned, want 1", n)
		}
	})
}
