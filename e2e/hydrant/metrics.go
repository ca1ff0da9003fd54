package hydrant

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metrics is a scrape: values by series, written as Prometheus does:
// name{label="value"}.
type Metrics map[string]float64

// Stream returns the value of a series that has no label but the stream.
func (m Metrics) Stream(name, stream string) float64 {
	return m[fmt.Sprintf("%s{stream=%q}", name, stream)]
}

// Metrics scrapes the program. It fails when nobody answers.
func (s *Site) Metrics() (Metrics, error) {
	code, body := s.Get(context.Background(), "/metrics")
	if code != http.StatusOK {
		return nil, fmt.Errorf("scrape metrics: status %d", code)
	}
	m := Metrics{}
	for line := range strings.Lines(body) {
		series, value, ok := cutLast(strings.TrimSpace(line))
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("scrape metrics: %q: %w", line, err)
		}
		m[series] = v
	}
	return m, nil
}

func cutLast(line string) (before, after string, ok bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", false
	}
	return line[:i], line[i+1:], true
}

// Until scrapes until the condition holds. It gives up when what progress
// returns has not changed for patience: a slow machine gets all the time it
// needs, a stuck program does not.
func (s *Site) Until(patience time.Duration, progress func(Metrics) float64, condition func(Metrics) bool) error {
	last, since := -1.0, time.Now()
	for {
		m, err := s.Metrics()
		if err == nil && condition(m) {
			return nil
		}
		if err == nil {
			if now := progress(m); now != last {
				last, since = now, time.Now()
			}
		}
		if time.Since(since) > patience {
			if err != nil {
				return err
			}
			return fmt.Errorf("no progress for %v (stuck at %v)", patience, last)
		}
		time.Sleep(25 * time.Millisecond)
	}
}
