// Package httpendpoint delivers batches by HTTP: to endpoints that speak
// Firehose's contract, and to others that take lines or arrays of JSON.
//
// Sources: docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
// and http_troubleshooting.html.
package httpendpoint

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// failedType is the error-output-type of records the endpoint would not take.
const failedType = "http-endpoint-failed"

// limits of a request.
type limits struct {
	records int
	bytes   int64 // of all fragments
	record  int   // bytes of a record
}

// Sink delivers to one endpoint.
type Sink struct {
	config    Config // for the headers: secrets may change
	url       *url.URL
	arn       string
	format    Format
	gzip      *compress.Pool // nil: bodies are not compressed
	limits    limits
	timeout   time.Duration
	transport *http.Transport
	client    *http.Client
	closed    atomic.Bool
}

var (
	_ sinks.Sink      = (*Sink)(nil)
	_ sinks.Describer = (*Sink)(nil)
	_ sinks.Prober    = (*Sink)(nil)
)

// Batch starts a batch.
func (s *Sink) Batch(spool sinks.Spool) sinks.Writer { return &writer{sink: s, spool: spool} }

var errClosed = errors.New("the destination is closed")

// Send makes one request and judges the answer.
func (s *Sink) Send(ctx context.Context, p *sinks.Payload) error {
	if s.closed.Load() {
		return &sinks.Error{Op: op, Reason: "closed", Err: errClosed}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	id, rules := requestID(p), s.config.rules()
	req, err := s.request(ctx, p, id)
	if err != nil {
		return &sinks.Error{Op: op, Reason: "spool", Err: err}
	}
	fault.Point("K8")
	resp, answer, err := s.exchange(req)
	if e := rules.classify(id, resp, answer, err); e != nil {
		return e
	}
	fault.Point("K8-after")
	return nil
}

// exchange sends a request and reads the answer. With resp set, err is about
// the body of the answer.
func (s *Sink) exchange(req *http.Request) (resp *http.Response, answer []byte, err error) {
	if resp, err = s.client.Do(req); err != nil {
		return nil, nil, err
	}
	answer, err = outbound.ReadAnswer(resp.Body, answerLimit)
	return resp, answer, err
}

// answerLimit bounds the body of an answer.
const answerLimit = 1 << 20

// The headers of the contract.
const (
	protocolHeader   = "X-Amz-Firehose-Protocol-Version"
	requestIDHeader  = "X-Amz-Firehose-Request-Id"
	sourceHeader     = "X-Amz-Firehose-Source-Arn"
	accessKeyHeader  = "X-Amz-Firehose-Access-Key"
	attributesHeader = "X-Amz-Firehose-Common-Attributes"

	idempotencyHeader = "Idempotency-Key" // of the other formats
)

// request makes the request of a payload, or of a part of one. It is the same
// to the last byte on every attempt.
func (s *Sink) request(ctx context.Context, p *sinks.Payload, id string) (*http.Request, error) {
	timestamp, err := strconv.ParseInt(p.Headers[timestampHeader], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read time of request: %w", err)
	}
	body := s.body(p, s.format.appendHead(nil, id, timestamp))
	if s.gzip != nil {
		if body, err = compressed(s.gzip, body); err != nil {
			return nil, err
		}
	}
	r := &http.Request{
		Method: string(s.config.Method), URL: s.url, Host: s.url.Host, Header: s.config.header(s.arn),
		Body: body.open(), ContentLength: body.size,
		// A connection that was closed while it was idle costs no attempt.
		GetBody: func() (io.ReadCloser, error) { return body.open(), nil },
	}
	if s.format == Firehose {
		r.Header.Set(requestIDHeader, id)
	} else {
		r.Header.Set(idempotencyHeader, id)
	}
	return r.WithContext(ctx), nil
}

// requestID is a GUID that the same records have on every attempt. A part of a
// payload has another one than the whole: it must not be taken for it.
func requestID(p *sinks.Payload) string {
	h := sha256.New()
	io.WriteString(h, p.ID)
	var b [8]byte
	for _, seq := range p.Seqs {
		binary.LittleEndian.PutUint64(b[:], seq)
		h.Write(b[:])
	}
	return buffer.ID(h.Sum(nil)[:16]).UUID()
}

// Describe returns the members that error records of this destination have.
func (s *Sink) Describe(p *sinks.Payload, row int) string { return details(p.Seqs[row]) }

// details are these members: a record is one, it has no parts here.
func details(seq uint64) string {
	return fmt.Sprintf(`"subsequenceNumber":0,"dataId":"%d.0"`, seq)
}

// Probe asks whether somebody is there, without a record: any answer will do.
func (s *Sink) Probe(ctx context.Context) (string, error) {
	if s.closed.Load() {
		return "", &sinks.Error{Op: "probe", Reason: "closed", Err: errClosed}
	}
	req := &http.Request{Method: http.MethodOptions, URL: s.url, Host: s.url.Host, Header: s.config.header(s.arn)}
	resp, _, err := s.exchange(req.WithContext(ctx))
	if resp == nil {
		return "", transportError("probe", err)
	}
	return fmt.Sprintf("%s answers; whether it takes records shows with the first", s.url.Host), nil
}

// Close releases connections.
func (s *Sink) Close() error {
	s.closed.Store(true)
	s.transport.CloseIdleConnections()
	return nil
}
