package crashtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// TestPowerLossOnTwoShards drives two shards of one log at the same time.
func TestPowerLossOnTwoShards(t *testing.T) {
	target := int64(3_000)
	if testing.Short() {
		target = 300
	}
	var images atomic.Int64
	for seed := uint64(1); images.Load() < target && !t.Failed(); seed++ {
		if *seedFlag != 0 {
			seed, target = *seedFlag, 0
		}
		synctest.Test(t, func(t *testing.T) {
			w := &workload{seed: seed, images: &images}
			w.report(t, w.drivePair())
		})
	}
	t.Logf("%d images", images.Load())
}

// pair is two sessions, each with one shard of the same log. Appends go round
// the shards, so they take turns.
type pair struct {
	shard [2]*session
	luck  *rand.Rand
	turn  int
}

func newPair(fsys *crashfs.FS, histories [2]*history, luck *rand.Rand) *pair {
	p := &pair{luck: luck}
	for i, h := range histories {
		p.shard[i] = newSession(fsys, h, rand.New(rand.NewPCG(luck.Uint64(), 0)))
		p.shard[i].shards, p.shard[i].shard = 2, i
	}
	return p
}

func (p *pair) open() error {
	a, b := p.shard[0], p.shard[1]
	if err := a.open(); err != nil {
		return err
	}
	b.dir, b.log, p.turn = a.dir, a.log, 0
	if err := b.follow(); err != nil {
		return err
	}
	return p.observe()
}

func (p *pair) observe() error {
	var states [2]*state
	for i, s := range p.shard {
		var err error
		if states[i], err = s.look(); err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
	}
	if err := checkLedger(p.shard[0].log.Ledger(), states[0], states[1]); err != nil {
		return err
	}
	return p.shard[0].undamaged()
}

// step appends to one shard while the other does something else.
func (p *pair) step() error {
	if p.luck.IntN(40) == 0 {
		if err := p.shard[0].close(); err != nil {
			return err
		}
		return p.open()
	}
	here, there := p.shard[p.turn%2], p.shard[(p.turn+1)%2]
	p.turn++
	errs := make([]error, 2)
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := here.append(1 + here.luck.IntN(5))
		if err == nil {
			here.waiting += c.count
		}
		errs[0] = err
	})
	wg.Go(func() { errs[1] = there.deliver() })
	wg.Wait()
	return errors.Join(errs...)
}

// deliver does one of the things a worker does.
func (s *session) deliver() error {
	switch x := s.luck.IntN(3); {
	case x == 0 && len(s.plans) > 0:
		return s.done()
	case x <= 1 && len(s.read) > 0:
		return s.plan(1 + s.luck.IntN(len(s.read)))
	case s.waiting > 0:
		return s.next()
	}
	return nil
}

func (w *workload) drivePair() error {
	p := newPair(crashfs.New(), [2]*history{newHistory(), newHistory()}, rand.New(rand.NewPCG(w.seed, 0)))
	p.shard[1].history.numbers.Store(1 << 20) // so that they hold different records
	var last trail
	p.shard[0].fs.Observe(func(op crashfs.Op) {
		last.add(op)
		if w.failed.Load() != nil {
			return
		}
		if err := w.examinePair(p, luckOf(w.seed, last.count())); err != nil {
			err = fmt.Errorf("%w, after\n%s", err, last.String())
			w.failed.CompareAndSwap(nil, &err)
		}
	})
	err := p.open()
	for range 40 {
		if err == nil && w.failed.Load() == nil {
			err = p.step()
		}
	}
	if err != nil {
		p.shard[0].abandon()
		return fmt.Errorf("without a crash: %w\n%s", err, last.String())
	}
	return p.shard[0].close()
}

// examinePair crashes a pair here, in one of the ways, and goes on with what
// is left.
func (w *workload) examinePair(p *pair, luck *rand.Rand) error {
	w.images.Add(1)
	fsys, modes := p.shard[0].fs, crashfs.Modes()
	mode, seed := modes[luck.IntN(len(modes))], luck.Uint64()
	var left *crashfs.FS
	var histories [2]*history
	histories[0] = p.shard[0].history.fork(func() {
		histories[1] = p.shard[1].history.fork(func() {
			left = fsys.CrashClone(seed, mode)
		})
	})
	again := newPair(left, histories, luck)
	err := again.open()
	for range luck.IntN(6) {
		if err == nil {
			err = again.step()
		}
	}
	if err != nil {
		again.shard[0].abandon()
		return fmt.Errorf("mode %v, seed %d: %w", mode, seed, err)
	}
	return again.shard[0].close()
}
