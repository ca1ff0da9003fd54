package logs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Refusals logs that records cannot be taken: at the first, and then once a
// minute with how many requests there were since.
type Refusals struct {
	log *slog.Logger

	mu      sync.Mutex
	streams map[string]*refused
}

type refused struct {
	last  time.Time
	since int // requests since the last line
}

// NewRefusals returns a listener that writes to log.
func NewRefusals(log *slog.Logger) *Refusals {
	return &Refusals{log: log, streams: map[string]*refused{}}
}

// Refused notes that a request's records were not stored. It may be called
// concurrently.
func (r *Refusals) Refused(stream string, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client left
	}
	r.mu.Lock()
	s := r.streams[stream]
	if s == nil {
		s = &refused{}
		r.streams[stream] = s
	}
	s.since++
	requests, now := s.since, time.Now()
	line := now.Sub(s.last) >= time.Minute
	if line {
		s.last, s.since = now, 0
	}
	r.mu.Unlock()
	if line {
		r.log.Warn("records are refused; producers are told to come again", "stream", stream, "requests", requests, "reason", err)
	}
}
