package crashtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// illness is what a disk may have.
type illness struct {
	name   string
	room   int64 // bytes that are left on the disk; 0: enough
	faults []crashfs.Fault
}

const anyChange = crashfs.OpCreate | crashfs.OpRename | crashfs.OpRemove | crashfs.OpMkdir | crashfs.OpSyncDir |
	crashfs.OpWrite | crashfs.OpSync | crashfs.OpTruncate

var illnesses = []illness{
	{name: "full after 1 byte", room: 1},
	{name: "full after 700 bytes", room: 700},
	{name: "full after 5000 bytes", room: 5000},
	{name: "no space on write", faults: []crashfs.Fault{{On: crashfs.OpWrite, Err: syscall.ENOSPC}}},
	{name: "no space on sync", faults: []crashfs.Fault{{On: crashfs.OpSync, Drop: true, Err: syscall.ENOSPC}}},
	{name: "no space on create", faults: []crashfs.Fault{{On: crashfs.OpCreate, Err: syscall.ENOSPC}}},
	{name: "no space on rename", faults: []crashfs.Fault{
		{On: crashfs.OpRename, Err: syscall.ENOSPC},
		{On: crashfs.OpSync, Path: "journal", Err: syscall.EIO}, // so that there is a rename
	}},
	{name: "quota exceeded in the middle of a write", faults: []crashfs.Fault{{On: crashfs.OpWrite, Path: "*.seg", Keep: 100, Err: syscall.EDQUOT}}},
	{name: "failed sync of a segment, once", faults: []crashfs.Fault{{On: crashfs.OpSync, Path: "*.seg", After: 1, Times: 1, Drop: true, Err: syscall.EIO}}},
	{name: "failed sync of a segment, three times", faults: []crashfs.Fault{{On: crashfs.OpSync, Path: "*.seg", Times: 3, Drop: true, Err: syscall.EIO}}},
	{name: "failed sync that keeps the pages", faults: []crashfs.Fault{{On: crashfs.OpSync, Times: 2, Err: syscall.EIO}}},
	{name: "failed sync of the journal, once", faults: []crashfs.Fault{{On: crashfs.OpSync, Path: "journal*", Times: 1, Drop: true, Err: syscall.EIO}}},
	{name: "failed sync of the journal, twice", faults: []crashfs.Fault{{On: crashfs.OpSync, Path: "journal*", Times: 2, Drop: true, Err: syscall.EIO}}},
	{name: "failed sync of everything", faults: []crashfs.Fault{{On: crashfs.OpSync, Drop: true, Err: syscall.EIO}}},
	{name: "failed sync of a directory, once", faults: []crashfs.Fault{{On: crashfs.OpSyncDir, Times: 1, Err: syscall.EIO}}},
	{name: "failed sync of directories", faults: []crashfs.Fault{{On: crashfs.OpSyncDir, Err: syscall.EIO}}},
	{name: "failed writes", faults: []crashfs.Fault{{On: crashfs.OpWrite, Err: syscall.EIO}}},
	{name: "short write to a segment", faults: []crashfs.Fault{{On: crashfs.OpWrite, Path: "*.seg", After: 1, Times: 1, Keep: 60, Err: syscall.EIO}}},
	{name: "short write to the journal", faults: []crashfs.Fault{{On: crashfs.OpWrite, Path: "journal", Times: 1, Keep: 60, Err: syscall.EIO}}},
	{name: "read-only", faults: []crashfs.Fault{{On: anyChange, Err: syscall.EROFS}}},
	{name: "no descriptors", faults: []crashfs.Fault{{On: crashfs.OpOpen | crashfs.OpCreate | crashfs.OpLock, Err: syscall.EMFILE}}},
	{name: "a bit wrong in one read", faults: []crashfs.Fault{{On: crashfs.OpRead, Path: "*.seg", Times: 1, Flip: true}}},
	{name: "failed reads", faults: []crashfs.Fault{{On: crashfs.OpRead, Times: 2, Err: syscall.EIO}}},
	{name: "failed close", faults: []crashfs.Fault{{On: crashfs.OpClose, Path: "*.seg", Err: syscall.EIO}}},
	{name: "failed removal", faults: []crashfs.Fault{{On: crashfs.OpRemove, Err: syscall.EIO}}},
	{name: "sync takes a minute", faults: []crashfs.Fault{{On: crashfs.OpSync, Times: 3, Delay: time.Minute}}},
}

