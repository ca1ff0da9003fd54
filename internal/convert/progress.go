package convert

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Display shows how far a job is: a bar that is drawn again on a terminal, a
// line now and then elsewhere.
type Display struct {
	Out      io.Writer
	Terminal bool
	Name     string // of the output
	Bytes    int64  // how many bytes the inputs have; 0: not known
}

const (
	redraw = 250 * time.Millisecond
	report = 10 * time.Second
)

// Run shows progress until ctx is done.
func (d *Display) Run(ctx context.Context, j *Job) {
	every := report
	if d.Terminal {
		every = redraw
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	begun := time.Now()
	for {
		select {
		case <-tick.C:
			d.show(j.Progress(), time.Since(begun))
		case <-ctx.Done():
			if d.Terminal {
				fmt.Fprint(d.Out, "\r\x1b[K")
			}
			return
		}
	}
}

func (d *Display) show(p Progress, took time.Duration) {
	text := fmt.Sprintf("%d rows  %s  %.0f MB/s", p.Rows, size(p.Bytes), float64(p.Bytes)/1e6/took.Seconds())
	if p.Failed > 0 {
		text += fmt.Sprintf("  %d failed", p.Failed)
	}
	if d.Bytes > 0 {
		done := min(1, float64(p.Bytes)/float64(d.Bytes))
		text = fmt.Sprintf("%5.1f%%  %s", 100*done, text)
		if d.Terminal {
			const width = 30
			full := int(done * width)
			text = strings.Repeat("█", full) + strings.Repeat("░", width-full) + " " + text
		}
	}
	if d.Terminal {
		fmt.Fprintf(d.Out, "\r\x1b[K%s  %s", d.Name, text)
		return
	}
	fmt.Fprintf(d.Out, "%s  %s\n", d.Name, text)
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
		counted(s.Result.Rows, "row", "rows"), counted(s.Result.Groups, s.Group, s.Groups),
		size(s.Result.Bytes), size(s.Written), s.Took.Round(10*time.Millisecond), float64(s.Result.Bytes)/1e6/seconds)
	if s.CPU > 0 {
		text += fmt.Sprintf("  %s CPU", s.CPU.Round(10*time.Millisecond))
	}
	if s.Result.Failed > 0 {
		text += fmt.Sprintf("\n%s FAILED and %s not in it", counted(s.Result.Failed, "record", "records"), isAre(s.Result.Failed))
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

func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func size(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%dB", n)
	}
	return fmt.Sprintf("%.1f%s", v, unit)
}
