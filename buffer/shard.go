package buffer

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// shard is one ordered run of records: a directory of segments and a journal.
//
//	append.go   producers put frames into a group and wait
//	syncer.go   one goroutine writes and syncs groups, and rolls segments
//	tidy.go     one goroutine prepares the next segment and deletes old ones
//	read.go     a reader turns segments back into chunks
//	cursor.go   where a stream stands in the shard: its plans and checkpoints
//	plan.go     a cursor as a feed
//	follow.go   the cursors of other streams
//	recover.go  what a start does with what it finds
type shard struct {
	log   *Log
	n     int
	id    string // Feed.ID
	path  string
	drain bool // takes no appends

	own *cursor // of the log's own stream

	wake    chan struct{} // to the syncer: there is a group, or a wish
	chores  chan struct{} // to tidy
	closing chan struct{}
	closed  atomic.Bool
	syncing sync.WaitGroup
	tidying sync.WaitGroup

	mu       sync.Mutex
	segs     []*seg    // by ordinal, the one in use last
	cur      *seg      // takes appends; nil: none can be written
	next     *prepared // the segment after cur
	group    *group    // collects appends
	spare    []byte    // memory of the group before
	tail     tail      // after everything in group
	synced   Count     // accepted so far and durable; Records is the last sequence
	refusal  error     // why appends are refused
	wantRoll bool      // give up cur although it is not full
	stalled  error     // why there is no next
	garbage  []string  // segments that never came into use

	high    uint64    // ordinal of the newest file
	cursors []*cursor // own and those of followers; replaced, never changed
}

// tail is what the next frame needs to know.
type tail struct {
	off      int64 // where it starts
	accepted Count // before it
	before   uint16
	frames   uint64 // data frames in the segment
	sum      uint64 // over their payload CRCs
	unpadded bool   // nothing behind the last of them says that it is durable
}

// seg is one segment on disk. Its fields are guarded by shard.mu; those above
// the blank line do not change.
type seg struct {
	ord   uint64
	id    uint64
	path  string
	start Count // accepted before it

	file   vfs.File // of the syncer, while it takes appends
	end    int64    // readable and durable up to here
	last   Count    // accepted up to its end; valid when closed
	closed bool     // nothing more will come
	marks  []mark   // where readers passed
	doomed bool     // being deleted
}

// mark says that the frame at off holds seq or comes before it.
type mark struct {
	seq    uint64
	off    int64
	before uint64 // bytes of records before off in the segment
}

// first returns the sequence of the first record.
func (g *seg) first() uint64 { return g.start.Records + 1 }

func segmentPath(dir string, ord, id uint64) string {
	return path.Join(dir, "log", fmt.Sprintf("%016d-%016x.seg", ord, id))
}

func (s *shard) header(kind segment.Kind, ord, id uint64) segment.Header {
	return segment.Header{
		Kind: kind, Incarnation: s.log.dir.incarnation, Stream: s.log.id,
		Shard: uint32(s.n), Ordinal: ord, ID: id,
	}
}

func newShard(l *Log, n int, drain bool) *shard {
	s := &shard{
		log: l, n: n, drain: drain,
		id:      path.Join(l.dir.Incarnation(), path.Base(l.path), shardName(n)),
		path:    path.Join(l.path, "shards", shardName(n)),
		wake:    make(chan struct{}, 1),
		chores:  make(chan struct{}, 1),
		closing: make(chan struct{}),
		group:   newGroup(nil, nil, 0),
	}
	s.own = newCursor(s, l.stream, l.path, s.path)
	s.own.id, s.own.spool = s.id, strconv.Itoa(n)
	s.cursors = []*cursor{s.own}
	for _, f := range l.followers {
		s.cursors = append(s.cursors, f.cursor(s))
	}
	return s
}

// openShard recovers a shard and starts its goroutines.
func openShard(l *Log, n int, drain bool) (*shard, error) {
	s := newShard(l, n, drain)
	for _, dir := range []string{s.path, path.Join(s.path, "log")} {
		if err := makeDir(l.dir.fs, dir); err != nil {
			return nil, err
		}
	}
	if err := s.recover(); err != nil {
		return nil, err
	}
	if drain {
		s.refusal = ErrClosed
	} else if !fault.Bug("append-to-recovered") || !s.adopt() {
		// A disk that takes no writes must not keep us from delivering; the
		// shard refuses appends and tidy tries again.
		if err := s.prepare(); err != nil {
			s.stall(err)
		} else if err := s.begin(); err != nil {
			s.failed(err)
		}
	}
	s.syncing.Go(s.sync)
	s.tidying.Go(s.tidy)
	signal(s.chores)
	return s, nil
}

// adopt is a mistake to plant: appends go on in the newest segment.
func (s *shard) adopt() bool {
	if len(s.segs) == 0 {
		return false
	}
	g := s.segs[len(s.segs)-1]
	file, err := s.log.dir.fs.OpenWrite(g.path)
	if err != nil {
		return false
	}
	g.file, g.closed, s.cur, s.tail.off = file, false, g, g.end
	s.group = newGroup(g, nil, g.end)
	return true
}

func (s *shard) close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.mu.Lock()
	s.refusal = ErrClosed
	s.mu.Unlock()
	close(s.closing)
	s.syncing.Wait()
	s.tidying.Wait()

	s.mu.Lock()
	next, cursors := s.next, s.cursors
	s.next = nil
	s.mu.Unlock()
	var errs []error
	for _, k := range cursors {
		errs = append(errs, k.journal.stop())
	}
	if next != nil {
		errs = append(errs, next.file.Close())
	}
	return errors.Join(errs...)
}

// health returns why the shard takes no appends, or nil.
func (s *shard) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drain && !s.closed.Load() {
		return nil
	}
	return s.refusal
}

// signal wakes the goroutine behind c, unless it has been told already.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
