package object

import (
	"fmt"
	"io"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/sinks"
)

// writer makes one object of a batch: encoder, compressor, spool file.
type writer struct {
	sink       *Sink
	spool      sinks.Spool
	file       sinks.SpoolFile // nil until there is a row
	compressor io.WriteCloser
	encoder    convert.Encoder
	count      buffer.Count
}

func (w *writer) Add(c *buffer.Chunk, rows []int) error {
	if len(rows) == 0 {
		return nil
	}
	if w.file == nil {
		if err := w.open(c.Position(rows[0])); err != nil {
			return err
		}
	}
	if err := w.encoder.Append(c, rows); err != nil {
		return fmt.Errorf("encode records: %w", err)
	}
	for _, row := range rows {
		if c.Pending(row) { // else the encoder failed it and left it out
			w.count.Records++
			w.count.Bytes += uint64(len(c.Bytes(row)))
		}
	}
	return nil
}

func (w *writer) open(first buffer.Position) (err error) {
	if w.file, err = w.spool.Create(); err != nil {
		return fmt.Errorf("create spool file: %w", err)
	}
	// A ZIP's entry is named before the plan is known, so from the first record.
	entry := buffer.Plan{First: first}.ID().Sub("zip entry").UUID()
	if w.compressor, err = w.sink.pool.Writer(w.file, entry); err != nil {
		return err
	}
	w.encoder, err = w.sink.layout.Format.NewEncoder(w.compressor)
	return err
}

// Abandon gives back the memory of the encoder.
func (w *writer) Abandon() {
	if w.encoder != nil {
		w.encoder.Abandon()
	}
}

// Seal returns one payload, or none if no record was written.
func (w *writer) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	if w.file == nil {
		return nil, nil
	}
	if err := w.encoder.Close(); err != nil {
		return nil, fmt.Errorf("encode records: %w", err)
	}
	if err := w.compressor.Close(); err != nil {
		return nil, fmt.Errorf("compress object: %w", err)
	}
	content, err := w.file.Finish()
	if err != nil {
		return nil, fmt.Errorf("finish spool file: %w", err)
	}
	if w.count.Records == 0 {
		return nil, nil // every row was failed by the encoder
	}
	id := p.ID().Sub("object")
	key, err := w.sink.layout.Names.object(p, id)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{"Content-Type": "application/octet-stream"}
	if e := w.sink.layout.Compression.ContentEncoding(); e != "" {
		headers["Content-Encoding"] = e
	}
	return []sinks.Payload{{Content: content, ID: id.String(), Name: key, Count: w.count, Headers: headers}}, nil
}
