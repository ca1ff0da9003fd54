package orc

// shared is what all streams of a stripe have in common.
type shared struct {
	compression Compression
	codec       *codec // while the stripe is written to
	slabs       slabs
	scratch     []byte        // for one run of integers
	numbers     [batch]uint32 // for texts: their hashes, then their keys
}

// batch is how many texts are looked up together.
const batch = 256

// stream is a run of bytes that compresses itself, chunk by chunk.
type stream struct {
	shared *shared
	done   [][]byte // chunks, in slabs
	size   int      // of done
	open   []byte   // of the chunk being filled
	how    effort
}

// write appends p.
func (s *stream) write(p []byte) {
	if len(s.open)+len(p) > cap(s.open) {
		p = s.fill(p)
	}
	s.open = append(s.open, p...)
}

// fill makes place for p. Of what is too much for one chunk it returns the
// rest.
func (s *stream) fill(p []byte) []byte {
	for len(s.open)+len(p) > blockSize {
		n := copy(s.next(len(p)), p)
		p = p[n:]
		s.flush()
	}
	s.next(len(p))
	s.open = s.open[:len(s.open)-len(p)]
	return p
}

// next adds up to n bytes, for the caller to fill in.
func (s *stream) next(n int) []byte {
	if len(s.open) == blockSize {
		s.flush()
	}
	at := len(s.open)
	n = min(n, blockSize-at)
	s.open = room(s.open, n)[:at+n]
	s.open = s.open[: at+n : min(cap(s.open), blockSize)]
	return s.open[at:]
}

// room makes place for n more values. It doubles what there is, where append
// would soon add a quarter, and leaves new memory untouched: it is dear, and a
// stripe begins with hundreds of short slices.
func room[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return append(make([]T, 0, max(len(s)+n, 2*cap(s))), s...)
}

// flush ends the chunk. A chunk that is full stays open until the next byte
// comes, so that a position at the end of a stream is inside its last chunk:
// ORC's Java reader refuses others.
func (s *stream) flush() {
	if len(s.open) == 0 {
		return
	}
	chunk := s.open
	if s.shared.compression != None {
		chunk = s.shared.codec.chunk(s.open, s.shared.compression, &s.how)
	}
	s.size += len(chunk)
	s.done = s.shared.slabs.add(s.done, chunk)
	s.open = s.open[:0]
}

func (s *stream) finish() { s.flush() }

// position appends where the next byte will be: the start of its chunk, and
// its place therein.
func (s *stream) position(dst []uint64) []uint64 {
	if s.shared.compression == None {
		return append(dst, uint64(s.size+len(s.open)))
	}
	return append(dst, uint64(s.size), uint64(len(s.open)))
}

func (s *stream) held() int64 { return int64(s.size + len(s.open)) }

func (s *stream) reset() {
	s.done, s.size, s.open, s.how = s.done[:0], 0, s.open[:0], effort{doubles: s.how.doubles}
}

func (s *stream) bytes() *stream { return s }

// slabs are memory for the finished chunks of all streams: what is in there
// is never moved, as it would be if each stream grew on its own.
type slabs struct {
	all  [][]byte
	used int    // of all
	free []byte // of the last in use
}

const slabSize = 256 << 10

// add copies p, and appends where it is now.
func (a *slabs) add(dst [][]byte, p []byte) [][]byte {
	for len(p) > 0 {
		if len(a.free) == 0 {
			if a.used == len(a.all) {
				a.all = append(a.all, make([]byte, slabSize))
			}
			a.free = a.all[a.used]
			a.used++
		}
		n := copy(a.free, p)
		dst = append(dst, a.free[:n])
		a.free, p = a.free[n:], p[n:]
	}
	return dst
}

func (a *slabs) reset() { a.used, a.free = 0, nil }
