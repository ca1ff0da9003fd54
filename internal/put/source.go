package put

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hydrant-dev/hydrant/internal/sample"
)

// errTooLarge stands for a record over Firehose's limit; the source goes on
// behind it.
var errTooLarge = errors.New("record is larger than 1,024,000 bytes")

// Lines returns a source with a record for each line of r, without its
// newline; empty lines are left out.
func Lines(r io.Reader) Source { return &lines{bufio.NewReaderSize(r, 256<<10)} }

type lines struct{ r *bufio.Reader }

func (l *lines) Next(context.Context) ([]byte, error) {
	var record []byte
	tooLarge := false
	for {
		part, err := l.r.ReadSlice('\n')
		if !tooLarge {
			record = append(record, part...)
			tooLarge = len(record) > maxRecord+2
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read records: %w", err)
		}
		if tooLarge {
			return nil, errTooLarge
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(record, []byte("\n")), []byte("\r"))
		if len(line) > 0 {
			return line, nil
		}
		if err == io.EOF {
			return nil, io.EOF
		}
		record = record[:0]
	}
}

// Whole returns a source with one record: all of r.
func Whole(r io.Reader) Source { return &whole{r: r} }

type whole struct {
	r    io.Reader
	done bool
}

func (w *whole) Next(context.Context) ([]byte, error) {
	if w.done {
		return nil, io.EOF
	}
	w.done = true
	b, err := io.ReadAll(io.LimitReader(w.r, maxRecord+1))
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	if len(b) > maxRecord {
		return nil, errTooLarge
	}
	return b, nil
}

// Generate returns a source with count made-up clicks; 0 or less never ends.
func Generate(clicks *sample.Clicks, count int64) Source { return &generate{clicks, count, count > 0} }

type generate struct {
	clicks *sample.Clicks
	left   int64
	ends   bool
}

func (g *generate) Next(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if g.ends && g.left == 0 {
		return nil, io.EOF
	}
	g.left--
	return g.clicks.Append(make([]byte, 0, 192), time.Now()), nil
}

// Sequence returns the sources one after the other.
func Sequence(sources ...Source) Source { return &sequence{sources} }

type sequence struct{ left []Source }

func (s *sequence) Next(ctx context.Context) ([]byte, error) {
	for len(s.left) > 0 {
		record, err := s.left[0].Next(ctx)
		if err != io.EOF {
			return record, err
		}
		s.left = s.left[1:]
	}
	return nil, io.EOF
}

// Open returns a source over something that is opened when its turn comes and
// closed at its end.
func Open(open func() (io.ReadCloser, error), cut func(io.Reader) Source) Source {
	return &opened{open: open, cut: cut}
}

type opened struct {
	open   func() (io.ReadCloser, error)
	cut    func(io.Reader) Source
	file   io.ReadCloser
	source Source
}

func (o *opened) Next(ctx context.Context) ([]byte, error) {
	if o.source == nil {
		file, err := o.open()
		if err != nil {
			return nil, fmt.Errorf("open records: %w", err)
		}
		o.file, o.source = file, o.cut(file)
	}
	record, err := o.source.Next(ctx)
	if err == io.EOF {
		if err := o.file.Close(); err != nil {
			return nil, fmt.Errorf("close records: %w", err)
		}
	}
	return record, err
}
