package orc

// longestIntRun is the most values of one run of integers.
const longestIntRun = 512

// ints writes integers by run lengths, of version 2 of that encoding, or of
// version 1 for readers from before Hive 0.12.
type ints struct {
	out     stream
	signed  bool
	old     bool
	pending []int64 // less than longestIntRun
}

func (w *ints) add(v int64) {
	w.pending = append(w.pending, v)
	w.settle()
}

// next adds up to n values, for the caller to fill in, and then to settle.
func (w *ints) next(n int) []int64 {
	at := len(w.pending)
	n = min(n, longestIntRun-at)
	w.pending = room(w.pending, n)[:at+n]
	return w.pending[at:]
}

// settle ends a run that is full.
func (w *ints) settle() {
	if len(w.pending) == longestIntRun {
		w.flush()
	}
}

func addInts[T uint32 | uint64](w *ints, values []T) {
	for len(values) > 0 {
		places := w.next(len(values))
		for i, v := range values[:len(places)] {
			places[i] = int64(v)
		}
		values = values[len(places):]
		w.settle()
	}
}

// repeat adds v n times.
func (w *ints) repeat(v int64, n int) {
	for range n {
		w.add(v)
	}
}

func (w *ints) flush() {
	if len(w.pending) == 0 {
		return
	}
	dst := w.out.shared.scratch[:0]
	if w.old {
		dst = appendRLE1(dst, w.pending, w.signed)
	} else {
		dst = appendRLE2(dst, w.pending, w.signed)
	}
	w.out.shared.scratch = dst
	w.out.write(dst)
	w.pending = w.pending[:0]
}

// position is that of the first pending value, and how many there are: readers
// skip those, over the end of a run if need be.
func (w *ints) position(dst []uint64) []uint64 {
	return append(w.out.position(dst), uint64(len(w.pending)))
}

func (w *ints) held() int64 { return w.out.held() + int64(8*len(w.pending)) }

func (w *ints) reset() {
	w.out.reset()
	w.pending = w.pending[:0]
}

func (w *ints) finish() {
	w.flush()
	w.out.finish()
}

func (w *ints) bytes() *stream { return &w.out }

// version returns the encoding of a column whose integers these are.
func (w *ints) version() int {
	if w.old {
		return encodingDirect
	}
	return encodingDirectV2
}
