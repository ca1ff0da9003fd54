// Package probe tries destinations before the first delivery does.
package probe

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Result is what was found at one stream's destination.
type Result struct {
	Stream      string
	Destination string // its kind
	Found       string // in words
	Problem     string // what does not work and what to do; empty if all is well
	Took        time.Duration
}

// MarshalJSON writes the time in milliseconds.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Stream       string `json:"stream"`
		Destination  string `json:"destination"`
		Found        string `json:"found,omitempty"`
		Problem      string `json:"problem,omitempty"`
		Milliseconds int64  `json:"milliseconds"`
	}{r.Stream, r.Destination, r.Found, r.Problem, r.Took.Milliseconds()})
}

// All tries the destinations of all streams at once.
func All(ctx context.Context, streams []*configs.Stream) []Result {
	results := make([]Result, len(streams))
	var wg sync.WaitGroup
	for i, s := range streams {
		wg.Go(func() { results[i] = one(ctx, s) })
	}
	wg.Wait()
	return results
}

// Failed reports whether one of them does not work.
func Failed(results []Result) bool {
	for _, r := range results {
		if r.Problem != "" {
			return true
		}
	}
	return false
}

func one(ctx context.Context, s *configs.Stream) Result {
	r := Result{Stream: s.Name, Destination: s.Destination.Kind}
	begun := time.Now()
	found, err := try(ctx, s)
	r.Found, r.Took = found, time.Since(begun)
	if err != nil {
		r.Problem = err.Error()
	}
	return r
}

func try(ctx context.Context, s *configs.Stream) (found string, err error) {
	to, err := s.Destination.Config.Open(sinks.Env{Stream: s.Name, Version: 1})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	p, ok := to.Destination.(sinks.Prober)
	if !ok {
		return "cannot be tried without delivering", nil
	}
	return p.Probe(ctx)
}
