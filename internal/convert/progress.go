package convert

import (
	"fmt"
	"time"

	"github.com/hydrant-dev/hydrant/internal/progress"
)

// Status says how far a job is after so long. The inputs have so many bytes;
// 0: not known.
func (p Progress) Status(took time.Duration, bytes int64) progress.Status {
	text := fmt.Sprintf("%d rows  %s  %.0f MB/s", p.Rows, progress.Size(p.Bytes), float64(p.Bytes)/1e6/took.Seconds())
	if p.Failed > 0 {
		text += fmt.Sprintf("  %d failed", p.Failed)
	}
	return progress.Status{Text: text}.ShareOf(p.Bytes, bytes)
}

// Summary is what a person wants to know at the end.
type Summary struct {
	Output        string
	Result        Result
	Written       int64         // bytes
	Took, CPU     time.Duration // CPU is 0 where it is not known
	Errors        string        // name of the file with the records that failed, if there is one
	Group, Groups string        // "row group", "row groups"
}

// String is one line, and another one if records failed.
func (s Summary) String() string {
	seconds := max(s.Took.Seconds(), .001)
	text := fmt.Sprintf("%s  %s in %s  %s -> %s  in %s  %.0f MB/s", s.Output,
		progress.Counted(s.Result.Rows, "row", "rows"), progress.Counted(s.Result.Groups, s.Group, s.Groups),
		progress.Size(s.Result.Bytes), progress.Size(s.Written), s.Took.Round(10*time.Millisecond), float64(s.Result.Bytes)/1e6/seconds)
	if s.CPU > 0 {
		text += fmt.Sprintf("  %s CPU", s.CPU.Round(10*time.Millisecond))
	}
	if s.Result.Failed > 0 {
		text += fmt.Sprintf("\n%s FAILED and %s not in it", progress.Counted(s.Result.Failed, "record", "records"), isAre(s.Result.Failed))
		if s.Errors != "" {
			text += "; see " + s.Errors
		}
	}
	return text
}

func isAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
