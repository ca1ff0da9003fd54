package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/tidwall/wal"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// recordSize is that of the records of all benchmarks that do not look into
// them, and so at one kilobyte easy to do sums with.
const recordSize = 1024

var (
	ackMedian = metric{"median wait", "ms", true}
	ackWorst  = metric{"p99 wait", "ms", true}
)

// store keeps records durably. Append may be called concurrently and returns
// after fdatasync.
type store interface {
	Append(ctx context.Context, e *buffer.Entries) error
	Close() error
}

// appendBenchmarks measure how fast records become durable.
func appendBenchmarks(s settings) []benchmark {
	all := []benchmark{
		appendBenchmark(s, 64, 20, []goal{
			{recordsPerSecond, "pebble", 2.2, 3},
			{recordsPerSecond, "tidwall/wal", 10, 13},
			{recordsPerSecond, "jetstream", 100, 180},
			{cpuPerMegabyte, "pebble", 0.25, 0.18},
		}),
		appendBenchmark(s, 64, 1, []goal{
			{recordsPerSecond, "pebble", 1.1, 1.7},
			{recordsPerSecond, "tidwall/wal", 18, 35},
			{cpuPerMegabyte, "pebble", 0, 0},
		}),
		appendBenchmark(s, 8, 500, []goal{
			{recordsPerSecond, "pebble", 0, 0},
			{recordsPerSecond, "tidwall/wal", 0, 0},
			{cpuPerMegabyte, "pebble", 0.25, 0.18},
		}),
	}
	// JetStream syncs for every message. Its pace does not depend on the
	// shape of the load, so that it takes part once.
	all[0].contestants = append(all[0].contestants, contestant{"jetstream", func(ctx context.Context) (figures, error) {
		return appendTurn(ctx, s, 64, 20, openJetStream)
	}})
	return all
}

func appendBenchmark(s settings, writers, records int, goals []goal) benchmark {
	b := benchmark{
		name:  fmt.Sprintf("append-%dx%d", writers, records),
		about: fmt.Sprintf("durable append: %d writers, %d records of 1 KiB per call, fdatasync before the answer", writers, records),
		goals: append(goals, goal{metric: recordsPerSecond, peer: bareDisk}, goal{metric: ackMedian, peer: "pebble"}, goal{metric: ackWorst, peer: "pebble"}),
	}
	for _, c := range []struct {
		name string
		open func(dir string) (store, error)
	}{
		{"hydrant", openLog}, {"pebble", openPebble}, {"tidwall/wal", openWAL},
	} {
		b.contestants = append(b.contestants, contestant{c.name, func(ctx context.Context) (figures, error) {
			return appendTurn(ctx, s, writers, records, c.open)
		}})
	}
	b.contestants = append(b.contestants, contestant{bareDisk, func(ctx context.Context) (figures, error) {
		return diskTurn(ctx, s, writers*records)
	}})
	return b
}

// bareDisk is no peer but the limit: what the disk takes when one file is
// written by one goroutine, with a sync for as many records as all writers
// together have in one round.
const bareDisk = "write+fdatasync"

