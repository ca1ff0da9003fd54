package stream

import (
	"context"
	"sync"

	"github.com/hydrant-dev/hydrant/sinks"
)

// pace limits how many payloads of a stream are sent at once, at most the
// batches that may be in flight on all its feeds: what a destination bears is
// learnt by all of them together. It starts with one, grows by about one with
// each full round that worked, halves when the destination asks for less, and
// falls back to one, a probe, when tries fail.
type pace struct {
	mu    sync.Mutex
	most  int
	limit float64
	busy  int
	freed chan struct{} // closed and replaced when a place may be free
}

func newPace(most int) *pace {
	return &pace{most: max(most, 1), limit: 1, freed: make(chan struct{})}
}

// acquire waits for a place.
func (p *pace) acquire(ctx context.Context) error {
	for {
		p.mu.Lock()
		if p.busy < int(p.limit) {
			p.busy++
			p.mu.Unlock()
			return nil
		}
		freed := p.freed
		p.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return errStopped
		}
	}
}

// release gives the place back and learns from how it went.
func (p *pace) release(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	switch {
	case err == nil:
		p.limit = min(float64(p.most), p.limit+1/p.limit)
	case sinks.AsError(err).Kind == sinks.Throttled:
		p.limit = max(1, p.limit/2)
	case sinks.AsError(err).Kind == sinks.Retryable, sinks.AsError(err).Kind == sinks.Permanent:
		p.limit = 1
	}
	close(p.freed)
	p.freed = make(chan struct{})
}
