package crash

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

// streams are the kinds of objects that are made, with small hints so that
// there are many. One follows another, one infers columns, converts to Parquet
// and keeps its source records; the last one has objects that go up in parts.
var streams = []testbed.Stream{
	{Name: "raw", Delimiter: "none", Producers: 2, Batch: 200, Pause: 8 * time.Millisecond},
	{Name: "newline", Shards: 2, Producers: 2, Batch: 200, Pause: 8 * time.Millisecond},
	{Name: "follower", Follow: "newline", Compression: "GZIP"},
	{Name: "gzip", Compression: "GZIP", Shards: 2, Producers: 1, Batch: 200, Pause: 8 * time.Millisecond},
	{Name: "zstd", Compression: "ZSTD", Producers: 1, Batch: 200, Pause: 8 * time.Millisecond},
	{Name: "parquet", Convert: "parquet", Backup: true, Shards: 2, Producers: 1, Batch: 200, Pause: 8 * time.Millisecond},
	{Name: "parts", Size: "21MiB", Interval: "4s", Producers: 1, Batch: 500, Pause: 4 * time.Millisecond},
}

// points are the places to die at, and the most passages to let go by first.
// The names are those of package buffer/fault.
var points = map[string]int{
	"K1": 300, "K2": 300, "K3": 300, "K4": 3,
	"K5": 12, "K6": 12, "K7": 12,
	"K8": 12, "K8-part": 4, "K8-complete": 1, "K8-after": 12,
	"K9": 12, "K10": 12, "K11": 12, "K12": 3,
	"K13": 2, "K13-journal": 3, "K13-cut": 2, "K13-seal": 2, "K18": 2,
}

// loop starts the program, lets it be killed, and starts it again.
type loop struct {
	*testbed.Bed
	t   *testing.T
	rng *rand.Rand

	env    []string // for every start
	points []string // if set: kill at these points only
	kills  int
	deck   []string // the points that come before one comes again

	seen string // file in which the program notes the points it passes
}

func newLoop(t *testing.T, seed uint64) *loop {
	bed := testbed.New(t, hydrant.Faulty(t), seed, streams...)
	l := &loop{Bed: bed, t: t, rng: rand.New(rand.NewPCG(seed, 0)), seen: filepath.Join(bed.Dir, "points")}
	l.configure(1000)
	bed.Proxy.CutShare.Store(2)
	return l
}

// configure writes a configuration that differs from others by its interval.
func (l *loop) configure(millis int) {
	l.Configure("  buffer: {segment_size: 1MiB, min_free: 1%}\n  log: {level: warn}", l.StreamsYAML(fmt.Sprintf("%dms", millis)))
}

// onceOnly are places that are passed once in the life of a stream: when the
// columns are decided.
var onceOnly = []string{"K6-schema", "K6-decided"}

// begin kills the program at the places that later starts do not come to.
func (l *loop) begin() {
	l.t.Helper()
	defer l.Produce()()
	for _, point := range onceOnly {
		l.await(l.start("HYDRANT_KILL="+point), 20*time.Second)
		l.kills++
	}
}

// run kills the program n times under load.
func (l *loop) run(n int) {
	l.t.Helper()
	stop := l.Produce()
	defer stop()
	for range n {
		l.life()
		l.kills++
	}
}

// life is one start of the program and its end.
func (l *loop) life() {
	l.t.Helper()
	switch draw := l.rng.IntN(100); {
	case l.points != nil:
		l.killAt(l.points[l.rng.IntN(len(l.points))])
	case draw < 60:
		l.killAt(l.draw())
	case draw < 77: // any time
		l.await(l.start(), time.Duration(l.rng.IntN(2500))*time.Millisecond)
	case draw < 80: // while the store is away, too
		l.Store.Stop()
		l.await(l.start(), time.Duration(l.rng.IntN(2500))*time.Millisecond)
		l.Store.Start()
	default: // while it recovers, or soon after
		l.await(l.start(), time.Duration(l.rng.IntN(120))*time.Millisecond)
	}
}

// draw returns the next point to die at.
func (l *loop) draw() string {
	if len(l.deck) == 0 {
		l.deck = slices.Sorted(maps.Keys(points))
		l.rng.Shuffle(len(l.deck), func(i, j int) { l.deck[i], l.deck[j] = l.deck[j], l.deck[i] })
	}
	point := l.deck[0]
	l.deck = l.deck[1:]
	return point
}

