package sinks

import (
	"errors"
	"time"
)

// Kind says what a failed Send means.
type Kind uint8

const (
	// Retryable may work later. It is the zero value: everything unknown is
	// retried and nothing is given up because an answer was not understood.
	Retryable Kind = iota
	// Throttled works, but we are too fast; wait at least Error.RetryAfter.
	Throttled
	// BadRecord means that the records in Error.Items, or all records of the
	// payload when there are none, will never be accepted.
	BadRecord
	// Bisect means that some record is at fault, or the payload is too large,
	// and the destination does not say which.
	Bisect
	// Permanent will not work until a person changes something: credentials,
	// a missing bucket. The stream holds, drops nothing and tries on.
	Permanent
)

func (k Kind) String() string {
	return [...]string{"retryable", "throttled", "bad record", "bisect", "permanent"}[k]
}

// Error is the answer to a Send that did not work, or not for all records.
type Error struct {
	Kind       Kind
	Op         string        // what was tried: "put object", "bulk", "copy"
	Reason     string        // a short fixed word for metrics and logs: "AccessDenied", "timeout", "503"
	RetryAfter time.Duration // at least, when the destination said so
	Hint       string        // what to do, for people; may be empty
	// Items are the records that did not make it when others did; those not
	// named are delivered. Nil means that the whole payload failed.
	Items []Item
	Err   error
}

// Item is the fate of one record of a payload.
type Item struct {
	Row     int    // index into Payload.Seqs
	Kind    Kind   // Retryable, Throttled or BadRecord
	Code    string // the destination's code, for the error output
	Message string
}

func (e *Error) Error() string {
	s := e.Op + ": " + e.Err.Error()
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an *Error; an error of another type is Retryable.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Retryable, Op: "send", Reason: "unknown", Err: err}
}
