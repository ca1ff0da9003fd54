package column_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

func cpu() float64 {
	var u syscall.Rusage
	syscall.Getrusage(1, &u)
	return float64(u.Utime.Sec) + float64(u.Utime.Usec)/1e6 + float64(u.Stime.Sec) + float64(u.Stime.Usec)/1e6
}

func TestZZCPU(t *testing.T) {
	if os.Getenv("CPU") == "" {
		t.Skip()
	}
	runtime.LockOSThread()
	for _, name := range corpus.Names() {
		if os.Getenv("CPU") != "1" && os.Getenv("CPU") != name {
			continue
		}
		c, s := corpusChunk(t, name)
		p, rows := newParser(t, s, openX), allRows(c)
		var b column.Batch
		p.Parse(c, rows, &b)
		measure := func(f func()) float64 {
			t0, n := cpu(), 0
			for cpu()-t0 < 1.0 {
				for range 20 {
					f()
					n++
				}
			}
			return (cpu() - t0) / float64(n)
		}
		best := measure(func() { p.Parse(c, rows, &b) })
		bestJ := 1.0
		if os.Getenv("NOJ") == "" { bestJ = measure(func() {
			for row := range c.Len() {
				json.Valid(c.Bytes(row))
			}
		})
		}
		fmt.Printf("%-8s %7.0f MB/s  %6.1f ns/record  json.Valid %4.0f  ratio %.1f\n", name, float64(len(c.Data))/best/1e6, best*1e9/float64(c.Len()), float64(len(c.Data))/bestJ/1e6, bestJ/best)
	}
}
