package buffer

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
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

// TestDeletedDirectoryIsNoticedAtTheRoll removes the directory of a running
// log: what is acknowledged until then goes into a file without a name, so
// appends have to be refused soon.
func TestDeletedDirectoryIsNoticedAtTheRoll(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("made again %v", again), func(t *testing.T) {
			const size = 64 << 10
			root := t.TempDir()
			fsys, err := vfs.OS(root)
			if err != nil {
				t.Fatal(err)
			}
			r := &rig{t: t, fs: fsys, o: DirOptions{SegmentSize: size, MinFree: -1}}
			r.open()
			r.append("a")
			if err := os.RemoveAll(root); err != nil {
				t.Fatal(err)
			}
			if again {
				if err := os.Mkdir(root, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			e := entries(string(make([]byte, 4<<10)))
			acked := 0
			for r.log.Health() == nil {
				if _, err := r.log.Append(t.Context(), e); err == nil {
					acked += len(e.Data)
				} else if !errors.Is(err, ErrFailing) {
					t.Fatalf("refused with %v", err)
				}
			}
			if acked > 2*size {
				t.Errorf("%d bytes were acknowledged after the directory was gone, in segments of %d", acked, size)
			}
			for range 3 {
				if _, err := r.log.Append(t.Context(), e); err == nil {
					t.Error("an append was acknowledged after that")
				}
			}
			if err := r.dir.Close(); err != nil {
				t.Log(err) // there is nothing left to close well
			}
		})
	}
}
