package failed

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/records"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Lines reads chosen lines of an object of the error output.
type Lines struct{ r *records.Reader }

// OpenLines opens an object; read is told the bytes that were read.
func (o *Output) OpenLines(ctx context.Context, e object.Entry, read *atomic.Int64) (*Lines, error) {
	r, err := records.Open(ctx, o.Place, e, longestLine, read)
	if err != nil {
		return nil, err
	}
	return &Lines{r}, nil
}

// Next returns the record in the next line that is wanted, and the line's
// number; io.EOF behind the last.
func (l *Lines) Next(wanted func(line int64) bool) (data []byte, line int64, err error) {
	for {
		text, err := l.r.Next()
		if err != nil {
			return nil, text.Number, err
		}
		if !wanted(text.Number) {
			continue
		}
		if text.TooLong {
			return nil, text.Number, fmt.Errorf("it is longer than %d bytes", longestLine)
		}
		record, err := object.ReadErrorLine(text.Data)
		if err != nil {
			return nil, text.Number, err
		}
		return record.Data, text.Number, nil
	}
}

// Close gives up the object.
func (l *Lines) Close() error { return l.r.Close() }
