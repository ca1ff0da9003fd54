package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// Set holds all streams of a server by name. Its methods may be called
// concurrently.
type Set struct {
	dir    *buffer.Dir
	fs     vfs.FS
	events *Events

	applying sync.Mutex             // one Apply, Drain or Close at a time
	logs     map[string]*buffer.Log // those that are open; guarded by applying
	mu       sync.RWMutex
	streams  map[string]*Stream
}

// NewSet returns an empty set over a data directory.
func NewSet(dir *buffer.Dir, fsys vfs.FS, events Events) *Set {
	return &Set{dir: dir, fs: fsys, events: &events, logs: map[string]*buffer.Log{}, streams: map[string]*Stream{}}
}

// Apply makes the running streams what specs say: it starts what is new,
// restarts what changed with its log left open, and drains what is gone. A
// stream that cannot start is suspended with its reason; the others run. The
// result says in words what changed, for logs.
//
// Tries that are under way in a changed stream may go on until ctx is done.
func (s *Set) Apply(ctx context.Context, specs []Spec) []string {
	s.applying.Lock()
	defer s.applying.Unlock()
	var changes []string
	wanted := map[string]bool{}
	opened, failed := s.openLogs(specs)
	for _, spec := range specs {
		wanted[spec.Name] = true
		old, running := s.Stream(spec.Name)
		switch {
		case running && old.spec.Hash == spec.Hash && old.spec.Revision == spec.Revision && old.active() && !reads(spec.Name, opened):
			continue
		case running:
			changes = append(changes, "changed "+spec.Name)
		default:
			changes = append(changes, "started "+spec.Name)
		}
		s.put(s.replace(ctx, old, spec, failed[spec.Name]))
	}
	for _, old := range s.Streams() {
		if wanted[old.Name()] {
			continue
		}
		if old.Status().State != Draining {
			changes = append(changes, "draining "+old.Name())
			old.retire()
		}
		if log := s.logs[old.Name()]; log != nil {
			if err := log.Unfollow(); err != nil { // the next Apply tries again
				old.setReason(fmt.Sprintf("no longer in the configuration, but goes on: %v", err))
			}
		}
	}
	return changes
}

// openLogs opens the logs that are not open yet, before any stream starts: a
// stream may follow any of them, or have something left of one that it followed
// before. It returns those it opened, and by stream why others cannot be.
func (s *Set) openLogs(specs []Spec) (opened []*buffer.Log, failed map[string]error) {
	failed = map[string]error{}
	for _, spec := range specs {
		if s.logs[spec.Name] != nil {
			continue
		}
		log, err := s.dir.OpenLog(spec.Name, buffer.LogOptions{Shards: spec.Shards, MaxSize: spec.MaxSize})
		if err != nil {
			failed[spec.Name] = fmt.Errorf("open buffer: %w", err)
			continue
		}
		s.logs[spec.Name] = log
		opened = append(opened, log)
	}
	return opened, failed
}

// reads reports whether a stream has something to deliver of one of the logs.
func reads(stream string, logs []*buffer.Log) bool {
	return slices.ContainsFunc(logs, func(l *buffer.Log) bool {
		return slices.ContainsFunc(l.Holders(), func(h buffer.Holder) bool { return h.Stream == stream })
	})
}

// replace starts a stream in the place of old, if there is one, on the same
// open log. unopened is why it has no log.
func (s *Set) replace(ctx context.Context, old *Stream, spec Spec, unopened error) *Stream {
	n := &Stream{spec: spec, fs: s.fs, events: s.events, state: Active, settled: make(chan struct{})}
	n.spec.InFlight, n.spec.Shards = max(spec.InFlight, 1), max(spec.Shards, 1)
	err := unopened
	if old != nil {
		err = errors.Join(err, old.stop(ctx))
		fault.Point("K18")
	}
	if log := s.logs[spec.Name]; log != nil { // a nil *buffer.Log would be a Log that is not nil
		n.log = log
	}
	if err == nil {
		err = s.link(n.spec)
	}
	if err == nil {
		err = n.start()
	}
	if err != nil {
		n.set(Suspended, err.Error())
	}
	return n
}

// link makes the log of a stream follow the one it should, or none.
func (s *Set) link(spec Spec) error {
	log := s.logs[spec.Name]
	if spec.Follow == "" {
		return log.Unfollow()
	}
	leader := s.logs[spec.Follow]
	if leader == nil {
		return fmt.Errorf("follow stream %s: its buffer is not open; that stream says why", spec.Follow)
	}
	return log.Follow(leader, spec.Start)
}

// Release gives up what follower, which is not in the set, has not delivered
// of another stream's log; see buffer.Log.Release.
func (s *Set) Release(leader, follower string) (buffer.Count, error) {
	s.applying.Lock()
	defer s.applying.Unlock()
	log := s.logs[leader]
	if _, running := s.Stream(follower); running || log == nil {
		return buffer.Count{}, fmt.Errorf("release stream %s: it is running, or the buffer of %s is not open", follower, leader)
	}
	return log.Release(follower)
}

// retire lets a stream that left the configuration deliver what it has.
func (s *Stream) retire() {
	s.mu.Lock()
	s.state, s.reason = Draining, "no longer in the configuration; delivers what it has buffered"
	s.mu.Unlock()
	s.events.state(s.Name(), Draining, s.reason)
}

func (s *Set) put(n *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[n.Name()] = n
}

// Stream returns a stream by name.
func (s *Set) Stream(name string) (*Stream, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st, ok := s.streams[name]
	return st, ok
}

// Streams returns all streams, sorted by name.
func (s *Set) Streams() []*Stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Stream, 0, len(s.streams))
	for _, st := range s.streams {
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b *Stream) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// Drain delivers everything that is buffered now, or gives up when ctx is
// done.
func (s *Set) Drain(ctx context.Context) error {
	return s.each(func(st *Stream) error {
		if err := st.Drain(ctx); err != nil {
			return fmt.Errorf("drain %s: %w", st.Name(), err)
		}
		return nil
	})
}

// Close stops all streams, then closes their logs: a stream may read another's.
// Tries under way may go on until ctx is done.
func (s *Set) Close(ctx context.Context) error {
	stopped := s.each(func(st *Stream) error {
		if err := st.stop(ctx); err != nil {
			return fmt.Errorf("stop %s: %w", st.Name(), err)
		}
		return nil
	})
	closed := s.each(func(st *Stream) error {
		if st.log == nil {
			return nil
		}
		return st.log.Close()
	})
	return errors.Join(stopped, closed)
}

// each calls f for all streams at once and waits.
func (s *Set) each(f func(*Stream) error) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	all := s.Streams()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, st := range all {
		wg.Go(func() { errs[i] = f(st) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
