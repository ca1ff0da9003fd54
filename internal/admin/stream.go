package admin

import (
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/stream"
)

// Stream is a stream as the admin API shows it.
type Stream struct {
	Name             string       `json:"name"`
	State            stream.State `json:"state"`
	Reason           string       `json:"reason,omitempty"`
	Since            *time.Time   `json:"since,omitempty"` // of state and reason
	Ledger           Ledger       `json:"ledger"`
	FreshnessSeconds float64      `json:"freshness_seconds"` // age of the oldest record not settled
	DiskBytes        int64        `json:"disk_bytes"`
	DiskProblem      string       `json:"disk_problem,omitempty"`
	Hints            Hints        `json:"buffering_hints"`
	Follows          string       `json:"follows,omitempty"` // the stream whose records these are
	Readers          []Reader     `json:"readers,omitempty"` // of its log, if others follow it: the one that holds most first
}

// Reader is a stream that has not passed all of a log.
type Reader struct {
	Stream    string `json:"stream"`
	Waiting   Count  `json:"waiting"`
	DiskBytes int64  `json:"disk_bytes"` // of the log, that stay until it has passed
}

// Hints are a stream's buffering hints.
type Hints struct {
	SizeBytes       int64   `json:"size_bytes"`
	IntervalSeconds float64 `json:"interval_seconds"`
}

// Ledger is the account of a stream: accepted is the sum of the others, and
// gap is what is missing, always 0.
type Ledger struct {
	Accepted  Count `json:"accepted"`
	Delivered Count `json:"delivered"`
	Failed    Count `json:"failed"`
	Dropped   Count `json:"dropped"`
	Lost      Count `json:"lost"`
	Buffered  Count `json:"buffered"`
	Gap       int64 `json:"gap"`
}

// Count is a number of records and their bytes.
type Count struct {
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
}

// Describe returns what the admin API shows of a stream.
func Describe(st *stream.Stream) Stream {
	status, hints := st.Status(), st.Spec().Hints
	d := Stream{
		Name:      st.Name(),
		State:     status.State,
		Reason:    status.Reason,
		Ledger:    ledger(status.Ledger),
		DiskBytes: status.Size,
		Hints:     Hints{SizeBytes: hints.Size, IntervalSeconds: hints.Interval.Seconds()},
	}
	d.Follows = st.Spec().Follow
	if len(status.Holders) > 1 {
		for _, h := range status.Holders {
			d.Readers = append(d.Readers, Reader{h.Stream, Count(h.Waiting), h.Bytes})
		}
	}
	if !status.Since.IsZero() {
		since := status.Since.UTC().Truncate(time.Millisecond)
		d.Since = &since
	}
	if !status.Oldest.IsZero() {
		d.FreshnessSeconds = max(0, time.Since(status.Oldest).Seconds())
	}
	if status.Disk != nil {
		d.DiskProblem = status.Disk.Error()
	}
	return d
}

func ledger(l buffer.Ledger) Ledger {
	count := func(c buffer.Count) Count { return Count(c) }
	return Ledger{
		Accepted: count(l.Accepted), Delivered: count(l.Delivered), Failed: count(l.Failed),
		Dropped: count(l.Dropped), Lost: count(l.Lost), Buffered: count(l.Buffered), Gap: l.Gap(),
	}
}
