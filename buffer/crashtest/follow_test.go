package crashtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// TestPowerLossWithFollowers drives a log that two other streams follow, each
// at its own pace, and stops the power at every operation on the disk; with
// -short at every fifth.
func TestPowerLossWithFollowers(t *testing.T) {
	target, every := int64(12_000), 1
	if testing.Short() {
		target, every = 300, 5
	}
	var images atomic.Int64
	for seed := uint64(1); images.Load() < target && !t.Failed(); seed++ {
		if *seedFlag != 0 {
			seed, target = *seedFlag, 0
		}
		synctest.Test(t, func(t *testing.T) {
			w := &workload{seed: seed, images: &images}
			w.report(t, w.driveParty(every))
		})
	}
	t.Logf("%d images", images.Load())
}

// party is a leader and two streams that follow it. Each is a session with a
// history of its own, and what is appended goes into all of them.
type party struct {
	all  [3]*session // the leader first
	luck *rand.Rand
}

// starts is where they begin. Nothing is appended before all follow, so each
// has everything; but one that is forgotten and begins with the newest record
// has none of what came before.
var starts = [3]buffer.Start{1: buffer.Oldest, 2: buffer.Newest}

func newParty(fsys *crashfs.FS, histories [3]*history, luck *rand.Rand) *party {
	p := &party{luck: luck}
	for i, h := range histories {
		p.all[i] = newSession(fsys, h, rand.New(rand.NewPCG(luck.Uint64(), 0)))
	}
	p.all[0].beside = p.all[1:]
	return p
}

func (p *party) open() error {
	leader := p.all[0]
	dir, err := buffer.OpenDir(leader.fs, leader.options)
	if err != nil {
		return err
	}
	leader.dir = dir
	// Which is opened first does not matter.
	order := p.luck.Perm(len(p.all))
	for _, i := range order {
		s := p.all[i]
		if s.log, err = dir.OpenLog(fmt.Sprintf("%s-%d", stream, i), buffer.LogOptions{}); err != nil {
			return err
		}
	}
	for i, s := range p.all {
		if i > 0 {
			if err := s.log.Follow(leader.log, starts[i]); err != nil {
				return err
			}
		}
		feeds := s.log.Feeds()
		s.feed = feeds[len(feeds)-1]
	}
	return p.observe()
}

func (p *party) observe() error {
	end, err := p.all[0].append(1)
	if err != nil {
		return err
	}
	for i, s := range p.all {
		truth, err := s.lookUpTo(end)
		if err == nil {
			err = checkLedger(s.log.Ledger(), truth)
		}
		if err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
	}
	return p.all[0].undamaged()
}

// step appends while the streams do something of their own; sometimes one of
// them does nothing for a while.
func (p *party) step() error {
	switch p.luck.IntN(40) {
	case 0:
		if err := p.close(); err != nil {
			return err
		}
		return p.open()
	case 1:
		time.Sleep(time.Second)
		return nil
	case 2, 3:
		return p.comeAndGo()
	}
	errs := make([]error, len(p.all)+1)
	var wg sync.WaitGroup
	var appended call
	if p.luck.IntN(3) > 0 {
		records := 1 + p.luck.IntN(5)
		wg.Go(func() { appended, errs[len(p.all)] = p.all[0].append(records) })
	}
	sleeper := p.luck.IntN(2 * len(p.all))
	for i, s := range p.all {
		if i != sleeper {
			wg.Go(func() {
				for range 1 + s.luck.IntN(3) {
					if errs[i] == nil {
						errs[i] = s.deliver()
					}
				}
			})
		}
	}
	wg.Wait()
	if errs[len(p.all)] == nil {
		for _, s := range p.all {
			s.waiting += appended.count
		}
	}
	return errors.Join(errs...)
}

// comeAndGo takes a follower out and puts it back. It misses nothing: either
// nothing is appended meanwhile, or it has not delivered all and holds the log.
func (p *party) comeAndGo() error {
	i, leader := 1+p.luck.IntN(2), p.all[0]
	s := p.all[i]
	holds := len(s.plans)+len(s.read)+s.waiting > 0
	if err := s.log.Unfollow(); err != nil {
		return err
	}
	if holds && p.luck.IntN(2) == 0 {
		c, err := leader.append(1 + p.luck.IntN(5))
		if err != nil {
			return err
		}
		for _, s := range p.all {
			s.waiting += c.count
		}
	}
	if err := s.log.Follow(leader.log, starts[i]); err != nil {
		return err
	}
	feeds := s.log.Feeds()
	s.feed = feeds[len(feeds)-1]
	s.waiting += len(s.read) // what is not planned is read again
	s.read = nil
	return nil
}

func (p *party) close() error { return p.all[0].close() }

func (w *workload) driveParty(every int) error {
	first := newHistory()
	histories := [3]*history{first, newHistory(), newHistory()}
	for _, h := range histories[1:] {
		h.numbers = first.numbers
	}
	p := newParty(crashfs.New(), histories, rand.New(rand.NewPCG(w.seed, 0)))
	var last trail
	p.all[0].fs.Observe(func(op crashfs.Op) {
		last.add(op)
		if w.failed.Load() != nil || last.count()%uint64(every) != 0 {
			return
		}
		if err := w.examineParty(p, luckOf(w.seed, last.count())); err != nil {
			err = fmt.Errorf("%w, after\n%s", err, last.String())
			w.failed.CompareAndSwap(nil, &err)
		}
	})
	err := p.open()
	for range 50 {
		if err == nil && w.failed.Load() == nil {
			err = p.step()
		}
	}
	if err != nil {
		p.all[0].abandon()
		return fmt.Errorf("without a crash: %w\n%s", err, last.String())
	}
	return p.close()
}

// examineParty crashes a party here, in one of the ways, and goes on with what
// is left.
func (w *workload) examineParty(p *party, luck *rand.Rand) error {
	w.images.Add(1)
	fsys, modes := p.all[0].fs, crashfs.Modes()
	mode, seed, kill := modes[luck.IntN(len(modes))], luck.Uint64(), luck.IntN(2) == 0
	var left *crashfs.FS
	var histories [3]*history
	histories[0] = p.all[0].history.fork(func() {
		histories[1] = p.all[1].history.fork(func() {
			histories[2] = p.all[2].history.fork(func() {
				if left = fsys.CrashClone(seed, mode); kill {
					left = fsys.KillClone()
				}
			})
		})
	})
	again := newParty(left, histories, luck)
	err := again.open()
	for range luck.IntN(6) {
		if err == nil {
			err = again.step()
		}
	}
	if err == nil && luck.IntN(2) == 0 { // the page cache survives a kill, and not what follows
		histories = [3]*history{again.all[0].history, again.all[1].history, again.all[2].history}
		clone := left.CrashClone(seed, mode)
		if err = again.close(); err == nil {
			again = newParty(clone, histories, luck)
			err = again.open()
		}
	}
	if err != nil {
		again.all[0].abandon()
		return fmt.Errorf("mode %v, kill %v, seed %d: %w", mode, kill, seed, err)
	}
	return again.close()
}
