// Package sinks says what a destination is. Each destination is a directory
// below this one with two halves: a [Writer], which turns records into
// payloads and never talks to anyone, and [Sink.Send], which tries once to
// deliver a payload and never retries, waits or logs. Retries, back-off,
// bisecting and the error output exist once, in package stream.
package sinks

import (
	"context"
	"errors"
	"io"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// Config is what a user writes under destination. It has usable defaults
// before it is decoded.
type Config interface {
	// Validate returns nil or a *field.Error, or several joined by errors.Join.
	Validate() error
	// Open makes the sinks. It does not talk to the destination: one that is
	// down must not keep a stream from accepting records.
	Open(env Env) (Outputs, error)
}

// Outputs are the places a stream's records can go.
type Outputs struct {
	Destination Sink
	// Errors takes the records that failed, with why in their chunk.
	Errors Sink
	// Backup takes all records, as they came; nil if there is none.
	Backup Sink
	// FailedType is the error-output-type of records that the destination would
	// not take: "elasticsearch-failed".
	FailedType string
}

// Close closes all of them.
func (o Outputs) Close() error {
	err := errors.Join(o.Destination.Close(), o.Errors.Close())
	if o.Backup != nil {
		err = errors.Join(err, o.Backup.Close())
	}
	return err
}

// Env is what a sink is told about the stream it serves.
type Env struct {
	Stream  string // its name
	ARN     string // its name in Firehose's API; "" when the sink is only opened to be probed
	Version int    // Firehose's VersionId, part of object names
	// Warn is told about things a person should look into although the
	// delivery went on, in a sentence. It may be nil, and called concurrently.
	Warn func(text string)
	// Note is told, in the same way, about what is worth knowing.
	Note func(text string)
	// Decisions are those of the stream. They are nil when the sink is only
	// opened to be probed.
	Decisions Decisions
	// Memory bounds what the encoders of all streams hold together. It may be
	// nil.
	Memory *column.Budget
}

// Decisions are what a stream decides once and then sticks to until it decides
// otherwise, such as an inferred schema.
type Decisions interface {
	// Decide returns what was decided under a name, which is that of a file
	// beside the stream's buffer. If nothing was, it calls decide and makes the
	// result durable before it returns. It may be called concurrently; one
	// decision is taken at a time.
	Decide(name string, decide func() ([]byte, error)) ([]byte, error)
	// Revise calls revise with what was decided under a name, nil if nothing
	// was, and makes the result durable, if it is another, before it returns it.
	// It may be called concurrently with itself and Decide; one decision is
	// taken at a time.
	Revise(name string, revise func(decided []byte) ([]byte, error)) ([]byte, error)
}

// Sink is one destination of one stream. Send may be called concurrently.
type Sink interface {
	// Batch starts a batch. The writer keeps its output in files of spool.
	Batch(spool Spool) Writer
	// Send tries once to deliver a payload. Doing it again with the same
	// payload is safe. It returns nil, or an *Error that says what to do; any
	// other error counts as Retryable. It returns soon after ctx is done.
	Send(ctx context.Context, p *Payload) error
	// Close releases connections. It may be called more than once.
	Close() error
}

// Describer is a Sink whose error records have further members.
type Describer interface {
	// Describe returns those of one record of a payload, as JSON without braces:
	// "esIndexName":"app". It does no I/O but read the payload.
	Describe(p *Payload, row int) string
}

// Prober is a Sink that can say before the first delivery whether it would
// work; for hydrant check --connect and the start-up log.
type Prober interface {
	// Probe returns a line for people about what was found, or an *Error.
	Probe(ctx context.Context) (string, error)
}

// Writer collects the records of one batch. It is used by one goroutine.
type Writer interface {
	// Add encodes rows of c. A row that cannot be represented is failed in
	// the chunk and left out; the others stay pending. It keeps nothing of c.
	// An error is the spool's, and ends the batch.
	Add(c *buffer.Chunk, rows []int) error
	// Seal finishes the outputs. Names come from the plan and the records
	// alone, so that sealing the same records again gives the same payloads.
	// After convert.ErrAgain the records have to be added to a new writer.
	// The writer may not be used after it.
	Seal(p buffer.Plan) ([]Payload, error)
	// Abandon gives up what the writer holds when its outputs are not wanted
	// any more, before Seal or after it failed. The spool is abandoned by its
	// owner.
	Abandon()
}

// Spool gives a writer files for its outputs. They vanish with the batch.
type Spool interface {
	Create() (SpoolFile, error)
}

// FeedSpool is a Spool that knows whose records go through it: all are, but
// for those of tests.
type FeedSpool interface {
	Spool
	// Feed returns the ID of the feed, which makes a record's position unique
	// worldwide.
	Feed() string
}

// SpoolFile is written front to back.
type SpoolFile interface {
	io.Writer
	// Finish flushes, makes the content durable and describes it.
	Finish() (Content, error)
}

// Content describes a finished spool file.
type Content struct {
	File   string `json:"file"`   // name within the batch's spool
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex
}

// Payload is one thing to deliver: an object, a bulk request, a COPY. It is
// written down, in a manifest, before it is sent for the first time.
type Payload struct {
	Content
	ID   string `json:"id"`   // identity, from the records alone; the same on every attempt
	Name string `json:"name"` // what the destination calls it, such as an object key
	// Count is what the payload holds, in records as they were accepted.
	Count buffer.Count `json:"count"`
	// Headers go with the payload as the sink understands them
	// (Content-Type, Content-Encoding).
	Headers map[string]string `json:"headers,omitempty"`
	// Failed marks a payload of the error output, Backup one of the backup.
	Failed bool `json:"failed,omitempty"`
	Backup bool `json:"backup,omitempty"`

	// Ends and Seqs let a payload be delivered in parts: Ends[i] is where the
	// fragment of the record with sequence Seqs[i] ends in the body. Both are
	// nil if the body is opaque, as an object's is. With Seqs alone it is
	// opaque, too, but its records can be given up, all together: the sink then
	// answers neither with Items nor with Bisect.
	Ends []int64  `json:"ends,omitempty"`
	Seqs []uint64 `json:"seqs,omitempty"`

	// Body reads the content. It is set by the time Send is called.
	Body io.ReaderAt `json:"-"`
}
