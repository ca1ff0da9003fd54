package orc

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

func TestBufferedIsAFunctionOfTheRows(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 12))
		s := columntest.Schema(r, 6)
		rows := columntest.Random(r, s, 3000)
		f, err := randomConfig(r, s).NewFile(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		fresh, used := f.NewGroup(), f.NewGroup()
		if err := used.Write(columntest.Build(s, rows)); err != nil {
			t.Fatal(err)
		}
		if err := f.Append(used); err != nil {
			t.Fatal(err)
		}
		if n := used.Buffered(); n != 0 {
			t.Errorf("seed %d: %d bytes in an empty stripe", seed, n)
		}
		if err := fresh.Write(columntest.Build(s, rows)); err != nil {
			t.Fatal(err)
		}
		for rest := rows; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(500))
			if err := used.Write(columntest.Build(s, rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if fresh.Buffered() != used.Buffered() || fresh.Buffered() == 0 {
			t.Errorf("seed %d: %d bytes at once, %d in several batches", seed, fresh.Buffered(), used.Buffered())
		}
	}
}

// A wide table must not cost much before there are rows.
func TestAnOpenStripeOf500ColumnsIsSmall(t *testing.T) {
	s := &column.Schema{}
	row := map[string]any{}
	for i := range 500 {
		name := fmt.Sprint("c", i)
		s.Columns = append(s.Columns, column.Field{Name: name, Type: column.Type{Kind: column.String}})
		row[name] = "x"
	}
	f, err := config(func(c *Config) { c.Compression = Zlib }).NewFile(io.Discard, s)
	if err != nil {
		t.Fatal(err)
	}
	b := columntest.Build(s, []map[string]any{row, row, row})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	g := f.NewGroup()
	if err := g.Write(b); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 4<<20 {
		t.Errorf("%d KiB for 500 columns", used>>10)
	} else {
		t.Logf("%d KiB, %d KiB of it counted", used>>10, g.Buffered()>>10)
	}
	runtime.KeepAlive(g)
}
