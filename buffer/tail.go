package buffer

import (
	"errors"
	"io"

	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// tailEnd is where the durable part of an unfinished segment ends.
type tailEnd struct {
	end    int64
	proven int64 // durable up to here, whatever happened since
	last   Count
	before uint16
	frames uint64
	sum    uint64
}

// scanTail reads a segment that has no seal and decides, at the first bad
// frame, between damage and a torn tail. It is damage when there is evidence
// that the place was durable once: a later frame's watermark, or the journal.
// Then the walk goes on behind it. Otherwise the tail ends there; frames after
// a hole that was never synced were not acknowledged either.
func (v *survey) scanTail(f *foundSegment, isHigh bool) error {
	file, err := v.fs.Open(f.seg.path)
	if err != nil {
		return err
	}
	defer file.Close() // nothing was written
	durable := int64(segment.HeaderSize)
	if isHigh {
		durable = v.high.End
	}
	w := walker{sc: segment.NewScanner(file, f.seg.id, segment.HeaderSize, f.size), verify: true, next: f.seg.first()}
	f.tail = tailEnd{end: segment.HeaderSize, proven: durable, last: f.seg.start}
	for {
		frame, off, err := w.frame()
		if errors.Is(err, io.EOF) || errors.Is(err, errNoMore) {
			return nil
		}
		if err != nil {
			return err
		}
		if w.lost && w.from >= durable {
			mark, err := highestWatermark(segment.NewScanner(file, f.seg.id, off, f.size))
			if err != nil {
				return err
			}
			if durable = max(durable, mark); w.from >= durable {
				return nil
			}
		}
		if frame.Seq < w.next || frame.Seq > w.next && !w.lost {
			return nil // not in sequence and nothing to blame it on: left over from before a cut
		}
		w.pass(frame, off)
		if frame.Type == segment.Data {
			f.tail.frames++
			f.tail.sum = segment.SumFrames(f.tail.sum, frame.Sum)
		}
		f.tail.proven = max(f.tail.proven, durable, frame.Watermark)
		f.tail.end = off + frame.Size()
		f.tail.last = Count{w.next - 1, f.seg.start.Bytes + w.bytes}
		f.tail.before = uint16(w.bytes)
	}
}

// highestWatermark returns the highest watermark of the good frames ahead.
func highestWatermark(sc *segment.Scanner) (int64, error) {
	w := walker{sc: sc, verify: true}
	var mark int64
	for {
		f, off, err := w.frame()
		if err != nil {
			return mark, ignoreEnd(err)
		}
		mark = max(mark, f.Watermark)
		w.pass(f, off)
	}
}
