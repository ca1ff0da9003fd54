//go:build !race

// The race detector empties pools, so what is in them is allocated again.

package orc_test

import (
	"io"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

func TestWriteDoesNotAllocate(t *testing.T) {
	for _, name := range corpus.Names() {
		for _, compression := range []orc.Compression{orc.None, orc.Snappy, orc.Zlib, orc.Zstd} {
			s := schema(t, name)
			parsed := batches(t, s, chunks(name, 2<<20))
			f, err := settings(compression).NewFile(io.Discard, s)
			if err != nil {
				t.Fatal(err)
			}
			g := f.NewGroup()
			write := func() {
				for _, b := range parsed {
					if err := g.Write(b); err != nil {
						t.Fatal(err)
					}
				}
			}
			// Warm: a stripe as large as the one measured was there before.
			for range 7 {
				write()
			}
			if err := f.Append(g); err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(5, write) / float64(len(parsed)); n != 0 {
				t.Errorf("%s, %s: %v allocations for a batch", name, compression, n)
			}
		}
	}
}
