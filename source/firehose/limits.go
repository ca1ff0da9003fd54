package firehose

import (
	"net/http"
	"strconv"
	"strings"
)

// The limits of the API.
const (
	maxRecord  = 1_024_000 // bytes of one record, after base64
	maxRecords = 500       // records of one batch
	maxBatch   = 4 << 20   // bytes of all records of a batch, after base64
)

// violations collects what is wrong with the members of a request, in the
// words of the real service.
type violations []string

func (v *violations) add(path, must string) {
	*v = append(*v, "Value at '"+path+"' failed to satisfy constraint: Member must "+must)
}

// err returns nil if there are none.
func (v violations) err() *apiError {
	if len(v) == 0 {
		return nil
	}
	s := " validation errors detected: "
	if len(v) == 1 {
		s = " validation error detected: "
	}
	return &apiError{http.StatusBadRequest, "ValidationException", strconv.Itoa(len(v)) + s + strings.Join(v, "; ")}
}

func (v *violations) streamName(name []byte, present bool) {
	const path = "deliveryStreamName"
	if !present {
		v.add(path, "not be null")
		return
	}
	if len(name) < 1 {
		v.add(path, "have length greater than or equal to 1")
	}
	if len(name) > 64 {
		v.add(path, "have length less than or equal to 64")
	}
	for _, c := range name {
		if c-'a' >= 26 && c-'A' >= 26 && c-'0' >= 10 && c != '_' && c != '.' && c != '-' {
			v.add(path, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
			return
		}
	}
}

// limits checks a put against the limits of the API.
func (p *put) limits(batch bool) *apiError {
	var v violations
	v.streamName(p.name, p.hasName)
	switch {
	case !batch && !p.present:
		v.add("record", "not be null")
	case !batch:
		if p.noDataAt > 0 {
			v.add("record.data", "not be null")
		}
		if p.largeAt > 0 {
			v.add("record.data", "have length less than or equal to "+strconv.Itoa(maxRecord))
		}
	case !p.present:
		v.add("records", "not be null")
	case p.records == 0:
		v.add("records", "have length greater than or equal to 1")
	default:
		if p.records > maxRecords {
			v.add("records", "have length less than or equal to "+strconv.Itoa(maxRecords))
		}
		if p.nullAt > 0 {
			v.add("records."+strconv.Itoa(p.nullAt)+".member", "not be null")
		}
		if p.noDataAt > 0 {
			v.add("records."+strconv.Itoa(p.noDataAt)+".member.data", "not be null")
		}
		if p.largeAt > 0 {
			v.add("records."+strconv.Itoa(p.largeAt)+".member.data", "have length less than or equal to "+strconv.Itoa(maxRecord))
		}
	}
	if err := v.err(); err != nil {
		return err
	}
	if p.bytes > maxBatch {
		return invalidArgument("Records size exceeds 4 MB limit")
	}
	return nil
}
