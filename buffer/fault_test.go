package buffer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

func newDiskRig(t *testing.T, o DirOptions) (*rig, *crashfs.FS) {
	disk := crashfs.New()
	r := &rig{t: t, fs: disk, o: o}
	r.o.MinFree = -1
	r.o.Events.Damaged = func(_ string, d Damage) {
		r.mu.Lock()
		r.damages = append(r.damages, d)
		r.mu.Unlock()
	}
	r.open()
	t.Cleanup(r.close)
	return r, disk
}

// TestFailedWriteIsNeverAcknowledged lets every kind of write fail once and
// loses power right after the refusal: what was acknowledged is there.
func TestFailedWriteIsNeverAcknowledged(t *testing.T) {
	for _, f := range []crashfs.Fault{
		{On: crashfs.OpSync, Path: "*.seg", Times: 1, Err: syscall.EIO, Drop: true},
		{On: crashfs.OpSync, Path: "*.seg", Times: 1, Err: syscall.EIO},
		{On: crashfs.OpWrite, Path: "*.seg", Times: 1, Err: syscall.EIO},
		{On: crashfs.OpWrite, Path: "*.seg", Times: 1, Err: syscall.ENOSPC, Keep: 30},
		{On: crashfs.OpSync | crashfs.OpWrite, Path: "*.seg", Times: 3, Err: syscall.EIO, Drop: true},
	} {
		t.Run(f.String(), func(t *testing.T) {
			r, disk := newDiskRig(t, DirOptions{})
			acked := []string{"before"}
			r.append("before")
			disk.Inject(f)
			for n := 0; len(acked) < 5; n++ {
				x := fmt.Sprint("record ", n)
				_, err := r.log.Append(t.Context(), entries(x))
				switch {
				case err == nil:
					acked = append(acked, x)
				case errors.Is(err, ErrFailing) || errors.Is(err, ErrFull):
					if f.Err == syscall.ENOSPC && !errors.Is(err, ErrFull) {
						t.Fatalf("full disk: %v", err)
					}
					waitFor(t, func() bool { return r.log.Health() == nil })
				default:
					t.Fatal(err)
				}
			}
			if disk.Heal() == 0 {
				t.Fatal("nothing failed")
			}
			for seed := range uint64(20) {
				for _, m := range crashfs.Modes() {
					got, l, damages, err := recovered(t, disk.CrashClone(seed, m))
					if err != nil {
						t.Fatalf("%v: %v", m, err)
					}
					if d := missing(acked, got); len(d) > 0 || l.Gap() != 0 || l.Lost.Records > 0 {
						t.Fatalf("%v: missing %q, ledger %+v, damages %v", m, d, l, damages)
					}
				}
			}
			got, _, _ := r.read(len(acked))
			diff(t, "read in the same process", acked, got)
		})
	}
}

func missing(want, got []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(x string) bool { return slices.Contains(got, x) })
}

func TestDeadDiskRefusesAndKeepsDelivering(t *testing.T) {
	r, disk := newDiskRig(t, DirOptions{})
	r.append("a", "b")
	disk.Inject(crashfs.Fault{On: crashfs.OpWrite | crashfs.OpSync | crashfs.OpCreate, Path: "*.seg", Err: syscall.EIO})
	for range 3 {
		if _, err := r.log.Append(t.Context(), entries("c")); !errors.Is(err, ErrFailing) {
			t.Fatalf("append to a dead disk: %v", err)
		}
	}
	if err := r.log.Health(); !errors.Is(err, ErrFailing) {
		t.Errorf("health: %v", err)
	}
	diff(t, "delivered from a disk that takes no appends", []string{"a", "b"}, r.deliver(2))
	disk.Heal()
	waitFor(t, func() bool { return r.log.Health() == nil })
	r.append("d")
	got, _, _ := r.read(1)
	diff(t, "after the disk came back", []string{"d"}, got)
}

