package buffer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// A stream can follow the log of another, its leader: it delivers the same
// records with plans, checkpoints and an account of its own. What it knows is
// in its own directory, one journal for each shard of the leader:
//
//	streams/<id>/follows/<leader's id>/<nn>/journal
//
// Every journal that is found when the leader's log is opened holds the log
// back, whether or not the stream is configured: who removes a stream from the
// configuration by mistake finds everything there when it comes back.

const followsName = "follows"

// Start says where a stream begins to follow another.
type Start uint8

const (
	// Oldest is the first record that is still on disk: what some stream has
	// not delivered, and a little that all have.
	Oldest Start = iota
	// Newest is the next record that is accepted.
	Newest
)

// following is the place of one stream in the log of another.
type following struct {
	leader  *Log
	id      string // of the stream that follows
	stream  string // its name
	cursors []*cursor
}

// path is where the journals are.
func (f *following) path() string {
	return path.Join(streamsName, f.id, followsName, path.Base(f.leader.path))
}

// cursor adds the place in one shard.
func (f *following) cursor(s *shard) *cursor {
	k := newCursor(s, f.stream, path.Join(streamsName, f.id), path.Join(f.path(), shardName(s.n)))
	leader := path.Base(f.leader.path)
	k.of = f
	k.id = path.Join(f.leader.dir.Incarnation(), f.id, leader, shardName(s.n))
	k.spool = leader + "-" + shardName(s.n)
	f.cursors = append(f.cursors, k)
	return k
}

// left reports whether the stream follows only up to an end.
func (f *following) left() bool {
	k := f.cursors[0]
	k.shard.mu.Lock()
	defer k.shard.mu.Unlock()
	return k.state.End != nil
}

// begin places a cursor of a stream that was found following, but not in this
// shard.
func (k *cursor) begin(cause error) error {
	if cause != errNoCheckpoint && k.of.cursors[0] != k && k.of.left() {
		k.state.End = &Count{} // it had left before there was this shard
	} else {
		k.enter(Oldest)
	}
	if cause == errNoCheckpoint {
		k.damaged(Damage{File: k.journal.path, Reason: "where the stream was in the log it follows is lost; it goes on at the oldest record, so some are delivered again"})
	}
	return makeDir(k.shard.log.dir.fs, path.Dir(k.journal.path))
}

// followers finds the streams that follow the stream with an id.
func (d *Dir) followers(l *Log) ([]*following, error) {
	names := map[string]string{}
	for name, id := range d.streams {
		names[id] = name
	}
	ids, err := d.fs.List(streamsName)
	if err != nil {
		return nil, err
	}
	var found []*following
	for _, id := range ids {
		if _, err := decodeID(id); err != nil {
			continue // reported by findStreams
		}
		f := &following{leader: l, id: id, stream: names[id]}
		if f.stream == "" { // its META is damaged; that is no reason to forget it
			f.stream = id
		}
		follows, err := d.hasJournal(f.path())
		if err != nil {
			return nil, err
		}
		if follows {
			found = append(found, f)
		}
	}
	return found, nil
}

// hasJournal reports whether there is a journal below streams/<id>/follows/<id>.
// Without one the stream had not begun to follow.
func (d *Dir) hasJournal(where string) (bool, error) {
	follows := path.Dir(where)
	for _, step := range [][2]string{{path.Dir(follows), followsName}, {follows, path.Base(where)}} {
		names, err := listDir(d.fs, step[0])
		if err != nil || !slices.Contains(names, step[1]) {
			return false, err
		}
	}
	shards, err := listDir(d.fs, where)
	if err != nil {
		return false, err
	}
	for _, n := range shards {
		names, err := listDir(d.fs, path.Join(where, n))
		if err != nil || slices.Contains(names, "journal") {
			return err == nil, err
		}
	}
	return false, nil
}