// complete kills the program at the points where it has not died yet. Not
// every start comes to every point.
func (l *loop) complete() {
	l.t.Helper()
	defer l.Produce()()
	for _, point := range slices.Sorted(maps.Keys(points)) {
		for tries := 0; tries < 10 && l.died()[point] == 0; tries++ {
			l.killAt(point)
			l.kills++
		}
	}
}

// died counts where the program has killed itself.
func (l *loop) died() map[string]int {
	l.t.Helper()
	text, err := os.ReadFile(l.seen)
	if err != nil {
		l.t.Fatal(err)
	}
	died := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if point, ok := strings.CutSuffix(strings.TrimSpace(line), " killed"); ok {
			died[point]++
		}
	}
	return died
}

// nest kills the program n times in a row while it recovers from the kill
// before.
func (l *loop) nest(n int) {
	l.t.Helper()
	for range n {
		during := []string{"K13", "K13-journal", "K13-cut", "K13-seal"}
		p := l.start("HYDRANT_KILL=" + during[l.rng.IntN(len(during))])
		l.await(p, 500*time.Millisecond)
		l.kills++
	}
}

// killAt lets the program kill itself at a point, or kills it when it does
// not get there.
func (l *loop) killAt(point string) {
	l.t.Helper()
	passages := 1 + l.rng.IntN(points[point])
	p := l.start(fmt.Sprintf("HYDRANT_KILL=%s:%d", point, passages))
	if point == "K18" { // it is passed when the configuration changes
		if p.TryReady(10*time.Second) == nil {
			l.configure(800 + l.rng.IntN(400))
			p.Signal(syscall.SIGHUP)
		}
	}
	l.await(p, 4*time.Second)
}

func (l *loop) start(env ...string) *hydrant.Process {
	l.t.Helper()
	return l.Start(append(append(env, "HYDRANT_KILL_SEEN="+l.seen), l.env...)...)
}

// await waits for the program's death, and brings it about after a while. An
// end of any other kind is a failure.
func (l *loop) await(p *hydrant.Process, patience time.Duration) {
	l.t.Helper()
	select {
	case <-p.Exited():
		if code := p.Code(); code != -1 {
			l.t.Fatalf("hydrant ended by itself with code %d\n%s", code, p.Log())
		}
	case <-time.After(patience):
		p.Kill()
	}
}

// verdict heals everything, waits until all is delivered, proves that fresh
// records are taken and delivered, and judges.
func (l *loop) verdict() []oracle.Violation {
	l.t.Helper()
	cut := l.Proxy.CutShare.Swap(0)
	defer l.Proxy.CutShare.Store(cut)
	p := l.start()
	p.Ready(20 * time.Second)
	err := l.Quiesce(30 * time.Second)
	if err == nil {
		err = l.probe()
	}
	if err != nil {
		return []oracle.Violation{{Kind: oracle.Missing, Detail: err.Error()}}
	}
	found := l.Judge()
	if code := p.Stop(20 * time.Second); code != 0 {
		l.t.Errorf("exit code %d\n%s", code, p.Log())
	}
	return found
}

// probe has fresh records accepted and delivered.
func (l *loop) probe() error {
	l.t.Helper()
	stop := l.Produce()
	defer stop()
	want := l.Calls().Acked + 500
	for end := time.Now().Add(20 * time.Second); l.Calls().Acked < want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("fresh records are not accepted")
		}
	}
	stop()
	return l.Quiesce(30 * time.Second)
}

// evidence fails a run that proved nothing.
func (l *loop) evidence(all bool) {
	l.t.Helper()
	calls, died := l.Calls(), l.died()
	l.t.Logf("%d kills, %d of %d records acknowledged, %d objects, %d found stored already, %d answers cut off, %d parts",
		l.kills, calls.Acked, calls.Sent, l.Proxy.Stored.Load(), l.Proxy.Existing.Load(), l.Proxy.Cut.Load(), l.Proxy.Parts.Load())
	l.t.Logf("died at: %v", died)

	if least := 500 * l.kills; calls.Acked < least {
		l.t.Errorf("only %d records were acknowledged, want %d", calls.Acked, least)
	}
	if l.Proxy.Existing.Load() == 0 {
		l.t.Errorf("no upload was found stored already")
	}
	if !all {
		return
	}
	if l.Proxy.Cut.Load() == 0 {
		l.t.Errorf("no answer of the store was cut off")
	}
	if l.Proxy.Parts.Load() == 0 {
		l.t.Errorf("nothing was uploaded in parts")
	}
	for _, point := range append(slices.Collect(maps.Keys(points)), onceOnly...) {
		if died[point] == 0 {
			l.t.Errorf("the program never died at %s", point)
		}
	}
}
