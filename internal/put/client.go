// Package put sends records to a Firehose API: ours or any other.
package put

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Firehose's limits for one PutRecordBatch.
const (
	maxRecord  = 1_024_000
	maxBatch   = 4 << 20
	maxRecords = 500
)

// Client speaks to one endpoint. It may be used concurrently.
type Client struct {
	Endpoint     string // URL
	Region       string
	AccessKeyID  string // empty: requests are not signed
	Secret       field.Secret
	SessionToken field.Secret
	HTTP         *http.Client
}

// Error is an answer that is no success.
type Error struct {
	Status  int
	Code    string
	Message string
}

func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("the server answered %d", e.Status)
	}
	return e.Code + ": " + e.Message
}

// Temporary reports whether the same request may work later.
func (e *Error) Temporary() bool { return e.Status >= 500 || e.Status == http.StatusTooManyRequests }

// PutRecordBatch sends records and returns the indexes of those that were not
// stored, and why the first of them was not. An *Error says that none was; any
// other error that nobody knows.
func (c *Client) PutRecordBatch(ctx context.Context, stream string, records [][]byte) (failed []int, why *Error, err error) {
	answer, err := c.call(ctx, "PutRecordBatch", batchBody(stream, records))
	if err != nil {
		return nil, nil, err
	}
	var result struct {
		FailedPutCount   int
		RequestResponses []struct{ ErrorCode, ErrorMessage string }
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return nil, nil, fmt.Errorf("read answer: %w", err)
	}
	if result.FailedPutCount == 0 {
		return nil, nil, nil
	}
	if len(result.RequestResponses) != len(records) {
		return nil, nil, fmt.Errorf("read answer: %d results for %d records", len(result.RequestResponses), len(records))
	}
	for i, r := range result.RequestResponses {
		if r.ErrorCode == "" {
			continue
		}
		if failed = append(failed, i); why == nil {
			why = &Error{Status: http.StatusServiceUnavailable, Code: r.ErrorCode, Message: r.ErrorMessage}
		}
	}
	return failed, why, nil
}

func batchBody(stream string, records [][]byte) []byte {
	size := 64 + len(stream)
	for _, r := range records {
		size += base64.StdEncoding.EncodedLen(len(r)) + len(`{"Data":""},`)
	}
	b := make([]byte, 0, size)
	name, err := json.Marshal(stream)
	if err != nil {
		panic("put: a string cannot be written as JSON: " + err.Error())
	}
	b = append(append(append(b, `{"DeliveryStreamName":`...), name...), `,"Records":[`...)
	for i, r := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = base64.StdEncoding.AppendEncode(append(b, `{"Data":"`...), r)
		b = append(b, `"}`...)
	}
	return append(b, `]}`...)
}

func (c *Client) call(ctx context.Context, operation string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.Endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
	if err := c.sign(ctx, req, body); err != nil {
		return nil, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return answer, nil
	}
	e := &Error{Status: resp.StatusCode}
	var text struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &text) == nil { // something else than the API may answer, a proxy
		e.Code, e.Message = text.Type, text.Message
	}
	return nil, e
}

func (c *Client) sign(ctx context.Context, req *http.Request, body []byte) error {
	if c.AccessKeyID == "" {
		return nil
	}
	sum := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret.Reveal(), SessionToken: c.SessionToken.Reveal()}
	err := v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), "firehose", c.Region, time.Now())
	if err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	return nil
}

// temporary reports whether a call may work later: everything but a refusal
// and a server that we do not trust.
func temporary(err error) bool {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return false
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Temporary()
	}
	return true
}
