//go:build !race

// The race detector empties pools, so what is in them is allocated again.

package parquet

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

func TestWriteDoesNotAllocate(t *testing.T) {
	for _, name := range corpus.Names() {
		s, batches, _ := corpusBatches(t, name, 4<<20)
		for _, codec := range Compression("").Values() {
			for _, e := range []Encodings{Plain, Modern} {
				c := Default().(*Config)
				c.Compression, c.Encodings = Compression(codec), e
				tree, err := newTree(s, c)
				if err != nil {
					t.Fatal(err)
				}
				g := newGroup(&layout{tree: tree, codec: c.Compression}, c)
				write := func() {
					for _, b := range batches {
						if err := g.Write(b); err != nil {
							t.Fatal(err)
						}
					}
					if err := g.Finish(); err != nil {
						t.Fatal(err)
					}
					g.reset()
				}
				write()
				write()
				if n := testing.AllocsPerRun(2, write); n > 0 {
					t.Errorf("%s, %s, %s: %.0f allocations in a row group", name, codec, e, n)
				}
			}
		}
	}
}

func TestBufferedFollowsFromTheRows(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 4))
		s := columntest.Schema(r, 6)
		rows := columntest.Random(r, s, 1000)
		c := randomConfig(r, s)
		f, err := c.NewFile(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		used, fresh := f.NewGroup(), f.NewGroup()
		write := func(g column.Group, step int) {
			for at := 0; at < len(rows); at += step {
				if err := g.Write(columntest.Build(s, rows[at:min(at+step, len(rows))])); err != nil {
					t.Fatal(err)
				}
			}
		}
		empty := used.Buffered()
		write(used, 1000)
		if err := f.Append(used); err != nil {
			t.Fatal(err)
		}
		if got := used.Buffered(); got != empty {
			t.Fatalf("seed %d: %d bytes after Append, want %d", seed, got, empty)
		}
		write(used, 37)
		write(fresh, 1000)
		if used.Buffered() != fresh.Buffered() {
			t.Errorf("seed %d: %d bytes in small batches, %d in one", seed, used.Buffered(), fresh.Buffered())
		}
	}
}

func TestManyColumnsWithFewRowsAreSmall(t *testing.T) {
	s := &column.Schema{}
	for i := range 500 {
		kind := []column.Kind{column.String, column.BigInt, column.Timestamp, column.Boolean}[i%4]
		s.Columns = append(s.Columns, column.Field{Name: fmt.Sprint("c", i), Type: column.Type{Kind: kind}})
	}
	r := rand.New(rand.NewPCG(1, 1))
	b := columntest.Build(s, columntest.Random(r, s, 100))
	f, err := Default().NewFile(io.Discard, s)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	g := f.NewGroup()
	if err := g.Write(b); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := after.HeapAlloc - before.HeapAlloc; n > 12<<20 || g.Buffered() > 12<<20 {
		t.Errorf("500 columns of 100 rows take %d bytes, and Buffered says %d", n, g.Buffered())
	}
	runtime.KeepAlive(g)
}

// TestBufferedIsWhatAGroupTakes compares with the heap.
func TestBufferedIsWhatAGroupTakes(t *testing.T) {
	for _, name := range corpus.Names() {
		s, batches, _ := corpusBatches(t, name, 16<<20)
		f, err := Default().NewFile(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC() // pools are emptied by the second
		runtime.ReadMemStats(&before)
		g := f.NewGroup()
		for _, b := range batches {
			if err := g.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		heap, buffered := int64(after.HeapAlloc-before.HeapAlloc), g.Buffered()
		if heap > 9*buffered/4 || buffered > 9*heap/4 {
			t.Errorf("%s: %d bytes of heap, Buffered says %d", name, heap, buffered)
		}
		runtime.KeepAlive(g)
		runtime.KeepAlive(batches)
	}
}
