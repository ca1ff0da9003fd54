package orc

// Byte run lengths: a run is 3 to 130 equal bytes, what lies between is kept
// as 1 to 128 bytes themselves.
const (
	shortestRun  = 3
	longestRun   = 130
	mostLiterals = 128
)

// bytesRLE writes bytes by run lengths.
type bytesRLE struct {
	out     stream
	pending [mostLiterals]byte
	n       int  // pending values
	equal   int  // of them, how many at the end are equal
	run     bool // all pending values are pending[0]
}

func (w *bytesRLE) add(b byte) {
	switch {
	case w.n == 0:
		w.pending[0], w.n, w.equal = b, 1, 1
	case w.run && b == w.pending[0]:
		if w.n++; w.n == longestRun {
			w.flush()
		}
	case w.run:
		w.flush()
		w.pending[0], w.n, w.equal = b, 1, 1
	default:
		w.literal(b)
	}
}

func (w *bytesRLE) literal(b byte) {
	if b == w.pending[w.n-1] {
		w.equal++
	} else {
		w.equal = 1
	}
	if w.equal == shortestRun {
		w.n -= shortestRun - 1
		w.flush()
		w.pending[0], w.n, w.run = b, shortestRun, true
		return
	}
	w.pending[w.n] = b
	if w.n++; w.n == mostLiterals {
		w.flush()
	}
}

// repeat adds b n times.
func (w *bytesRLE) repeat(b byte, n int) {
	for n > 0 {
		if !w.run || b != w.pending[0] {
			w.add(b)
			n--
			continue
		}
		more := min(n, longestRun-w.n)
		w.n += more
		n -= more
		if w.n == longestRun {
			w.flush()
		}
	}
}

// flush ends the run.
func (w *bytesRLE) flush() {
	if w.n == 0 {
		return
	}
	head := [2]byte{byte(w.n - shortestRun), w.pending[0]}
	if w.run {
		w.out.write(head[:])
	} else {
		head[0] = byte(-w.n)
		w.out.write(head[:1])
		w.out.write(w.pending[:w.n])
	}
	w.n, w.equal, w.run = 0, 0, false
}

func (w *bytesRLE) finish() {
	w.flush()
	w.out.finish()
}

func (w *bytesRLE) bytes() *stream { return &w.out }

func (w *bytesRLE) position(dst []uint64) []uint64 {
	return append(w.out.position(dst), uint64(w.n))
}

func (w *bytesRLE) held() int64 { return w.out.held() + int64(w.n) }

func (w *bytesRLE) reset() {
	w.out.reset()
	w.n, w.equal, w.run = 0, 0, false
}

// bitsRLE writes booleans: eight to a byte, the first in the highest bit.
type bitsRLE struct {
	packed bytesRLE
	last   byte
	used   int // bits of last
}

func (w *bitsRLE) add(values []uint64) {
	for _, v := range values {
		w.last |= byte(v) << (7 - w.used)
		if w.used++; w.used == 8 {
			w.whole()
		}
	}
}

// repeat adds bit n times.
func (w *bitsRLE) repeat(bit bool, n int) {
	all := byte(0)
	if bit {
		all = 0xff
	}
	if w.used > 0 {
		part := min(n, 8-w.used)
		w.last |= all >> (8 - part) << (8 - w.used - part)
		w.used += part
		n -= part
		if w.used == 8 {
			w.whole()
		}
	}
	w.packed.repeat(all, n/8)
	if n %= 8; n > 0 {
		w.last, w.used = all<<(8-n), n
	}
}

func (w *bitsRLE) whole() {
	w.packed.add(w.last)
	w.last, w.used = 0, 0
}

func (w *bitsRLE) finish() {
	if w.used > 0 {
		w.whole()
	}
	w.packed.finish()
}

func (w *bitsRLE) bytes() *stream { return &w.packed.out }

func (w *bitsRLE) position(dst []uint64) []uint64 {
	return append(w.packed.position(dst), uint64(w.used))
}

func (w *bitsRLE) held() int64 { return w.packed.held() }

func (w *bitsRLE) reset() {
	w.packed.reset()
	w.last, w.used = 0, 0
}
