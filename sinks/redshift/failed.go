package redshift

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// failedSink is the error output. Where the records of a COPY go that was given
// up, its manifest is kept, too, as Firehose does.
type failedSink struct{ sinks.Sink }

// Batch starts a batch.
func (s *failedSink) Batch(spool sinks.Spool) sinks.Writer {
	return &failedWriter{Writer: s.Sink.Batch(spool), spool: spool}
}

type failedWriter struct {
	sinks.Writer
	spool   sinks.Spool
	details string // of a record that was not loaded; "" if there is none
}

func (w *failedWriter) Add(c *buffer.Chunk, rows []int) error {
	if w.details == "" {
		c.Failures(func(_ int, err error) {
			if f, ok := err.(*buffer.Failure); ok && f.Output == failedType {
				w.details = f.Details
			}
		})
	}
	return w.Writer.Add(c, rows)
}

// details are the further members of an error record, which say where the
// record is in the bucket.
type details struct {
	TableName  string `json:"tableName"`
	ObjectURL  string `json:"objectUrl"`
	ObjectSize int64  `json:"objectSize"`
}

// Seal returns the error records, and the manifest. A batch has one object, so
// there is one manifest.
func (w *failedWriter) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	payloads, err := w.Writer.Seal(p)
	if err != nil || w.details == "" {
		return payloads, err
	}
	var d details
	if err := json.Unmarshal([]byte("{"+w.details+"}"), &d); err != nil {
		return nil, fmt.Errorf("read details of a failed record: %w", err)
	}
	content, err := spoolManifest(w.spool, d.ObjectURL, d.ObjectSize)
	if err != nil {
		return nil, err
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(d.ObjectURL, scheme), "/")
	return append(payloads, sinks.Payload{
		Content: content,
		ID:      p.ID().Sub("failed manifest").String(),
		Name:    failedManifests + key,
		Failed:  true,
	}), nil
}
