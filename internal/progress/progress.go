// Package progress shows on a terminal, or in a log, how far a long job is.
package progress

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Display is a bar that is drawn again on a terminal, a line now and then
// elsewhere.
type Display struct {
	Out      io.Writer
	Terminal bool
	Name     string // of the job
}

// Status is how far a job is.
type Status struct {
	Text  string
	Share float64 // of the work that is done; meaningless if not Known
	Known bool
}

// ShareOf adds how much of all is done; all is 0 if that is not known.
func (s Status) ShareOf(done, all int64) Status {
	if all > 0 {
		s.Share, s.Known = min(1, float64(done)/float64(all)), true
	}
	return s
}

const (
	redraw = 250 * time.Millisecond
	report = 10 * time.Second
)

// Run shows the status until ctx is done.
func (d *Display) Run(ctx context.Context, status func(took time.Duration) Status) {
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
			d.show(status(time.Since(begun)))
		case <-ctx.Done():
			if d.Terminal {
				fmt.Fprint(d.Out, "\r\x1b[K")
			}
			return
		}
	}
}

func (d *Display) show(s Status) {
	text := s.Text
	if s.Known {
		text = fmt.Sprintf("%5.1f%%  %s", 100*s.Share, text)
		if d.Terminal {
			const width = 30
			full := int(s.Share * width)
			text = strings.Repeat("█", full) + strings.Repeat("░", width-full) + " " + text
		}
	}
	if d.Terminal {
		fmt.Fprintf(d.Out, "\r\x1b[K%s  %s", d.Name, text)
		return
	}
	fmt.Fprintf(d.Out, "%s  %s\n", d.Name, text)
}

// Counted writes a number with what it counts.
func Counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Size writes a number of bytes in the largest unit that it fills: "4.3KiB".
func Size(n int64) string {
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
