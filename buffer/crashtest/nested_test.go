package crashtest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// TestRecoverySurvivesTwentyCrashes stops the power in the middle of one
// recovery after the other, and kills the process in between.
func TestRecoverySurvivesTwentyCrashes(t *testing.T) {
	chains := uint64(300)
	if testing.Short() {
		chains = 10
	}
	var recoveries, interrupted atomic.Int64
	for seed := uint64(1); seed <= chains && !t.Failed(); seed++ {
		if *seedFlag != 0 {
			seed, chains = *seedFlag, 0
		}
		synctest.Test(t, func(t *testing.T) {
			w := &workload{seed: seed, images: &recoveries}
			w.report(t, w.nest(&interrupted))
		})
	}
	t.Logf("%d recoveries, %d interrupted", recoveries.Load(), interrupted.Load())
	if 2*interrupted.Load() < recoveries.Load() && !t.Failed() {
		t.Error("most recoveries came to their end before the crash")
	}
}

// nest drives a log for a while, crashes it, and then only recovers.
func (w *workload) nest(interrupted *atomic.Int64) error {
	luck := rand.New(rand.NewPCG(w.seed, 0))
	s := newSession(crashfs.New(), newHistory(), luck)
	err := s.open()
	if err == nil {
		err = s.observe()
	}
	for range 10 + luck.IntN(30) {
		if err == nil {
			err = s.step()
		}
	}
	if err != nil {
		s.abandon()
		return fmt.Errorf("without a crash: %w", err)
	}
	crash := newCrash(s.fs, s.history, luck)
	for range 3 { // the crash comes in one of these
		if err = s.step(); err != nil {
			s.abandon()
			return fmt.Errorf("without a crash: %w", err)
		}
	}
	fsys, history, trail := crash.take()
	if err := s.close(); err != nil {
		return err
	}
	for range 20 {
		w.images.Add(1)
		s := newSession(fsys, history, luck)
		crash := newCrash(fsys, history, luck)
		if err := s.open(); err != nil {
			return fmt.Errorf("open: %w\n%s%v", err, trail, fsys)
		}
		if crash.happened() {
			interrupted.Add(1)
		}
		var ops string
		fsys, history, ops = crash.take()
		trail += ops
		if err := s.close(); err != nil {
			return err
		}
	}
	s = newSession(fsys, history, luck)
	if err := s.live(); err != nil {
		return fmt.Errorf("%w\n%s%v", err, trail, fsys)
	}
	return nil
}

// crash stops a file system at some operation that is still to come.
type crash struct {
	of      *crashfs.FS
	history *history
	clone   func() *crashfs.FS
	what    string

	mu    sync.Mutex
	after int // operations
	trail trail
	fs    *crashfs.FS // what is left
	told  *history    // at that moment
}

func newCrash(fsys *crashfs.FS, h *history, luck *rand.Rand) *crash {
	c := &crash{of: fsys, history: h, after: 1 + luck.IntN(40), what: "kill", clone: fsys.KillClone}
	if luck.IntN(3) > 0 {
		modes := crashfs.Modes()
		seed, mode := luck.Uint64(), modes[luck.IntN(len(modes))]
		c.what, c.clone = fmt.Sprintf("power loss %v, seed %d", mode, seed), func() *crashfs.FS { return fsys.CrashClone(seed, mode) }
	}
	fsys.Observe(c.observe)
	return c
}

func (c *crash) observe(op crashfs.Op) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fs != nil {
		return
	}
	c.trail.add(op)
	if c.trail.count() == uint64(c.after) {
		c.stop()
	}
}

// stop takes the clone. The caller holds mu.
func (c *crash) stop() {
	c.told = c.history.fork(func() { c.fs = c.clone() })
}

func (c *crash) happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fs != nil
}

// take returns what is left, at the latest of now, and how it came to that.
func (c *crash) take() (*crashfs.FS, *history, string) {
	c.of.Observe(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fs == nil {
		c.stop()
	}
	return c.fs, c.told, fmt.Sprintf("%s\t%s\n", c.trail.String(), c.what)
}
