package elasticsearch

import (
	"bytes"
	"fmt"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/sinks"
)

// writer makes the bodies of bulk requests, one for each index: a batch has
// records of two when it is midnight.
type writer struct {
	sink    *Sink
	spool   sinks.Spool
	ids     identity
	bodies  []*body // in order of appearance: there are few
	current *body   // that of the last record
	until   int64   // arrivals from since on and before until go to current
	since   int64
}

// body is the body of one request. A record's fragment is two lines: what to do
// with the document, and the document.
type body struct {
	index string
	file  sinks.SpoolFile
	buf   []byte // not written yet
	size  int64  // written
	count buffer.Count
	ends  []int64
	seqs  []uint64
}

// enough is how many bytes of fragments are collected before they are written.
const enough = 64 << 10

// Add encodes the records, each on its own.
func (w *writer) Add(c *buffer.Chunk, rows []int) error {
	for _, row := range rows {
		b := w.current
		if at := c.ArrivalMillis(row); b == nil || at < w.since || at >= w.until {
			var err error
			if b, err = w.body(at); err != nil {
				return err
			}
		}
		start := len(b.buf)
		buf, err := w.appendFragment(b.buf, c, row)
		if err != nil {
			b.buf = b.buf[:start]
			c.Fail(row, &buffer.Failure{
				Output: w.sink.failedType, Code: "OS.MalformedData", Message: err.Error(),
				Details: w.sink.details("", b.index),
			})
			continue
		}
		b.buf = buf
		b.count.Records++
		b.count.Bytes += uint64(len(c.Bytes(row)))
		b.ends = append(b.ends, b.size+int64(len(buf)))
		b.seqs = append(b.seqs, c.Position(row).Seq)
		if len(buf) >= enough {
			if err := b.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendFragment appends what a bulk request has of a record, or says what is
// wrong with it.
func (w *writer) appendFragment(dst []byte, c *buffer.Chunk, row int) ([]byte, error) {
	record := c.Bytes(row)
	if err := column.Valid(record); err != nil {
		return dst, fmt.Errorf("the record is not one JSON object: %w", err)
	}
	record = bytes.TrimSpace(record)
	if record[0] != '{' {
		return dst, fmt.Errorf("the record is JSON but no object: it begins with %q", record[0])
	}
	dst, err := w.appendAction(dst, record, c.Position(row))
	if err != nil {
		return dst, err
	}
	return append(appendLine(dst, record), '\n'), nil
}

// appendAction appends the line that says what to do with a document.
func (w *writer) appendAction(dst, record []byte, p buffer.Position) (_ []byte, err error) {
	s := w.sink
	dst = append(dst, s.action...) // {"create":{
	comma, found := "", false
	if s.id != nil {
		key := len(dst)
		dst, found, err = s.id.appendValue(append(dst, `"_id":`...), record)
		if err != nil {
			return dst, fmt.Errorf("make document id: %w", err)
		}
		if !found {
			dst = dst[:key]
		}
	}
	if !found && s.ownIDs {
		dst = w.ids.appendID(append(dst, `"_id":"`...), p)
		dst, found = append(dst, '"'), true
	}
	if found {
		comma = ","
	}
	if s.routing != nil {
		key := len(dst)
		dst, found, err = s.routing.appendValue(append(append(dst, comma...), `"routing":`...), record)
		if err != nil {
			return dst, fmt.Errorf("make routing: %w", err)
		}
		if !found {
			dst = dst[:key]
		}
	}
	return append(dst, "}}\n"...), nil
}

// body makes that of a record's index the current one.
func (w *writer) body(arrivalMillis int64) (*body, error) {
	index := w.sink.naming.at(arrivalMillis)
	w.since = arrivalMillis - arrivalMillis%sameName
	w.until = w.since + sameName
	for _, b := range w.bodies {
		if b.index == index {
			w.current = b
			return b, nil
		}
	}
	file, err := w.spool.Create()
	if err != nil {
		return nil, fmt.Errorf("create spool file: %w", err)
	}
	w.current = &body{index: index, file: file, buf: make([]byte, 0, enough+enough/4)}
	w.bodies = append(w.bodies, w.current)
	return w.current, nil
}

func (b *body) flush() error {
	if _, err := b.file.Write(b.buf); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	b.size += int64(len(b.buf))
	b.buf = b.buf[:0]
	return nil
}

// Seal returns one payload for each index.
func (w *writer) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	var payloads []sinks.Payload
	for _, b := range w.bodies {
		if err := b.flush(); err != nil {
			return nil, err
		}
		content, err := b.file.Finish()
		if err != nil {
			return nil, fmt.Errorf("finish spool file: %w", err)
		}
		if len(b.seqs) == 0 {
			continue // no record was fit for a document
		}
		payloads = append(payloads, sinks.Payload{
			Content: content,
			ID:      p.ID().Sub("bulk " + b.index).String(),
			Name:    b.index,
			Count:   b.count,
			Ends:    b.ends,
			Seqs:    b.seqs,
		})
	}
	return payloads, nil
}

// Abandon has nothing to give back.
func (w *writer) Abandon() {}
