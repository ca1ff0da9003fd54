package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// follower is a spec of a stream that follows another.
func (p *plant) follower(name, leader, hash string) Spec {
	s := p.spec(name, hash)
	s.Follow = leader
	return s
}

func (p *plant) apply(specs ...Spec) []string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return p.Apply(ctx, specs)
}

// fill puts records numbered from one to another and returns them.
func (p *plant) fill(name string, from, to int) (records []string) {
	p.t.Helper()
	for i := from; i <= to; i++ {
		records = append(records, fmt.Sprintf("r%05d", i))
		if err := p.put(name, records[len(records)-1]); err != nil {
			p.t.Fatal(err)
		}
	}
	return records
}

// delivered expects exactly these records at a destination.
func (p *plant) delivered(name string, want []string) {
	p.t.Helper()
	got := p.sinks[name].lines()
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		p.t.Errorf("%s: delivered %d records, want %d", name, len(got), len(want))
	}
	st, ok := p.Stream(name)
	if !ok {
		return
	}
	if l := st.Status().Ledger; l.Gap() != 0 || l.Accepted.Records != uint64(len(want)) || l.Delivered.Records != uint64(len(want)) {
		p.t.Errorf("%s: ledger %+v, want %d records delivered", name, l, len(want))
	}
}

func (p *plant) status(name string) Status {
	p.t.Helper()
	st, ok := p.Stream(name)
	if !ok {
		p.t.Fatalf("no stream %s", name)
	}
	return st.Status()
}

func TestFollowersDeliverEveryRecordInWhateverOrderTheyAreWritten(t *testing.T) {
	for _, leaderFirst := range []bool{true, false} {
		p := newPlant(t)
		specs := []Spec{p.spec("all", "v"), p.follower("b", "all", "v"), p.follower("c", "all", "v")}
		if !leaderFirst {
			slices.Reverse(specs)
		}
		p.apply(specs...)
		want := p.fill("all", 1, 200)
		p.drain()
		for _, name := range []string{"all", "b", "c"} {
			p.delivered(name, want)
		}
		if err := p.put("b", "x"); !errors.Is(err, ErrNotActive) {
			t.Errorf("put to a stream that follows: %v, want ErrNotActive", err)
		}
		p.close()
	}
}

// TestADestinationThatIsAwayHoldsBackNoOther: whether it is that of the stream
// with the records or that of one that follows.
func TestADestinationThatIsAwayHoldsBackNoOther(t *testing.T) {
	names := []string{"all", "one", "two"}
	for _, away := range []string{"all", "two"} {
		t.Run(away, func(t *testing.T) {
			p := newPlant(t)
			specs := []Spec{p.spec("all", "v"), p.follower("one", "all", "v"), p.follower("two", "all", "v")}
			p.sinks[away].send = func(context.Context, *sinks.Payload, []string) error { return errors.New("away") }
			p.apply(specs...)
			want := p.fill("all", 1, 300)
			for _, name := range names {
				if name == away {
					continue
				}
				st, _ := p.Stream(name)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				if err := st.Drain(ctx); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				cancel()
				p.delivered(name, want)
			}
			if hold := p.status("all").Holders; len(hold) != 3 || hold[0].Stream != away || hold[0].Waiting.Records != 300 {
				t.Errorf("holders are %+v, want %s with all of it", hold, away)
			}
			p.close()

			p.sinks[away].send = nil
			p.open()
			p.apply(specs...)
			p.drain()
			for _, name := range names {
				p.delivered(name, want)
			}
			p.close()
		})
	}
}

