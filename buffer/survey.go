package buffer

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// survey is what is found in the log directory of a shard, read only: the
// start and the check use the same one. Of a sealed segment it reads the
// header, the first and the last frame; only a tail without a seal is read
// whole, so the time does not grow with the backlog.
type survey struct {
	fs      vfs.FS
	shard   *shard
	high    high
	passed  Count // what the journals say that all streams have settled
	report  func(Damage)
	foreign func(path string)

	kept    []*foundSegment // the chain of segments, oldest first
	unused  []string        // nothing was acknowledged from them
	strange []string        // of another stream, or not readable at all
	highest uint64          // ordinal seen
}

// foundSegment is a segment file before its place in the chain is known.
type foundSegment struct {
	seg    *seg
	size   int64
	open   segment.Open
	opened bool // open is valid
	known  bool // seg.start.Records is what was found, not a guess
	sealed bool // a valid seal ends the file, or the next segment names its end
	short  bool // the journal knows of more than there is
	seal   segment.Seal
	sealOK bool // seal is valid
	synced bool // and all before it was durable when it was written
	tail   tailEnd
}

func (v *survey) run() error {
	dir := path.Join(v.shard.path, "log")
	names, err := v.fs.List(dir)
	if err != nil {
		return err
	}
	var found []*foundSegment
	for _, name := range names {
		ord, id, ok := parseSegmentName(name)
		if !ok {
			v.foreign(path.Join(dir, name))
			continue
		}
		v.highest = max(v.highest, ord)
		f := &foundSegment{seg: &seg{ord: ord, id: id, path: path.Join(dir, name)}}
		if err := v.inspect(f); err != nil {
			return fmt.Errorf("look at segment %s: %w", f.seg.path, err)
		}
		if f.seg != nil {
			found = append(found, f)
		}
	}
	return v.chain(found)
}

