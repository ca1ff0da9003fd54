package httpendpoint

import (
	"fmt"
	"strconv"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// writer divides a batch into requests. Where one ends depends on the records
// alone.
type writer struct {
	sink  *Sink
	spool sinks.Spool
	buf   []byte // fragments of the last request that are not written yet
	done  []request
	open  request // the last one
}

// request is the body of a request while it grows.
type request struct {
	file  sinks.SpoolFile // nil until there is a record
	size  int64
	count buffer.Count
	ends  []int64
	seqs  []uint64
}

// enough is how many bytes of fragments are collected before they are written.
const enough = 64 << 10

// Add encodes the records, each on its own.
func (w *writer) Add(c *buffer.Chunk, rows []int) error {
	limits := w.sink.limits
	if w.buf == nil {
		w.buf = make([]byte, 0, enough+enough/4)
	}
	for _, row := range rows {
		record := c.Bytes(row)
		start := len(w.buf)
		buf, err := w.sink.format.appendFragment(w.buf, record)
		size := int64(len(buf) - start)
		switch {
		case err != nil:
			c.Fail(row, w.refuse(c, row, codeMalformed, "the record is not one JSON value: "+err.Error()))
			continue
		case size > limits.bytes, len(record) > limits.record:
			c.Fail(row, w.refuse(c, row, codeTooLarge, fmt.Sprintf("the record has %d bytes, which is too large for a request", len(record))))
			continue
		}
		w.buf = buf
		if len(w.open.seqs) == limits.records || w.open.size+size > limits.bytes {
			if err := w.roll(start); err != nil {
				return err
			}
		}
		w.open.size += size
		w.open.count.Records++
		w.open.count.Bytes += uint64(len(record))
		w.open.ends = append(w.open.ends, w.open.size)
		w.open.seqs = append(w.open.seqs, c.Position(row).Seq)
		if len(w.buf) >= enough {
			if err := w.flush(len(w.buf)); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuse is why a record never gets into a request.
func (w *writer) refuse(c *buffer.Chunk, row int, code, message string) *buffer.Failure {
	return &buffer.Failure{Output: failedType, Code: code, Message: message, Details: details(c.Position(row).Seq)}
}

// roll finishes the last request with the first n bytes of the buffer and
// begins another one with the rest.
func (w *writer) roll(n int) error {
	if err := w.flush(n); err != nil {
		return err
	}
	w.done = append(w.done, w.open)
	w.open = request{}
	return nil
}

// flush writes the first n bytes of the buffer.
func (w *writer) flush(n int) (err error) {
	if n == 0 {
		return nil
	}
	if w.open.file == nil {
		if w.open.file, err = w.spool.Create(); err != nil {
			return fmt.Errorf("create spool file: %w", err)
		}
	}
	if _, err := w.open.file.Write(w.buf[:n]); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	return nil
}

// Seal returns one payload for each request.
func (w *writer) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	if len(w.open.seqs) > 0 {
		if err := w.roll(len(w.buf)); err != nil {
			return nil, err
		}
	}
	payloads := make([]sinks.Payload, 0, len(w.done))
	for i, r := range w.done {
		content, err := r.file.Finish()
		if err != nil {
			return nil, fmt.Errorf("finish spool file: %w", err)
		}
		out := sinks.Payload{
			Content: content,
			ID:      p.ID().Sub("http endpoint " + strconv.Itoa(i)).String(),
			Count:   r.count,
			Headers: map[string]string{timestampHeader: strconv.FormatInt(p.Cut.UnixMilli(), 10)},
			Ends:    r.ends,
			Seqs:    r.seqs,
		}
		out.Name = requestID(&out)
		payloads = append(payloads, out)
	}
	return payloads, nil
}

// timestampHeader keeps the time in the body of a request: the same on every
// attempt, so that a repeated request is the same to the last byte.
const timestampHeader = "Timestamp"

// Abandon has nothing to give back.
func (w *writer) Abandon() {}
