package buffer

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// Report is what CheckDir found.
type Report struct {
	Incarnation string         `json:"incarnation"`
	Streams     []StreamReport `json:"streams"`
	Damages     []Damage       `json:"damages"`
	Foreign     []string       `json:"foreign"` // paths of files that are not the log's
}

// StreamReport is one stream of a Report.
type StreamReport struct {
	Name   string        `json:"name"`
	ID     string        `json:"id"` // its directory under streams/
	Shards []ShardReport `json:"shards"`
}

// ShardReport is one shard of a StreamReport.
type ShardReport struct {
	Number     int       `json:"number"`
	Segments   int       `json:"segments"`
	Bytes      int64     `json:"bytes"`    // of the segments that count
	Readable   Count     `json:"readable"` // records in valid frames, settled or not
	Ledger     Ledger    `json:"ledger"`
	Unfinished []Plan    `json:"unfinished"`
	Oldest     time.Time `json:"oldest"` // arrival of the first record that is not settled; zero: there is none

	Followers []FollowerReport `json:"followers,omitempty"`
}

// FollowerReport is a stream that follows the shard of a ShardReport.
type FollowerReport struct {
	Stream     string    `json:"stream"`
	Ledger     Ledger    `json:"ledger"`
	Unfinished []Plan    `json:"unfinished"`
	Oldest     time.Time `json:"oldest"`
	Left       bool      `json:"left"` // it follows no longer, and delivers what was there when it left
}

// CheckDir reads everything in a data directory, as a start and the delivery
// would, and changes nothing. It needs no lock: what a running owner deletes
// or writes meanwhile is not damage. An error means that the directory could
// not be read.
func CheckDir(fsys vfs.FS) (Report, error) {
	var r Report
	d, found, err := inspectDir(fsys, &r)
	if err != nil {
		return r, fmt.Errorf("check data directory: %w", err)
	}
	for _, m := range found {
		l, shards, err := d.inspectLog(m)
		if err != nil {
			return r, fmt.Errorf("check stream %s: %w", m.Name, err)
		}
		stream := StreamReport{Name: m.Name, ID: m.ID}
		for n := range shards {
			one, err := checkShard(l, n)
			if err != nil {
				return r, fmt.Errorf("check stream %s, shard %d: %w", m.Name, n, err)
			}
			stream.Shards = append(stream.Shards, one)
		}
		r.Streams = append(r.Streams, stream)
	}
	return r, nil
}

// inspectDir reads IDENTITY and every META without changing them. Its Dir is
// good for reading only.
func inspectDir(fsys vfs.FS, r *Report) (*Dir, []meta, error) {
	d := &Dir{fs: fsys, readOnly: true, streams: map[string]string{}, o: DirOptions{Events: Events{
		Damaged: func(_ string, x Damage) { r.Damages = append(r.Damages, x) },
		Foreign: func(path string) { r.Foreign = append(r.Foreign, path) },
	}}}
	found, err := d.findStreams()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w; this is not a data directory", err)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := d.identify(found); err != nil {
		return nil, nil, err
	}
	r.Incarnation = d.Incarnation()
	return d, found, d.reportForeign()
}

func (d *Dir) inspectLog(m meta) (l *Log, shards int, err error) {
	l = &Log{dir: d, stream: m.Name, path: path.Join(streamsName, m.ID)}
	l.id, _ = decodeID(m.ID) // checked by findStreams
	shards, err = l.countShards()
	if errors.Is(err, fs.ErrNotExist) {
		return l, 0, nil
	}
	if err == nil {
		l.followers, err = d.followers(l)
	}
	return l, shards, err
}

// inspectShard finds the segments and the state of a shard, read only. A
// running owner may delete a segment between our listing and our opening it;
// then it is listed again.
func inspectShard(l *Log, n int, report func(Damage)) (s *shard, v survey, err error) {
	for range 5 {
		var damages []Damage
		collect := func(d Damage) { damages = append(damages, d) }
		s = newShard(l, n, true)
		var lost []*cursor
		if lost, err = s.inspectJournals(collect); err != nil {
			return s, v, err
		}
		v = survey{fs: l.dir.fs, shard: s, high: s.mark(), passed: s.passed(), report: collect, foreign: l.dir.o.Events.foreign}
		if err = v.run(); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return s, v, err
		}
		s.adoptSurvey(&v)
		for _, k := range lost {
			k.enter(Oldest)
		}
		for _, d := range damages {
			report(d)
		}
		return s, v, nil
	}
	return s, v, err
}

