package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/schema"
)

// records looks at text. whole says that there is no more than the sample.
func (r *Report) records(sample []byte, whole bool, rows int) {
	sample = bytes.TrimPrefix(sample, []byte("\xef\xbb\xbf"))
	if !whole { // the last line has no end, and perhaps half a character
		if i := bytes.LastIndexByte(sample, '\n'); i >= 0 {
			sample = sample[:i+1]
		}
	}
	inf := schema.NewInference(0)
	lines, objects, several, other := 0, 0, 0, 0
	var errors []errorLine
	for line := range bytes.Lines(sample) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		lines++
		values := split(line)
		switch {
		case len(values) == 0:
			other++
			if len(r.Lines) < rows {
				r.Lines = append(r.Lines, strings.ToValidUTF8(string(line), "\uFFFD"))
			}
			continue
		case len(values) > 1:
			several++
		}
		objects += len(values)
		inf.Add(line)
		if e, ok := parseErrorLine(line); ok {
			errors = append(errors, e)
			continue
		}
		for _, v := range values {
			if len(r.First) < rows {
				r.First = append(r.First, compact(v))
			}
		}
	}
	switch {
	case len(errors) > 0 && len(errors) == lines:
		r.Kind = "Firehose error records"
		r.errorRecords(errors, rows)
	case objects > 0 && other == 0:
		r.Kind = "JSON records"
	case objects > other:
		r.Kind = "JSON records, and lines that are none"
	default:
		r.Kind = "text"
		r.First = nil
	}
	if whole {
		r.add("lines", grouped(int64(lines)))
	} else if lines > 0 {
		r.add("lines", grouped(int64(lines))+" in what was looked at")
	}
	if other > 0 && objects > other {
		r.add("no JSON", fmt.Sprintf("%d lines", other))
	} else {
		r.Lines = r.Lines[:min(len(r.Lines), rows)]
	}
	if several > 0 {
		r.add("several records in a line", fmt.Sprintf("%d lines; put a newline behind each record: record_delimiter", several))
	}
	if strings.HasPrefix(r.Kind, "JSON") {
		if s, err := inf.Schema(); err == nil {
			for i := range s.Columns {
				r.Columns = append(r.Columns, Column{Name: s.Columns[i].Name, Type: s.Columns[i].Type.String()})
			}
		}
	}
}

// split returns the JSON objects in a line, or nil if there is anything else.
func split(line []byte) []json.RawMessage {
	var all []json.RawMessage
	d := json.NewDecoder(bytes.NewReader(line))
	for d.More() {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil || len(v) == 0 || v[0] != '{' {
			return nil
		}
		all = append(all, v)
	}
	return all
}

func compact(v json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil || !utf8.Valid(v) {
		return json.RawMessage(`"not JSON"`)
	}
	return b.Bytes()
}

// errorLine is a record of Firehose's error output; older and newer ones have
// other names for the code.
type errorLine struct {
	Attempts    *int    `json:"attemptsMade"`
	Arrival     *int64  `json:"arrivalTimestamp"`
	Code        string  `json:"errorCode"`
	Message     string  `json:"errorMessage"`
	LastCode    string  `json:"lastErrorCode"`
	LastMessage string  `json:"lastErrorMessage"`
	RawData     *string `json:"rawData"`
}

func parseErrorLine(line []byte) (errorLine, bool) {
	var e errorLine
	if !bytes.Contains(line, []byte(`"rawData"`)) || json.Unmarshal(line, &e) != nil {
		return e, false
	}
	if e.Code == "" {
		e.Code, e.Message = e.LastCode, e.LastMessage
	}
	return e, e.RawData != nil && e.Attempts != nil && e.Code != ""
}

// errorRecords counts the codes and decodes the first records.
func (r *Report) errorRecords(all []errorLine, rows int) {
	r.First, r.Columns = nil, nil
	for _, e := range all {
		i := slices.IndexFunc(r.Errors, func(c ErrorCount) bool { return c.Code == e.Code })
		if i < 0 {
			i = len(r.Errors)
			r.Errors = append(r.Errors, ErrorCount{Code: e.Code, Message: e.Message})
		}
		r.Errors[i].Records++
	}
	for _, e := range all[:min(rows, len(all))] {
		raw, err := base64.StdEncoding.DecodeString(*e.RawData)
		if err != nil {
			raw = []byte(*e.RawData)
		}
		r.Lines = append(r.Lines, strings.TrimRight(strings.ToValidUTF8(string(raw), "\uFFFD"), "\r\n"))
	}
}