func diskTurn(ctx context.Context, s settings, records int) (figures, error) {
	f, err := os.CreateTemp(s.dir, "disk-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := entries(records).Data
	begun, spent, n := time.Now(), ownCPU(), 0
	for ; time.Since(begun) < s.duration && ctx.Err() == nil; n += records {
		if _, err = f.Write(block); err == nil {
			err = syscall.Fdatasync(int(f.Fd()))
		}
		if err != nil {
			return nil, err
		}
	}
	return figures{
		recordsPerSecond: float64(n) / time.Since(begun).Seconds(),
		cpuPerMegabyte:   (ownCPU() - spent).Seconds() * 1e3 / (float64(n) * recordSize / 1e6),
	}, nil
}

// appendTurn lets writers append for a while, each its next batch as soon as
// the last is durable.
func appendTurn(ctx context.Context, s settings, writers, records int, open func(string) (store, error)) (figures, error) {
	dir, err := os.MkdirTemp(s.dir, "append-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	st, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	var (
		wait  sync.WaitGroup
		errs  = make([]error, writers)
		waits = make([][]time.Duration, writers)
		batch = entries(records)
		begun = time.Now()
		end   = begun.Add(s.duration)
		spent = ownCPU()
	)
	for w := range writers {
		wait.Go(func() {
			for t := begun; t.Before(end) && ctx.Err() == nil; {
				if errs[w] = st.Append(ctx, batch); errs[w] != nil {
					return
				}
				now := time.Now()
				waits[w] = append(waits[w], now.Sub(t))
				t = now
			}
		})
	}
	wait.Wait()
	took := time.Since(begun).Seconds()
	spent = ownCPU() - spent
	if err := errors.Join(append(errs, st.Close())...); err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	all := slices.Concat(waits...)
	slices.Sort(all)
	n := float64(len(all) * records)
	return figures{
		recordsPerSecond: n / took,
		cpuPerMegabyte:   spent.Seconds() * 1e3 / (n * recordSize / 1e6),
		ackMedian:        all[len(all)/2].Seconds() * 1e3,
		ackWorst:         all[len(all)*99/100].Seconds() * 1e3,
	}, nil
}

// entries makes records that cannot be compressed.
func entries(records int) *buffer.Entries {
	e := &buffer.Entries{}
	record := make([]byte, recordSize)
	for range records {
		rand.Read(record) // never fails
		e.Add(record)
	}
	return e
}

// eachRecord calls f with the records of e in turn.
func eachRecord(e *buffer.Entries, f func(record []byte) error) error {
	start := uint32(0)
	for _, end := range e.Ends {
		if err := f(e.Data[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// hydrantLog is the log of this project.
type hydrantLog struct {
	dir *buffer.Dir
	log *buffer.Log
}

func openLog(dir string) (store, error) {
	fsys, err := vfs.OS(dir)
	if err != nil {
		return nil, err
	}
	d, err := buffer.OpenDir(fsys, buffer.DirOptions{})
	if err != nil {
		return nil, err
	}
	l, err := d.OpenLog("bench", buffer.LogOptions{Shards: 1})
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return hydrantLog{d, l}, nil
}

func (h hydrantLog) Append(ctx context.Context, e *buffer.Entries) error {
	_, err := h.log.Append(ctx, e)
	return err
}

func (h hydrantLog) Close() error { return errors.Join(h.log.Close(), h.dir.Close()) }

// pebbleStore keeps records in an LSM tree under ascending keys. Pebble
// groups concurrent commits into one sync.
type pebbleStore struct {
	db   *pebble.DB
	next atomic.Uint64
}

func openPebble(dir string) (store, error) {
	db, err := pebble.Open(dir, &pebble.Options{
		MemTableSize: 64 << 20, // with the default of 4 MiB it stalls on flushes
		Logger:       silent{},
	})
	if err != nil {
		return nil, err
	}
	return &pebbleStore{db: db}, nil
}

func (p *pebbleStore) Append(_ context.Context, e *buffer.Entries) error {
	batch := p.db.NewBatch()
	defer batch.Close()
	var key [8]byte
	err := eachRecord(e, func(record []byte) error {
		binary.BigEndian.PutUint64(key[:], p.next.Add(1))
		return batch.Set(key[:], record, nil)
	})
	if err != nil {
		return err
	}
	return batch.Commit(pebble.Sync)
}

func (p *pebbleStore) Close() error { return p.db.Close() }

// silent keeps a peer's notes out of the progress.
type silent struct{}

func (silent) Infof(string, ...any)           {}
func (silent) Errorf(format string, a ...any) { fmt.Fprintf(os.Stderr, "pebble: "+format+"\n", a...) }
func (silent) Fatalf(format string, a ...any) { panic(fmt.Sprintf("pebble: "+format, a...)) }

// walStore appends each call as one batch with one sync; the library has no
// group commit.
type walStore struct {
	mu    sync.Mutex
	log   *wal.Log
	batch wal.Batch
	next  uint64
}

func openWAL(dir string) (store, error) {
	log, err := wal.Open(dir, &wal.Options{SegmentSize: 64 << 20, LogFormat: wal.Binary, NoCopy: true})
	if err != nil {
		return nil, err
	}
	return &walStore{log: log}, nil
}

func (w *walStore) Append(_ context.Context, e *buffer.Entries) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batch.Clear()
	// eachRecord cannot fail here: neither does the function it calls.
	_ = eachRecord(e, func(record []byte) error {
		w.next++
		w.batch.Write(w.next, record)
		return nil
	})
	return w.log.WriteBatch(&w.batch)
}

func (w *walStore) Close() error { return w.log.Close() }
