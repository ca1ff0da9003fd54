package buffer

import (
	"testing"
	"time"
)

// TestOpeningDoesNotGrowWithTheBacklog opens a log with as many segments as
// 10 GiB have.
func TestOpeningDoesNotGrowWithTheBacklog(t *testing.T) {
	r := newRig(t, DirOptions{SegmentSize: 64 << 10})
	var e Entries
	e.Add(make([]byte, 64<<10))
	for range 160 {
		if _, err := r.log.Append(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	r.close()
	start := time.Now()
	r.open()
	d := time.Since(start)
	t.Logf("%d segments opened in %v", len(r.log.shards[0].segs), d)
	if d > 5*time.Second {
		t.Errorf("opening took %v", d)
	}
}

func TestDeletedDirectoryIsNoticedAtTheRoll(t *testing.T) {
	r, disk := newDiskRig(t, DirOptions{SegmentSize: 6 << 10})
	r.append("a")
	for _, name := range disk.Files() {
		if err := disk.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	e := entries(string(make([]byte, 4<<10)))
	waitFor(t, func() bool {
		_, err := r.log.Append(t.Context(), e)
		return err != nil
	})
	for range 3 {
		if _, err := r.log.Append(t.Context(), e); err == nil {
			t.Error("an append was acknowledged after the directory was gone")
		}
	}
}
