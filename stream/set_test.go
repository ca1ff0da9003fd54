package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/sinks"
)

// plant is a set over a real log, with destinations in memory by name.
type plant struct {
	t     *testing.T
	root  string
	dir   *buffer.Dir
	sinks map[string]*memSink
	*Set
}

func newPlant(t *testing.T) *plant {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	p := &plant{t: t, root: t.TempDir(), sinks: map[string]*memSink{}}
	p.open()
	return p
}

func (p *plant) open() {
	fsys, err := vfs.OS(p.root)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.dir, err = buffer.OpenDir(fsys, buffer.DirOptions{SegmentSize: 1 << 20}); err != nil {
		p.t.Fatal(err)
	}
	p.Set = NewSet(p.dir, fsys, Events{})
}

func (p *plant) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(p.Set.Close(ctx), p.dir.Close()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) spec(name, hash string) Spec {
	sink := p.sinks[name]
	if sink == nil {
		sink = &memSink{name: name, trace: &trace{}}
		p.sinks[name] = sink
	}
	return Spec{
		Name: name, Hash: hash, Snapshot: []byte(hash), Shards: 2, InFlight: 2,
		Hints: Hints{Size: 1000, Interval: 10 * time.Millisecond},
		Open: func(sinks.Decisions) (sinks.Outputs, error) {
			return sinks.Outputs{Destination: sink, Errors: &memSink{trace: &trace{}}}, nil
		},
		OpenSnapshot: func([]byte, sinks.Decisions) (sinks.Outputs, error) {
			return sinks.Outputs{Destination: sink, Errors: &memSink{trace: &trace{}}}, nil
		},
	}
}

func (p *plant) put(name, record string) error {
	st, ok := p.Stream(name)
	if !ok {
		p.t.Fatalf("no stream %s", name)
	}
	var e buffer.Entries
	e.Add([]byte(record))
	_, err := st.Append(context.Background(), &e)
	return err
}

func (p *plant) drain() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := p.Drain(ctx); err != nil {
		p.t.Fatal(err)
	}
}

func TestReloadUnderLoadLosesAndRepeatsNothing(t *testing.T) {
	p := newPlant(t)
	p.Apply(context.Background(), []Spec{p.spec("a", "v0")})
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
			record := fmt.Sprintf("r%06d", i)
			if err := p.put("a", record); err != nil {
				t.Errorf("put during a reload: %v", err)
			}
			acked = append(acked, record)
		}
	}()
	for i := range 30 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		p.Apply(ctx, []Spec{p.spec("a", fmt.Sprintf("v%d", i+1))})
		cancel()
	}
	close(stop)
	acked := <-over
	p.drain()
	got := p.sinks["a"].lines()
	slices.Sort(got)
	if !slices.Equal(got, acked) {
		t.Errorf("delivered %d records, %d were acknowledged", len(got), len(acked))
	}
	p.close()
}

func TestAStreamThatCannotStartIsSuspendedAlone(t *testing.T) {
	p := newPlant(t)
	bad := p.spec("bad", "v1")
	bad.Open = func(sinks.Decisions) (sinks.Outputs, error) { return sinks.Outputs{}, errors.New("no such region") }
	p.Apply(context.Background(), []Spec{bad, p.spec("good", "v1")})
	if err := p.put("bad", "x"); !errors.Is(err, ErrNotActive) {
		t.Errorf("put to the bad stream: %v, want ErrNotActive", err)
	}
	st, _ := p.Stream("bad")
	if s := st.Status(); s.State != Suspended || !strings.Contains(s.Reason, "no such region") {
		t.Errorf("state %s (%s), want SUSPENDED with the reason", s.State, s.Reason)
	}
	if err := p.put("good", "x"); err != nil {
		t.Error(err)
	}
	p.drain()
	p.Apply(context.Background(), []Spec{p.spec("bad", "v2"), p.spec("good", "v1")})
	if err := p.put("bad", "y"); err != nil {
		t.Errorf("after the correction: %v", err)
	}
	p.drain()
	p.close()
}

func TestAStreamThatLeftTheConfigurationDrains(t *testing.T) {
	p := newPlant(t)
	slow := p.spec("a", "v1")
	slow.Hints.Interval = time.Hour
	p.Apply(context.Background(), []Spec{slow})
	if err := p.put("a", "x"); err != nil {
		t.Fatal(err)
	}
	p.Apply(context.Background(), nil)
	if err := p.put("a", "y"); !errors.Is(err, ErrNotActive) {
		t.Errorf("put to a draining stream: %v, want ErrNotActive", err)
	}
	p.drain()
	if got := p.sinks["a"].lines(); !slices.Equal(got, []string{"x"}) {
		t.Errorf("delivered %q, want what was accepted", got)
	}
	p.Apply(context.Background(), []Spec{p.spec("a", "v1")})
	if err := p.put("a", "z"); err != nil {
		t.Errorf("the stream came back: %v", err)
	}
	p.close()
}

func TestABacklogOutlivesARestart(t *testing.T) {
	p := newPlant(t)
	down := p.spec("a", "v1")
	p.sinks["a"].send = func(context.Context, *sinks.Payload, []string) error { return errors.New("down") }
	p.Apply(context.Background(), []Spec{down})
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf("r%03d", i))
		if err := p.put("a", want[i]); err != nil {
			t.Fatal(err)
		}
	}
	p.close()
	p.sinks["a"].send = nil
	p.open()
	p.Apply(context.Background(), []Spec{down})
	p.drain()
	got := p.sinks["a"].lines()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("delivered %d records after the restart, want %d", len(got), len(want))
	}
	st, _ := p.Stream("a")
	if l := st.Status().Ledger; l.Gap() != 0 || l.Accepted.Records != 200 || l.Delivered.Records != 200 || l.Buffered.Records != 0 {
		t.Errorf("ledger %+v", l)
	}
	p.close()
}

// TestEveryFeedMaySendItsBatchesAtOnce: what may be in flight is of a feed, and
// other feeds take nothing of it.
func TestEveryFeedMaySendItsBatchesAtOnce(t *testing.T) {
	p := newPlant(t)
	spec := p.spec("a", "v")
	spec.Shards, spec.InFlight = 3, 1
	var busy, most atomic.Int64
	p.sinks["a"].send = func(context.Context, *sinks.Payload, []string) error {
		for now := busy.Add(1); now > most.Load(); {
			most.CompareAndSwap(most.Load(), now)
		}
		time.Sleep(time.Millisecond) // so that sends can meet
		busy.Add(-1)
		return nil
	}
	p.apply(spec)
	for end := time.Now().Add(20 * time.Second); most.Load() < 3 && time.Now().Before(end); {
		p.fill("a", 1, 30)
	}
	p.drain()
	if n := most.Load(); n != 3 {
		t.Errorf("%d batches were sent at once, want one of each feed, 3", n)
	}
	p.close()
}
