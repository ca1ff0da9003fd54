package splunk

import (
	"context"
	"errors"
	"fmt"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/sinks"
)

// settle turns the answer to a post into what became of the events.
func (s *Sink) settle(ctx context.Context, n *node, p *sinks.Payload, a *answer) *sinks.Error {
	switch m := a.meaning(); {
	case m.success:
		return s.taken(ctx, n, p, a)
	case m.data:
		return s.refused(ctx, n, p, a, m)
	default:
		return a.failed(opPost, m)
	}
}

// taken waits until the events that the node took are indexed.
func (s *Sink) taken(ctx context.Context, n *node, p *sinks.Payload, a *answer) *sinks.Error {
	if a.AckID != "" && s.acks != NoAcknowledgments {
		return s.await(ctx, n, p, a)
	}
	if s.acks != Required {
		if s.acks == IfAvailable && !s.noted.Swap(true) {
			s.note("the token of " + n.url + " has no acknowledgments: events count as delivered when the collector has taken them")
		}
		return nil
	}
	n.acks.Store(false) // it is asked before it gets more
	if *a.Code != 0 {   // it has no room for them
		return &sinks.Error{Kind: sinks.Throttled, Op: opPost, Reason: codeBusy, RetryAfter: a.retryAfter, Err: fmt.Errorf("the collector gave no ackId: it answered %v", a)}
	}
	return &sinks.Error{Kind: sinks.Permanent, Op: opPost, Reason: codeNoAcks, Hint: hintAcks,
		Err: errors.New("the collector took the events and gave no ackId")}
}

// refused is for an answer that blames an event. Splunk takes those before it
// and none behind it; other collectors take nothing. So an event counts as
// delivered only when the answer has an ackId, and that is acknowledged.
func (s *Sink) refused(ctx context.Context, n *node, p *sinks.Payload, a *answer, m meaning) *sinks.Error {
	e := a.failed(opPost, m)
	row, named := a.blamed(len(p.Seqs))
	if len(p.Seqs) == 1 {
		row, named = 0, true
	}
	if *a.Code == incorrectIndex {
		theirs, err := s.choosesIndex(p, row, named)
		if err != nil {
			return &sinks.Error{Op: opPost, Reason: "spool", Err: err}
		}
		if !theirs { // a person did
			e.Kind, e.Hint = sinks.Permanent, hintIndex
			return e
		}
	}
	if !named {
		return e // Bisect
	}
	e.Kind = sinks.BadRecord
	if len(p.Seqs) == 1 {
		return e
	}
	delivered := 0
	if row > 0 && a.AckID != "" && s.acks != NoAcknowledgments && s.await(ctx, n, p, a) == nil {
		delivered = row
	}
	for i := delivered; i < len(p.Seqs); i++ {
		item := sinks.Item{Row: i, Kind: sinks.Retryable}
		if i == row {
			item = sinks.Item{Row: i, Kind: sinks.BadRecord, Code: m.reason, Message: e.Err.Error()}
		}
		e.Items = append(e.Items, item)
	}
	return e
}

// choosesIndex reports whether a record chooses its index itself: then it is to
// blame for a wrong one, and not who configured the index or the token.
func (s *Sink) choosesIndex(p *sinks.Payload, row int, named bool) (bool, error) {
	if s.form.raw {
		return false, nil
	}
	if !named {
		return true, nil // halving will show
	}
	start := int64(0)
	if row > 0 {
		start = p.Ends[row-1]
	}
	event := make([]byte, p.Ends[row]-start)
	if n, err := p.Body.ReadAt(event, start); n < len(event) {
		return false, fmt.Errorf("read event: %w", err)
	}
	m := column.ReadMembers(event)
	for m.Next() {
		if string(m.Key) == "index" {
			return string(m.Value) != s.form.index, nil
		}
	}
	return false, nil
}
