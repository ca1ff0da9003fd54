package failed

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Filter chooses records. The zero value matches all.
type Filter struct {
	Since, Until time.Time // of the arrival; Until is not included
	Types, Codes []string  // any of them
	Contains     string    // in the message, or in the record
}

// Match reports whether a record is wanted. One whose arrival is not known is
// wanted at any time.
func (f *Filter) Match(r *Record) bool {
	switch {
	case !r.Arrival.IsZero() && !f.Since.IsZero() && r.Arrival.Before(f.Since),
		!r.Arrival.IsZero() && !f.Until.IsZero() && !r.Arrival.Before(f.Until),
		len(f.Types) > 0 && !slices.Contains(f.Types, r.Type),
		len(f.Codes) > 0 && !slices.Contains(f.Codes, r.Code):
		return false
	}
	return f.Contains == "" || strings.Contains(r.Message, f.Contains) || bytes.Contains(r.Data, []byte(f.Contains))
}

// skew is more than clocks differ.
const skew = time.Hour

// mayHold reports whether an object is worth reading: one that was written
// before a time holds nothing that arrived after it.
func (f *Filter) mayHold(e object.Entry, errorType string) bool {
	if !f.Since.IsZero() && !e.Modified.IsZero() && e.Modified.Add(skew).Before(f.Since) {
		return false
	}
	return errorType == "" || len(f.Types) == 0 || slices.Contains(f.Types, errorType)
}
