package s3

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// limited is a transport that bounds what an answer may cost us and notes
// what minio-go does not tell.
type limited struct{ http.RoundTripper }

// answerLimit bounds the body of an answer; the largest we ask for is a page
// of a listing.
const answerLimit = 4 << 20

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		n.retryAfter = outbound.RetryAfter(resp.Header)
	}
	if r.Method != http.MethodHead {
		resp.Body = &limitedBody{resp.Body, answerLimit}
	}
	return resp, nil
}

// note takes the headers of the last answer of one call; there are no
// concurrent requests in a call.
type note struct{ retryAfter time.Duration }

type noteKey struct{}

func withNote(ctx context.Context) (context.Context, *note) {
	n := &note{}
	return context.WithValue(ctx, noteKey{}, n), n
}

type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, outbound.ErrLongAnswer
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
