package testbed

import (
	"io"

	"github.com/hydrant-dev/hydrant/e2e/oracle"
)

// Delivered reads all objects of a stream, but not its error output.
func (b *Bed) Delivered(s Stream) *oracle.Tally {
	b.t.Helper()
	tally := oracle.NewTally(b.Seed)
	b.each(s.Name+"/", func(key string, body io.Reader) error { return readInto(tally, key, body, s) })
	return tally
}