func TestQuotaRefusesAndComesBackAfterDelivery(t *testing.T) {
	r, _ := newDiskRig(t, DirOptions{})
	r.close()
	r.lo.MaxSize = 256 << 10
	r.open()
	record := strings.Repeat("x", 10<<10)
	n := 0
	var err error
	for err == nil && n < 1000 {
		if _, err = r.log.Append(t.Context(), entries(record)); err == nil {
			n++
		}
	}
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "quota") {
		t.Fatalf("after %d records: %v", n, err)
	}
	if size := r.log.Size(); size > 300<<10 {
		t.Errorf("%d bytes on disk, quota 256 KiB", size)
	}
	for left := n; left > 0; {
		left -= len(r.deliver(1))
	}
	waitFor(t, func() bool {
		_, err := r.log.Append(t.Context(), entries(record))
		return err == nil
	})
}

func TestAppendsSlowDownAboveTheSoftLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newDiskRig(t, DirOptions{})
		r.close()
		r.lo.MaxSize = 100 << 10
		r.open()
		defer r.close()
		for r.log.Size() < 96<<10 {
			r.append(strings.Repeat("x", 1<<10))
		}
		start := time.Now()
		r.append("slow")
		if d := time.Since(start); d < 500*time.Millisecond || d > time.Second {
			t.Errorf("an append at 96%% of the quota took %v, want between 0.5 and 1 s", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := r.log.Append(ctx, entries("x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a deadline: %v", err)
		}
	})
}

func TestFreeSpaceFloorHasHysteresis(t *testing.T) {
	var s space
	disk := crashfs.New()
	s.init(disk, DirOptions{MinFree: 0.05})
	f, err := disk.Create("filler")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := time.Now()
	for _, x := range []struct {
		free float64
		full bool
	}{{0.10, false}, {0.06, false}, {0.04, true}, {0.06, true}, {0.08, false}, {0.06, false}} {
		disk.SetCapacity(1 << 20)
		if err := f.Truncate(int64((1 - x.free) * (1 << 20))); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Second)
		if err := s.check(now); errors.Is(err, ErrFull) != x.full {
			t.Errorf("%.0f%% free: %v, want full %v", 100*x.free, err, x.full)
		}
	}
}

func TestBallastLetsAFullDiskBeDrained(t *testing.T) {
	r, disk := newDiskRig(t, DirOptions{Ballast: 1 << 20})
	r.append("a")
	disk.SetCapacity(1) // no byte more
	if _, err := r.log.Append(t.Context(), entries("b")); !errors.Is(err, ErrFull) {
		t.Errorf("append to a full disk: %v", err)
	}
	disk.SetCapacity(1<<20 + 40<<10) // the ballast and a little
	got, first, last := r.read(1)
	filler, err := disk.Create("filler")
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for off := int64(0); ; off += 512 {
		if _, err := filler.WriteAt(make([]byte, 512), off); err != nil {
			break
		}
	}
	r.done(r.plan(first, last, got))
}

func TestAckImpliesSynced(t *testing.T) {
	r, disk := newDiskRig(t, DirOptions{SegmentSize: 6 << 10})
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				x := fmt.Sprintf("writer %d record %d", w, i)
				if _, err := r.log.Append(t.Context(), entries(x)); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked = append(acked, x)
				n := len(acked)
				var sure []string
				if n%50 == 0 {
					sure = slices.Clone(acked)
				}
				mu.Unlock()
				if sure != nil {
					got, l, damages, err := recovered(t, disk.CrashClone(uint64(n), crashfs.Mode{Data: crashfs.DataNone, Dirs: crashfs.DirsNone}))
					if lost := missing(sure, got); err != nil || len(lost) > 0 || l.Gap() != 0 || len(damages) > 0 {
						t.Errorf("lost %q, ledger %+v, damages %v, %v", lost, l, damages, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestRecordsReadWithATransientErrorAreNotLost(t *testing.T) {
	for _, f := range []crashfs.Fault{
		{On: crashfs.OpRead, Path: "*.seg", Times: 1, Flip: true},
		{On: crashfs.OpRead, Path: "*.seg", Times: 1, Err: syscall.EIO},
	} {
		r, disk := newDiskRig(t, DirOptions{})
		r.append("a", "b")
		disk.Inject(f)
		got, _, _ := r.read(2)
		diff(t, f.String(), []string{"a", "b"}, got)
		if l := r.log.Ledger(); l.Lost.Records > 0 || disk.Heal() == 0 {
			t.Errorf("%v: lost %+v", f, l.Lost)
		}
	}
}
