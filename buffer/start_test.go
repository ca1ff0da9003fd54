package buffer

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// TestOneBadReadAtAStartHarmsNothing lets every read of a start, and of the
// delivery after it, go wrong once. A bit that was wrong on its way from the
// disk is not damage; a read that failed may stop the start, but no more.
func TestOneBadReadAtAStartHarmsNothing(t *testing.T) {
	for _, f := range []crashfs.Fault{
		{On: crashfs.OpRead, Times: 1, Flip: true},
		{On: crashfs.OpRead, Times: 1, Err: syscall.EIO},
	} {
		for _, clean := range []bool{true, false} {
			s := newSample(t, clean)
			for f.After = 0; ; f.After++ {
				disk := s.disk.KillClone()
				disk.Inject(f)
				got, l, damages, err := recovered(t, disk)
				if disk.Heal() == 0 {
					break
				}
				if err != nil && f.Err != nil {
					got, l, damages, err = recovered(t, disk.KillClone())
				}
				if f.Err != nil {
					damages = nil // a copy that could not be read is reported
				}
				if err != nil || len(damages) > 0 || l.Gap() != 0 || l.Lost != (Count{}) {
					t.Fatalf("%v, stopped cleanly %v: ledger %+v, damages %v, error %v", f, clean, l, damages, err)
				}
				if f.Err == nil {
					diff(t, f.String(), s.records[s.settled:], got)
				} else if lost := missing(s.records[len(s.records)-5:], got); len(lost) > 0 {
					t.Fatalf("%v: missing %q", f, lost)
				}
			}
			if f.After < 10 {
				t.Errorf("%v: only %d reads", f, f.After)
			}
		}
	}
}

// TestStartOnAFullDiskSavesTheJournal: a plan that was written, and never
// synced, may be found after the process was killed. It is executed, so it
// has to be durable, also when there is no room for another entry.
func TestStartOnAFullDiskSavesTheJournal(t *testing.T) {
	r, disk := newDiskRig(t, DirOptions{})
	r.append("a", "b")
	got, first, last := r.read(2)
	disk.Inject(
		crashfs.Fault{On: crashfs.OpSync, Path: "journal", Drop: true, Err: syscall.EIO},
		crashfs.Fault{On: crashfs.OpCreate, Path: "journal.new", Err: syscall.ENOSPC},
	)
	p := Plan{Feed: r.feed.ID(), First: first, Last: last, Count: count(got), Cause: CutSize}
	if err := r.feed.Plan(t.Context(), p); err == nil {
		t.Fatal("a plan was made on a disk that does not sync")
	}
	killed := disk.KillClone()
	killed.Inject(crashfs.Fault{On: crashfs.OpCreate, Err: syscall.ENOSPC})
	second := &rig{t: t, fs: killed, o: r.o}
	second.open()
	plans := second.feed.Unfinished()
	if len(plans) != 1 {
		t.Fatalf("%d plans after the process was killed, want the one in the page cache", len(plans))
	}
	third := &rig{t: t, fs: killed.CrashClone(1, crashfs.Mode{Data: crashfs.DataNone, Dirs: crashfs.DirsNone}), o: r.o}
	second.close()
	third.open()
	defer third.close()
	if again := third.feed.Unfinished(); len(again) != 1 || again[0].ID() != plans[0].ID() {
		t.Errorf("after a power loss the plans are %v, want %v", again, plans)
	}
}

// TestSegmentPreparedDuringAFailureIsNotNeeded: a segment fails in its last
// write, gives back the one after it, and tidy is just making another.
func TestSegmentPreparedDuringAFailureIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, disk := newDiskRig(t, DirOptions{SegmentSize: 6 << 10})
		synctest.Wait()
		r.append(string(make([]byte, 3<<10)))
		synctest.Wait()
		disk.Inject(
			crashfs.Fault{On: crashfs.OpSync, Path: "*.seg", Times: 1, Drop: true, Err: syscall.EIO, Delay: time.Second},
			crashfs.Fault{On: crashfs.OpCreate, Path: "*.seg", Times: 1, Delay: time.Minute},
		)
		if _, err := r.log.Append(t.Context(), entries(string(make([]byte, 3<<10)))); err == nil {
			t.Fatal("the append was acknowledged")
		}
		time.Sleep(time.Hour)
		if acted := disk.Heal(); acted != 2 {
			t.Fatalf("%d faults were met, want 2", acted)
		}
		r.append("b")
		r.close()
		if n := disk.OpenHandles(); n > 0 {
			t.Errorf("%d files are open after Close", n)
		}
	})
}

// TestDeletedSegmentIsNotDamaged: a reader has all records of a segment,
// but not the pad behind them, when the segment is deleted.
func TestDeletedSegmentIsNotDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, disk := newDiskRig(t, DirOptions{})
		defer r.close()
		r.append("a")
		got, first, last := r.read(1)
		time.Sleep(time.Second) // the pad
		disk.Inject(crashfs.Fault{On: crashfs.OpSync, Path: "*.seg", Times: 1, Drop: true, Err: syscall.EIO})
		if _, err := r.log.Append(t.Context(), entries("b")); err == nil {
			t.Fatal("the append was acknowledged")
		}
		time.Sleep(time.Minute) // the log gets well
		r.done(r.plan(first, last, got))
		synctest.Wait()
		r.append("c")
		got, _, _ = r.read(1)
		diff(t, "after the first segment was deleted", []string{"c"}, got)
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.damages) > 0 {
			t.Errorf("reported: %v", r.damages)
		}
	})
}