// listDir returns the names in a directory, and none of what is no directory.
func listDir(fsys vfs.FS, name string) ([]string, error) {
	info, err := fsys.Stat(name)
	if err != nil || !info.IsDir() {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	return fsys.List(name)
}

// Follow makes l deliver the records of leader, too: Feeds returns a feed for
// each of its shards. When it returns, leader keeps every record from the
// start on until l has settled it. Other logs that l followed are followed up
// to what they have accepted by now. If l followed leader before, it goes on
// where it was, and from says only how to pass over what is gone.
//
// Feeds that were returned before must not be used any more. Follow and
// Unfollow of one log must not be called at the same time.
func (l *Log) Follow(leader *Log, from Start) error {
	if err := l.follow(leader, from); err != nil {
		return fmt.Errorf("follow the log of %s: %w", leader.stream, err)
	}
	return nil
}

// Unfollow makes l deliver what the logs it follows have accepted by now, and
// no more. A log that it has delivered so far is not held back any longer.
// Feeds stay good, and give nothing behind that.
func (l *Log) Unfollow() error {
	if err := l.follow(nil, Oldest); err != nil {
		return fmt.Errorf("end following: %w", err)
	}
	return nil
}

func (l *Log) follow(leader *Log, from Start) error {
	var follows []*following
	logs := l.dir.open()
	if leader != nil && !slices.Contains(logs, leader) {
		return ErrClosed
	}
	for _, x := range logs {
		f := x.follower(l)
		if f == nil || x == leader {
			continue
		}
		for _, k := range f.cursors {
			if err := k.leave(); err != nil {
				return err
			}
		}
		follows = append(follows, f)
	}
	if leader != nil {
		f, err := leader.admitFollower(l, from)
		if err != nil {
			return err
		}
		follows = append(follows, f)
	}
	l.linking.Lock()
	l.follows = follows
	l.linking.Unlock()
	return nil
}

// follower returns the place of l in x's log, or nil.
func (x *Log) follower(l *Log) *following {
	x.linking.Lock()
	defer x.linking.Unlock()
	for _, f := range x.followers {
		if f.id == path.Base(l.path) {
			return f
		}
	}
	return nil
}

// admitFollower gives l a place in every shard of x, durably, or has it go on
// where it was. A place that cannot be made durable holds the log all the
// same: perhaps it is on disk.
func (x *Log) admitFollower(l *Log, from Start) (*following, error) {
	f := x.follower(l)
	if f == nil {
		f = &following{leader: x, id: path.Base(l.path), stream: l.stream}
		for _, s := range x.shards {
			f.cursor(s)
		}
		x.linking.Lock()
		x.followers = append(x.followers, f)
		x.linking.Unlock()
	}
	for _, dir := range []string{path.Dir(f.path()), f.path()} {
		if err := makeDir(x.dir.fs, dir); err != nil {
			return nil, err
		}
	}
	for _, k := range f.cursors {
		if err := makeDir(x.dir.fs, path.Dir(k.journal.path)); err != nil {
			return nil, err
		}
		if err := k.join(from); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// join makes the cursor one that stays in the log. If it was leaving, nothing
// is missing: a cursor that has not reached its end holds everything behind
// it, too.
func (k *cursor) join(from Start) error {
	k.journal.turn <- struct{}{}
	defer func() { <-k.journal.turn }()
	s := k.shard
	s.mu.Lock()
	if s.closed.Load() {
		s.mu.Unlock()
		return ErrClosed
	}
	known := slices.Contains(s.cursors, k)
	if !known || k.finished() {
		k.enter(from)
	}
	if !known {
		s.cursors = append(slices.Clip(s.cursors), k)
	}
	s.mu.Unlock()
	if !known && fault.Bug("follow-not-durable") {
		return nil
	}
	// In a file of its own: were this entry damaged in a longer one, the entry
	// before it would say that the stream has left.
	if err := k.journal.close(); err != nil {
		return err
	}
	return k.commitInTurn(func(c *checkpoint) error { c.End = nil; return nil })
}

// accounts reads where the records went that l had from each log it follows or
// followed, by the id of that log's stream. They count as long as that log is
// not open.
func (l *Log) accounts() (map[string]Ledger, error) {
	accounts := map[string]Ledger{}
	leaders, err := listDir(l.dir.fs, path.Join(l.path, followsName))
	if err != nil {
		return nil, err
	}
	for _, leader := range leaders {
		where := path.Join(l.path, followsName, leader)
		shards, err := listDir(l.dir.fs, where)
		if err != nil {
			return nil, err
		}
		var sum Ledger
		for _, name := range shards {
			h := segment.Header{Kind: segment.KindJournal, Incarnation: l.dir.incarnation, Stream: l.id}
			n, err := strconv.ParseUint(name, 10, 16)
			if err != nil || shardName(int(n)) != name {
				continue
			}
			if files, err := listDir(l.dir.fs, path.Join(where, name)); err != nil {
				return nil, err
			} else if !slices.Contains(files, "journal") {
				continue
			}
			h.Shard = uint32(n)
			c, err := readJournal(l.dir.fs, path.Join(where, name, "journal"), h, func(Damage) {})
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoCheckpoint) {
				continue // the leader's log reports it
			}
			if err != nil {
				return nil, err
			}
			o := c.Outcome
			all := o.Delivered.Add(o.Failed).Add(o.Dropped).Add(c.Lost)
			sum = sum.add(Ledger{Accepted: all, Delivered: o.Delivered, Failed: o.Failed, Dropped: o.Dropped, Lost: c.Lost})
		}
		accounts[leader] = sum
	}
	return accounts, nil
}

// Release gives up what a stream that follows l has not settled, which counts
// as dropped, and lets go of the log. It returns how much that was. The stream
// must not be running.
func (l *Log) Release(stream string) (dropped Count, err error) {
	l.linking.Lock()
	followers := l.followers
	l.linking.Unlock()
	for _, f := range followers {
		if f.stream != stream {
			continue
		}
		for _, k := range f.cursors {
			n, err := k.release()
			if err != nil {
				return dropped, fmt.Errorf("release the log of %s: %w", l.stream, err)
			}
			dropped = dropped.Add(n)
		}
	}
	return dropped, nil
}

// ReleaseDir calls Release for every log that a stream follows, in a data
// directory that nobody has open. It returns what was given up, by the stream
// that was followed.
func ReleaseDir(fsys vfs.FS, stream string) (released []Holder, err error) {
	d, err := OpenDir(fsys, DirOptions{MinFree: -1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	id, known := d.streams[stream]
	if !known {
		return nil, fmt.Errorf("release %s: there is no such stream in the data directory", stream)
	}
	for _, name := range slices.Sorted(maps.Keys(d.streams)) {
		follows, err := d.hasJournal(path.Join(streamsName, id, followsName, d.streams[name]))
		if err != nil {
			return released, err
		}
		if !follows {
			continue
		}
		l, err := d.OpenLog(name, LogOptions{})
		if err != nil {
			return released, err
		}
		for _, h := range l.Holders() {
			if h.Stream != stream {
				continue
			}
			dropped, err := l.Release(stream)
			if err != nil {
				return released, err
			}
			released = append(released, Holder{Stream: name, Waiting: dropped, Bytes: h.Bytes})
		}
	}
	return released, nil
}

// release ends the cursor where it is and drops what is left.
func (k *cursor) release() (dropped Count, err error) {
	err = k.commit(func(c *checkpoint) error {
		end := k.upto()
		dropped = k.buffered
		c.released = dropped
		c.Outcome.Dropped = c.Outcome.Dropped.Add(dropped)
		c.Settled, c.End = Position{Epoch: c.Settled.Epoch, Seq: end.Records}, &end
		c.Plans, c.Losses = nil, nil
		return nil
	})
	signal(k.shard.chores)
	return dropped, err
}

// Holder is a stream that has not delivered all of a log.
type Holder struct {
	Stream  string
	Waiting Count // records it has not settled
	Bytes   int64 // of the log on disk, from the first of them on
}

// Holders returns what the streams that read the log have not passed, the one
// that holds most of it first.
func (l *Log) Holders() []Holder {
	all := map[string]Holder{}
	for _, s := range l.shards {
		s.mu.Lock()
		for _, k := range s.cursors {
			if k.finished() {
				continue
			}
			h := all[k.stream]
			h.Stream, h.Waiting = k.stream, h.Waiting.Add(k.buffered)
			through := k.state.through()
			for _, g := range s.segs {
				if !g.closed || g.last.Records > through {
					h.Bytes += g.end
				}
			}
			all[k.stream] = h
		}
		s.mu.Unlock()
	}
	return slices.SortedFunc(maps.Values(all), func(a, b Holder) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Waiting.Records, a.Waiting.Records), cmp.Compare(a.Stream, b.Stream))
	})
}
