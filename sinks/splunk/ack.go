package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/sinks"
)

// The pace of polls: indexers answer in a second or so, and in minutes when
// they are busy.
const (
	firstPoll   = 100 * time.Millisecond
	longestPoll = 10 * time.Second
	pollTimeout = 30 * time.Second
)

// await polls the node that took a request until it acknowledges it. As long
// as there is time no other answer counts: the events are at the node, and
// sending them again would double them.
func (s *Sink) await(ctx context.Context, n *node, p *sinks.Payload, taken *answer) *sinks.Error {
	deadline := time.Now().Add(s.ackTimeout)
	last := errors.New("the collector answered false")
	for wait := firstPoll; ; wait = min(2*wait, longestPoll) {
		left := time.Until(deadline)
		if left <= 0 {
			return &sinks.Error{Op: opAck, Reason: codeAckTimeout, Hint: hintAckTimeout, Err: fmt.Errorf("no acknowledgment within %v: %w", s.ackTimeout, last)}
		}
		if err := sleep(ctx, min(wait, left)); err != nil {
			return transportError(opAck, err)
		}
		indexed, err := s.poll(ctx, n, p, taken)
		switch {
		case indexed:
			return nil
		case err != nil && err.Reason == codeNoAcks: // they were turned off
			n.acks.Store(false)
			return err
		case err != nil:
			last = err.Err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// poll asks once whether the events of a request are indexed.
func (s *Sink) poll(ctx context.Context, n *node, p *sinks.Payload, taken *answer) (indexed bool, failed *sinks.Error) {
	a, failed := s.query(ctx, n, opAck, p.Headers[channelHeader], taken.AckID, taken.cookies)
	if failed != nil {
		return false, failed
	}
	if acks := a.acks(); acks != nil {
		return acks[taken.AckID.String()], nil
	}
	return false, a.failed(opAck, a.meaning())
}

// requireAcks asks a node whether it acknowledges events before it gets the
// first ones: events that are taken and not acknowledged would be sent again
// and again.
func (s *Sink) requireAcks(ctx context.Context, n *node) *sinks.Error {
	if s.acks != Required || n.acks.Load() {
		return nil
	}
	if err := s.ask(ctx, n); err != nil {
		return err
	}
	n.acks.Store(true)
	return nil
}

// ask asks for an acknowledgment that does not exist, on a channel without
// events: on another one the answer might use up a true. It tells whether the
// token is good for acknowledgments.
func (s *Sink) ask(ctx context.Context, n *node) *sinks.Error {
	a, failed := s.query(ctx, n, opAsk, channel(s.stream, ""), "0", nil)
	if failed != nil || a.acks() != nil {
		return failed
	}
	m := a.meaning()
	refused := a.status >= 400 && a.status < 500 && a.status != http.StatusRequestTimeout && m.kind == sinks.Retryable
	if m.success || m.data || refused { // there is no such service
		m = meanings[ackDisabled]
	}
	return a.failed(opAsk, m)
}

// query asks the node about an acknowledgment. A balancer before the nodes
// finds the right one by the cookies that it gave with the events.
func (s *Sink) query(ctx context.Context, n *node, op, channel string, id json.Number, cookies []*http.Cookie) (*answer, *sinks.Error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	body := `{"acks":[` + id.String() + `]}`
	req, err := s.request(ctx, n.url+collectorService+"/ack?channel="+channel, io.NewSectionReader(strings.NewReader(body), 0, int64(len(body))))
	if err != nil {
		return nil, &sinks.Error{Op: op, Reason: codeEndpoint, Err: err}
	}
	req.Header.Set(channelHeader, channel)
	for _, c := range cookies {
		req.AddCookie(c)
	}
	return s.exchange(req, op)
}

// acks returns the acknowledgments in an answer, nil if it is another one.
func (a *answer) acks() map[string]bool {
	var v struct {
		Acks map[string]bool `json:"acks"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &v) != nil {
		return nil
	}
	return v.Acks
}
