package convert

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// part is a run of whole lines, and what becomes of it.
type part struct {
	number   int
	data     []byte
	segments []segment

	groups []column.Group
	rows   int64
	bytes  int64 // of records
	held   int64 // by the groups
	bad    []Bad
}

// segment is where in a part lines of one input begin.
type segment struct {
	start int
	input string
	index int   // of the input, from 1
	line  int64 // lines of the input before it
}

// worker converts parts, one at a time.
type worker struct {
	run   *run
	data  []byte // of a part, reused
	chunk buffer.Chunk
	rows  []int
	lines []int64 // by row of the chunk
}

// convert fills groups with the rows of a part.
func (w *worker) convert(ctx context.Context, p *part) error {
	c := &collector{run: w.run, part: p}
	encoder := column.NewEncoder(w.run.job.Parsers, c, w.run.limits)
	for i, s := range p.segments {
		end := len(p.data)
		if i+1 < len(p.segments) {
			end = p.segments[i+1].start
		}
		line := s.line
		for at := s.start; at < end; {
			if err := ctx.Err(); err != nil {
				return err
			}
			at, line = w.fill(p, at, end, line)
			if err := encoder.Append(&w.chunk, w.rows); err != nil {
				return fmt.Errorf("convert %s: %w", s.input, err)
			}
			w.collectBad(p, s)
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
	w.run.room.finish(p.held)
	p.data = nil // it is the worker's
	return nil
}

// fill makes a chunk of the lines from at on, and returns where the next one
// begins. line counts lines.
func (w *worker) fill(p *part, at, end int, line int64) (int, int64) {
	c := &w.chunk
	c.Reset(buffer.Position{})
	c.Data = p.data
	w.rows, w.lines = w.rows[:0], w.lines[:0]
	for from := at; at < end && at-from < chunkSize; {
		stop := at + bytes.IndexByte(p.data[at:end], '\n') // every line of a part has one
		line++
		if n := stop - at; !blank(p.data[at:stop]) {
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
	return at, line
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
	first := len(p.bad)
	w.chunk.Failures(func(row int, err error) {
		record := w.chunk.Bytes(row)
		if len(record) > MaxRecord {
			record = record[:beginning]
		}
		p.bad = append(p.bad, Bad{Input: s.input, Number: s.index, Line: w.lines[row], Failure: failure(err), Record: bytes.Clone(record)})
	})
	slices.SortFunc(p.bad[first:], func(a, b Bad) int { return cmp.Compare(a.Line, b.Line) })
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
