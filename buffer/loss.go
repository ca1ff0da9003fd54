package buffer

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"

	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// skip goes past the bad frame at r.off. The first time it only has it read
// again; the second time it keeps the bytes for the operator, counts the
// records as lost and goes to the next good frame.
func (r *reader) skip(c *Chunk, file io.ReaderAt, to reach) error {
	c.Reset(Position{r.seg.id, r.seq})
	if r.suspect != r.off {
		r.suspect = r.off
		return nil
	}
	r.suspect = 0
	hole, err := r.measure(file, to)
	if err != nil {
		return fmt.Errorf("%w: read segment: %w; check the disk of the data directory", ErrFailing, err)
	}
	d := Damage{File: r.seg.path, Offset: r.off, Length: hole.end - r.off, Reason: "the bytes are not what was written"}
	if r.cursor.knows(hole.lost) {
		d.Length = 0
	}
	if d.Length > 0 {
		d.Quarantine, err = r.quarantine(file, d.Length)
		if err != nil {
			d.Reason += "; they could not be copied: " + err.Error()
		}
	}
	if err := r.lose(hole.lost, d); err != nil {
		return err
	}
	r.off, r.before, r.place = hole.end, hole.before, hole.place
	return nil
}

// skipFile goes past a segment that is not there.
func (r *reader) skipFile(c *Chunk, to reach) error {
	r.shard.mu.Lock()
	finished := r.finished()
	r.shard.mu.Unlock()
	if finished {
		c.Reset(Position{r.seg.id, r.seq})
		return nil // deleted meanwhile
	}
	return r.skip(c, nothing{}, to)
}

// hole is a damaged region from r.off on.
type hole struct {
	end    int64
	before uint64 // bytes of records before end in the segment
	place  uint64 // sequence at end
	lost   loss   // zero: no record
}

// measure finds the next good frame behind the bad one at r.off, and from it
// what is lost.
func (r *reader) measure(file io.ReaderAt, to reach) (hole, error) {
	sc := segment.NewScanner(file, r.seg.id, r.off, to.end)
	f, off, err := sc.Next()
	if err == nil && (f.Type != segment.Data || f.Seq <= r.seq) {
		return r.measureFrame(&f), nil
	}
	var bad *segment.BadFrame
	if errors.As(err, &bad) {
		more, err := sc.Resync()
		if err != nil {
			return hole{}, err
		}
		if !more {
			return r.holeTo(to.end, to.last.Records, less(to.last.Bytes, r.seg.start.Bytes)), nil
		}
		f, off, err = sc.Next()
		if err != nil && !errors.As(err, &bad) {
			return hole{}, err
		}
	} else if err != nil {
		return hole{}, err
	}
	before := r.before + gapBytes(off-r.off, less(f.Seq, r.place), uint16(r.before), f.Before)
	return r.holeTo(off, f.Seq-1, before), nil
}

// holeTo describes the hole from r.off to end, which takes all records up to
// last.
func (r *reader) holeTo(end int64, last, before uint64) hole {
	h := hole{end: end, before: before, place: last + 1}
	if last >= r.seq {
		h.lost = loss{First: r.seq, Last: last, Bytes: r.bytesLost(before, last, last+1-min(r.place, r.seq))}
	}
	return h
}

// measureFrame is for a frame whose header is good: only its payload is lost.
func (r *reader) measureFrame(f *segment.Frame) hole {
	h := hole{end: r.off + f.Size(), before: r.before, place: f.Seq + uint64(f.Count)}
	if f.Type != segment.Data {
		return h
	}
	h.before += f.DataBytes()
	if last := h.place - 1; last >= r.seq {
		h.lost = loss{First: r.seq, Last: last, Bytes: r.bytesLost(h.before, last, uint64(f.Count))}
	}
	return h
}

