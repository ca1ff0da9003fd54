package stream

import (
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Events is everything worth knowing about the streams, as it happens. The
// engine neither logs nor counts; metrics, log lines and the console listen
// here. Unset functions are skipped. They are called from the workers, must
// be fast and may be called concurrently.
type Events struct {
	// State tells that a stream changed its state, and why.
	State func(stream string, s State, reason string)
	// Cut tells that a batch was closed; its plan is durable.
	Cut func(stream string, p buffer.Plan)
	// Delivered tells that a payload is at its destination.
	Delivered func(stream string, d Delivered)
	// Retry tells that a try failed and when the next one comes.
	Retry func(stream string, r Retry)
	// Restart tells that delivery ended by an error that is not the
	// destination's, and after how long it starts again from what is durable.
	Restart func(stream string, err error, wait time.Duration)
	// Done tells that all records of a batch are settled, durably.
	Done func(stream string, p buffer.Plan, o buffer.Outcome)
}

// Delivered describes a payload that arrived.
type Delivered struct {
	Payload  *sinks.Payload
	Plan     buffer.Plan
	Attempts int           // tries, the good one included
	Took     time.Duration // from the first try to the good answer
}

// Retry describes a try that failed.
type Retry struct {
	Payload *sinks.Payload
	Err     *sinks.Error
	Attempt int           // which try failed, from 1
	Since   time.Time     // when the first of this row of failures happened
	Wait    time.Duration // until the next try
}

// State is what a stream is doing.
type State string

const (
	// Active streams accept records and deliver them.
	Active State = "ACTIVE"
	// Held streams accept records, but their destination refuses them until a
	// person changes something. Nothing is dropped; tries go on.
	Held State = "HELD"
	// Suspended streams could not start or stopped on an internal error. They
	// accept nothing; what they have buffered stays.
	Suspended State = "SUSPENDED"
	// Draining streams left the configuration and deliver what they still have.
	Draining State = "DRAINING"
)

func (e *Events) state(stream string, s State, reason string) {
	if e.State != nil {
		e.State(stream, s, reason)
	}
}

func (e *Events) cut(stream string, p buffer.Plan) {
	if e.Cut != nil {
		e.Cut(stream, p)
	}
}

func (e *Events) delivered(stream string, d Delivered) {
	if e.Delivered != nil {
		e.Delivered(stream, d)
	}
}

func (e *Events) retry(stream string, r Retry) {
	if e.Retry != nil {
		e.Retry(stream, r)
	}
}

func (e *Events) restart(stream string, err error, wait time.Duration) {
	if e.Restart != nil {
		e.Restart(stream, err, wait)
	}
}

func (e *Events) done(stream string, p buffer.Plan, o buffer.Outcome) {
	if e.Done != nil {
		e.Done(stream, p, o)
	}
}
