package buffer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

const (
	softShare = 0.9         // of a quota; above it appends are slowed
	maxDelay  = time.Second // just below the quota
	freeBack  = 0.02        // this much above the floor, appends are taken again
	freeEvery = time.Second // between looks at the free space
)

// quota is a limit on bytes. The zero value has none.
type quota struct {
	name string // "stream quota" or "directory quota"
	max  int64
	used *atomic.Int64
}

// admit returns how long an append of n bytes should wait, or a refusal.
func (q quota) admit(n int64) (time.Duration, error) {
	if q.max <= 0 {
		return 0, nil
	}
	used := q.used.Load()
	if used+n > q.max {
		return 0, fmt.Errorf("%w: %s: %d of %d bytes are used", ErrFull, q.name, used, q.max)
	}
	soft := int64(softShare * float64(q.max))
	if used <= soft {
		return 0, nil
	}
	return time.Duration(float64(maxDelay) * float64(used-soft) / float64(q.max-soft)), nil
}

// blame adds to the refusal of a quota who could make room: the stream that
// holds most of the logs.
func blame(err error, logs ...*Log) error {
	var most Holder
	follows := ""
	for _, l := range logs {
		if all := l.Holders(); len(all) > 0 && all[0].Bytes > most.Bytes && all[0].Waiting.Records > 0 {
			most, follows = all[0], ""
			if most.Stream != l.stream {
				follows = l.stream
			}
		}
	}
	if most.Stream == "" {
		return fmt.Errorf("%w; check why delivery is behind, or raise the limit", err)
	}
	err = fmt.Errorf("%w; stream %s has not delivered %d records and holds %d bytes: check why it is behind, or raise the limit",
		err, most.Stream, most.Waiting.Records, most.Bytes)
	if follows != "" {
		err = fmt.Errorf("%w; if it is not to follow %s any more, stop hydrant and let it go with: hydrant buffer release %s", err, follows, most.Stream)
	}
	return err
}

// pressed reports whether the quota is beyond its soft limit.
func (q quota) pressed() bool {
	return q.max > 0 && float64(q.used.Load()) > softShare*float64(q.max)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// space watches the free space of the file system and keeps the ballast.
type space struct {
	fs      vfs.FS
	minFree float64
	ballast int64
	looked  atomic.Int64          // when, milliseconds since 1970
	refusal atomic.Pointer[error] // nil: enough is free

	mu   sync.Mutex
	held bool // the ballast file is on disk
}

func (s *space) init(fsys vfs.FS, o DirOptions) {
	s.fs, s.minFree, s.ballast = fsys, o.MinFree, o.Ballast
}

// check returns nil, ErrFull below the floor, or ErrFailing when the file
// system does not answer. It looks at most once a second.
func (s *space) check(now time.Time) error {
	last := s.looked.Load()
	if ms := now.UnixMilli(); ms-last >= freeEvery.Milliseconds() || ms < last {
		if s.looked.CompareAndSwap(last, ms) {
			s.look()
		}
	}
	if err := s.refusal.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *space) look() {
	if s.minFree < 0 {
		return
	}
	free, total, err := s.fs.Free()
	if err != nil {
		err = fmt.Errorf("%w: look at the free space: %w; check the disk of the data directory", ErrFailing, err)
		s.refusal.Store(&err)
		return
	}
	share := 1.0
	if total > 0 {
		share = float64(free) / float64(total)
	}
	floor := s.minFree
	if s.refusal.Load() != nil {
		floor += freeBack
	}
	if share >= floor {
		s.refusal.Store(nil)
		return
	}
	err = fmt.Errorf("%w: %d of %d bytes of the disk are free, which is less than %.0f%%; free some space, or lower the floor",
		ErrFull, free, total, 100*floor)
	s.refusal.Store(&err)
}

// fillBallast makes the ballast file if it is not there and there is room.
func (s *space) fillBallast() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held || s.ballast <= 0 {
		return nil
	}
	if info, err := s.fs.Stat(ballastName); err == nil && info.Size() == s.ballast {
		s.held = true
		return nil
	}
	free, total, err := s.fs.Free()
	if err == nil && float64(free-s.ballast) < (max(s.minFree, 0)+freeBack)*float64(total) {
		return nil // it would be the ballast that fills the disk
	}
	err = s.writeBallast()
	if isNoSpace(err) {
		return removeIfThere(s.fs, ballastName)
	}
	if err != nil {
		return fmt.Errorf("write ballast file: %w", err)
	}
	s.held = true
	return nil
}

func (s *space) writeBallast() error {
	if err := removeIfThere(s.fs, ballastName); err != nil {
		return err
	}
	f, err := s.fs.Create(ballastName)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for off := int64(0); off < s.ballast && err == nil; off += int64(len(block)) {
		_, err = f.WriteAt(block[:min(int64(len(block)), s.ballast-off)], off)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// release gives up the ballast, so that a checkpoint or a seal can be written
// to a full disk, and reports whether there was one.
func (s *space) release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held {
		return false
	}
	s.held = false
	return s.fs.Remove(ballastName) == nil && s.fs.SyncDir(".") == nil
}

// holds reports whether there is a ballast to release.
func (s *space) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// must runs a write that has to succeed on a full disk, too; it must be safe
// to repeat.
func (s *space) must(write func() error) error {
	err := write()
	if isNoSpace(err) && s.release() {
		err = write()
	}
	return err
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// refuse turns the error of a write into what a producer is told.
func refuse(op string, err error) error {
	if isNoSpace(err) {
		return fmt.Errorf("%w: %s: %w; free some space on the disk of the data directory", ErrFull, op, err)
	}
	return fmt.Errorf("%w: %s: %w; check the disk of the data directory", ErrFailing, op, err)
}
