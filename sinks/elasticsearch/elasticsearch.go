// Package elasticsearch delivers records as documents to Elasticsearch and
// OpenSearch, a bulk request for each batch.
//
// A document's id is made from where its record stands in the buffer, and
// documents are created, never replaced: a request that is sent again, after a
// crash or a lost answer, finds its documents there.
package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// Sink writes to one index, or to one after the other as time goes by.
type Sink struct {
	failedType string
	typeName   string
	naming     naming
	op         OpType
	action     []byte // what an action line begins with, and an item of an answer: {"create":{
	id         path   // of the field with the id; nil: none
	ownIDs     bool   // records without one get an id
	routing    path   // of the field that chooses the shard; nil: none
	query      string
	gzip       *compress.Pool // nil: requests are not compressed
	sizes      sizes

	client    elastictransport.Interface
	transport *http.Transport
	closed    atomic.Bool
}

var (
	_ sinks.Sink      = (*Sink)(nil)
	_ sinks.Describer = (*Sink)(nil)
	_ sinks.Prober    = (*Sink)(nil)
)

// Batch starts a batch.
func (s *Sink) Batch(spool sinks.Spool) sinks.Writer {
	w := &writer{sink: s, spool: spool}
	if f, ok := spool.(sinks.FeedSpool); ok {
		w.ids.feed = f.Feed()
	}
	return w
}

const op = "bulk"

var (
	errClosed   = errors.New("the destination is closed")
	errTooLarge = errors.New("the cluster refused a smaller request as too large")
)

// Send makes one bulk request and accounts for every document in it.
func (s *Sink) Send(ctx context.Context, p *sinks.Payload) error {
	if s.closed.Load() {
		return &sinks.Error{Op: op, Reason: "closed", Err: errClosed}
	}
	if len(p.Seqs) > 1 && s.sizes.tooLarge(p.Size) {
		return &sinks.Error{Op: op, Kind: sinks.Bisect, Reason: "413", Err: errTooLarge}
	}
	ctx, cancel := context.WithTimeout(ctx, patience(p.Size))
	defer cancel()
	req, err := s.request(ctx, p)
	if err != nil {
		return &sinks.Error{Op: op, Reason: "spool", Err: err}
	}
	fault.Point("K15")
	resp, err := s.client.Perform(req)
	if err != nil {
		return transportError(op, err)
	}
	answer, err := outbound.ReadAnswer(resp.Body, answerLimit(p))
	if err != nil {
		return transportError(op, fmt.Errorf("read answer: %w", err))
	}
	fault.Point("K15-after")
	if resp.StatusCode == http.StatusRequestEntityTooLarge {
		s.sizes.refused(p.Size)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(op, p.Name, resp, answer)
	}
	if e := s.judge(p, answer); e != nil {
		return e
	}
	return nil
}

// patience bounds a request: what the cluster may wait for its shards, another
// minute, and what 32 KiB/s take.
func patience(size int64) time.Duration {
	return 2*time.Minute + time.Duration(size/(32<<10))*time.Second
}

// answerLimit bounds an answer: for each document a line about what is wrong
// with it, in which its text may stand twice, escaped.
func answerLimit(p *sinks.Payload) int64 {
	return 1<<20 + 2<<10*int64(len(p.Seqs)) + 4*p.Size
}

// request makes the request of a payload, or of a part of one.
func (s *Sink) request(ctx context.Context, p *sinks.Payload) (*http.Request, error) {
	path := "/" + p.Name
	if s.typeName != "" {
		path += "/" + s.typeName
	}
	req := &http.Request{
		Method:        http.MethodPost,
		URL:           &url.URL{Path: path + "/_bulk", RawQuery: s.query},
		Header:        http.Header{"Content-Type": {"application/x-ndjson"}},
		ContentLength: p.Size,
		// A connection that was closed while it was idle costs no attempt.
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(p.Body, 0, p.Size)), nil },
	}
	if s.gzip != nil {
		body, err := s.compress(p)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Encoding", "gzip")
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	var err error
	req.Body, err = req.GetBody()
	return req.WithContext(ctx), err
}

func (s *Sink) compress(p *sinks.Payload) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(p.Size / 4))
	w, err := s.gzip.Writer(&out, "")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(w, io.NewSectionReader(p.Body, 0, p.Size))
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compress request: %w", err)
	}
	return out.Bytes(), nil
}

// Describe returns the members that Firehose's error records have of a
// document.
func (s *Sink) Describe(p *sinks.Payload, row int) string {
	start := int64(0)
	if row > 0 {
		start = p.Ends[row-1]
	}
	text := make([]byte, min(longestAction, p.Ends[row]-start))
	n, _ := p.Body.ReadAt(text, start) // if it cannot be read: the record tells more than its id
	return s.details(unescaped(s.idIn(text[:n])), p.Name)
}

func (s *Sink) details(id, index string) string {
	return fmt.Sprintf(`"esDocumentId":%s,"esIndexName":%s,"esTypeName":%s`, quoted(id), quoted(index), quoted(s.typeName))
}

func quoted(s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("elasticsearch: a string is always JSON: %v", err))
	}
	return text
}

// Probe asks the cluster who it is.
func (s *Sink) Probe(ctx context.Context) (string, error) {
	const op = "probe"
	if s.closed.Load() {
		return "", &sinks.Error{Op: op, Reason: "closed", Err: errClosed}
	}
	req := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}, Header: http.Header{}}
	resp, err := s.client.Perform(req.WithContext(ctx))
	if err != nil {
		return "", transportError(op, err)
	}
	answer, err := outbound.ReadAnswer(resp.Body, 1<<20)
	if err != nil {
		return "", transportError(op, fmt.Errorf("read answer: %w", err))
	}
	if resp.StatusCode == http.StatusForbidden {
		return fmt.Sprintf("%s answers; its user may not ask for more, and whether it may write shows with the first record", req.URL.Host), nil
	}
	if resp.StatusCode != http.StatusOK {
		return "", refusal(op, s.naming.base, resp, answer)
	}
	var about struct {
		Name    string `json:"cluster_name"`
		Version struct{ Distribution, Number string }
	}
	if err := json.Unmarshal(answer, &about); err != nil || about.Version.Number == "" {
		return "", &sinks.Error{Op: op, Reason: "answer", Kind: sinks.Permanent, Hint: hintURLs,
			Err: fmt.Errorf("%s answers, but not as Elasticsearch or OpenSearch", req.URL.Host)}
	}
	kind := about.Version.Distribution
	if kind == "" {
		kind = "elasticsearch"
	}
	return fmt.Sprintf("cluster %s at %s, %s %s", about.Name, req.URL.Host, kind, about.Version.Number), nil
}

// Close releases connections.
func (s *Sink) Close() error {
	s.closed.Store(true)
	s.transport.CloseIdleConnections()
	return nil
}
