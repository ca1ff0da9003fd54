package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/container"
)

// Input is something to read records from, one a line.
type Input struct {
	Name string
	Size int64 // bytes before decompression; 0: not known
	Open func() (io.ReadCloser, error)

	openAt func(int64) (io.ReadCloser, error) // nil: it cannot be read from the middle on
	once   bool                               // a pipe: what was read is gone
}

// reader reads sections in blocks, one after the other.
type reader struct {
	sections []section     // that are left
	read     *atomic.Int64 // bytes, before decompression

	file   io.ReadCloser // of the section
	raw    io.Closer     // below it
	name   string        // of its input
	number int           // of its input
	line   int64         // lines of the input that are in blocks
	began  bool          // something was read of the input
	carry  []byte        // what did not fit into the last block
	long   bool          // in the rest of a line that is not wanted
	block  block
}

// next makes reader lines.
func (r *reader) next(ctx context.Context) (*block, error) {
	more, err := r.fill(ctx, &r.block, blockSize, 0)
	if err != nil || !more {
		return nil, err
	}
	return &r.block, nil
}

func (r *reader) last() (int, int64) { return r.number, r.line }

func (r *reader) memory() int64 { return int64(cap(r.block.data) + cap(r.carry)) }

// fill makes the next block: size bytes and the rest of the last line, or so
// many lines if that is less and not 0. It reports false when there are none.
func (r *reader) fill(ctx context.Context, b *block, size, lines int) (bool, error) {
	b.reset()
	c := blockCutter{reader: r, block: b, size: size, lines: lines}
	c.segment(0)
	if len(r.carry) > 0 {
		b.data = append(b.data, r.carry...)
		r.carry = r.carry[:0]
		if c.look(0) {
			return true, nil
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if r.file == nil {
			if len(r.sections) == 0 {
				return len(b.data) > 0 || len(b.bad) > 0, nil
			}
			if err := r.open(); err != nil {
				return false, err
			}
			c.segment(len(b.data))
		}
		from := len(b.data)
		b.data = slices.Grow(b.data, blockSize)
		n, err := r.file.Read(b.data[from : from+blockSize])
		b.data = b.data[:from+n]
		if n > 0 && !r.began {
			r.began = true
			// The mark comes in one piece: Open has read the head of the input.
			if bytes.HasPrefix(b.data[from:], []byte("\xef\xbb\xbf")) {
				b.data = append(b.data[:from], b.data[from+3:]...)
			}
			if err := refuse(r.name, b.data[from:]); err != nil {
				return false, err
			}
		}
		if err == io.EOF {
			b.data = r.end(b.data)
		} else if err != nil {
			return false, r.failed(err)
		}
		if c.look(from) {
			return true, nil
		}
	}
}

// end closes the input and ends its last line if it does not itself.
func (r *reader) end(data []byte) []byte {
	r.close()
	if r.long || len(data) > 0 && r.began && data[len(data)-1] != '\n' {
		return append(data, '\n')
	}
	return data
}

// open opens the next section.
func (r *reader) open() error {
	in := r.sections[0]
	r.sections = r.sections[1:]
	r.name, r.number, r.line, r.began = in.Name, in.number, 0, false
	if in.to < math.MaxInt64 {
		return r.openRange(in)
	}
	raw, err := in.Open()
	if err != nil {
		return fmt.Errorf("open input: %w", err)
	}
	file, kind, err := container.Open(&countingReader{raw, r.read})
	if err != nil {
		_ = raw.Close()
		if kind != "" && kind != container.Plain && !kind.Compressed() {
			return fmt.Errorf("read %s: it is not JSON but %s; hydrant inspect shows what is in it", in.Name, kind)
		}
		return r.failed(err)
	}
	r.raw, r.file = raw, file
	return nil
}

// openRange opens a section of a plain file. A line that began before it
// belongs to the one before: everything is left out until a line ends, perhaps
// with the byte before the section.
func (r *reader) openRange(in section) error {
	from := max(0, in.from-1)
	raw, err := in.openAt(from)
	if err != nil {
		return fmt.Errorf("open input: %w", err)
	}
	if in.from > 0 {
		r.began, r.long, r.line = true, true, -1
	}
	s := &span{ReadCloser: io.NopCloser(&countingReader{raw, r.read}), left: in.to - from, over: in.to == in.Size}
	if !s.over {
		s.left--
	}
	r.raw, r.file = raw, s
	return nil
}

// refuse recognises text that is no UTF-8 before each of its lines fails.
func refuse(name string, head []byte) error {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return fmt.Errorf("read %s: it is UTF-16; make it UTF-8 first: iconv -f UTF-16 -t UTF-8", name)
	}
	return nil
}

func (r *reader) failed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: it ends early, as if it was cut off", r.name)
	}
	return fmt.Errorf("read %s: %w", r.name, err)
}

func (r *reader) close() {
	if r.file == nil {
		return
	}
	// Everything was read, or nobody wants the rest.
	_ = r.file.Close()
	_ = r.raw.Close()
	r.file, r.raw = nil, nil
}

// blockCutter looks for the end of a block while it is read. Where that is depends
// on the content alone, not on how much a read returned.
type blockCutter struct {
	reader      *reader
	block       *block
	size, lines int // at which it ends
	tail        int // where the last line begins, which has no end yet
}

// segment notes that data[start:] are the next lines of the input.
func (c *blockCutter) segment(start int) {
	b, r := c.block, c.reader
	if last := len(b.segments) - 1; last >= 0 && b.segments[last].start == start {
		b.segments = b.segments[:last]
	}
	b.segments = append(b.segments, segment{start, r.name, r.number, r.line})
	c.tail = start
}

// look looks at data[from:], which is new, and reports whether the block ends
// there.
func (c *blockCutter) look(from int) bool {
	b, r := c.block, c.reader
	if r.long {
		end := bytes.IndexByte(b.data[from:], '\n')
		if end < 0 {
			b.data = b.data[:from]
			return false
		}
		r.long = false
		r.line++
		b.data = append(b.data[:from], b.data[from+end+1:]...)
		c.segment(from)
	}
	end, ends := len(b.data), false
	if last := max(c.size-1, from); last < end {
		if n := bytes.IndexByte(b.data[last:], '\n'); n >= 0 {
			end, ends = last+n+1, true
		}
	}
	lines := bytes.Count(b.data[from:end], newline)
	if left := c.lines - b.lines; c.lines > 0 && lines >= left {
		lines, end, ends = left, from, true
		for range left {
			end += bytes.IndexByte(b.data[end:], '\n') + 1
		}
	}
	b.lines += lines
	r.line += int64(lines)
	if ends {
		r.carry = append(r.carry[:0], b.data[end:]...)
		b.data = b.data[:end]
		return true
	}
	if lines > 0 {
		c.tail = bytes.LastIndexByte(b.data, '\n') + 1
	}
	if len(b.data)-c.tail > MaxRecord {
		b.bad = append(b.bad, Bad{Input: r.name, Number: r.number, Line: r.line + 1, Failure: errTooLong,
			Record: bytes.Clone(b.data[c.tail:][:beginning])})
		b.data = b.data[:c.tail]
		r.long = true
	}
	return false
}

var newline = []byte{'\n'}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
