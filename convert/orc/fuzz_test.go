package orc

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// small is a file of a few rows.
func small(t testing.TB, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 9))
	s := columntest.Schema(r, 4)
	return write(t, randomConfig(r, s), s, columntest.Random(r, s, 20), 10, 10)
}

// inspect reads all there is of a file that may be damaged.
func inspect(file []byte) {
	r, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return
	}
	r.limit = 1 << 16
	for i := range min(r.Info().Stripes, 3) {
		_, _ = r.Stripe(i)
		var b column.Batch
		if r.Read(i, 1000, &b) == nil {
			columntest.Rows(r.Schema(), &b)
		}
	}
}

func FuzzDamagedFilesNeverPanic(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(small(f, seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) { inspect(file) })
}

// Compression hides most of a file from a fuzzer, and so does the footer.
func TestDamagedFilesNeverPanic(t *testing.T) {
	for seed := range uint64(60) {
		file := small(t, seed)
		r := rand.New(rand.NewPCG(seed, 10))
		for range 300 {
			damaged := bytes.Clone(file)
			for range 1 + r.IntN(3) {
				damaged[r.IntN(len(damaged))] = byte(r.Uint32())
			}
			inspect(damaged)
			inspect(file[:r.IntN(len(file))])
		}
	}
}

func FuzzRowsComeBack(f *testing.F) {
	f.Add(uint64(1), uint16(10), uint16(3), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, n, batch uint16, columns uint8) {
		r := rand.New(rand.NewPCG(seed, 11))
		s := columntest.Schema(r, int(columns%8)+1)
		rows := columntest.Random(r, s, int(n%3000)+1)
		_, got := read(t, write(t, randomConfig(r, s), s, rows, 1+r.IntN(3000), int(batch%1000)+1))
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Fatalf("%v:\n%.2000s", s.Root(), diff)
		}
	})
}

func FuzzLZ4NeverPanics(f *testing.F) {
	f.Add([]byte("\x10a\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if out, err := lz4(nil, p, 1000); err == nil && len(out) > 1000 {
			t.Errorf("%d bytes", len(out))
		}
	})
}