// bytesLost returns the bytes of the records r.seq to last, which end in the
// segment behind end bytes of records. The hole from r.off on holds all
// records, and some of them may be settled: their bytes are in the account.
func (r *reader) bytesLost(end, last, all uint64) uint64 {
	bytes := less(end, r.before)
	lost := last - r.seq + 1
	if lost == all {
		return bytes
	}
	s := r.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, known := r.cursor.state.bytesBefore(r.seq); known && before >= r.seg.start.Bytes+r.before {
		return less(r.seg.start.Bytes+end, before)
	}
	return share(bytes, lost, all)
}

// less returns a-b, or 0 when damage makes b the larger one.
func less(a, b uint64) uint64 { return a - min(a, b) }

// lose makes durable that records are lost, reports it, and goes on behind
// them. A zero loss is only reported.
func (r *reader) lose(l loss, d Damage) error {
	if l == (loss{}) {
		if r.until == 0 {
			r.cursor.damaged(d)
		}
		return nil
	}
	if !r.cursor.knows(l) {
		lost, err := r.cursor.lose(l)
		if err != nil {
			return err
		}
		d.First, d.Last, d.Lost = lost.First, lost.Last, Count{lost.records(), lost.Bytes}
		r.cursor.damaged(d)
	}
	r.seq = l.Last + 1
	return nil
}

// lose takes records out of the account of what is buffered; those that are
// in it as lost, or as settled, are not counted again.
func (c *checkpoint) lose(l loss) {
	l.First = max(l.First, c.Settled.Seq+1)
	l.Late = l.Last <= c.planned()
	for _, k := range slices.Clone(c.Losses) {
		if k.Last < l.First || k.First > l.Last {
			continue
		}
		l.Bytes -= min(l.Bytes, k.Bytes)
		if k.First > l.First {
			part := loss{First: l.First, Last: k.First - 1, Bytes: 0, Late: l.Late}
			c.add(part)
		}
		l.First = k.Last + 1
	}
	if l.First <= l.Last {
		c.add(l)
	}
	sort.Slice(c.Losses, func(i, j int) bool { return c.Losses[i].First < c.Losses[j].First })
}

func (c *checkpoint) add(l loss) {
	n := Count{l.records(), l.Bytes}
	c.Losses = append(c.Losses, l)
	c.Lost = c.Lost.Add(n)
	c.released = c.released.Add(n)
}

// quarantine copies damaged bytes to a file of their own.
func (r *reader) quarantine(from io.ReaderAt, length int64) (name string, err error) {
	if _, missing := from.(nothing); missing {
		return "", errors.New("the file is missing")
	}
	fsys := r.shard.log.dir.fs
	dir := path.Join(r.cursor.home, "quarantine")
	name = path.Join(dir, fmt.Sprintf("%s-%s-%d", shardName(r.shard.n), path.Base(r.seg.path), r.off))
	if err := removeIfThere(fsys, name); err != nil {
		return "", err
	}
	f, err := fsys.Create(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	block := make([]byte, 256<<10)
	for done := int64(0); done < length; {
		b := block[:min(int64(len(block)), length-done)]
		if err := readPadded(from, b, r.off+done); err != nil {
			return "", err
		}
		if _, err := f.WriteAt(b, done); err != nil {
			return "", err
		}
		done += int64(len(b))
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	return name, syncDir(fsys, dir)
}

// patchy reads a file with unreadable blocks: they are zero.
type patchy struct{ io.ReaderAt }

func (p patchy) ReadAt(b []byte, off int64) (int, error) {
	if err := readPadded(p.ReaderAt, b, off); err == nil {
		return len(b), nil
	}
	const page = 4096
	for at := 0; at < len(b); {
		n := min(len(b)-at, page-int(off+int64(at))%page)
		if readPadded(p.ReaderAt, b[at:at+n], off+int64(at)) != nil {
			clear(b[at : at+n])
		}
		at += n
	}
	return len(b), nil
}

// nothing reads a file that is gone.
type nothing struct{}

func (nothing) ReadAt(b []byte, off int64) (int, error) { return 0, io.EOF }
