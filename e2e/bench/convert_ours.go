package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
)

// convertOurs reads lines into chunks, as a feed gives them to a stream, and
// encodes them. Records that are no rows would be failed; here they end it.
func convertOurs(in io.Reader, out io.Writer, c job) error {
	parsers, err := column.NewParsers(&column.Schema{Columns: columnsOf(c.Corpus)}, column.Options{})
	if err != nil {
		return err
	}
	output, err := ourOutput(c.Format, c.Compression)
	if err != nil {
		return err
	}
	e, err := column.Format{Parsers: parsers, Output: output}.NewEncoder(out)
	if err != nil {
		return err
	}
	chunk, lines := &buffer.Chunk{}, lineChunks{in: in}
	var rows []int
	for {
		err := lines.next(chunk)
		if err == io.EOF {
			return e.Close()
		}
		if err != nil {
			return err
		}
		rows = rows[:0]
		for row := range chunk.Len() {
			rows = append(rows, row)
		}
		if err := e.Append(chunk, rows); err != nil {
			return err
		}
		chunk.Failures(func(row int, failure error) {
			err = fmt.Errorf("convert %.300s: %w", chunk.Bytes(row), failure)
		})
		if err != nil {
			return err
		}
	}
}

func ourOutput(format, compression string) (column.Output, error) {
	if format == "orc" {
		c := orc.Default().(*orc.Config)
		return c, c.Compression.UnmarshalText([]byte(strings.ToUpper(compression)))
	}
	c := parquet.Default().(*parquet.Config)
	c.RowGroupRows = groupRows
	return c, c.Compression.UnmarshalText([]byte(strings.ToUpper(compression)))
}

// lineChunks reads lines, half a megabyte at a time.
type lineChunks struct {
	in   io.Reader
	rest []byte // the beginning of a line
	end  bool
}

const chunkSize = 512 << 10

// next fills a chunk with the next lines. It returns io.EOF when there are
// none.
func (l *lineChunks) next(c *buffer.Chunk) error {
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	c.Data = append(c.Data, l.rest...)
	for !l.end {
		at := len(c.Data)
		n, err := io.ReadFull(l.in, c.Grow(chunkSize))
		c.Data = c.Data[:at+n]
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			l.end = true
		} else if err != nil {
			return err
		}
		if bytes.IndexByte(c.Data[at:], '\n') >= 0 {
			break
		}
	}
	start := 0
	for {
		n := bytes.IndexByte(c.Data[start:], '\n')
		if n < 0 {
			break
		}
		c.Append(uint32(start), uint32(start+n), 0)
		start += n + 1
	}
	l.rest = append(l.rest[:0], c.Data[start:]...)
	if l.end && len(l.rest) > 0 { // the last line may lack its end
		c.Append(uint32(start), uint32(len(c.Data)), 0)
		l.rest = l.rest[:0]
	}
	if c.Len() == 0 {
		return io.EOF
	}
	return nil
}
