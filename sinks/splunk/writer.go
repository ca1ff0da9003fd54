package splunk

import (
	"fmt"
	"strconv"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// form is how the records of a stream go into a request.
type form struct {
	path   string // of the endpoint, with the metadata of the raw one
	encode func(dst, record []byte, a arrived) ([]byte, error)
	head   func(dst []byte, a arrived) []byte // nil: there is none
	index  string                             // that of all events, as JSON; "": the token's
	raw    bool
}

// writer makes the body of one request of a batch. Each record has a fragment
// of its own in it, which ends in a line feed.
type writer struct {
	form   *form
	stream string
	spool  sinks.Spool
	file   sinks.SpoolFile // nil until something is written
	buf    []byte          // fragments that are not written yet
	size   int64
	count  buffer.Count
	ends   []int64
	seqs   []uint64

	last   arrived // what the last record had in common with many others
	millis int64   // when it arrived
}

// enough is how many bytes of fragments are collected before they are written.
const enough = 64 << 10

// Add encodes the records, each on its own.
func (w *writer) Add(c *buffer.Chunk, rows []int) error {
	if w.buf == nil {
		w.buf = make([]byte, 0, enough+enough/4)
	}
	for _, row := range rows {
		record, a := c.Bytes(row), w.arrived(c, row)
		before := len(w.buf)
		buf, err := w.form.encode(w.buf, record, a)
		if err != nil {
			c.Fail(row, &buffer.Failure{Output: failedType, Code: codeFormat, Message: err.Error(), Details: eventID(a.at.Seq)})
			continue
		}
		w.buf = buf
		w.size += int64(len(buf) - before)
		w.count.Records++
		w.count.Bytes += uint64(len(record))
		w.ends = append(w.ends, w.size)
		w.seqs = append(w.seqs, a.at.Seq)
		if len(w.buf) >= enough {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// arrived returns when and where a record did. Many arrive together.
func (w *writer) arrived(c *buffer.Chunk, row int) arrived {
	at, millis := c.Position(row), c.ArrivalMillis(row)
	a := &w.last
	if millis != w.millis || at.Epoch != a.at.Epoch || a.time == nil {
		w.millis, a.time = millis, appendSeconds(a.time[:0], millis)
		a.at = at
		if w.form.head != nil {
			a.head = w.form.head(a.head[:0], *a)
		}
	}
	a.at = at
	return *a
}

func (w *writer) flush() (err error) {
	if len(w.buf) == 0 {
		return nil
	}
	if w.file == nil {
		if w.file, err = w.spool.Create(); err != nil {
			return fmt.Errorf("create spool file: %w", err)
		}
	}
	if _, err := w.file.Write(w.buf); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	w.buf = w.buf[:0]
	return nil
}

// Seal returns one payload, or none if no record became an event.
func (w *writer) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	if w.file == nil {
		return nil, nil
	}
	content, err := w.file.Finish()
	if err != nil {
		return nil, fmt.Errorf("finish spool file: %w", err)
	}
	id := p.ID().Sub("splunk")
	return []sinks.Payload{{
		Content: content, ID: id.String(), Name: id.UUID(), Count: w.count, Ends: w.ends, Seqs: w.seqs,
		Headers: map[string]string{channelHeader: channel(w.stream, p.Feed)},
	}}, nil
}

// Abandon has nothing to give back.
func (w *writer) Abandon() {}

// eventID is what Firehose's error records say of an event beside its bytes:
// the number of the record, and that of the event in it.
func eventID(seq uint64) string { return `"EventId":"` + strconv.FormatUint(seq, 10) + `.0"` }
