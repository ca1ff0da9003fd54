package orc

// longestIntRun is the most values of one run of integers.
const longestIntRun = 512

// ints writes integers by run lengths, of version 2 of that encoding, or of
// version 1 for readers from before Hive 0.12.
type ints struct {
	out     stream
	signed  bool
	old     bool
	pending [longestIntRun]int64
	n       int
}

func (w *ints) add(v int64) {
	w.pending[w.n] = v
	if w.n++; w.n == longestIntRun {
		w.flush()
	}
}

// addAll adds values that hold int64.
func (w *ints) addAll(values []uint64) {
	for len(values) > 0 {
		room := w.pending[w.n:]
		n := min(len(room), len(values))
		for i, v := range values[:n] {
			room[i] = int64(v)
		}
		values = values[n:]
		if w.n += n; w.n == longestIntRun {
			w.flush()
		}
	}
}

// repeat adds v n times.
func (w *ints) repeat(v int64, n int) {
	for range n {
		w.add(v)
	}
}

func (w *ints) flush() {
	if w.n == 0 {
		return
	}
	dst := w.out.shared.scratch[:0]
	if w.old {
		dst = appendRLE1(dst, w.pending[:w.n], w.signed)
	} else {
		dst = appendRLE2(dst, w.pending[:w.n], w.signed)
	}
	w.out.shared.scratch = dst
	w.out.write(dst)
	w.n = 0
}

// position is that of the first pending value, and how many there are: readers
// skip those, over the end of a run if need be.
func (w *ints) position(dst []uint64) []uint64 {
	return append(w.out.position(dst), uint64(w.n))
}

func (w *ints) held() int64 { return w.out.held() + int64(8*w.n) }

func (w *ints) reset() {
	w.out.reset()
	w.n = 0
}

// The encodings of columns; the later ones hold integers of version 2.
const (
	encodingDirect       = 0
	encodingDictionary   = 1
	encodingDirectV2     = 2
	encodingDictionaryV2 = 3
)

// encoding returns that of a column whose integers these are.
func (w *ints) encoding() int {
	if w.old {
		return encodingDirect
	}
	return encodingDirectV2
}
