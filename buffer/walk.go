package buffer

import (
	"errors"
	"math/bits"

	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// walker goes over the frames of one segment from header to header, steps
// over what is damaged, and keeps the count of bytes exact.
type walker struct {
	sc     *segment.Scanner
	verify bool // check payloads, too
	next   uint64
	bytes  uint64 // of all records before the next frame, lost ones included
	lost   bool   // something was stepped over
	from   int64  // where the bytes that were stepped over start
}

// frame returns the next good frame; io.EOF when there is none.
func (w *walker) frame() (segment.Frame, int64, error) {
	for {
		f, off, err := w.sc.Next()
		if err == nil && (w.verify || f.Type != segment.Data) {
			_, err = w.sc.Payload(&f, off)
		}
		var bad *segment.BadFrame
		if !errors.As(err, &bad) {
			return f, off, err
		}
		if !w.lost {
			w.lost, w.from = true, bad.Offset
		}
		w.sc.Skip(bad.Offset)
		more, err := w.sc.Resync()
		if err != nil {
			return f, off, err
		}
		if !more {
			w.sc.Skip(bad.Offset)
			return f, bad.Offset, errNoMore
		}
	}
}

// errNoMore says that no good frame follows a bad one.
var errNoMore = errors.New("no valid frame follows")

// pass accounts for a frame that frame returned.
func (w *walker) pass(f segment.Frame, off int64) {
	w.bytes += w.gap(f, off)
	w.lost = false
	w.next = f.Seq + uint64(f.Count)
	if f.Type == segment.Data {
		w.bytes += f.DataBytes()
	}
}

// gap returns the bytes of the records that were stepped over before f, which
// has not been passed.
func (w *walker) gap(f segment.Frame, off int64) uint64 {
	if !w.lost {
		return 0
	}
	return gapBytes(off-w.from, less(f.Seq, w.next), uint16(w.bytes), f.Before)
}

// share is how the bytes of damaged records are divided when some of them
// were settled before: where each of them ended is lost, too.
func share(bytes, records, all uint64) uint64 {
	hi, lo := bits.Mul64(bytes, records)
	q, _ := bits.Div64(hi, lo, all)
	return q
}

// gapBytes returns how many bytes of records were in a damaged region of the
// given length. Their number modulo 65536 is known from the frames around it;
// the length says the rest, for a frame's overhead is small.
func gapBytes(length int64, records uint64, from, to uint16) uint64 {
	rest := uint64(to - from)
	if records == 0 {
		return 0
	}
	near := length - segment.FrameHeaderSize - 4*int64(records)
	if near <= int64(rest) {
		return rest
	}
	return rest + uint64((near-int64(rest)+0x8000)>>16)<<16
}
