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
// its shards and for those of the log it follows. Its methods may be called
// concurrently.
type Log struct {
	dir    *Dir
	stream string // the name
	path   string // streams/<id>
	id     [16]byte
	o      LogOptions
	used   atomic.Int64 // bytes in segments
	turn   atomic.Uint64
	shards []*shard // by number; those from o.Shards on are only drained

	linking   sync.Mutex
	followers []*following      // of this log
	follows   []*following      // of others, by this stream
	past      map[string]Ledger // see accounts

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
	if l.past, err = l.accounts(); err != nil {
		return nil, err
	}
	if l.followers, err = d.followers(l); err != nil {
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
		return blame(err, l)
	}
	more, err := l.dir.quota().admit(size)
	if err != nil {
		l.relieve()
		return blame(err, l.dir.open()...)
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

// Feeds returns one feed for each shard that is configured or found on disk,
// then those of the logs that are followed. When it is called again the feeds
// start where plans end now, and those returned before must not be used any
// more.
func (l *Log) Feeds() []Feed {
	var feeds []Feed
	for _, k := range l.cursors() {
		k.shard.mu.Lock()
		finished := k.finished()
		k.shard.mu.Unlock()
		if !finished {
			feeds = append(feeds, k.feed())
		}
	}
	return feeds
}

// cursors returns the places of the stream in its own log and in others.
func (l *Log) cursors() []*cursor {
	var all []*cursor
	for _, s := range l.shards {
		all = append(all, s.own)
	}
	l.linking.Lock()
	defer l.linking.Unlock()
	for _, f := range l.follows {
		all = append(all, f.cursors...)
	}
	return all
}

// Ledger returns the account of the stream.
func (l *Log) Ledger() Ledger {
	var sum Ledger
	open := map[string]bool{}
	for _, k := range l.cursors() {
		sum = sum.add(k.ledger())
		open[path.Base(k.shard.log.path)] = true
	}
	for leader, account := range l.past {
		if !open[leader] {
			sum = sum.add(account)
		}
	}
	return sum
}

// Oldest returns when the oldest record that is not settled arrived; zero if
// there is none. It reads a few bytes from disk.
func (l *Log) Oldest() time.Time {
	var oldest time.Time
	for _, k := range l.cursors() {
		if t := k.oldest(); !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	return oldest
}

// SpoolDir returns the path of a directory for what is made of a feed's
// records, which is no other feed's for ever. Its parent exists and is durable.
func (l *Log) SpoolDir(f Feed) string {
	return path.Join(l.path, "spool", f.(*feed).cursor.spool)
}

// Size returns the bytes the stream's segments take on disk. Those of a log it
// follows are not its own.
func (l *Log) Size() int64 { return l.used.Load() }

// Health returns nil when the log takes appends, or why it does not.
func (l *Log) Health() error {
	for _, s := range l.shards {
		if err := s.health(); err != nil {
			return fmt.Errorf("shard %d: %w", s.n, err)
		}
	}
	if _, err := l.quota().admit(1); err != nil {
		return blame(err, l)
	}
	if _, err := l.dir.quota().admit(1); err != nil {
		return blame(err, l.dir.open()...)
	}
	return nil
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
