// Package raw writes records as they are, with or without a delimiter.
package raw

import (
	"fmt"
	"io"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert"
)

// Delimiter says what separates the records of an object.
type Delimiter string

const (
	// Newline ends each record with a line feed, unless it brings its own.
	Newline Delimiter = "newline"
	// None writes the bytes of the records and nothing else, as Firehose does
	// unless told otherwise.
	None Delimiter = "none"
	// Between writes a line feed between records and none after the last:
	// Firehose's AppendDelimiterToRecord.
	Between Delimiter = "between"
)

// Values lists the delimiters for the reference of the configuration.
func (Delimiter) Values() []string { return []string{string(Newline), string(Between), string(None)} }

// UnmarshalText reads a delimiter in any letter case.
func (d *Delimiter) UnmarshalText(text []byte) error {
	switch v := Delimiter(strings.ToLower(string(text))); v {
	case Newline, None, Between:
		*d = v
		return nil
	}
	return &field.Error{Text: fmt.Sprintf("%q is not a delimiter", text), Hint: "write newline, none or between"}
}

// Format writes raw records.
type Format struct {
	Delimiter Delimiter
}

var _ convert.Format = Format{}

// Extension returns "": raw records have none of their own.
func (Format) Extension() string { return "" }

// ContentType returns what Firehose gives to every object.
func (Format) ContentType() string { return "application/octet-stream" }

// NewEncoder returns an encoder that keeps at most 64 KiB before it writes.
func (f Format) NewEncoder(w io.Writer) (convert.Encoder, error) {
	switch f.Delimiter {
	case None:
		return &plain{w: w}, nil
	case Newline:
		return &lines{w: w, between: false}, nil
	case Between:
		return &lines{w: w, between: true}, nil
	}
	return nil, fmt.Errorf("make encoder: unknown delimiter %q", f.Delimiter)
}

// plain writes neighbouring records in one go, straight from the chunk.
type plain struct{ w io.Writer }

func (e *plain) Append(c *buffer.Chunk, rows []int) error {
	var start, end uint32 // of the run that is not written yet
	for _, row := range rows {
		s, t := c.Span(row)
		if s != end {
			if err := e.write(c.Data[start:end]); err != nil {
				return err
			}
			start = s
		}
		end = t
	}
	return e.write(c.Data[start:end])
}

func (e *plain) write(run []byte) error {
	if len(run) == 0 {
		return nil
	}
	_, err := e.w.Write(run)
	return err
}

func (e *plain) Close() error { return nil }

func (e *plain) Abandon() {}

// batch is how much lines collects before it writes: large enough to make the
// call to the compressor cheap, small enough to stay in the cache.
const batch = 64 << 10

type lines struct {
	w       io.Writer
	between bool // delimiter before each record but the first, not after
	started bool
	buf     []byte
}

func (e *lines) Append(c *buffer.Chunk, rows []int) error {
	if e.buf == nil {
		e.buf = make([]byte, 0, batch)
	}
	for _, row := range rows {
		record := c.Bytes(row)
		if len(e.buf)+len(record)+1 > batch {
			if err := e.flush(); err != nil {
				return err
			}
		}
		if e.between && e.started {
			e.buf = append(e.buf, '\n')
		}
		e.started = true
		if len(record) >= batch {
			if err := e.long(record); err != nil {
				return err
			}
		} else {
			e.buf = append(e.buf, record...)
		}
		if !e.between && (len(record) == 0 || record[len(record)-1] != '\n') {
			e.buf = append(e.buf, '\n')
		}
	}
	return nil
}

// long writes a record that would not fit into the buffer.
func (e *lines) long(record []byte) error {
	if err := e.flush(); err != nil {
		return err
	}
	_, err := e.w.Write(record)
	return err
}

func (e *lines) flush() error {
	if len(e.buf) == 0 {
		return nil
	}
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	return err
}

func (e *lines) Close() error { return e.flush() }

func (e *lines) Abandon() {}
