package put

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Display shows how far a sender is: a bar that is drawn again on a terminal,
// a line now and then elsewhere.
type Display struct {
	Out      io.Writer
	Terminal bool
	Stream   string
	Records  int64 // how many there will be; 0: not known
	Bytes    int64 // how many bytes there will be; 0: not known
}

const (
	redraw = 250 * time.Millisecond
	report = 10 * time.Second
)

// Run shows progress until ctx is done.
func (d *Display) Run(ctx context.Context, s *Sender) {
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
			d.show(s.Progress(), time.Since(begun))
		case <-ctx.Done():
			if d.Terminal {
				fmt.Fprint(d.Out, "\r\x1b[K")
			}
			return
		}
	}
}

func (d *Display) show(p Progress, took time.Duration) {
	rate := float64(p.Records) / took.Seconds()
	text := fmt.Sprintf("%d records  %s  %.0f/s", p.Records, size(p.Bytes), rate)
	if p.Retries > 0 {
		text += "  " + counted(p.Retries, "retry", "retries")
	}
	if done, known := d.share(p); known {
		text = fmt.Sprintf("%5.1f%%  %s", 100*done, text)
		if d.Terminal {
			const width = 30
			full := int(done * width)
			text = strings.Repeat("█", full) + strings.Repeat("░", width-full) + " " + text
		}
	}
	if d.Terminal {
		fmt.Fprintf(d.Out, "\r\x1b[K%s  %s", d.Stream, text)
		return
	}
	fmt.Fprintf(d.Out, "%s  %s\n", d.Stream, text)
}

// share is how much of the work is done, if that is known.
func (d *Display) share(p Progress) (float64, bool) {
	switch {
	case d.Records > 0:
		return min(1, float64(p.Records)/float64(d.Records)), true
	case d.Bytes > 0:
		return min(1, float64(p.Bytes)/float64(d.Bytes)), true
	}
	return 0, false
}

// Summary is what a person wants to know at the end, in one line.
func Summary(stream string, p Progress, took time.Duration) string {
	s := fmt.Sprintf("%s  %s  %s  in %s  %.0f/s", stream, counted(p.Records, "record", "records"), size(p.Bytes),
		took.Round(10*time.Millisecond), float64(p.Records)/max(took.Seconds(), .001))
	if p.Retries > 0 {
		s += "  " + counted(p.Retries, "retry", "retries")
	}
	if p.TooLarge > 0 {
		s += fmt.Sprintf("  %d left out: larger than 1,024,000 bytes", p.TooLarge)
	}
	if p.Unsent > 0 {
		s += fmt.Sprintf("  %d not confirmed", p.Unsent)
	}
	return s
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
