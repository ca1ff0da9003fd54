package orc

import "slices"

// shared is what all streams of a stripe have in common.
type shared struct {
	compression Compression
	codec       *codec // while the stripe is written to
	scratch     []byte // for one run of integers
}

// stream is a run of bytes that compresses itself, chunk by chunk.
type stream struct {
	shared *shared
	done   []byte // chunks with their headers; all bytes without compression
	open   []byte // of the chunk being filled
	how    method
}

// write appends p.
func (s *stream) write(p []byte) {
	if s.shared.compression == None {
		s.done = append(room(s.done, len(p)), p...)
		return
	}
	for len(s.open)+len(p) > blockSize {
		n := blockSize - len(s.open)
		s.open = append(room(s.open, n), p[:n]...)
		p = p[n:]
		s.flush()
	}
	s.open = append(room(s.open, len(p)), p...)
}

// room makes place for n more values. Up to the size of a block it doubles what
// there is, where append would add a quarter: a stripe begins with hundreds of
// short slices, and those of GitHub events took 15 % of the time to grow.
func room[T any](s []T, n int) []T {
	have := cap(s)
	if have-len(s) >= n || have >= blockSize {
		return s
	}
	return slices.Grow(s, max(n, min(2*have, blockSize)-len(s)))
}

// flush ends the chunk. A chunk that is full stays open until the next byte
// comes, so that a position at the end of a stream is inside its last chunk:
// ORC's Java reader refuses others.
func (s *stream) flush() {
	if len(s.open) > 0 {
		s.done = s.shared.codec.chunk(s.done, s.open, s.shared.compression, &s.how)
		s.open = s.open[:0]
	}
}

// finish ends the stream.
func (s *stream) finish() {
	if s.shared.compression != None {
		s.flush()
	}
}

// position appends where the next byte will be: the start of its chunk, and
// its place therein.
func (s *stream) position(dst []uint64) []uint64 {
	if s.shared.compression == None {
		return append(dst, uint64(len(s.done)))
	}
	return append(dst, uint64(len(s.done)), uint64(len(s.open)))
}

func (s *stream) held() int64 { return int64(len(s.done) + len(s.open)) }

func (s *stream) reset() { s.done, s.open, s.how = s.done[:0], s.open[:0], undecided }