// TestSickDiskLosesNothing gives the disk every illness, takes the power away
// meanwhile, and wants the log to work again when the disk does.
func TestSickDiskLosesNothing(t *testing.T) {
	rounds := uint64(3)
	switch {
	case *everyFlag:
		rounds = 30
	case testing.Short():
		rounds = 1
	}
	for i, ill := range illnesses {
		t.Run(ill.name, func(t *testing.T) {
			var images atomic.Int64
			acted := 0
			for round := range rounds {
				seed := 1000*uint64(i+1) + round
				if *seedFlag != 0 {
					seed = *seedFlag // and no further round
				}
				synctest.Test(t, func(t *testing.T) { acted += runSick(t, ill, seed, &images) })
				if t.Failed() || *seedFlag != 0 {
					break
				}
			}
			t.Logf("%d images, %d faults", images.Load(), acted)
			if acted == 0 && ill.room == 0 && !t.Failed() && *seedFlag == 0 {
				t.Error("no fault was met")
			}
		})
	}
}

func runSick(t *testing.T, ill illness, seed uint64, images *atomic.Int64) (acted int) {
	w := &workload{seed: seed, images: images, target: 1 << 60, queue: make(chan image)}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(w.work)
	}
	acted, err := w.suffer(ill)
	close(w.queue)
	wg.Wait()
	w.report(t, err)
	return acted
}

// suffer drives a log on a disk that falls ill and gets well again.
func (w *workload) suffer(ill illness) (acted int, err error) {
	luck := rand.New(rand.NewPCG(w.seed, 0))
	s := newSession(crashfs.New(), newHistory(), luck)
	s.sick = true
	every := uint64(5) // operations to the next images
	if testing.Short() {
		every = 40
	}
	var last trail
	s.fs.Observe(func(op crashfs.Op) {
		last.add(op)
		if last.count()%every == w.seed%every {
			w.take(s.fs, s.history, 0, luckOf(w.seed, last.count()), last.String)
		}
	})
	if err = s.open(); err == nil {
		err = s.observe()
	}
	for range 3 {
		if err == nil && w.failed.Load() == nil {
			err = s.fallIll(ill)
		}
	}
	if err == nil {
		s.fs.Observe(nil)
		err = s.probe()
	}
	if err != nil {
		s.abandon()
		return s.acted, fmt.Errorf("without a crash: %w\n%s%v", err, last.String(), s.fs)
	}
	return s.acted, s.close()
}

// fallIll goes through one illness and back to health.
func (s *session) fallIll(ill illness) error {
	for range s.luck.IntN(8) {
		if err := s.step(); err != nil {
			return err
		}
	}
	s.fs.Inject(ill.faults...)
	if ill.room > 0 {
		free, total, err := s.fs.Free()
		if err != nil {
			return err
		}
		s.fs.SetCapacity(total - free + ill.room)
	}
	for range 12 {
		if err := s.stepWhileSick(); err != nil {
			return fmt.Errorf("while the disk is ill: %w", err)
		}
	}
	s.heal()
	if err := s.insist(s.appendSome); err != nil {
		return err
	}
	if err := s.insist(s.log.Health); err != nil {
		return fmt.Errorf("the log does not get well: %w", err)
	}
	return s.reopen()
}

// stepWhileSick does something that may be refused, and nothing worse.
func (s *session) stepWhileSick() error {
	err := s.step()
	if s.dir == nil { // it was to be opened again
		s.heal()
		if err := s.open(); err != nil {
			return err
		}
		return s.observe()
	}
	if isRefusal(err) {
		return nil
	}
	return err
}

// probe sends records of the smallest and the largest sizes through a log
// that has got well. The history does not know them, so nothing may follow.
func (s *session) probe() error {
	for s.waiting > 0 {
		if err := s.next(); err != nil {
			return err
		}
	}
	for _, size := range []int{1, 64 << 10, 1_024_000} {
		want := bytes.Repeat([]byte("p"), size)
		var e buffer.Entries
		e.Add(want)
		ctx, cancel := patience()
		defer cancel()
		pos, err := s.log.Append(ctx, &e)
		if err != nil {
			return fmt.Errorf("append a probe of %d bytes: %w", size, err)
		}
		var c buffer.Chunk
		if err := s.feed.Next(ctx, &c); err != nil {
			return fmt.Errorf("read a probe of %d bytes: %w", size, err)
		}
		if c.Len() != 1 || c.Position(0) != pos || !bytes.Equal(c.Bytes(0), want) {
			return fmt.Errorf("a probe of %d bytes at %v came back as %d records at %v", size, pos, c.Len(), c.Position(0))
		}
	}
	return s.undamaged()
}
