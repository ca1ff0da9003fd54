package put

import (
	"fmt"
	"time"

	"github.com/hydrant-dev/hydrant/internal/progress"
)

// Status says how far a sender is after so long. There will be so many
// records, or so many bytes; 0: not known.
func (p Progress) Status(took time.Duration, records, bytes int64) progress.Status {
	text := fmt.Sprintf("%d records  %s  %.0f/s", p.Records, progress.Size(p.Bytes), float64(p.Records)/took.Seconds())
	if p.Retries > 0 {
		text += "  " + progress.Counted(p.Retries, "retry", "retries")
	}
	s := progress.Status{Text: text}
	if records > 0 {
		return s.ShareOf(p.Records, records)
	}
	return s.ShareOf(p.Bytes, bytes)
}

// Summary is what a person wants to know at the end, in one line.
func Summary(stream string, p Progress, took time.Duration) string {
	s := fmt.Sprintf("%s  %s  %s  in %s  %.0f/s", stream, progress.Counted(p.Records, "record", "records"), progress.Size(p.Bytes),
		took.Round(10*time.Millisecond), float64(p.Records)/max(took.Seconds(), .001))
	if p.Retries > 0 {
		s += "  " + progress.Counted(p.Retries, "retry", "retries")
	}
	if p.TooLarge > 0 {
		s += fmt.Sprintf("  %d left out: larger than 1,024,000 bytes", p.TooLarge)
	}
	if p.Unsent > 0 {
		s += fmt.Sprintf("  %d not confirmed", p.Unsent)
	}
	return s
}
