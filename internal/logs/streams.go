package logs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/stream"
)

// Streams turns what the engine reports into log lines: one per delivery, and
// one per change of a failing delivery, not one per try.
type Streams struct {
	log       *slog.Logger
	delivered slog.Level

	mu      sync.Mutex
	outages map[string]*outage
}

// outage is a time without deliveries.
type outage struct {
	since    time.Time
	tries    int
	lastLine time.Time // the last one that said it goes on
	level    slog.Level
	over     time.Time // when it ended, or zero
}

const (
	// reminder is how often a line says that an outage goes on.
	reminder = 5 * time.Minute
	// flapping streams are those that fail again so soon after a recovery;
	// they get lines at level debug only, and the reminder.
	flapping = time.Minute
)

// NewStreams returns a listener that writes to log; delivered is the level of
// the line for each delivery.
func NewStreams(log *slog.Logger, delivered slog.Level) *Streams {
	return &Streams{log: log, delivered: delivered, outages: map[string]*outage{}}
}

// Events returns the functions the engine calls.
func (s *Streams) Events() stream.Events {
	return stream.Events{State: s.state, Delivered: s.deliver, Retry: s.retry, Restart: s.restart}
}

func (s *Streams) state(name string, st stream.State, reason string) {
	log := s.log.With("stream", name)
	switch {
	case st == stream.Draining:
		log.Info("stream left the configuration and delivers what it has buffered")
	case st == stream.Suspended:
		log.Error("stream is suspended: it takes no records, and what it has buffered stays", "reason", reason)
	case st == stream.Held:
		s.fail(name)
		log.Error("stream is held: records are taken and kept, nothing is dropped, tries go on", "reason", reason)
	case reason != "":
		log.Log(context.Background(), s.fail(name), "delivery is failing", "reason", reason)
	default:
		s.recover(name, log)
	}
}

// fail notes the begin of an outage and returns the level of its lines.
func (s *Streams) fail(name string) slog.Level {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	o := s.outages[name]
	switch {
	case o == nil:
		o = &outage{since: now, level: slog.LevelWarn}
	case !o.over.IsZero() && now.Sub(o.over) < flapping:
		o = &outage{since: now, level: slog.LevelDebug}
	case !o.over.IsZero():
		o = &outage{since: now, level: slog.LevelWarn}
	}
	o.lastLine = now
	s.outages[name] = o
	return o.level
}

func (s *Streams) recover(name string, log *slog.Logger) {
	s.mu.Lock()
	o := s.outages[name]
	if o == nil || !o.over.IsZero() {
		s.mu.Unlock()
		return
	}
	o.over = time.Now()
	level, took, tries := min(o.level, slog.LevelInfo), o.over.Sub(o.since), o.tries
	s.mu.Unlock()
	log.Log(context.Background(), level, fmt.Sprintf("delivery recovered after %s, %s", short(took), count(tries, "failed try", "failed tries")))
}

func (s *Streams) retry(name string, r stream.Retry) {
	s.log.Debug("try failed", "stream", name, "name", r.Payload.Name, "attempt", r.Attempt, "kind", r.Err.Kind.String(), "err", r.Err, "next_in", r.Wait.String())
	s.mu.Lock()
	o := s.outages[name]
	if o == nil || !o.over.IsZero() {
		s.mu.Unlock()
		return
	}
	o.tries++
	now := time.Now()
	remind := now.Sub(o.lastLine) >= reminder
	if remind {
		o.lastLine = now
		o.level = slog.LevelWarn
	}
	text := fmt.Sprintf("delivery is still failing after %s, %s", short(now.Sub(o.since)), count(o.tries, "failed try", "failed tries"))
	s.mu.Unlock()
	if remind {
		s.log.Warn(text, "stream", name, "reason", r.Err)
	}
}

// restart is said each time: it is seldom, and what is wrong is here and not at
// the destination.
func (s *Streams) restart(name string, err error, wait time.Duration) {
	s.log.Error("delivery stopped by an error and starts again from what is durable", "stream", name, "err", err, "next_in", wait.Round(time.Millisecond).String())
}

func (s *Streams) deliver(name string, d stream.Delivered) {
	text := "delivered"
	if d.Payload.Failed {
		text = "wrote to the error output"
	}
	s.log.Log(context.Background(), s.delivered, text,
		"stream", name, "name", d.Payload.Name, "records", d.Payload.Count.Records, "bytes", d.Payload.Size,
		"cause", string(d.Plan.Cause), "attempts", d.Attempts, "took", d.Took.Round(time.Millisecond).String(), "delivery_id", d.Plan.ID().String())
}

// Buffer returns the functions the local log calls.
func (s *Streams) Buffer() buffer.Events {
	return buffer.Events{
		Damaged: func(name string, d buffer.Damage) {
			s.log.Error("buffered records are damaged on disk; the damaged bytes are in quarantine, the rest is delivered",
				"stream", name, "damage", d.String())
		},
		SegmentFailed: func(name string, err error) {
			s.log.Error("buffer could not write; records that were not acknowledged were refused", "stream", name, "err", err)
		},
	}
}

// short is a duration in the two largest units that say something.
func short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