func parseSegmentName(name string) (ord, id uint64, ok bool) {
	base, isSeg := strings.CutSuffix(name, ".seg")
	a, b, _ := strings.Cut(base, "-")
	if !isSeg || len(a) != 16 || len(b) != 16 {
		return 0, 0, false
	}
	ord, err := strconv.ParseUint(a, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	id, err = strconv.ParseUint(b, 16, 64)
	return ord, id, err == nil
}

// inspect reads the header, the open frame and the seal. It clears f.seg when
// the file does not belong here.
func (v *survey) inspect(f *foundSegment) error {
	file, err := v.fs.Open(f.seg.path)
	if err != nil {
		return err
	}
	defer file.Close() // nothing was written
	if f.size, err = file.Size(); err != nil {
		return err
	}
	mine, err := v.checkHeader(f, file)
	if err != nil {
		return err
	}
	if !mine {
		v.strange = append(v.strange, f.seg.path)
		f.seg = nil
		return nil
	}
	sc := segment.NewScanner(file, f.seg.id, segment.HeaderSize, min(f.size, openEnd))
	if frame, off, err := sc.Next(); err == nil && frame.Type == segment.OpenType {
		if payload, err := sc.Payload(&frame, off); err == nil {
			f.open, err = segment.ParseOpen(payload)
			f.opened = err == nil
		}
	} else if notBad(err) {
		return err
	}
	if at := f.size - segment.SealSize; at >= segment.HeaderSize && at%8 == 0 {
		sc := segment.NewScanner(file, f.seg.id, at, f.size)
		if frame, off, err := sc.Next(); err == nil && frame.Type == segment.SealType {
			if payload, err := sc.Payload(&frame, off); err == nil {
				f.seal, err = segment.ParseSeal(payload)
				f.sealOK = err == nil
				f.synced = f.sealOK && frame.Watermark == at
			}
		} else if notBad(err) {
			return err
		}
	}
	return nil
}

// openEnd is where the open frame of a segment ends.
const openEnd = segment.HeaderSize + segment.FrameHeaderSize + segment.OpenSize

// notBad reports whether err is about the disk and not about what is on it.
func notBad(err error) bool {
	var bad *segment.BadFrame
	return err != nil && !errors.As(err, &bad) && !errors.Is(err, io.EOF)
}

// checkHeader reports whether the file is a segment of this shard. A damaged
// header alone loses nothing: all it says is known from the file's name and
// its frames.
func (v *survey) checkHeader(f *foundSegment, file io.ReaderAt) (bool, error) {
	block, err := segment.ReadHeader(file)
	if err != nil {
		return false, err
	}
	h, err := segment.ParseHeader(block)
	switch {
	case errors.Is(err, segment.ErrVersion):
		return false, err
	case err != nil:
		if f.size > segment.HeaderSize {
			v.report(Damage{File: f.seg.path, Length: segment.HeaderSize, Reason: err.Error()})
		}
		return true, nil
	}
	want := v.shard.header(segment.KindSegment, f.seg.ord, f.seg.id)
	want.Created = h.Created
	if h != want {
		v.report(Damage{File: f.seg.path, Reason: "it belongs to another stream, shard or place in the log"})
		return false, nil
	}
	return true, nil
}

// chain decides, from the newest segment back, which files count and how far.
func (v *survey) chain(found []*foundSegment) error {
	var next *foundSegment
	var kept []*foundSegment // newest first
	for i := len(found) - 1; i >= 0; i-- {
		f := found[i]
		linked := next != nil && next.opened && next.open.Previous == f.seg.id
		if err := v.place(f, linked); err != nil {
			return fmt.Errorf("look at segment %s: %w", f.seg.path, err)
		}
		isHigh := v.high.Segment == f.seg.id
		switch {
		case linked:
			f.seg.end, f.seg.last, f.sealed = next.open.PreviousEnd, next.seg.start, true
		case next != nil && next.known && f.seg.start.Records >= next.seg.start.Records:
			// A segment that failed before anything of it was acknowledged;
			// one with a seal should not exist.
			if f.sealOK && f.seal.Frames > 0 {
				v.strange = append(v.strange, f.seg.path)
			} else {
				v.unused = append(v.unused, f.seg.path)
			}
			continue
		case f.sealOK && f.synced:
			// A seal that was written together with the last group proves
			// nothing by itself: a power loss may keep it and lose the group.
			f.seg.end, f.sealed = f.size, true
			f.seg.last = Count{f.seal.Records, f.seal.Bytes}
		default:
			if err := v.scanTail(f, isHigh); err != nil {
				return fmt.Errorf("read segment %s: %w", f.seg.path, err)
			}
			if !f.opened && f.tail.frames == 0 && !(isHigh && v.high.End > segment.HeaderSize) {
				v.unused = append(v.unused, f.seg.path)
				continue
			}
			f.seg.end, f.seg.last = f.tail.end, f.tail.last
			if next != nil {
				f.sealed = true // in the middle of the chain: never cut
			}
		}
		if f.sealOK && f.seg.end == f.size && f.seg.last.Records != f.seal.Records {
			f.sealOK = false
		}
		if isHigh && f.seg.end < v.high.End {
			f.seg.end, f.seg.last, f.short = v.high.End, v.high.Accepted, true
		}
		f.seg.closed = true
		kept = append(kept, f)
		next = f
	}
	slices.Reverse(kept)
	v.kept = kept
	return v.fillStarts()
}

// fillStarts gives segments that do not say themselves what was accepted
// before them the end of the one before.
func (v *survey) fillStarts() error {
	for i, f := range v.kept {
		if f.opened || f.sealOK && f.known {
			continue
		}
		before := v.passed // the segment before is deleted
		if i > 0 {
			before = v.kept[i-1].seg.last
		} else if before.Records > f.seg.last.Records {
			before = f.seg.last // and this one could be, too
		}
		if !f.known {
			f.seg.start.Records = before.Records
		}
		if i == 0 && f.seg.start.Records < before.Records { // it holds settled records, too
			within, known, err := bytesWithin(v.fs, f.seg, before.Records+1)
			if err != nil {
				return err
			}
			if known {
				before.Bytes = less(before.Bytes, within)
			}
		}
		f.seg.start.Bytes = before.Bytes
		if f.tail.frames > 0 && !f.short {
			f.seg.last.Bytes += before.Bytes
		}
	}
	return nil
}

// place finds what was accepted before the segment.
func (v *survey) place(f *foundSegment, linked bool) error {
	switch {
	case f.opened:
		f.seg.start, f.known = Count{f.open.Records, f.open.Bytes}, true
	case f.sealOK:
		f.seg.start.Records, f.known = f.seal.First-1, true
		bytes, err := v.dataBytes(f)
		if err != nil {
			return err
		}
		f.seg.start.Bytes = f.seal.Bytes - min(bytes, f.seal.Bytes)
	default:
		first, err := v.firstSeq(f)
		if err != nil {
			return err
		}
		f.seg.start.Records, f.known = first-min(first, 1), first > 0
	}
	if !f.opened && (f.size > segment.HeaderSize && linked || f.synced) {
		v.report(Damage{File: f.seg.path, Offset: segment.HeaderSize, Length: segment.FrameHeaderSize + segment.OpenSize, Reason: "the open frame is not valid"})
	}
	return nil
}

// dataBytes adds up the records of a segment whose open frame is damaged.
func (v *survey) dataBytes(f *foundSegment) (uint64, error) {
	file, err := v.fs.Open(f.seg.path)
	if err != nil {
		return 0, err
	}
	defer file.Close() // nothing was written
	w := walker{sc: segment.NewScanner(file, f.seg.id, segment.HeaderSize, f.size), next: f.seal.First}
	for {
		frame, off, err := w.frame()
		if err != nil {
			return w.bytes, ignoreEnd(err)
		}
		w.pass(frame, off)
	}
}

// firstSeq returns the sequence of the first good frame, or 0.
func (v *survey) firstSeq(f *foundSegment) (uint64, error) {
	file, err := v.fs.Open(f.seg.path)
	if err != nil {
		return 0, err
	}
	defer file.Close() // nothing was written
	w := walker{sc: segment.NewScanner(file, f.seg.id, segment.HeaderSize, f.size), verify: true}
	frame, _, err := w.frame()
	if err != nil {
		return 0, ignoreEnd(err)
	}
	return frame.Seq, nil
}

// accepted returns what was accepted up to the end of the chain. A journal may
// know of more than is left.
func (v *survey) accepted(cursors []*cursor) Count {
	var last Count
	if n := len(v.kept); n > 0 {
		last = v.kept[n-1].seg.last
	}
	if v.high.Accepted.Records > last.Records {
		last = v.high.Accepted
	}
	for _, k := range cursors {
		last.Records = max(last.Records, k.state.planned())
	}
	return last
}

// reconcile compares the journal with the copy of the checkpoint in the
// newest segment, and takes the copy when it is newer.
func (v *survey) reconcile(c checkpoint) checkpoint {
	for i := len(v.kept) - 1; i >= 0; i-- {
		f := v.kept[i]
		if !f.opened {
			continue
		}
		if f.open.Generation <= c.Generation {
			return c
		}
		v.report(Damage{File: path.Join(v.shard.path, "journal"), Reason: fmt.Sprintf(
			"its newest entry is %d and %d is missing; going on from the copy in %s: batches since then are delivered again",
			c.Generation, f.open.Generation, f.seg.path)})
		o := &f.open
		count := func(i int) Count { return Count{o.Settled[i][0], o.Settled[i][1]} }
		return checkpoint{
			Generation: o.Generation,
			Settled:    Position{o.SettledEpoch, o.SettledSeq},
			Outcome:    Outcome{Delivered: count(0), Failed: count(1), Dropped: count(2)},
			Lost:       count(3),
		}
	}
	return c
}
