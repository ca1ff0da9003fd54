package httpendpoint

import (
	"bytes"
	"strconv"

	"github.com/segmentio/asm/base64"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// Format is what the body of a request looks like. Each record has its own
// fragment in it, and any selection of fragments, in their order, makes a body
// when head and tail are put around it.
type Format string

const (
	// Firehose is the contract between Firehose and its HTTP endpoints.
	Firehose Format = "firehose"
	// NDJSON is one JSON value a line.
	NDJSON Format = "ndjson"
	// JSONArray is one JSON array with a value for each record.
	JSONArray Format = "json_array"
)

// Values lists the formats.
func (Format) Values() []string {
	return []string{string(Firehose), string(NDJSON), string(JSONArray)}
}

// UnmarshalText reads a format in any letter case.
func (f *Format) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, f.Values()...)
	if err == nil {
		*f = Format(word)
	}
	return err
}

// contentType is the media type of a body.
func (f Format) contentType() string {
	if f == NDJSON {
		return "application/x-ndjson"
	}
	return "application/json"
}

// appendFragment appends the fragment of a record. A record that has none is
// refused with a *column.SyntaxError.
func (f Format) appendFragment(dst, record []byte) ([]byte, error) {
	if f == Firehose {
		return appendData(dst, record), nil
	}
	if err := column.Valid(record); err != nil {
		return dst, err
	}
	if f == JSONArray {
		return append(append(dst, record...), ','), nil
	}
	return appendLine(dst, record), nil
}

// appendData appends a record as Firehose has it, and the comma that divides it
// from the next.
func appendData(dst, record []byte) []byte {
	dst = append(dst, `{"data":"`...)
	start := len(dst)
	end := start + base64.StdEncoding.EncodedLen(len(record))
	if cap(dst) < end {
		dst = append(make([]byte, 0, max(2*cap(dst), end+fragmentEnd)), dst...)
	}
	dst = dst[:end]
	base64.StdEncoding.Encode(dst[start:], record)
	return append(dst, `"},`...)
}

// fragmentEnd is what follows the data of a record.
const fragmentEnd = len(`"},`)

// appendLine appends a JSON value on one line: a line feed inside of it can
// only be white space between two tokens.
func appendLine(dst, value []byte) []byte {
	start := len(dst)
	dst = append(dst, bytes.TrimSpace(value)...)
	if line := dst[start:]; bytes.IndexByte(line, '\n') >= 0 {
		for i, c := range line {
			if c == '\n' || c == '\r' {
				line[i] = ' '
			}
		}
	}
	return append(dst, '\n')
}

// appendHead appends what comes before the fragments.
func (f Format) appendHead(dst []byte, requestID string, timestamp int64) []byte {
	switch f {
	case Firehose:
		dst = append(dst, `{"requestId":"`...)
		dst = append(dst, requestID...)
		dst = append(dst, `","timestamp":`...)
		dst = strconv.AppendInt(dst, timestamp, 10)
		return append(dst, `,"records":[`...)
	case JSONArray:
		return append(dst, '[')
	}
	return dst
}

// tail is what comes after the fragments; cut is how many bytes of the last
// one, its comma, are left out.
func (f Format) tail() (text string, cut int64) {
	switch f {
	case Firehose:
		return "]}", 1
	case JSONArray:
		return "]", 1
	}
	return "", 0
}

// frame is more than head and tail have together.
const frame = 128
