package convert

import (
	"bytes"
	"context"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/container"
)

// cutter cuts inputs into parts.
type cutter interface {
	// next returns the lines of the next part, or nil if there are no more.
	next(context.Context) (lines, error)
	// memory is what lines probably hold, in bytes.
	memory() int64
	close()
}

// lines are those of a part.
type lines interface {
	// next returns more of them, or nil if there are no more. A block is valid
	// until the next call.
	next(context.Context) (*block, error)
	// last returns the number of the last input, and how many of its lines are
	// in the part.
	last() (input int, n int64)
	memory() int64
	close()
}

// section is a range of an input: the lines that begin in it. They may end
// behind it.
type section struct {
	Input
	number   int // of the input, from 1
	from, to int64
}

// whole returns a section for each input.
func whole(inputs []Input) []section {
	var all []section
	for i, in := range inputs {
		all = append(all, section{in, i + 1, 0, math.MaxInt64})
	}
	return all
}

// divide makes parts of so many bytes, or nil if an input cannot be read from
// the middle on.
func divide(inputs []Input, size int64) (parts [][]section) {
	var part []section
	left := size
	for i, in := range inputs {
		if in.openAt == nil {
			return nil
		}
		for from := int64(0); from < in.Size; {
			to := min(in.Size, from+left)
			part = append(part, section{in, i + 1, from, to})
			if left -= to - from; left < container.HeadSize {
				parts, part, left = append(parts, part), nil, size
			}
			from = to
		}
	}
	if part != nil {
		parts = append(parts, part)
	}
	return parts
}

// ranges are parts that whoever converts them reads.
type ranges struct {
	parts [][]section
	read  *atomic.Int64
}

func (r *ranges) next(context.Context) (lines, error) {
	if len(r.parts) == 0 {
		return nil, nil
	}
	in := &reader{sections: r.parts[0], read: r.read}
	r.parts = r.parts[1:]
	return in, nil
}

func (r *ranges) memory() int64 { return 2 * blockSize }

func (r *ranges) close() {}

// span ends a section: behind the line that has its last byte.
type span struct {
	io.ReadCloser
	left int64 // bytes before the last one, or before the end of the input
	over bool  // then
}

func (s *span) Read(p []byte) (int, error) {
	if s.left == 0 && s.over {
		return 0, io.EOF
	}
	if s.left > 0 {
		n, err := s.ReadCloser.Read(p[:min(int64(len(p)), s.left)])
		s.left -= int64(n)
		return n, err
	}
	n, err := s.ReadCloser.Read(p[:min(len(p), 4<<10)])
	if end := bytes.IndexByte(p[:n], '\n'); end >= 0 {
		s.over = true
		return end + 1, nil
	}
	return n, err
}

// stream reads parts into memory: of what is compressed or comes through a
// pipe, and where lines are counted.
type stream struct {
	reader reader
	size   int64
	rows   int       // lines of a part; 0: as many as there are
	idle   sync.Pool // of *block
}

func (s *stream) next(ctx context.Context) (lines, error) {
	k := &kept{stream: s}
	s.reader.line = 0
	for left, rows := s.size, s.rows; left > 0; {
		b, ok := s.idle.Get().(*block)
		if !ok {
			b = &block{}
		}
		more, err := s.reader.fill(ctx, b, int(min(left, blockSize)), rows)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		k.blocks = append(k.blocks, b)
		k.bytes += int64(cap(b.data))
		left -= int64(len(b.data))
		if rows > 0 {
			if rows -= b.lines; rows == 0 {
				break
			}
		}
	}
	if k.blocks == nil {
		return nil, nil
	}
	k.input, k.count = s.reader.last()
	return k, nil
}

func (s *stream) memory() int64 { return min(s.size, usualPart) }

func (s *stream) close() { s.reader.close() }

// kept are lines in memory.
type kept struct {
	stream *stream
	blocks []*block
	used   *block // until the next call
	bytes  int64
	input  int
	count  int64
}

func (k *kept) next(context.Context) (*block, error) {
	if k.used != nil && cap(k.used.data) <= 4*blockSize {
		k.stream.idle.Put(k.used)
	}
	if len(k.blocks) == 0 {
		return nil, nil
	}
	k.used, k.blocks = k.blocks[0], k.blocks[1:]
	return k.used, nil
}

func (k *kept) last() (int, int64) { return k.input, k.count }
func (k *kept) memory() int64      { return k.bytes }
func (k *kept) close()             {}
