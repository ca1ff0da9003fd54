package buffer

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// After a failure a new segment is tried after firstRetry, then after twice
// as long each time, up to lastRetry.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// tidy does what no producer and no worker should wait for, until the shard
// closes: it deletes settled segments and prepares the next one.
func (s *shard) tidy() {
	retry := time.NewTimer(lastRetry)
	retry.Stop()
	defer retry.Stop()
	delay := firstRetry
	for {
		again := false
		select {
		case <-s.closing:
			s.syncing.Wait() // it may still ask for a deletion
			s.report(s.deleteSettled())
			return
		case <-s.chores:
		case <-retry.C:
			again = true
		}
		s.report(s.deleteSettled())
		s.report(s.log.dir.space.fillBallast())
		if s.drain {
			continue
		}
		broken, missing := s.lacks()
		switch {
		case broken && !again:
			retry.Reset(delay)
			delay = min(2*delay, lastRetry)
			continue
		case !broken:
			delay = firstRetry
		}
		if missing {
			if err := s.prepare(); err != nil {
				s.stall(err)
				retry.Reset(delay)
				delay = min(2*delay, lastRetry)
				continue
			}
		}
		signal(s.wake)
	}
}

func (s *shard) report(err error) {
	if err != nil {
		s.log.dir.o.Events.segmentFailed(s.log.stream, err)
	}
}

// lacks reports whether there is no segment to append to, and whether there
// is none after it.
func (s *shard) lacks() (broken, missing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur == nil, s.next == nil
}

// prepared is a segment with a durable header and nothing else.
type prepared struct {
	ord, id uint64
	path    string
	file    vfs.File
}

func (p *prepared) seg(start Count) *seg {
	return &seg{ord: p.ord, id: p.id, path: p.path, start: start, file: p.file, end: segment.HeaderSize}
}

// prepare makes the next segment, so that a roll finds it ready.
func (s *shard) prepare() error {
	s.mu.Lock()
	s.high++
	ord, cur := s.high, s.cur
	s.mu.Unlock()
	if cur != nil {
		// Somebody may have removed the directory below us: what we would
		// acknowledge from then on could never be found again.
		if _, err := s.log.dir.fs.Stat(cur.path); err != nil {
			return fmt.Errorf("look at segment: %w", err)
		}
	}
	id := randomFileID()
	p := &prepared{ord: ord, id: id, path: segmentPath(s.path, ord, id)}
	if err := s.create(p); err != nil {
		return fmt.Errorf("make segment: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		// A segment failed meanwhile and left the one after it unused.
		s.garbage = append(s.garbage, p.path)
		return p.file.Close()
	}
	s.next = p
	if s.stalled != nil {
		s.stalled = nil
		if s.cur != nil && !s.closed.Load() {
			s.refusal = nil
		}
	}
	return nil
}

func (s *shard) create(p *prepared) error {
	f, err := s.log.dir.fs.Create(p.path)
	if err != nil {
		return err
	}
	h := s.header(segment.KindSegment, p.ord, p.id)
	h.Created = time.Now().UnixMilli()
	_, err = f.WriteAt(h.Encode(), 0)
	fault.Point("K4")
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(s.log.dir.fs, path.Dir(p.path))
	}
	if err != nil {
		return errors.Join(err, f.Close(), s.log.dir.fs.Remove(p.path))
	}
	p.file = f
	return nil
}

// stall notes why the next segment cannot be made. The one in use goes on
// taking appends, unless it is the one that is gone.
func (s *shard) stall(err error) {
	s.mu.Lock()
	s.stalled = err
	if (s.cur == nil || errors.Is(err, fs.ErrNotExist)) && !s.closed.Load() {
		s.refusal = refuse("make a segment", err)
	}
	s.mu.Unlock()
	s.log.dir.o.Events.segmentFailed(s.log.stream, err)
}

// settled returns the last sequence that all streams have settled. The caller
// holds mu.
func (s *shard) settled() uint64 {
	least := s.own.state.through()
	for _, k := range s.cursors {
		if !k.finished() && !fault.Bug("follower-forgotten") {
			least = min(least, k.state.through())
		}
	}
	return least
}

// relieve gives up the segment in use when all of it is settled.
func (s *shard) relieve() {
	s.mu.Lock()
	idle := s.cur != nil && s.synced == s.tail.accepted && s.tail.frames > 0 && s.settled() >= s.synced.Records
	if idle {
		s.wantRoll = true
	}
	s.mu.Unlock()
	if idle {
		signal(s.wake)
	}
	signal(s.chores)
}

// deleteSettled deletes the segments whose records all streams have settled.
// The checkpoints that say so are durable; they are written a second time
// before, so that one bad block in a journal cannot make deleted records look
// lost.
func (s *shard) deleteSettled() error {
	old, garbage, needy := s.deletable()
	if len(garbage) > 0 {
		if err := s.remove(garbage); err != nil {
			return err
		}
	}
	if len(old) == 0 {
		return nil
	}
	for _, k := range needy {
		if err := k.commit(func(*checkpoint) error { return nil }); err != nil {
			return err
		}
	}
	fault.Point("K11")
	paths := make([]string, len(old))
	for i, g := range old {
		paths[i] = g.path
	}
	if err := s.remove(paths); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segs = s.segs[len(old):]
	for _, g := range old {
		s.log.grow(-g.end)
	}
	return nil
}

// deletable returns what can be deleted, and the cursors that have to agree.
func (s *shard) deletable() (old []*seg, garbage []string, needy []*cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	through := s.settled()
	for _, g := range s.segs {
		if !g.closed || g.last.Records > through {
			break
		}
		old = append(old, g)
	}
	if len(old) > 0 && len(old) == len(s.segs) && s.cur == nil && !s.drain {
		old = old[:len(old)-1] // the next one will name its end
	}
	for _, g := range old {
		g.doomed = true
	}
	for _, k := range s.cursors {
		if k == s.own || !k.finished() {
			needy = append(needy, k)
		}
	}
	garbage, s.garbage = s.garbage, nil
	return old, garbage, needy
}

func (s *shard) remove(paths []string) error {
	for _, p := range paths {
		if err := removeIfThere(s.log.dir.fs, p); err != nil {
			return fmt.Errorf("delete segment: %w", err)
		}
		fault.Point("K12")
	}
	if err := syncDir(s.log.dir.fs, path.Join(s.path, "log")); err != nil {
		return fmt.Errorf("delete segment: %w", err)
	}
	return nil
}

// deleteEarly is a mistake to plant: a crash after it, and before the
// checkpoint, makes settled records look lost.
func (s *shard) deleteEarly(seq uint64) {
	s.mu.Lock()
	var paths []string
	for _, g := range s.segs {
		if g.closed && g.last.Records <= seq {
			paths = append(paths, g.path)
		}
	}
	s.mu.Unlock()
	s.report(s.remove(paths))
}
