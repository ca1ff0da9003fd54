package buffer

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// LogOptions are the settings of one stream's log.
type LogOptions struct {
	Shards  int   // feeds that appends are spread over; 0: 1. Fewer than before: the others are drained
	MaxSize int64 // bytes on disk; 0: no limit
}

// Log is the local log of one stream: an [Appender], and a [Feed] for each of
// its shards. Its methods may be called concurrently.
type Log struct {
	dir    *Dir
	stream string // the name
	path   string // streams/<id>
	id     [16]byte
	o      LogOptions
	used   atomic.Int64 // bytes in segments
	turn   atomic.Uint64
	shards []*shard // by number; those from o.Shards on are only drained

	deciding sync.Mutex // one Decide at a time
}

func openLog(d *Dir, stream, id string, o LogOptions) (*Log, error) {
	if o.Shards <= 0 {
		o.Shards = 1
	}
	l := &Log{dir: d, stream: stream, path: path.Join(streamsName, id), o: o}
	l.id, _ = decodeID(id) // made or checked by the directory
	for _, sub := range []string{"spool", "quarantine", "shards"} {
		if err := makeDir(d.fs, path.Join(l.path, sub)); err != nil {
			return nil, err
		}
	}
	count, err := l.countShards()
	if err != nil {
		return nil, err
	}
	for n := range max(count, o.Shards) {
		s, err := openShard(l, n, n >= o.Shards)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("shard %d: %w", n, err), l.closeShards())
		}
		l.shards = append(l.shards, s)
	}
	return l, nil
}

// countShards returns one more than the highest shard number on disk.
func (l *Log) countShards() (int, error) {
	names, err := l.dir.fs.List(path.Join(l.path, "shards"))
	if err != nil {
		return 0, err
	}
	count := 0
	for _, name := range names {
		n, err := strconv.Atoi(name)
		info, statErr := l.dir.fs.Stat(path.Join(l.path, "shards", name))
		if statErr != nil {
			return 0, statErr
		}
		if err != nil || n < 0 || shardName(n) != name || !info.IsDir() {
			l.dir.o.Events.foreign(path.Join(l.path, "shards", name))
			continue
		}
		count = max(count, n+1)
	}
	return count, nil
}

func shardName(n int) string { return fmt.Sprintf("%02d", n) }

// Append stores the entries in one shard; calls go round the shards. It may
// take up to a second longer when the log is nearly full.
func (l *Log) Append(ctx context.Context, e *Entries) (Position, error) {
	count := e.Len()
	if count == 0 {
		return Position{}, nil
	}
	data := e.Data[:e.Ends[count-1]]
	size := 4*int64(count) + int64(len(data))
	if size > segment.MaxPayload {
		return Position{}, fmt.Errorf("append %d records, %d bytes: more than %d bytes in one call; send fewer at once", count, size, segment.MaxPayload)
	}
	if err := ctx.Err(); err != nil {
		return Position{}, err
	}
	now := time.Now()
	if err := l.admit(ctx, size+segment.FrameHeaderSize, now); err != nil {
		return Position{}, err
	}
	s := l.shards[int((l.turn.Add(1)-1)%uint64(l.o.Shards))]
	return s.append(ctx, e.Ends, data, now.UnixMilli())
}

// admit slows or refuses an append before it takes any memory.
func (l *Log) admit(ctx context.Context, size int64, now time.Time) error {
	if err := l.dir.space.check(now); err != nil {
		return err
	}
	wait, err := l.quota().admit(size)
	if err != nil {
		l.relieve()
		return err
	}
	more, err := l.dir.quota().admit(size)
	if err != nil {
		l.relieve()
		return err
	}
	return pause(ctx, max(wait, more))
}

func (l *Log) quota() quota { return quota{"the stream's quota", l.o.MaxSize, &l.used} }
func (d *Dir) quota() quota { return quota{"the data directory's quota", d.o.MaxSize, &d.used} }

// pressed reports whether space is short enough to give up a segment that is
// still open but settled.
func (l *Log) pressed() bool { return l.quota().pressed() || l.dir.quota().pressed() }

// relieve asks every shard to give up what is settled: otherwise a quota
// smaller than a segment would refuse for ever.
func (l *Log) relieve() {
	for _, s := range l.shards {
		s.relieve()
	}
}

// segmentSize keeps a small quota from being one segment.
func (l *Log) segmentSize() int64 {
	size := l.dir.o.SegmentSize
	for _, limit := range []int64{l.o.MaxSize, l.dir.o.MaxSize} {
		if limit > 0 {
			size = min(size, max(limit/8, 64<<10))
		}
	}
	return size
}

func (l *Log) grow(n int64) {
	l.used.Add(n)
	l.dir.used.Add(n)
}

// Feeds returns one feed for each shard that is configured or found on disk.
// When it is called again the feeds start where plans end now, and those
// returned before must not be used any more.
func (l *Log) Feeds() []Feed {
	feeds := make([]Feed, len(l.shards))
	for i, s := range l.shards {
		feeds[i] = s.feed()
	}
	return feeds
}

// Ledger returns the account of the stream.
func (l *Log) Ledger() Ledger {
	var sum Ledger
	for _, s := range l.shards {
		x := s.ledger()
		sum.Accepted = sum.Accepted.Add(x.Accepted)
		sum.Delivered = sum.Delivered.Add(x.Delivered)
		sum.Failed = sum.Failed.Add(x.Failed)
		sum.Dropped = sum.Dropped.Add(x.Dropped)
		sum.Lost = sum.Lost.Add(x.Lost)
		sum.Buffered = sum.Buffered.Add(x.Buffered)
	}
	return sum
}

// Oldest returns when the oldest record that is not settled arrived; zero if
// there is none. It reads a few bytes from disk.
func (l *Log) Oldest() time.Time {
	var oldest time.Time
	for _, s := range l.shards {
		if t := s.oldest(); !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	return oldest
}

// SpoolDir returns the path of the stream's spool in the file system of the
// directory. It exists and is durable.
func (l *Log) SpoolDir() string { return path.Join(l.path, "spool") }

// Size returns the bytes the stream's segments take on disk.
func (l *Log) Size() int64 { return l.used.Load() }

// Health returns nil when the log takes appends, or why it does not.
func (l *Log) Health() error {
	for _, s := range l.shards {
		if err := s.health(); err != nil {
			return fmt.Errorf("shard %d: %w", s.n, err)
		}
	}
	if _, err := l.quota().admit(1); err != nil {
		return err
	}
	_, err := l.dir.quota().admit(1)
	return err
}

// Close finishes the appends under way, refuses others, seals the segments and
// ends every Next with ErrClosed.
func (l *Log) Close() error {
	l.dir.forget(l)
	if err := l.closeShards(); err != nil {
		return fmt.Errorf("close log %s: %w", l.stream, err)
	}
	return nil
}

func (l *Log) closeShards() error {
	var errs []error
	for _, s := range l.shards {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
