package firehose

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	// maxBody is the largest body, before and after Content-Encoding is
	// undone: 4 MiB of records in base64 and JSON take 5.7 MiB.
	maxBody = 8 << 20
	// A body has bodyTime, and a second more for each bodyRate bytes.
	bodyTime = 10 * time.Second
	bodyRate = 64 << 10
	// answerTime is how long a client may take to read an answer.
	answerTime = 30 * time.Second
)

// exchange is the memory of one request and its answer. Exchanges are pooled:
// whatever they hold ends with the request.
type exchange struct {
	raw   []byte // the body as it came
	plain []byte // the body without Content-Encoding
	put   put
	out   []byte // the answer

	source  bytes.Reader
	inflate gzip.Reader
	held    int64 // taken from the budget
}

// budget bounds the bytes of all bodies that are held at a time.
type budget struct {
	size int64
	used atomic.Int64
}

var (
	errTooLarge = &apiError{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request is larger than 8 MiB."}
	errBusy     = unavailable("Slow down. The server holds as many requests as it may.")
)

// take counts n more bytes for x, or returns false if they are too many.
func (b *budget) take(x *exchange, n int) bool {
	if b.used.Add(int64(n)) > b.size {
		b.used.Add(int64(-n))
		return false
	}
	x.held += int64(n)
	return true
}

func (b *budget) giveBack(x *exchange) {
	b.used.Add(-x.held)
	x.held = 0
}

// receive reads the whole body into x.raw. Memory grows with what arrives,
// not with what is announced.
func (x *exchange) receive(w http.ResponseWriter, r *http.Request, memory *budget) *apiError {
	if r.ContentLength > maxBody {
		return errTooLarge
	}
	expected := maxBody + 1 // one more, to see that a chunked body is too large
	if r.ContentLength >= 0 {
		expected = int(r.ContentLength)
	}
	// A client may take its time, but not for ever. The deadline is lifted
	// afterwards, or the server would take it for the client's leaving while
	// the records are being stored. Only connections that are no sockets, in
	// tests, have no deadlines; nothing depends on the errors.
	conn := http.NewResponseController(w)
	now := time.Now()
	_ = conn.SetReadDeadline(now.Add(bodyTime + time.Duration(expected/bodyRate)*time.Second))
	_ = conn.SetWriteDeadline(now.Add(answerTime)) // of a 100 Continue; the answer sets its own
	x.raw = x.raw[:0]
	for len(x.raw) < expected {
		if len(x.raw) == cap(x.raw) {
			x.raw = append(make([]byte, 0, max(64<<10, min(2*cap(x.raw), expected))), x.raw...)
		}
		n, err := r.Body.Read(x.raw[len(x.raw):min(cap(x.raw), expected)])
		x.raw = x.raw[:len(x.raw)+n]
		if !memory.take(x, n) {
			return errBusy
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return &apiError{http.StatusRequestTimeout, "RequestTimeoutException", "The body of the request did not arrive."}
		}
	}
	_ = conn.SetReadDeadline(time.Time{})
	if len(x.raw) > maxBody {
		return errTooLarge
	}
	return nil
}

// decoded returns the body without its Content-Encoding.
func (x *exchange) decoded(r *http.Request, memory *budget) ([]byte, *apiError) {
	switch strings.Join(r.Header["Content-Encoding"], ",") {
	case "", "identity":
		return x.raw, nil
	case "gzip":
	default:
		return nil, invalidArgument("The Content-Encoding must be gzip or none.")
	}
	x.source.Reset(x.raw)
	err := x.inflate.Reset(&x.source)
	x.plain = x.plain[:0]
	for err == nil {
		if len(x.plain) > maxBody {
			return nil, errTooLarge
		}
		if len(x.plain) == cap(x.plain) {
			x.plain = append(make([]byte, 0, min(max(64<<10, 2*cap(x.plain)), maxBody+1)), x.plain...)
		}
		var n int
		n, err = x.inflate.Read(x.plain[len(x.plain):cap(x.plain)])
		x.plain = x.plain[:len(x.plain)+n]
		if !memory.take(x, n) {
			return nil, errBusy
		}
	}
	if err != io.EOF {
		return nil, serialization(errors.New("the body is not valid gzip"))
	}
	return x.plain, nil
}
