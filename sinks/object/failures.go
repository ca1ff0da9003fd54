package object

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// errorWriter writes Firehose's error records, one JSON object a line, into
// one object per error-output-type.
//
// Source: docs.aws.amazon.com/firehose/latest/dev/retry.html.
type errorWriter struct {
	sink    *Sink
	spool   sinks.Spool
	outputs []errorOutput // there are few types: a slice, in order of appearance
	causes  []error       // by row of the current chunk, reused
}

type errorOutput struct {
	errorType string
	file      sinks.SpoolFile
	line      []byte // lines not written yet, reused
	count     buffer.Count
}

// enough is how many bytes of lines are collected before they are written.
const enough = 64 << 10

func (w *errorWriter) Add(c *buffer.Chunk, rows []int) error {
	w.causes = slices.Grow(w.causes[:0], c.Len())[:c.Len()]
	clear(w.causes)
	c.Failures(func(row int, err error) { w.causes[row] = err })
	for _, row := range rows {
		f := failure(w.causes[row])
		out, err := w.output(errorType(f.Output))
		if err != nil {
			return err
		}
		data := c.Bytes(row)
		out.line = AppendErrorLine(out.line, f, c.Position(row), c.ArrivalMillis(row), data)
		out.count.Records++
		out.count.Bytes += uint64(len(data))
		if len(out.line) >= enough {
			if err := out.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// failure returns the fields of an error record for any error.
func failure(err error) *buffer.Failure {
	if f, ok := err.(*buffer.Failure); ok {
		return f // the usual case, without an allocation
	}
	var f *buffer.Failure
	if errors.As(err, &f) {
		return f
	}
	text := "the reason was not recorded"
	if err != nil {
		text = err.Error()
	}
	return &buffer.Failure{Code: "ProcessingFailed", Message: text}
}

// errorType is the failure's type, made safe for a key.
func errorType(s string) string {
	if s == "" {
		return "processing-failed"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
}

func (w *errorWriter) output(errorType string) (*errorOutput, error) {
	for i := range w.outputs {
		if w.outputs[i].errorType == errorType {
			return &w.outputs[i], nil
		}
	}
	file, err := w.spool.Create()
	if err != nil {
		return nil, fmt.Errorf("create spool file: %w", err)
	}
	w.outputs = append(w.outputs, errorOutput{errorType: errorType, file: file})
	return &w.outputs[len(w.outputs)-1], nil
}

func (o *errorOutput) flush() error {
	if _, err := o.file.Write(o.line); err != nil {
		return fmt.Errorf("write error records: %w", err)
	}
	o.line = o.line[:0]
	return nil
}

// Abandon has nothing to give back.
func (w *errorWriter) Abandon() {}

// Seal returns one payload for each error-output-type.
func (w *errorWriter) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	var payloads []sinks.Payload
	for i := range w.outputs {
		o := &w.outputs[i]
		if err := o.flush(); err != nil {
			return nil, err
		}
		content, err := o.file.Finish()
		if err != nil {
			return nil, fmt.Errorf("finish spool file: %w", err)
		}
		id := p.ID().Sub("errors/" + o.errorType)
		key, err := w.sink.layout.Names.failed(p, id, o.errorType)
		if err != nil {
			return nil, err
		}
		payloads = append(payloads, sinks.Payload{
			Content: content,
			ID:      id.String(),
			Name:    key,
			Count:   o.count,
			Headers: map[string]string{"Content-Type": "application/octet-stream"},
			Failed:  true,
		})
	}
	return payloads, nil
}

// AppendErrorLine writes one error record. The end of the last attempt is
// given as the record's arrival: a clock would make the bytes of the object
// differ between two executions of the same plan.
func AppendErrorLine(dst []byte, f *buffer.Failure, p buffer.Position, arrivalMillis int64, data []byte) []byte {
	// The newer guide and the service disagree about the names of two members
	// after a failed conversion; these are what the service writes.
	code, message := `,"errorCode":`, `,"errorMessage":`
	converted := f.Output == "format-conversion-failed"
	if converted {
		code, message = `,"lastErrorCode":`, `,"lastErrorMessage":`
	}
	dst = append(dst, `{"attemptsMade":`...)
	dst = strconv.AppendInt(dst, int64(f.Attempts), 10)
	dst = append(dst, `,"arrivalTimestamp":`...)
	dst = strconv.AppendInt(dst, arrivalMillis, 10)
	dst = append(dst, code...)
	dst = appendJSONString(dst, f.Code)
	dst = append(dst, message...)
	dst = appendJSONString(dst, f.Message)
	dst = append(dst, `,"attemptEndingTimestamp":`...)
	dst = strconv.AppendInt(dst, arrivalMillis, 10)
	dst = append(dst, `,"rawData":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, data)
	dst = append(dst, '"')
	if converted {
		// A record is one sequence number: nothing is aggregated here.
		dst = fmt.Appendf(dst, `,"sequenceNumber":"%v","subSequenceNumber":0`, p)
	}
	if f.Details != "" {
		dst = append(append(dst, ','), f.Details...)
	}
	return append(dst, '}', '\n')
}

func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s { // bytes that are not UTF-8 arrive as U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20 || r == 0x7f || r == 0x2028 || r == 0x2029:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
