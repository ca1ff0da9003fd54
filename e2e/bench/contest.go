package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"time"
)

// benchmark is one piece of work that several contestants do in turn.
type benchmark struct {
	name        string
	about       string
	contestants []contestant // the first is ours
	goals       []goal
}

// contestant does the work once and says what it measured.
type contestant struct {
	name string
	run  func(ctx context.Context) (figures, error)
}

// figures are what one turn measured.
type figures map[metric]float64

// metric is a thing to measure. Of a cost, less is better.
type metric struct {
	name string
	unit string
	cost bool
}

// goal compares us with a peer: our figure divided by its figure is to be at
// least floor or, for a cost, at most. Without a peer, our figure itself is
// compared. Without a floor it is for information.
type goal struct {
	metric  metric
	peer    string
	floor   float64
	stretch float64 // what we reach for
}

// run gives every contestant its turns. They are interleaved, so that a slow
// minute of the machine is everybody's.
func (b benchmark) run(ctx context.Context, rounds int, profile string) ([]row, error) {
	turns := map[string][]figures{}
	for round := range rounds {
		for i, c := range b.contestants {
			run := c.run
			if i == 0 && profile != "" {
				file := filepath.Join(profile, fmt.Sprintf("%s-%d.prof", b.name, round+1))
				run = func(ctx context.Context) (figures, error) { return profiled(ctx, c, file) }
			}
			debug.FreeOSMemory() // nobody pays for the garbage of the one before
			warm()
			start := time.Now()
			f, err := run(ctx)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s %d/%d %s: %s (%.1fs)\n",
				b.name, round+1, rounds, c.name, f, time.Since(start).Seconds())
			turns[c.name] = append(turns[c.name], f)
		}
	}
	ours := turns[b.contestants[0].name]
	var rows []row
	for _, g := range b.goals {
		r := row{
			Benchmark: b.name, Metric: g.metric.name, Unit: g.metric.unit, Cost: g.metric.cost,
			Ours: median(each(ours, g.metric)), Peer: g.peer, Floor: g.floor, Stretch: g.stretch,
		}
		if g.peer != "" {
			theirs := turns[g.peer]
			r.Theirs = median(each(theirs, g.metric))
			r.Ratio = median(ratios(each(ours, g.metric), each(theirs, g.metric)))
		}
		r.Verdict = r.judge()
		rows = append(rows, r)
	}
	return rows, nil
}

// profiled runs a turn under the CPU profiler.
func profiled(ctx context.Context, c contestant, file string) (figures, error) {
	out, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return c.run(ctx)
}

func each(turns []figures, m metric) []float64 {
	var values []float64
	for _, f := range turns {
		values = append(values, f[m])
	}
	return values
}

// ratios compares turns that followed each other, under the same conditions.
func ratios(ours, theirs []float64) []float64 {
	var all []float64
	for i := range ours {
		all = append(all, ours[i]/theirs[i])
	}
	return all
}

// median reorders values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func (f figures) String() string {
	var parts []string
	for m, v := range f {
		parts = append(parts, fmt.Sprintf("%s %s %s", m.name, short(v), m.unit))
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}
