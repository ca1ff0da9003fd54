package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the outcome of a run, as JSON has it.
type report struct {
	Machine string    `json:"machine"`
	Started time.Time `json:"started"`
	Rounds  int       `json:"rounds"`
	Rows    []row     `json:"rows"`
}

// row is one comparison.
type row struct {
	Benchmark string  `json:"benchmark"`
	Metric    string  `json:"metric"`
	Unit      string  `json:"unit"`
	Cost      bool    `json:"cost"` // less is better
	Ours      float64 `json:"ours"`
	Peer      string  `json:"peer,omitempty"`
	Theirs    float64 `json:"theirs,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // ours / theirs
	Floor     float64 `json:"floor,omitempty"`
	Stretch   float64 `json:"stretch,omitempty"`
	Verdict   string  `json:"verdict"`
}

// The verdicts.
const (
	below  = "BELOW"
	holds  = "ok"
	beyond = "ok+" // the stretch goal, too
	noted  = ""    // for information
)

func (r row) judge() string {
	value := r.Ratio
	if r.Peer == "" {
		value = r.Ours
	}
	reaches := func(goal float64) bool {
		if goal == 0 {
			return false
		}
		if r.Cost {
			return value <= goal
		}
		return value >= goal
	}
	switch {
	case r.Floor == 0:
		return noted
	case reaches(r.Stretch):
		return beyond
	case reaches(r.Floor):
		return holds
	}
	return below
}

func (r report) missed() bool {
	for _, row := range r.Rows {
		if row.Verdict == below {
			return true
		}
	}
	return false
}

// print writes a table that is also Markdown.
func (r report) print(w io.Writer) error {
	fmt.Fprintf(w, "%s\nmedians of %d turns, %s\n\n", r.Machine, r.Rounds, r.Started.Format("2006-01-02 15:04 UTC"))
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintf(t, "| %s |\n", strings.Join(cells, "\t| ")) }
	line("benchmark", "measured", "ours", "peer", "its", "ratio", "floor", "stretch", "")
	line("---", "---", "---:", "---", "---:", "---:", "---:", "---:", "---")
	for _, x := range r.Rows {
		line(x.Benchmark, x.Metric+", "+x.Unit, short(x.Ours), orDash(x.Peer), shortOrDash(x.Theirs),
			ratio(x.Ratio), x.bound(x.Floor), x.bound(x.Stretch), x.Verdict)
	}
	return t.Flush()
}

// bound writes a goal with its direction.
func (r row) bound(goal float64) string {
	switch {
	case goal == 0:
		return "-"
	case r.Cost:
		return "≤ " + short(goal)
	}
	return "≥ " + short(goal)
}

// short writes three digits that matter.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 999_500:
		return fmt.Sprintf("%.3g M", v/1e6)
	case a >= 9_995:
		return fmt.Sprintf("%.3g k", v/1e3)
	case a >= 999.5:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func shortOrDash(v float64) string {
	if v == 0 {
		return "-"
	}
	return short(v)
}

func ratio(v float64) string {
	if v == 0 {
		return "-"
	}
	return short(v) + "×"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
