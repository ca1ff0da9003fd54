package buffer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"sort"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

const (
	readSize  = 512 << 10 // how much of a segment one Next reads
	markEvery = 256 << 10 // distance of marks in a segment
)

// reader reads the records of a shard in order, without end or up to one
// sequence. One goroutine uses it. It opens the segment for each chunk: 5 µs,
// and there is no file to keep, to leak, or to close under a reader.
type reader struct {
	cursor *cursor // whose records they are
	shard  *shard  // where they are
	seq    uint64  // of the next record
	until  uint64  // the last to be read; 0: follow

	seg     *seg
	off     int64  // in seg, at a frame
	before  uint64 // bytes of records before off in seg
	place   uint64 // sequence at off; seq may be further on
	suspect int64  // offset of a bad frame that is read a second time, or 0
	end     uint64 // the last record that is the cursor's, since the last step
}

// reach is how far a segment can be read at some moment.
type reach struct {
	end    int64
	last   Count // accepted up to there
	closed bool  // there will be no more
}

// Next fills c with the records that follow. It returns io.EOF after the last
// one of a replay.
func (r *reader) Next(ctx context.Context, c *Chunk) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.shard.closed.Load() {
			return ErrClosed
		}
		if r.until != 0 && r.seq > r.until {
			return io.EOF
		}
		to, err := r.advance()
		if err != nil {
			return err
		}
		if r.seg == nil || r.off >= to.end || r.seq > r.end {
			if err := r.wait(ctx); err != nil {
				return err
			}
			continue
		}
		if err := r.fill(c, to); err != nil || c.Len() > 0 {
			return err
		}
	}
}

