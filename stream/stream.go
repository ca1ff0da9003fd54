// Package stream is the engine: it takes records from a log to a destination,
// each exactly once where the destination allows it.
//
// Reading starts at worker.go, which has the loop, and goes on in sending.go;
// resume.go is what a restart does first. batch.go is a batch being filled,
// spool.go what is kept of it on disk, delivery.go the policy of retries for
// every kind of destination, stream.go one stream's life and set.go all of
// them.
package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/transform"
)

// Spec is what the configuration says of a stream.
type Spec struct {
	Name       string
	Shards     int   // feeds of the local log; at least 1
	MaxSize    int64 // bytes this stream may keep on disk; 0: only the server's limit
	Hints      Hints
	Retry      time.Duration // how long to try before records are given up; 0: for ever
	Transforms []transform.Transformer
	// Follow names the stream whose records these are; "": it has its own.
	// Start is where a stream begins that did not follow it before.
	Follow   string
	Start    buffer.Start
	InFlight int // batches of one feed that may be sent at once; at least 1

	// Open makes the sinks. It does not talk to the destination.
	Open func(sinks.Decisions) (sinks.Outputs, error)
	// Hash identifies the configuration. Snapshot is the configuration as
	// written, without secrets, and OpenSnapshot makes the sinks it describes:
	// work that was begun under an earlier configuration ends under it.
	// Revision tells apart configurations that are written the same but whose
	// variables have another content; it is not kept on disk.
	Hash         string
	Revision     int
	Snapshot     []byte
	OpenSnapshot func(snapshot []byte, d sinks.Decisions) (sinks.Outputs, error)
}

// Hints say when a batch is cut: at so many bytes, or so long after its first
// record, whichever comes first.
type Hints struct {
	Size     int64
	Interval time.Duration
}

// Log is what a stream needs of its log. *buffer.Log is one.
type Log interface {
	buffer.Appender
	sinks.Decisions
	// Feeds returns the log's feeds as they stand. Earlier ones must not be
	// used any more.
	Feeds() []buffer.Feed
	Ledger() buffer.Ledger
	// Oldest is the arrival of the oldest record that is not settled, or zero.
	Oldest() time.Time
	Size() int64
	Health() error
	// SpoolDir is the path of a directory that is the feed's own. Its parent
	// exists and is durable.
	SpoolDir(f buffer.Feed) string
	// Holders are the streams that have not delivered all of the log.
	Holders() []buffer.Holder
	Close() error
}

// Stream is one delivery stream. Its methods may be called concurrently.
type Stream struct {
	spec   Spec
	log    Log // nil if it could not be opened
	fs     vfs.FS
	events *Events
	pace   *pace // of all workers together

	outputs sinks.Outputs
	workers []*worker
	cancel  context.CancelFunc // stops reading and waiting
	abandon context.CancelFunc // ends tries that are under way
	stopped chan struct{}      // closed when all workers have returned

	mu        sync.Mutex // guards what follows
	state     State
	reason    string
	since     time.Time // of the state
	settled   chan struct{}
	snapshots map[string]sinks.Outputs // by the snapshot they were opened from
}

// Name returns the stream's name.
func (s *Stream) Name() string { return s.spec.Name }

// Spec returns the configuration the stream runs with.
func (s *Stream) Spec() Spec { return s.spec }

// ErrNotActive says that a stream takes no records in its present state.
var ErrNotActive = errors.New("stream is not active")

// Append stores records durably; see buffer.Appender. It fails with
// ErrNotActive unless the stream is active or held and has records of its own.
func (s *Stream) Append(ctx context.Context, e *buffer.Entries) (buffer.Position, error) {
	if !s.Accepting() {
		return buffer.Position{}, ErrNotActive
	}
	return s.log.Append(ctx, e)
}

// Accepting reports whether records may be appended.
func (s *Stream) Accepting() bool { return s.spec.Follow == "" && s.active() }

// active reports whether the stream does what its configuration says.
func (s *Stream) active() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == Active || s.state == Held
}

// Status describes a stream at one moment.
type Status struct {
	State  State
	Reason string    // why it is not plainly active; for people
	Since  time.Time // of the state and the reason
	Ledger buffer.Ledger
	Oldest time.Time // arrival of the oldest record not settled; zero if none
	Size   int64     // bytes on disk
	Disk   error     // what keeps the log from taking records
	// Holders are the streams that read this stream's log and have not
	// delivered all of it, the one that holds most first; this stream itself
	// is usually among them.
	Holders []buffer.Holder
}

// Status returns the stream's present state.
func (s *Stream) Status() Status {
	s.mu.Lock()
	st := Status{State: s.state, Reason: s.reason, Since: s.since}
	s.mu.Unlock()
	if s.log != nil {
		st.Ledger, st.Oldest, st.Size, st.Disk = s.log.Ledger(), s.log.Oldest(), s.log.Size(), s.log.Health()
		st.Holders = s.log.Holders()
	}
	return st
}