// inspectJournals reads the journals of a shard. Followers that have none are
// left out; lost are those whose journal is damaged.
func (s *shard) inspectJournals(report func(Damage)) (lost []*cursor, err error) {
	var found []*cursor
	for _, k := range s.cursors {
		k.state, err = readJournal(s.log.dir.fs, k.journal.path, k.journal.header, report)
		switch {
		case err == nil || k == s.own && errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, errNoCheckpoint):
			report(Damage{File: k.journal.path, Reason: err.Error()})
			if k != s.own {
				lost = append(lost, k)
			}
		case errors.Is(err, fs.ErrNotExist):
			continue
		default:
			return nil, err
		}
		found = append(found, k)
	}
	s.cursors = found
	return lost, nil
}

func checkShard(l *Log, n int) (ShardReport, error) {
	report := ShardReport{Number: n}
	damaged := func(d Damage) { l.dir.o.Events.damaged(l.stream, d) }
	s, v, err := inspectShard(l, n, damaged)
	if err != nil {
		return report, err
	}
	report.Segments = len(v.kept)
	last := s.settled()
	for _, f := range v.kept {
		if f.seg.first() > last+1 {
			damaged(s.missing(f.seg.path, last+1, f.seg.first()-1))
		}
		report.Bytes += f.seg.end
		readable, err := s.verify(f, damaged)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner is running, and done with it
		}
		if err != nil {
			return report, err
		}
		report.Readable = report.Readable.Add(readable)
		last = max(last, f.seg.last.Records)
	}
	if s.synced.Records > last {
		damaged(s.missing(s.path, last+1, s.synced.Records))
	}
	for _, k := range s.cursors {
		if k.buffered, err = k.countBuffered(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return report, err
		}
		if k == s.own {
			report.Ledger, report.Unfinished, report.Oldest = k.ledger(), k.state.Plans, k.oldest()
			continue
		}
		report.Followers = append(report.Followers, FollowerReport{
			Stream: k.stream, Ledger: k.ledger(), Unfinished: k.state.Plans, Oldest: k.oldest(), Left: k.state.End != nil,
		})
	}
	return report, nil
}

// missing describes records that no file holds.
func (s *shard) missing(file string, first, last uint64) Damage {
	l := loss{First: first, Last: last}
	return Damage{File: file, First: first, Last: last, Lost: Count{Records: l.records()}, Reason: s.counted(l, "records are missing")}
}

// counted adds to the reason of a loss that it is in every account it belongs to.
func (s *shard) counted(l loss, reason string) string {
	for _, k := range s.cursors {
		if !k.finished() && !k.knows(l) {
			return reason
		}
	}
	return reason + " (counted already)"
}

// verify reads every frame of a segment, and compares them with its seal.
func (s *shard) verify(f *foundSegment, damaged func(Damage)) (Count, error) {
	var readable Count
	var frames, sum uint64
	g := f.seg
	file, err := s.log.dir.fs.Open(g.path)
	if err != nil {
		return readable, err
	}
	defer file.Close() // nothing was written
	w := walker{sc: segment.NewScanner(file, g.id, segment.HeaderSize, g.end), verify: true, next: g.first()}
	whole := true
	for {
		frame, off, err := w.frame()
		from, to := w.from, off
		if err != nil {
			if ignoreEnd(err) != nil {
				return readable, err
			}
			if !w.lost && w.next > g.last.Records {
				break
			}
			if !w.lost {
				from = g.end
			}
			damaged(s.damage(g, from, g.end, w.next, g.last.Records, g.last.Bytes-min(g.last.Bytes, g.start.Bytes+w.bytes)))
			return readable, nil
		}
		if w.lost {
			whole = false
			before, next := w.bytes, w.next
			w.pass(frame, off)
			bytes := w.bytes - before
			if frame.Type == segment.Data {
				bytes -= frame.DataBytes()
			}
			damaged(s.damage(g, from, to, next, frame.Seq-1, bytes))
		} else {
			w.pass(frame, off)
		}
		if frame.Type == segment.Data {
			readable = readable.Add(Count{uint64(frame.Count), frame.DataBytes()})
			frames, sum = frames+1, segment.SumFrames(sum, frame.Sum)
		}
	}
	if whole && f.sealOK && g.end == f.size && (f.seal.Frames != frames || f.seal.Sum != sum) {
		damaged(Damage{File: g.path, Offset: g.end - segment.SealSize, Length: segment.SealSize, Reason: "the seal does not match the frames"})
	}
	return readable, nil
}

// damage describes a bad region; last < first means that no record was in it.
func (s *shard) damage(g *seg, from, to int64, first, last, bytes uint64) Damage {
	d := Damage{File: g.path, Offset: from, Length: to - from, Reason: "the bytes are not what was written"}
	if last >= first {
		l := loss{First: first, Last: last, Bytes: bytes}
		d.First, d.Last, d.Lost, d.Reason = first, last, Count{l.records(), bytes}, s.counted(l, d.Reason)
	}
	return d
}