func TestFollowersChangeUnderLoadLosesAndRepeatsNothing(t *testing.T) {
	p := newPlant(t)
	stop, over := make(chan struct{}), make(chan []string)
	p.apply(p.spec("all", "v0"), p.follower("f", "all", "v0"))
	go func() {
		var acked []string
		defer func() { over <- acked }()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			record := fmt.Sprintf("r%06d", i)
			if err := p.put("all", record); err != nil {
				t.Errorf("put during a reload: %v", err)
			}
			acked = append(acked, record)
		}
	}()
	for i := range 15 {
		hash := fmt.Sprintf("v%d", i+1)
		p.apply(p.spec("all", "v0"), p.follower("f", "all", hash))
		p.apply(p.spec("all", hash), p.follower("f", "all", hash), p.follower("g", "all", hash))
		p.apply(p.spec("all", "v0"), p.follower("f", "all", hash)) // g leaves
	}
	close(stop)
	acked := <-over
	p.drain()
	p.delivered("all", acked)
	p.delivered("f", acked)
	g := p.sinks["g"].lines()
	slices.Sort(g)
	if len(slices.Compact(slices.Clone(g))) != len(g) {
		t.Error("the stream that came and went has records twice")
	}
	if l := p.status("g").Ledger; l.Gap() != 0 || l.Delivered.Records != uint64(len(g)) || l.Lost.Records != 0 {
		t.Errorf("ledger %+v, %d records are delivered", l, len(g))
	}
	p.close()
}

func TestAFollowerThatLeftDeliversWhatWasThereAndLetsGo(t *testing.T) {
	p := newPlant(t)
	slow := p.follower("f", "all", "v")
	slow.Hints.Interval = time.Hour
	p.apply(p.spec("all", "v"), slow)
	want := p.fill("all", 1, 50)
	p.apply(p.spec("all", "v"))
	p.fill("all", 51, 100)
	if s := p.status("f").State; s != Draining {
		t.Errorf("state %s, want DRAINING", s)
	}
	p.drain()
	p.delivered("f", want)
	for _, h := range p.status("all").Holders {
		if h.Stream == "f" {
			t.Errorf("it still holds the log: %+v", h)
		}
	}
	p.close()
}

func TestAStreamThatCeasesToFollowHasRecordsOfItsOwn(t *testing.T) {
	p := newPlant(t)
	p.apply(p.spec("all", "v"), p.follower("f", "all", "v"))
	want := p.fill("all", 1, 50)
	p.apply(p.spec("all", "v"), p.spec("f", "v2"))
	p.fill("all", 51, 60)
	own := p.fill("f", 1000, 1050)
	p.apply(p.spec("all", "v"), p.follower("f", "all", "v3"))
	late := p.fill("all", 61, 70)
	p.drain()
	st, _ := p.Stream("f")
	got := p.sinks["f"].lines()
	for _, r := range slices.Concat(want, own, late) {
		if n := count(got, r); n != 1 {
			t.Fatalf("record %s is there %d times", r, n)
		}
	}
	if l := st.Status().Ledger; l.Gap() != 0 || l.Delivered.Records != uint64(len(got)) {
		t.Errorf("ledger %+v, %d records are delivered", l, len(got))
	}
	p.close()
}

// TestWhatAStreamFollowedIsFinishedWhateverTheConfigurationSaysAfterARestart:
// f comes before the stream it followed, and has another source now.
func TestWhatAStreamFollowedIsFinishedWhateverTheConfigurationSaysAfterARestart(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(p *plant) [][]Spec // what is applied, one after another
	}{
		{"before its leader", func(p *plant) [][]Spec { return [][]Spec{{p.spec("f", "v2"), p.spec("leader", "v")}} }},
		{"a leader that comes back by a reload", func(p *plant) [][]Spec {
			return [][]Spec{{p.spec("f", "v2")}, {p.spec("f", "v2"), p.spec("leader", "v")}}
		}},
		{"another leader that is new", func(p *plant) [][]Spec {
			return [][]Spec{{p.follower("f", "new", "v2"), p.spec("leader", "v"), p.spec("new", "v")}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlant(t)
			p.sinks["f"] = &memSink{name: "f", trace: &trace{}}
			p.sinks["f"].send = func(context.Context, *sinks.Payload, []string) error { return errors.New("away") }
			p.apply(p.spec("leader", "v"), p.follower("f", "leader", "v"))
			want := p.fill("leader", 1, 50)
			p.close()

			p.sinks["f"].send = nil
			p.open()
			for _, specs := range c.after(p) {
				p.apply(specs...)
			}
			p.drain()
			p.delivered("f", want)
			for _, h := range p.status("leader").Holders {
				if h.Stream == "f" {
					t.Errorf("f holds the log it followed: %+v", h)
				}
			}
			p.close()
		})
	}
}

