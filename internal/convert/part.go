package convert

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// part is a run of whole lines, and what becomes of it.
type part struct {
	number int
	lines  lines

	groups []column.Group
	rows   int64
	bytes  int64 // of records
	held   int64 // by the groups
	bad    []Bad
}

// block is whole lines that are parsed at a time.
type block struct {
	data     []byte
	segments []segment
	lines    int
	bad      []Bad // records that are too long to be in data
}

// segment is where in a block lines of one input begin.
type segment struct {
	start  int
	input  string
	number int   // of the input, from 1
	line   int64 // lines of the input before it, in the part
}

// blockSize is how many bytes of records are read and parsed at a time, unless
// a record has more: they and their vectors stay in the processor's cache.
const blockSize = 512 << 10

func (b *block) reset() { *b = block{data: b.data[:0], segments: b.segments[:0]} }

// worker converts parts, one at a time.
type worker struct {
	run   *run
	chunk buffer.Chunk
	rows  []int
	lines []int64 // by row of the chunk
}

// convert fills groups with the rows of a part.
func (w *worker) convert(ctx context.Context, p *part) error {
	c := &collector{run: w.run, part: p}
	encoder := column.NewEncoder(w.run.job.Parsers, c, w.run.limits)
	defer p.lines.close()
	for {
		b, err := p.lines.next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := w.block(p, b, encoder); err != nil {
			return err
		}
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("convert part: %w", err)
	}
	for _, g := range p.groups {
		p.held += g.Buffered()
	}
	for i := range p.bad {
		p.held += int64(len(p.bad[i].Record))
	}
	w.run.room.finish(p.lines.memory(), p.held)
	return nil
}

func (w *worker) block(p *part, b *block, encoder convert.Encoder) error {
	first := len(p.bad)
	p.bad = append(p.bad, b.bad...)
	for i, s := range b.segments {
		end := len(b.data)
		if i+1 < len(b.segments) {
			end = b.segments[i+1].start
		}
		w.fill(p, b.data[:end], s)
		if err := encoder.Append(&w.chunk, w.rows); err != nil {
			return fmt.Errorf("convert %s: %w", s.input, err)
		}
		w.collectBad(p, s)
	}
	slices.SortFunc(p.bad[first:], func(a, b Bad) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Line, b.Line))
	})
	return nil
}

// fill makes a chunk of the lines from the start of a segment on.
func (w *worker) fill(p *part, data []byte, s segment) {
	c := &w.chunk
	c.Reset(buffer.Position{})
	c.Data = data
	w.rows, w.lines = w.rows[:0], w.lines[:0]
	line := s.line
	for at := s.start; at < len(data); {
		stop := at + bytes.IndexByte(data[at:], '\n') // every line of a block has one
		line++
		if n := stop - at; !blank(data[at:stop]) {
			c.Append(uint32(at), uint32(stop), 0)
			w.lines = append(w.lines, line)
			p.bytes += int64(n)
			if n > MaxRecord {
				c.Fail(c.Len()-1, errTooLong)
			} else {
				w.rows = append(w.rows, c.Len()-1)
			}
		}
		at = stop + 1
	}
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

var errTooLong = &buffer.Failure{
	Output: "format-conversion-failed", Code: "DataFormatConversion.MalformedData", Attempts: 1,
	Message: "the record is longer than 32 MiB; records are lines, so if it is several of them, put a newline behind each",
}

// beginning is how much of a record that is too long goes to the error output.
const beginning = 1 << 10

func (w *worker) collectBad(p *part, s segment) {
	w.chunk.Failures(func(row int, err error) {
		record := w.chunk.Bytes(row)
		if len(record) > MaxRecord {
			record = record[:beginning]
		}
		p.bad = append(p.bad, Bad{Input: s.input, Number: s.number, Line: w.lines[row], Failure: failure(err), Record: bytes.Clone(record)})
	})
}

func failure(err error) *buffer.Failure {
	var f *buffer.Failure
	if errors.As(err, &f) {
		return f
	}
	return &buffer.Failure{Output: "format-conversion-failed", Code: "DataFormatConversion.MalformedData", Message: err.Error(), Attempts: 1}
}

// collector stands in for the file: the groups of a part are appended when it
// is their turn.
type collector struct {
	run  *run
	part *part
}

// NewGroup returns the group that the encoder fills again and again.
func (c *collector) NewGroup() column.Group { return &slot{run: c.run, part: c.part} }

// Append takes what is in the group.
func (c *collector) Append(g column.Group) error {
	if s := g.(*slot); s.group != nil {
		if f, ok := s.group.(column.Finisher); ok { // while others append to the file
			if err := f.Finish(); err != nil {
				return err
			}
		}
		c.part.groups = append(c.part.groups, s.group)
		s.group = nil
	}
	return nil
}

// Close has nothing to do: the file goes on.
func (c *collector) Close() error { return nil }

// slot holds a group of the file while there are rows in it.
type slot struct {
	run   *run
	part  *part
	group column.Group
}

func (s *slot) Write(b *column.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if s.group == nil {
		s.group = s.run.takeGroup()
	}
	s.part.rows += int64(b.Rows())
	return s.group.Write(b)
}

func (s *slot) Buffered() int64 {
	if s.group == nil {
		return 0
	}
	return s.group.Buffered()
}
