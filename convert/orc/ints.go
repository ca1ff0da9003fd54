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
	if len(w.pending) == longestIntRun {
		w.flush()
	}
}

// addAll adds values that hold int64.
func (w *ints) addAll(values []uint64) {
	for len(values) > 0 {
		n := min(longestIntRun-len(w.pending), len(values))
		w.pending = room(w.pending, n)
		for _, v := range values[:n] {
			w.pending = append(w.pending, int64(v))
		}
		values = values[n:]
		if len(w.pending) == longestIntRun {
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