// TestARenamedFollowerLosesNothing: one stream leaves and another, that begins
// with what comes next, takes its place. What comes meanwhile may be in both.
func TestARenamedFollowerLosesNothing(t *testing.T) {
	p := newPlant(t)
	p.apply(p.spec("all", "v"), p.follower("old", "all", "v"))
	stop, over := make(chan struct{}), make(chan []string)
	go func() {
		var acked []string
		for i := 0; ; i++ {
			select {
			case <-stop:
				over <- acked
				return
			default:
			}
			acked = append(acked, fmt.Sprintf("r%06d", i))
			if err := p.put("all", acked[i]); err != nil {
				t.Errorf("put during a reload: %v", err)
			}
		}
	}()
	until(t, func() bool { return len(p.sinks["old"].lines()) > 50 })
	next := p.follower("new", "all", "v")
	next.Start = buffer.Newest
	p.apply(p.spec("all", "v"), next)
	until(t, func() bool { return len(p.sinks["new"].lines()) > 50 })
	close(stop)
	acked := <-over
	p.drain()
	got := slices.Sorted(slices.Values(append(p.sinks["old"].lines(), p.sinks["new"].lines()...)))
	twice := len(got) - len(slices.Compact(slices.Clone(got)))
	if got = slices.Compact(got); !slices.Equal(got, acked) {
		t.Errorf("%d records were delivered, want %d", len(got), len(acked))
	}
	if twice > len(acked)/2 {
		t.Errorf("%d of %d records are in both", twice, len(acked))
	}
	p.close()
}

// until waits for a condition.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen in 20 s")
		}
	}
}

func count(all []string, one string) (n int) {
	for _, x := range all {
		if x == one {
			n++
		}
	}
	return n
}

func TestAFollowerWaitsForALeaderThatCannotBeOpened(t *testing.T) {
	p := newPlant(t)
	log, err := p.dir.OpenLog("all", buffer.LogOptions{}) // somebody else has it
	if err != nil {
		t.Fatal(err)
	}
	p.apply(p.spec("all", "v"), p.follower("f", "all", "v"))
	if s := p.status("f"); s.State != Suspended || !strings.Contains(s.Reason, "all") {
		t.Errorf("state %s (%s), want SUSPENDED because of the other", s.State, s.Reason)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	p.apply(p.spec("all", "v"), p.follower("f", "all", "v"))
	want := p.fill("all", 1, 10)
	p.drain()
	p.delivered("f", want)
	p.close()
}

// TestALeaderThatLeavesStaysUntilItsFollowersHavePassed: both leave, and the
// follower's destination is away.
func TestALeaderThatLeavesStaysUntilItsFollowersHavePassed(t *testing.T) {
	p := newPlant(t)
	f := p.follower("f", "all", "v")
	p.sinks["f"].send = func(context.Context, *sinks.Payload, []string) error { return errors.New("away") }
	p.apply(p.spec("all", "v"), f)
	want := p.fill("all", 1, 50)
	p.apply()
	st, _ := p.Stream("all")
	if err := st.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if hold := p.status("all").Holders; len(hold) == 0 || hold[0].Stream != "f" || hold[0].Waiting.Records != 50 {
		t.Errorf("holders are %+v, want f with 50 records", hold)
	}
	p.close()
	p.sinks["f"].send = nil
	p.open()
	p.apply(p.spec("all", "v"), f)
	p.drain()
	p.delivered("f", want)
	p.close()
}

func TestReleaseIsRefusedWhileTheStreamRuns(t *testing.T) {
	p := newPlant(t)
	p.apply(p.spec("all", "v"), p.follower("f", "all", "v"))
	if _, err := p.Release("all", "f"); err == nil {
		t.Error("it was released")
	}
	p.close()
	p.open()
	p.apply(p.spec("all", "v"))
	if _, err := p.Release("all", "f"); err != nil {
		t.Error(err)
	}
	p.close()
}
