package splunk

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/hydrant-dev/hydrant/sinks"
)

// Probe asks each node whether it is well and what the token is good for. No
// event is made.
func (s *Sink) Probe(ctx context.Context) (string, error) {
	if s.closed.Load() {
		return "", &sinks.Error{Op: opHealth, Reason: "closed", Err: errClosed}
	}
	var lines []string
	for _, n := range s.nodes.list {
		said, err := s.probe(ctx, n)
		if err != nil {
			err.Err = fmt.Errorf("%s: %w", n.url, err.Err)
			return "", err
		}
		lines = append(lines, n.url+" "+said)
	}
	return strings.Join(lines, "; "), nil
}

func (s *Sink) probe(ctx context.Context, n *node) (string, *sinks.Error) {
	if err := s.health(ctx, n); err != nil {
		return "", err
	}
	err := s.ask(ctx, n)
	switch {
	case err == nil:
		return "is healthy and acknowledges", nil
	case err.Reason == codeNoAcks && s.acks != Required:
		return "is healthy; the token has no acknowledgments", nil
	}
	return "", err
}

func (s *Sink) health(ctx context.Context, n *node) *sinks.Error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+collectorService+"/health", nil)
	if err != nil {
		return &sinks.Error{Op: opHealth, Reason: codeEndpoint, Err: fmt.Errorf("make request: %w", err)}
	}
	a, failed := s.exchange(req, opHealth)
	if failed != nil {
		return failed
	}
	if a.status != http.StatusOK {
		return a.failed(opHealth, a.meaning())
	}
	return nil
}
