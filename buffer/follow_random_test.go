package buffer

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

var followSeed = flag.Uint64("follow-seed", 0, "run TestWhateverStreamsFollow with this seed alone")

// TestWhateverStreamsFollow lets streams follow each other, change their minds,
// leave, come back, be given up, die and start again with only some of the
// logs open. A record that was accepted while a stream followed is delivered
// by it, and none twice.
func TestWhateverStreamsFollow(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	for seed := uint64(1); seed <= seeds && !t.Failed(); seed++ {
		if *followSeed != 0 {
			seed, seeds = *followSeed, 0
		}
		w := newWeb(t, seed)
		for range 120 {
			w.step()
		}
		w.finish()
		if t.Failed() {
			t.Logf("again with -follow-seed %d", seed)
		}
	}
}

// web is some streams and what each of them owes.
type web struct {
	*fan
	disk    *crashfs.FS
	luck    *rand.Rand
	names   []string
	shards  map[string]int
	wants   map[string]string          // the stream that one is configured to follow, or ""
	linked  map[string]bool            // in this life, it follows that
	owes    map[string]map[string]bool // by stream: the records it has to deliver
	given   map[string]map[string]bool // and those it has delivered
	origin  map[string]string          // by record: whose log it is in
	records int
}

func newWeb(t *testing.T, seed uint64) *web {
	disk := crashfs.New()
	w := &web{
		fan: newFan(t, disk, DirOptions{SegmentSize: 4096 + 700, JournalSize: 4096 + 3000}), disk: disk,
		luck:  rand.New(rand.NewPCG(seed, 1)),
		names: []string{"a", "b", "c"}, shards: map[string]int{}, wants: map[string]string{},
		owes: map[string]map[string]bool{}, given: map[string]map[string]bool{}, origin: map[string]string{},
	}
	for _, n := range w.names {
		w.shards[n], w.owes[n], w.given[n] = 1, map[string]bool{}, map[string]bool{}
	}
	w.start(w.names)
	return w
}

// start opens some logs, in any order, and links them.
func (w *web) start(names []string) {
	w.linked = map[string]bool{}
	for _, i := range w.luck.Perm(len(names)) {
		w.log(names[i], w.shards[names[i]])
	}
	for _, i := range w.luck.Perm(len(names)) {
		w.link(names[i])
	}
}

func (w *web) open() []string {
	var names []string
	for _, n := range w.names {
		if w.logs[n] != nil {
			names = append(names, n)
		}
	}
	return names
}

func (w *web) any(names []string) string { return names[w.luck.IntN(len(names))] }

// link makes a stream follow what it is configured to.
func (w *web) link(name string) {
	w.t.Helper()
	leader := w.wants[name]
	var err error
	if leader == "" {
		err = w.logs[name].Unfollow()
	} else if w.logs[leader] == nil {
		return
	} else {
		err = w.logs[name].Follow(w.logs[leader], Start(w.luck.IntN(2)))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.linked[name] = true
}

func (w *web) step() {
	w.t.Helper()
	open := w.open()
	switch x := w.luck.IntN(100); {
	case x < 45:
		name := w.any(open)
		var batch []string
		for range 1 + w.luck.IntN(4) {
			w.records++
			batch = append(batch, fmt.Sprintf("%s %d", name, w.records))
		}
		w.append(w.logs[name], batch...)
		for _, r := range batch {
			w.origin[r], w.owes[name][r] = name, true
			for f, leader := range w.wants {
				if leader == name && w.linked[f] {
					w.owes[f][r] = true
				}
			}
		}
	case x < 75:
		w.deliver(w.any(open))
	case x < 88:
		name := w.any(open)
		w.wants[name] = w.any(append([]string{""}, w.names...))
		if w.wants[name] == name {
			w.wants[name] = ""
		}
		w.linked[name] = false
		w.link(name)
	case x < 92:
		w.release()
	default:
		w.die()
	}
	w.check()
}

// deliver reads, plans and settles something of one feed.
func (w *web) deliver(name string) {
	w.t.Helper()
	for _, f := range w.logs[name].Feeds() {
		plans := f.Unfinished()
		if len(plans) > 0 && w.luck.IntN(2) == 0 {
			r, err := f.Replay(plans[0])
			if err != nil {
				w.t.Fatal(err)
			}
			w.settle(name, &cut{feed: f, plan: plans[0], records: readAll(w.t, r)})
		}
		if w.luck.IntN(2) == 0 {
			if b := w.take(f, 1+w.luck.IntN(6)); b != nil && len(f.Unfinished()) == 0 && w.luck.IntN(3) > 0 {
				w.settle(name, b)
			}
		}
	}
}

func (w *web) settle(name string, b *cut) {
	w.t.Helper()
	w.done(b)
	for _, r := range b.records {
		if w.given[name][r] {
			w.t.Fatalf("%s delivers %q twice", name, r)
		}
		w.given[name][r] = true
	}
}

// release gives up what a stream that is not open has of another.
func (w *web) release() {
	w.t.Helper()
	leader, name := w.any(w.open()), w.any(w.names)
	if w.logs[name] != nil {
		return
	}
	if _, err := w.logs[leader].Release(name); err != nil {
		w.t.Fatal(err)
	}
	for r := range w.owes[name] {
		if w.origin[r] == leader {
			delete(w.owes[name], r)
		}
	}
}

// die ends this life, in some way, and begins another with some of the logs.
func (w *web) die() {
	w.t.Helper()
	left := w.disk
	switch w.luck.IntN(3) {
	case 0:
		left = w.disk.KillClone()
	case 1:
		modes := crashfs.Modes()
		left = w.disk.CrashClone(w.luck.Uint64(), modes[w.luck.IntN(len(modes))])
	}
	w.close()
	w.disk, w.fs = left, left
	w.openDir()
	some := slices.DeleteFunc(slices.Clone(w.names), func(string) bool { return w.luck.IntN(4) == 0 })
	if len(some) == 0 {
		some = w.names
	}
	grow := w.any(some)
	w.shards[grow] = 1 + w.luck.IntN(3)
	w.start(some)
}

func (w *web) check() {
	w.t.Helper()
	for name, l := range w.logs {
		if got := l.Ledger(); got.Gap() != 0 || got.Lost.Records != 0 {
			w.t.Fatalf("ledger of %s: %+v, gap %d", name, got, got.Gap())
		}
	}
	if len(w.dmg) > 0 {
		w.t.Fatal(w.dmg[0])
	}
}

// finish opens all logs and delivers everything.
func (w *web) finish() {
	w.t.Helper()
	w.reopen()
	w.start(w.names)
	for _, name := range w.names {
		for _, r := range w.drain(w.logs[name]) {
			if w.given[name][r] {
				w.t.Errorf("%s delivers %q twice", name, r)
			}
			w.given[name][r] = true
		}
	}
	w.check()
	for _, name := range w.names {
		for r := range w.owes[name] {
			if !w.given[name][r] {
				w.t.Errorf("%s misses %q", name, r)
			}
		}
		l := w.logs[name].Ledger()
		if l.Buffered != (Count{}) || l.Delivered.Records != uint64(len(w.given[name])) {
			w.t.Errorf("ledger of %s: %+v, %d records were delivered", name, l, len(w.given[name]))
		}
	}
	for _, name := range w.names {
		w.fewer(w.logs[name], 2*len(w.logs[name].shards))
	}
	w.close()
}
