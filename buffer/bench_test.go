//go:build unix

package buffer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// cpu returns the CPU time of the process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend appends records of 1 KB from many writers; ns/op is per
// call. It settles nothing, so the disk needs some gigabytes.
func BenchmarkAppend(b *testing.B) {
	for _, x := range []struct{ writers, records int }{{64, 1}, {64, 20}, {8, 500}} {
		b.Run(fmt.Sprintf("%dx%d", x.writers, x.records), func(b *testing.B) {
			r := newRig(b, DirOptions{})
			var e Entries
			for range x.records {
				e.Add(make([]byte, 1000))
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			before := cpu()
			var wg sync.WaitGroup
			for range x.writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := r.log.Append(context.Background(), &e); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			records := float64(b.N * x.records)
			b.ReportMetric(records/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64((cpu()-before).Microseconds())/records, "cpu-ms/MB")
		})
	}
}

// BenchmarkDisk does with the bytes of a full group what the log has to do at
// the least: what is between it and BenchmarkAppend is the log's own.
func BenchmarkDisk(b *testing.B) {
	for _, n := range []int{64, 640, 1280, 4000} {
		b.Run(fmt.Sprintf("%dKB", n), func(b *testing.B) {
			fsys := newFS(b)
			f, err := fsys.Create("f")
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			buf := make([]byte, 1000*n)
			before, off := cpu(), int64(0)
			b.ResetTimer()
			for range b.N {
				if _, err := f.WriteAt(buf, off); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
				off = (off + int64(len(buf)))
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N*n), "cpu-ms/MB")
		})
	}
}

// BenchmarkNext reads records of 1 KB in frames of 20 from the page cache;
// ns/op is per chunk.
func BenchmarkNext(b *testing.B) {
	r := newRig(b, DirOptions{})
	var e Entries
	for range 20 {
		e.Add(make([]byte, 1000))
	}
	for range 2000 {
		if _, err := r.log.Append(b.Context(), &e); err != nil {
			b.Fatal(err)
		}
	}
	s := r.log.shards[0]
	var c Chunk
	var bytes, records int64
	f := reader{cursor: s.own, shard: s, seq: 1, until: 40000}
	b.ReportAllocs()
	for b.Loop() {
		if f.seq > f.until {
			f = reader{cursor: s.own, shard: s, seq: 1, until: 40000}
		}
		if err := f.Next(b.Context(), &c); err != nil {
			b.Fatal(err)
		}
		bytes += int64(len(c.Data))
		records += int64(c.Len())
	}
	b.SetBytes(bytes / int64(b.N))
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}
