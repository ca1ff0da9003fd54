// Package load makes producers that put records as fast as they are answered
// and note in a ledger what became of each call.
package load

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/oracle"
)

// The API's limits for a PutRecordBatch.
const (
	maxRecords = 500
	maxBytes   = 4 << 20
)

// Producer puts records into one stream, one call at a time.
type Producer struct {
	Ledger   *oracle.Ledger
	Stream   string
	Endpoint string        // URL
	Batch    int           // records in a call at most; about half of the calls carry one record. 0: 500
	Pause    time.Duration // longest wait between two calls

	Accepted atomic.Int64 // calls answered with success
	Refused  atomic.Int64 // calls answered with 503
	Lost     atomic.Int64 // calls without an answer
	Wrong    atomic.Value // string: an answer that should not be

	client http.Client
	body   []byte
	record []byte
}

// Run puts records until ctx is done. A call that is under way is finished.
func (p *Producer) Run(ctx context.Context) {
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: 1}
	p.client.Timeout = 30 * time.Second
	defer p.client.CloseIdleConnections()
	rng := rand.New(rand.NewPCG(p.Ledger.Seed, uint64(p.Ledger.Producer)))
	limit := p.Batch
	if limit == 0 {
		limit = maxRecords
	}
	for ctx.Err() == nil {
		count := 1
		if rng.IntN(2) == 0 {
			count += rng.IntN(1 + rng.IntN(limit))
		}
		if err := p.put(count); err != nil {
			p.Lost.Add(1)
			pause(ctx, 2*time.Millisecond) // the program may be down
		}
		if p.Pause > 0 {
			pause(ctx, rand.N(p.Pause))
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// put makes one call with up to count records. It returns an error when there
// was no whole answer.
func (p *Producer) put(count int) error {
	operation := "PutRecordBatch"
	if count == 1 {
		operation = "PutRecord"
	}
	first, count := p.fill(count)
	req, err := http.NewRequest(http.MethodPost, p.Endpoint, bytes.NewReader(p.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		p.ack(first, count, text)
	case http.StatusServiceUnavailable:
		p.Refused.Add(1)
	default:
		p.Wrong.Store(fmt.Sprintf("%s: status %d: %.300s", operation, resp.StatusCode, text))
	}
	return nil
}

// fill writes the body of a call with the ledger's next records, and takes
// their numbers.
func (p *Producer) fill(count int) (first, taken int) {
	next, size := p.Ledger.Next(), 0
	single := count == 1
	b := append(p.body[:0], `{"DeliveryStreamName":"`+p.Stream+`",`...)
	if single {
		b = append(b, `"Record":`...)
	} else {
		b = append(b, `"Records":[`...)
	}
	for taken < count {
		p.record = oracle.Append(p.record[:0], p.Ledger.Seed, p.Ledger.Producer, next+taken)
		if size += len(p.record); size > maxBytes {
			break
		}
		if taken > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"Data":"`...)
		b = base64.StdEncoding.AppendEncode(b, p.record)
		b = append(b, `"}`...)
		taken++
	}
	if !single {
		b = append(b, ']')
	}
	p.body = append(b, '}')
	return p.Ledger.Take(taken), taken
}

// ack notes the records that a good answer names as stored.
func (p *Producer) ack(first, count int, text []byte) {
	var answer struct {
		RecordId         string
		FailedPutCount   int
		RequestResponses []struct{ RecordId, ErrorCode string }
	}
	err := json.Unmarshal(text, &answer)
	switch {
	case err != nil, len(answer.RequestResponses) != count && (count > 1 || answer.RecordId == ""):
		p.Wrong.Store(fmt.Sprintf("success that says nothing: %.300s", text))
		return
	case answer.RecordId != "":
		p.Ledger.Ack(first)
	}
	for i, r := range answer.RequestResponses {
		if r.ErrorCode == "" && r.RecordId != "" {
			p.Ledger.Ack(first + i)
		}
	}
	p.Accepted.Add(1)
}
