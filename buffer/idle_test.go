package buffer

import (
	"path"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// TestQuietLogWritesOnePad: a record now and then costs a frame and a pad,
// and delivering it costs the segment nothing.
func TestQuietLogWritesOnePad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, disk := newDiskRig(t, DirOptions{})
		defer r.close()
		time.Sleep(time.Minute)
		var writes atomic.Int64
		disk.Observe(func(op crashfs.Op) {
			if op.Kind == crashfs.OpWrite && path.Ext(op.Path) == ".seg" {
				writes.Add(1)
			}
		})
		wrote := func(what string, want int64) {
			t.Helper()
			time.Sleep(time.Hour)
			if got := writes.Swap(0); got != want {
				t.Errorf("%s: %d writes, want %d", what, got, want)
			}
		}
		wrote("nothing", 0)
		for range 3 {
			r.append("a")
			wrote("a record", 2)
			got, first, last := r.read(1)
			p := r.plan(first, last, got)
			wrote("a plan", 0)
			r.done(p)
			wrote("done", 0)
		}
	})
}
