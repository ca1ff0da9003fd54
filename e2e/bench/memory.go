package main

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"
)

// The memory that the program may take, whatever happens to it.
const memoryLimit = 150

var (
	steadyMemory  = metric{"memory, steady", "MiB", true}
	highestMemory = metric{"memory, highest", "MiB", true}
	backlogMemory = metric{"memory, highest, backlog", "MiB", true}
	restartTime   = metric{"restart to ready", "s", true}
	backlogSize   = metric{"backlog", "MB", false}
)

// memoryBenchmark watches the program at full ingest, then after a crash with
// a backlog because its destination was away.
func memoryBenchmark(s settings) benchmark {
	return benchmark{
		name:  "memory",
		about: "resident memory at full ingest with default hints; then killed with a backlog and started again",
		contestants: []contestant{
			{"hydrant", func(ctx context.Context) (figures, error) { return memoryTurn(ctx, s) }},
		},
		goals: []goal{
			{steadyMemory, "", memoryLimit, 100},
			{highestMemory, "", memoryLimit, 100},
			{backlogMemory, "", memoryLimit, 100},
			{restartTime, "", 5, 1},
			{backlogSize, "", 0, 0},
		},
	}
}

func memoryTurn(ctx context.Context, s settings) (figures, error) {
	store, err := openBucket(s)
	if err != nil {
		return nil, err
	}
	defer store.close()
	dir, err := os.MkdirTemp(s.dir, "memory-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	srv, err := runHydrant(ctx, s, dir, gzipObjects, 2, store, time.Minute)
	if err != nil {
		return nil, err
	}
	defer func() { srv.stop() }() // the one that runs then

	f := figures{}
	// Full ingest.
	seen := watch(srv.pid())
	if _, err := fill(ctx, srv, 0, 5*s.duration); err != nil {
		return nil, err
	}
	sizes := seen.stop()
	f[steadyMemory], f[highestMemory] = mebibytes(sizes[len(sizes)/2]), mebibytes(sizes[len(sizes)-1])

	// The destination goes away, records pile up, the program dies.
	store.server.Stop()
	backlog, err := fill(ctx, srv, s.backlog, 0)
	if err != nil {
		return nil, err
	}
	f[backlogSize] = float64(backlog) / 1e6
	srv.stop()
	begun := time.Now()
	if srv, err = runHydrant(ctx, s, dir, gzipObjects, 2, store, time.Minute); err != nil {
		return nil, err
	}
	f[restartTime] = time.Since(begun).Seconds()

	// All comes back while new records come in.
	seen = watch(srv.pid())
	if err := store.start(); err != nil {
		return nil, err
	}
	if _, err := fill(ctx, srv, 0, 5*s.duration); err != nil {
		return nil, err
	}
	f[backlogMemory] = mebibytes(slices.Max(seen.stop()))
	return f, nil
}

// fill puts clicks until the limit or for some time, and returns how many
// bytes of records were taken.
func fill(ctx context.Context, srv *server, limit int64, time time.Duration) (int64, error) {
	if limit == 0 {
		limit = 1 << 60
	}
	p := newPayload(srv.address, limit)
	load := newLoad(srv.address, producers)
	defer load.close()
	_, err := load.run(ctx, p.next, time)
	return p.sentBytes(), err
}

// watcher looks at the memory of a process twenty times a second.
type watcher struct {
	done  chan struct{}
	wait  sync.WaitGroup
	sizes []int64
}

func watch(pid int) *watcher {
	w := &watcher{done: make(chan struct{})}
	w.wait.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			if size, err := childMemory(pid); err == nil { // else it has ended, and that shows elsewhere
				w.sizes = append(w.sizes, size)
			}
			select {
			case <-tick.C:
			case <-w.done:
				return
			}
		}
	})
	return w
}

// stop returns what was seen, the smallest first.
func (w *watcher) stop() []int64 {
	close(w.done)
	w.wait.Wait()
	slices.Sort(w.sizes)
	return w.sizes
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