// start opens the sinks and begins to deliver.
func (s *Stream) start() error {
	to, err := s.spec.Open(s.log)
	if err != nil {
		return fmt.Errorf("open destination: %w", err)
	}
	s.outputs = to
	s.snapshots = map[string]sinks.Outputs{}
	stop, cancel := context.WithCancel(context.Background())
	grace, abandon := context.WithCancel(context.Background())
	s.cancel, s.abandon, s.stopped = cancel, abandon, make(chan struct{})
	go func() {
		defer close(s.stopped)
		s.run(stop, grace)
	}()
	return nil
}

// run keeps a worker on each feed. When one fails, because of a full disk for
// instance, all start again from what is durable, with growing patience.
func (s *Stream) run(stop, grace context.Context) {
	for attempt := 1; ; attempt++ {
		begun := time.Now()
		err := s.work(stop, grace)
		if stop.Err() != nil {
			return
		}
		if time.Since(begun) > longestWait {
			attempt = 1
		}
		wait := backoff(attempt)
		s.setReason(fmt.Sprintf("delivery stopped and will start again: %v", err))
		s.events.restart(s.Name(), err, wait)
		select {
		case <-time.After(wait):
		case <-stop.Done():
			return
		}
	}
}

// work runs a worker on each feed until one fails or all are stopped.
func (s *Stream) work(stop, grace context.Context) error {
	g, stop := errgroup.WithContext(stop)
	var workers []*worker
	feeds := s.log.Feeds()
	s.pace = newPace(s.spec.InFlight * len(feeds))
	for _, feed := range feeds {
		spool, err := openSpool(s.fs, s.log.SpoolDir(feed), feed.ID())
		if err != nil {
			return err
		}
		w := &worker{stream: s, feed: feed, spool: spool, stop: stop, grace: grace}
		workers = append(workers, w)
	}
	s.mu.Lock()
	s.workers = workers
	s.mu.Unlock()
	for _, w := range workers {
		g.Go(w.run)
	}
	return g.Wait()
}

// stop ends delivery. Tries under way may go on until ctx is done; what is
// not finished then is finished by the next start.
func (s *Stream) stop(ctx context.Context) error {
	if s.stopped == nil {
		return nil
	}
	s.cancel()
	select {
	case <-s.stopped:
	case <-ctx.Done():
	}
	s.abandon()
	<-s.stopped
	s.stopped = nil // a second stop finds nothing to do
	err := s.outputs.Close()
	for _, o := range s.snapshots {
		err = errors.Join(err, o.Close())
	}
	return err
}

// Flush cuts the open batches now.
func (s *Stream) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.workers {
		w.flush()
	}
}

// Drain flushes until nothing is buffered, or ctx is done.
func (s *Stream) Drain(ctx context.Context) error {
	for {
		s.mu.Lock()
		settled := s.settled
		s.mu.Unlock()
		if s.log == nil || s.log.Ledger().Buffered.Records == 0 {
			return nil
		}
		s.Flush()
		select {
		case <-settled:
		case <-time.After(100 * time.Millisecond): // a worker may have been between two reads
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// outputsFor returns the sinks a manifest was made for.
func (s *Stream) outputsFor(m *manifest) (sinks.Outputs, error) {
	if bytes.Equal(m.Snapshot, s.spec.Snapshot) {
		return s.outputs, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.snapshots[string(m.Snapshot)]; ok {
		return o, nil
	}
	o, err := s.spec.OpenSnapshot(m.Snapshot, s.log)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open the destination of an unfinished batch, as it was configured when the batch began: %w", err)
	}
	s.snapshots[string(m.Snapshot)] = o
	return o, nil
}

// failing notes that a try did not work.
func (s *Stream) failing(e *sinks.Error) {
	state := Active
	if e.Kind == sinks.Permanent {
		state = Held
	}
	s.set(state, e.Error())
}

// recovered notes that a try worked.
func (s *Stream) recovered() { s.set(Active, "") }

func (s *Stream) setReason(reason string) {
	s.mu.Lock()
	state := s.state
	s.mu.Unlock()
	s.set(state, reason)
}

// set changes state and reason. A stream that is draining or suspended stays
// so, whatever its deliveries say.
func (s *Stream) set(state State, reason string) {
	s.mu.Lock()
	if s.state == Draining || s.state == Suspended {
		state = s.state
	}
	changed := s.state != state || (s.reason == "") != (reason == "")
	s.state, s.reason = state, reason
	if changed {
		s.since = time.Now()
	}
	s.mu.Unlock()
	if changed {
		s.events.state(s.Name(), state, reason)
	}
}

// done tells the listeners, and those who wait in Drain, that a batch is
// settled.
func (s *Stream) done(p buffer.Plan, o buffer.Outcome) {
	s.mu.Lock()
	close(s.settled)
	s.settled = make(chan struct{})
	s.mu.Unlock()
	s.events.done(s.Name(), p, o)
}
