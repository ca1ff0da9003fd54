package postgres

import (
	"fmt"
	"slices"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// writer keeps records as they are. What the table makes of them is decided
// when they are sent: it may have changed until then.
type writer struct {
	sink  *Sink
	spool sinks.Spool
	file  sinks.SpoolFile // nil until there is a row
	buf   []byte          // records not written yet
	size  int64           // of all records
	ends  []int64
	seqs  []uint64
	count buffer.Count
}

// enough is how many bytes are collected before they are written.
const enough = 64 << 10

func (w *writer) Add(c *buffer.Chunk, rows []int) (err error) {
	if len(rows) == 0 {
		return nil
	}
	if w.file == nil {
		if w.file, err = w.spool.Create(); err != nil {
			return fmt.Errorf("create spool file: %w", err)
		}
		w.buf = make([]byte, 0, enough)
	}
	w.ends, w.seqs = slices.Grow(w.ends, len(rows)), slices.Grow(w.seqs, len(rows))
	for _, row := range rows {
		record := c.Bytes(row)
		if len(w.buf)+len(record)+1 > enough {
			if err := w.flush(); err != nil {
				return err
			}
		}
		w.buf = append(append(w.buf, record...), '\n')
		w.size += int64(len(record)) + 1
		w.ends, w.seqs = append(w.ends, w.size), append(w.seqs, c.Position(row).Seq)
		w.count.Records++
		w.count.Bytes += uint64(len(record))
	}
	return nil
}

func (w *writer) flush() error {
	if _, err := w.file.Write(w.buf); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	w.buf = w.buf[:0]
	return nil
}

// Abandon has nothing to give back.
func (w *writer) Abandon() {}

// headerFeed says in a payload which feed its records are from.
const headerFeed = "feed"

// Seal returns one payload, or none if there was no record.
func (w *writer) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	if w.file == nil {
		return nil, nil
	}
	if err := w.flush(); err != nil {
		return nil, err
	}
	content, err := w.file.Finish()
	if err != nil {
		return nil, fmt.Errorf("finish spool file: %w", err)
	}
	return []sinks.Payload{{
		Content: content,
		ID:      p.ID().Sub("copy/" + w.sink.stream + "/" + w.sink.table.sql()).String(),
		Name:    fmt.Sprintf("%v/%d-%d", w.sink.table, w.seqs[0], w.seqs[len(w.seqs)-1]),
		Count:   w.count,
		Headers: map[string]string{headerFeed: p.Feed},
		Ends:    w.ends,
		Seqs:    w.seqs,
	}}, nil
}
