//go:build !race

// The race detector makes sync.Pool forget at random.

package compress_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/compress"
)

// TestOpeningAnObjectIsCheap bounds what one more object costs once there was
// a first.
func TestOpeningAnObjectIsCheap(t *testing.T) {
	data := inputs()["clicks"][:1000]
	for _, f := range compress.Formats() {
		p := compress.NewPool(f)
		use := func() {
			w, err := p.Writer(io.Discard, entry)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(data)
			w.Close()
		}
		use()
		const n = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			use()
		}
		runtime.ReadMemStats(&after)
		// A collection may empty the pool once or twice on the way.
		if perObject := (after.TotalAlloc - before.TotalAlloc) / n; perObject > 64<<10 {
			t.Errorf("%s: opening an object allocates %d bytes", f, perObject)
		}
	}
}
