package httpendpoint

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
)

// body is that of a request; it can be read more than once.
type body struct {
	size int64
	read func() io.Reader
}

func (b body) open() io.ReadCloser { return io.NopCloser(b.read()) }

// body puts head and tail around the fragments, which stay in the spool.
func (s *Sink) body(p *sinks.Payload, head []byte) body {
	tail, cut := s.format.tail()
	fragments := p.Size - cut
	return body{
		size: int64(len(head)) + fragments + int64(len(tail)),
		read: func() io.Reader {
			return io.MultiReader(bytes.NewReader(head), io.NewSectionReader(p.Body, 0, fragments), strings.NewReader(tail))
		},
	}
}

// compressed holds the result in memory: endpoints want to know the length of
// a request before it comes.
func compressed(pool *compress.Pool, b body) (body, error) {
	var out bytes.Buffer
	out.Grow(int(b.size / 4))
	w, err := pool.Writer(&out, "")
	if err != nil {
		return body{}, err
	}
	n, err := io.Copy(w, b.read())
	if err == nil && n != b.size {
		err = io.ErrUnexpectedEOF
	}
	if e := w.Close(); err == nil {
		err = e
	}
	if err != nil {
		return body{}, fmt.Errorf("compress request: %w", err)
	}
	return body{size: int64(out.Len()), read: func() io.Reader { return bytes.NewReader(out.Bytes()) }}, nil
}
