package splunk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// Sink delivers to the collectors of one Splunk.
type Sink struct {
	form       form
	nodes      *nodes
	client     *http.Client
	token      field.Secret
	stream     string
	acks       Acknowledgments
	ackTimeout time.Duration
	gzip       *compress.Pool // nil: bodies are not compressed
	note       func(text string)
	noted      atomic.Bool
	closed     atomic.Bool
}

var (
	_ sinks.Sink      = (*Sink)(nil)
	_ sinks.Describer = (*Sink)(nil)
	_ sinks.Prober    = (*Sink)(nil)
)

// channel returns the GUID of the channel for events of a feed, or for
// questions. It is the same in every attempt, and after a restart.
func channel(stream, feed string) string {
	sum := sha256.Sum256([]byte("hydrant/splunk/" + stream + "/" + feed))
	return buffer.ID(sum[:16]).UUID()
}

// Batch starts a batch.
func (s *Sink) Batch(spool sinks.Spool) sinks.Writer {
	return &writer{form: &s.form, stream: s.stream, spool: spool}
}

// Describe names the event as Firehose does.
func (s *Sink) Describe(p *sinks.Payload, row int) string { return eventID(p.Seqs[row]) }

var errClosed = errors.New("the destination is closed")

// Send posts the events to one node and waits until it says that they are
// indexed. The next attempt goes to another node, if there is one.
func (s *Sink) Send(ctx context.Context, p *sinks.Payload) error {
	if s.closed.Load() {
		return &sinks.Error{Op: opPost, Reason: "closed", Err: errClosed}
	}
	n := s.nodes.next(time.Now())
	err := s.send(ctx, n, p)
	if err == nil {
		n.worked()
		return nil
	}
	if err.Items == nil && err.Kind != sinks.BadRecord && err.Kind != sinks.Bisect && ctx.Err() == nil {
		n.failed(time.Now())
	}
	return err
}

func (s *Sink) send(ctx context.Context, n *node, p *sinks.Payload) *sinks.Error {
	if err := s.requireAcks(ctx, n); err != nil {
		return err
	}
	fault.Point("K8")
	a, err := s.post(ctx, n, p)
	if err != nil {
		return err
	}
	fault.Point("K16")
	if err = s.settle(ctx, n, p, a); err != nil {
		return err
	}
	fault.Point("K16-acknowledged")
	return nil
}

// post sends the events, once. An error says that there was no whole answer.
func (s *Sink) post(ctx context.Context, n *node, p *sinks.Payload) (*answer, *sinks.Error) {
	ctx, cancel := context.WithTimeout(ctx, patience(p.Size))
	defer cancel()
	body, err := s.body(p)
	if err != nil {
		return nil, &sinks.Error{Op: opPost, Reason: "spool", Err: err}
	}
	req, err := s.request(ctx, n.url+s.form.path, body)
	if err != nil {
		return nil, &sinks.Error{Op: opPost, Reason: codeEndpoint, Err: err}
	}
	if s.gzip != nil {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if s.acks != NoAcknowledgments || s.form.raw {
		req.Header.Set(channelHeader, p.Headers[channelHeader])
	}
	req.Header.Set("X-Request-Id", p.Name) // the same on every attempt, for logs on the way
	return s.exchange(req, opPost)
}

// scheme stands before the token.
const scheme = "Splunk "

// channelHeader names the channel of a request.
const channelHeader = "X-Splunk-Request-Channel"

// body returns the events as they are sent.
func (s *Sink) body(p *sinks.Payload) (*io.SectionReader, error) {
	body := io.NewSectionReader(p.Body, 0, p.Size)
	if s.gzip == nil {
		return body, nil
	}
	// Not from a pool: a connection may still read it when the answer is there.
	packed := bytes.NewBuffer(make([]byte, 0, p.Size/4))
	w, err := s.gzip.Writer(packed, "")
	if err == nil {
		_, err = io.Copy(w, body)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("compress events: %w", err)
	}
	return io.NewSectionReader(bytes.NewReader(packed.Bytes()), 0, int64(packed.Len())), nil
}

func (s *Sink) request(ctx context.Context, url string, body *io.SectionReader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.ContentLength = body.Size()
	req.GetBody = func() (io.ReadCloser, error) { // for another connection, when this one was closed while it was idle
		return io.NopCloser(io.NewSectionReader(body, 0, body.Size())), nil
	}
	req.Header.Set("Authorization", scheme+s.token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// answerLimit bounds the body of an answer.
const answerLimit = 1 << 20

// exchange sends a request and reads the answer.
func (s *Sink) exchange(req *http.Request, op string) (*answer, *sinks.Error) {
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, transportError(op, err)
	}
	body, err := outbound.ReadAnswer(resp.Body, answerLimit)
	if err != nil && !errors.Is(err, outbound.ErrLongAnswer) {
		return nil, transportError(op, fmt.Errorf("read answer: %w", err))
	}
	// A stranger that repeats what it was sent shall not bring the token into logs.
	if token := strings.TrimPrefix(req.Header.Get("Authorization"), scheme); token != "" {
		body = bytes.ReplaceAll(body, []byte(token), []byte("***"))
	}
	return readAnswer(resp, body), nil
}

// patience bounds a request: a minute, and what 32 KiB/s take.
func patience(size int64) time.Duration {
	return time.Minute + time.Duration(size/(32<<10))*time.Second
}

// Close gives up the connections.
func (s *Sink) Close() error {
	if !s.closed.Swap(true) {
		s.client.CloseIdleConnections()
	}
	return nil
}
