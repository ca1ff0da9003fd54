package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/container"
)

// Input is something to read records from, one a line.
type Input struct {
	Name string
	Size int64 // bytes before decompression; 0: not known
	Open func() (io.ReadCloser, error)

	once bool // a pipe: what was read is gone
}

// readSize is how many bytes are asked for at a time.
const readSize = 1 << 20

// reader cuts inputs into parts, one after the other.
type reader struct {
	inputs []Input
	size   int           // bytes of a part, roughly
	rows   int           // lines of a part; 0: as many as there are
	read   *atomic.Int64 // bytes, before decompression

	file  io.ReadCloser // of inputs[index]
	raw   io.Closer     // below it
	index int           // of the next input
	name  string        // of the last one
	line  int64         // lines of it that are in parts
	began bool          // something was read of it
	carry []byte        // what did not fit into the last part
	long  bool          // in the rest of a line that is too long
}

// fill makes the next part. It reports false when there are none.
func (r *reader) fill(ctx context.Context, p *part) (bool, error) {
	cut := cutter{reader: r, part: p}
	cut.segment(0)
	if len(r.carry) > 0 {
		p.data = append(p.data, r.carry...)
		r.carry = r.carry[:0]
		if cut.block(0) {
			return true, nil
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if r.file == nil {
			more, err := r.open()
			if err != nil {
				return false, err
			}
			if !more {
				return len(p.data) > 0 || len(p.bad) > 0, nil
			}
			cut.segment(len(p.data))
		}
		from := len(p.data)
		p.data = grow(p.data, readSize, r.size+2*readSize)
		n, err := r.file.Read(p.data[from : from+readSize])
		p.data = p.data[:from+n]
		if n > 0 && !r.began {
			r.began = true
			// The mark comes in one piece: Open has read the head of the input.
			if bytes.HasPrefix(p.data[from:], []byte("\xef\xbb\xbf")) {
				p.data = append(p.data[:from], p.data[from+3:]...)
			}
			if err := refuse(r.name, p.data[from:]); err != nil {
				return false, err
			}
		}
		if err == io.EOF {
			p.data = r.end(p.data, from)
		} else if err != nil {
			return false, r.failed(err)
		}
		if cut.block(from) {
			return true, nil
		}
	}
}

// end closes the input and ends its last line if it does not itself.
func (r *reader) end(data []byte, from int) []byte {
	r.close()
	if r.long || len(data) > 0 && r.began && data[len(data)-1] != '\n' {
		return append(data, '\n')
	}
	return data
}

func (r *reader) open() (bool, error) {
	if r.index == len(r.inputs) {
		return false, nil
	}
	in := r.inputs[r.index]
	r.index++
	r.name, r.line, r.began = in.Name, 0, false
	raw, err := in.Open()
	if err != nil {
		return false, fmt.Errorf("open input: %w", err)
	}
	file, kind, err := container.Open(&countingReader{raw, r.read})
	if err != nil {
		_ = raw.Close()
		if kind != "" && kind != container.Plain && !kind.Compressed() {
			return false, fmt.Errorf("read %s: it is not JSON but %s; hydrant inspect shows what is in it", in.Name, kind)
		}
		return false, r.failed(err)
	}
	r.raw, r.file = raw, file
	return true, nil
}

// refuse recognises text that is no UTF-8 before each of its lines fails.
func refuse(name string, head []byte) error {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return fmt.Errorf("read %s: it is UTF-16; make it UTF-8 first: iconv -f UTF-16 -t UTF-8", name)
	}
	return nil
}

func (r *reader) failed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
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

// cutter looks for the end of a part while it is read.
type cutter struct {
	reader *reader
	part   *part
	lines  int // in the part
	tail   int // where the last line begins, which has no end yet
}

// segment notes that data[start:] are the next lines of the input.
func (c *cutter) segment(start int) {
	p, r := c.part, c.reader
	if last := len(p.segments) - 1; last >= 0 && p.segments[last].start == start {
		p.segments = p.segments[:last]
	}
	p.segments = append(p.segments, segment{start, r.name, r.index, r.line})
	c.tail = start
}

// block looks at data[from:], which is new, and reports whether the part ends
// there.
func (c *cutter) block(from int) bool {
	p, r := c.part, c.reader
	if r.long {
		end := bytes.IndexByte(p.data[from:], '\n')
		if end < 0 {
			p.data = p.data[:from]
			return false
		}
		r.long = false
		r.line++
		p.data = append(p.data[:from], p.data[from+end+1:]...)
		c.segment(from)
	}
	lines := bytes.Count(p.data[from:], newline)
	if r.rows > 0 && c.lines+lines >= r.rows {
		at := from
		for range r.rows - c.lines {
			at += bytes.IndexByte(p.data[at:], '\n') + 1
		}
		r.line += int64(r.rows - c.lines)
		c.cut(at)
		return true
	}
	if lines > 0 {
		c.lines += lines
		r.line += int64(lines)
		c.tail = bytes.LastIndexByte(p.data, '\n') + 1
	}
	if len(p.data)-c.tail > MaxRecord {
		p.bad = append(p.bad, Bad{Input: r.name, Number: r.index, Line: r.line + 1, Failure: errTooLong,
			Record: bytes.Clone(p.data[c.tail:][:beginning])})
		p.data = p.data[:c.tail]
		r.long = true
	}
	if len(p.data) >= r.size && c.tail > 0 {
		c.cut(c.tail)
		return true
	}
	return false
}

// cut ends the part and keeps the rest for the next one.
func (c *cutter) cut(at int) {
	c.reader.carry = append(c.reader.carry[:0], c.part.data[at:]...)
	c.part.data = c.part.data[:at]
}

var newline = []byte{'\n'}

// grow makes room for n more bytes. Beyond a few MiB it is the room for whole,
// at once: memory is dear the first time it is touched.
func grow(data []byte, n, whole int) []byte {
	if cap(data)-len(data) >= n {
		return data[:len(data)+n]
	}
	size := max(2*cap(data), len(data)+n)
	if cap(data) >= 4<<20 && whole <= 4*usualPart {
		size = max(len(data)+n, whole)
	}
	bigger := make([]byte, len(data)+n, size)
	copy(bigger, data)
	return bigger
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