// wait returns when more may be durable.
func (r *reader) wait(ctx context.Context) error {
	if r.until != 0 {
		return io.EOF // what is left of the plan is lost
	}
	select {
	case <-r.cursor.grown:
		return nil
	case <-r.shard.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// advance goes to the segment that holds the next record and returns how far
// it can be read. Records that no segment holds are lost.
func (r *reader) advance() (reach, error) {
	for {
		step := r.step()
		if step.lost == (loss{}) {
			return step.to, nil
		}
		d := Damage{File: step.file, Reason: "records are missing"}
		if err := r.lose(step.lost, d); err != nil {
			return step.to, err
		}
	}
}

// step is where advance stands.
type step struct {
	to   reach
	lost loss   // what is missing before the reader can go on
	file string // where it should have been
}

func (r *reader) step() step {
	s := r.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.end = math.MaxUint64; r.cursor.state.End != nil {
		r.end = r.cursor.state.End.Records
	}
	if r.seq > r.end {
		return step{}
	}
	if r.seg != nil {
		to := s.reach(r.seg)
		if (r.off < to.end || !to.closed) && !r.finished() {
			return step{to: to}
		}
		if to.last.Records >= r.seq {
			return step{lost: loss{First: r.seq, Last: to.last.Records, Bytes: less(to.last.Bytes, r.seg.start.Bytes+r.before)}, file: r.seg.path}
		}
	}
	next := s.after(r.seg, r.seq)
	if next == nil {
		if s.synced.Records >= r.seq && (len(s.segs) == 0 || s.reach(s.segs[len(s.segs)-1]).closed) {
			return step{lost: loss{First: r.seq, Last: s.synced.Records, Bytes: s.synced.Bytes - min(s.synced.Bytes, r.passed())}, file: s.path}
		}
		return step{}
	}
	if next.first() > r.seq {
		return step{lost: loss{First: r.seq, Last: next.first() - 1, Bytes: next.start.Bytes - min(next.start.Bytes, r.passed())}, file: next.path}
	}
	r.seg = next
	m := next.nearest(r.seq)
	r.off, r.before, r.place = m.off, m.before, m.seq
	return step{to: s.reach(next)}
}

// finished reports whether no record is left in r.seg: it may be deleted any
// time, whatever other frames it ends with. The caller holds shard.mu.
func (r *reader) finished() bool { return r.seg.closed && r.seg.last.Records < r.seq }

// passed returns the bytes accepted before the next record, when that one is
// not in r.seg any more. The caller holds shard.mu.
func (r *reader) passed() uint64 {
	if r.seg != nil {
		return r.seg.last.Bytes
	}
	c := &r.cursor.state
	bytes := c.Outcome.Delivered.Bytes + c.Outcome.Failed.Bytes + c.Outcome.Dropped.Bytes + c.Lost.Bytes + c.Skipped.Bytes
	for _, p := range c.Plans {
		if p.Last.Seq < r.seq {
			bytes += p.Count.Bytes
		}
	}
	return bytes
}

// reach returns how far a segment can be read. The caller holds mu.
func (s *shard) reach(g *seg) reach {
	if g.closed {
		return reach{g.end, g.last, true}
	}
	return reach{g.end, s.synced, false}
}

// after returns the segment to read seq from, behind g. The caller holds mu.
func (s *shard) after(g *seg, seq uint64) *seg {
	for _, x := range s.segs {
		if (g == nil || x.ord > g.ord) && (!x.closed || x.last.Records >= seq) {
			return x
		}
	}
	return nil
}

// holding returns the segment that holds seq or the first one behind it.
func (s *shard) holding(seq uint64) *seg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.after(nil, seq)
}

// nearest returns the last known place at or before seq.
func (g *seg) nearest(seq uint64) mark {
	best := mark{seq: g.first(), off: segment.HeaderSize}
	for _, m := range g.marks {
		if m.seq > seq {
			break
		}
		best = m
	}
	return best
}

// note remembers the place of the reader, for replays to start from.
func (r *reader) note() {
	if r.until != 0 {
		return
	}
	r.shard.mu.Lock()
	defer r.shard.mu.Unlock()
	marks := r.seg.marks
	at := sort.Search(len(marks), func(i int) bool { return marks[i].off > r.off })
	before, after := int64(0), r.off+markEvery
	if at > 0 {
		before = marks[at-1].off
	}
	if at < len(marks) {
		after = marks[at].off
	}
	if r.off-before >= markEvery && after-r.off >= markEvery {
		r.seg.marks = slices.Insert(marks, at, mark{r.place, r.off, r.before})
	}
}

// fill reads one piece of the segment into c. It may leave c empty: then it
// went past frames without records, or past damage.
func (r *reader) fill(c *Chunk, to reach) error {
	r.note()
	file, err := r.shard.log.dir.fs.Open(r.seg.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: read segment: %w; check the disk of the data directory", ErrFailing, err)
	}
	if err != nil {
		return r.skipFile(c, to)
	}
	defer file.Close() // nothing was written
	want := min(readSize, to.end-r.off)
	for {
		c.Reset(Position{r.seg.id, r.seq})
		if err := readPadded(file, c.Grow(int(want)), r.off); err != nil {
			if unreadable(file) {
				return fmt.Errorf("%w: read segment: %w; check the disk of the data directory", ErrFailing, err)
			}
			return r.skip(c, patchy{file}, to)
		}
		need, good := r.parse(c, to.end)
		switch {
		case !good && c.Len() == 0:
			return r.skip(c, patchy{file}, to)
		case need > want:
			want = need // one frame is longer than a piece
		default:
			return nil
		}
	}
}

// parse makes rows of the frames in c.Data, which starts at r.off, and cuts
// c.Data behind the last of them. It stops before a bad frame (good is false),
// before a gap, and before a frame that is not there whole; need is then its
// size, if it is the first.
func (r *reader) parse(c *Chunk, end int64) (need int64, good bool) {
	at, base := int64(0), r.off
	good = true
	for base+at < end && int64(len(c.Data))-at >= segment.FrameHeaderSize {
		f, err := segment.ParseFrame(c.Data[at:], r.seg.id)
		if err != nil || base+at+f.Size() > end {
			good = false
			break
		}
		if at+f.Size() > int64(len(c.Data)) {
			if at == 0 {
				return f.Size(), true
			}
			break
		}
		if f.Type == segment.Data && f.Seq+uint64(f.Count) > r.seq {
			if r.seq > r.end {
				break
			}
			if f.Seq > r.seq || r.until != 0 && r.seq > r.until {
				good = f.Seq <= r.seq
				break
			}
			if !r.rows(c, &f, at) {
				good = false
				break
			}
		}
		at += f.Size()
		if f.Type == segment.Data {
			r.before += f.DataBytes()
		}
		r.place = max(r.place, f.Seq+uint64(f.Count))
	}
	r.off += at
	c.Data = c.Data[:at]
	return 0, good
}

// rows adds the records of the frame at c.Data[at:] from r.seq on. It reports
// false when they are damaged.
func (r *reader) rows(c *Chunk, f *segment.Frame, at int64) bool {
	start := uint32(at) + segment.FrameHeaderSize
	payload := c.Data[start : start+f.Length]
	if !f.Valid(payload) {
		return false
	}
	last := min(f.Seq+uint64(f.Count)-1, r.end)
	if r.until != 0 {
		last = min(last, r.until)
	}
	for seq := r.seq; seq <= last; seq++ {
		from, to, err := segment.Record(payload, f.Count, int(seq-f.Seq))
		if err != nil {
			return false
		}
		c.Append(start+from, start+to, f.Arrival)
		r.seq = seq + 1
	}
	return true
}

// readPadded fills b; what is past the end of the file is zero, and no frame.
func readPadded(f io.ReaderAt, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	clear(b[n:])
	return nil
}

// unreadable reports whether not even the header of a file can be read: then
// the disk is gone, and not a block of it.
func unreadable(f vfs.File) bool {
	return readPadded(f, make([]byte, segment.HeaderSize), 0) != nil
}
