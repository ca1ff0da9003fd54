// Package replay delivers failed records again: those that would pass today.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/internal/failed"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/progress"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/stream"
)

// Plan is what a replay is going to do.
type Plan struct {
	Stream string
	Place  string
	Inputs []job.Input // the lines that would pass
	Bytes  int64       // of their records
	// Passing are the reasons for which the records that would pass now failed
	// then; Failing those for which the others would fail again.
	Passing, Failing failed.Groups
	Replayed         int64 // records that an earlier replay took
	Garbage          int   // lines that are no error records
	// Decisions are what the conversion came to decide; the replay starts from
	// them, so that it decides as the plan did.
	Decisions map[string][]byte
}

// Options are what a plan needs.
type Options struct {
	Spec      stream.Spec       // of the stream, by today's configuration
	Decisions map[string][]byte // of the stream
	Filter    *failed.Filter
	Progress  *failed.Progress
	Garbage   func(failed.Garbage)
}

// The records that are tried together.
const (
	tryRecords = 10_000
	tryBytes   = 4 << 20
)

// New reads the failed records and runs them through the stream's transforms
// and its destination's writer. Nothing is sent.
func New(ctx context.Context, o *failed.Output, opts Options) (plan *Plan, err error) {
	t, err := openTrial(opts.Spec, opts.Decisions)
	if err != nil {
		return nil, fmt.Errorf("plan replay: %w", err)
	}
	defer func() { err = errors.Join(err, t.close()) }()
	b := &planner{plan: &Plan{Stream: o.Stream, Place: o.Place.String()}, trial: t}
	err = o.Read(ctx, opts.Filter, opts.Progress, failed.Visitor{
		Record: func(e object.Entry, r *failed.Record) error { return b.add(ctx, e, r) },
		Garbage: func(g failed.Garbage) {
			b.plan.Garbage++
			opts.Garbage(g)
		},
	})
	if err == nil {
		err = b.try(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("plan replay: %w", err)
	}
	b.plan.Decisions = t.decisions.now
	return b.plan, nil
}

// planner collects records until they are tried.
type planner struct {
	plan    *Plan
	trial   *trial
	entries []object.Entry
	records []*failed.Record
	bytes   int
}

func (b *planner) add(ctx context.Context, e object.Entry, r *failed.Record) error {
	if r.Replayed {
		b.plan.Replayed++
		return nil
	}
	b.entries, b.records, b.bytes = append(b.entries, e), append(b.records, r), b.bytes+len(r.Data)
	if len(b.records) < tryRecords && b.bytes < tryBytes {
		return nil
	}
	return b.try(ctx)
}

func (b *planner) try(ctx context.Context) error {
	if len(b.records) == 0 {
		return nil
	}
	data := make([][]byte, len(b.records))
	for i, r := range b.records {
		data[i] = r.Data
	}
	why, err := b.trial.run(ctx, data)
	if err != nil {
		return err
	}
	for i, r := range b.records {
		if why[i] != nil {
			b.plan.Failing.Add(b.plan.Stream, again(r, why[i]))
			continue
		}
		b.plan.Passing.Add(b.plan.Stream, r)
		b.plan.take(b.entries[i], r)
	}
	b.entries, b.records, b.bytes = b.entries[:0], b.records[:0], 0
	return nil
}

// again is the record with the reason it would fail for now.
func again(r *failed.Record, why error) *failed.Record {
	now := *r
	var f *buffer.Failure
	if errors.As(why, &f) {
		now.Type, now.Code, now.Message = f.Output, f.Code, f.Message
	} else {
		now.Code, now.Message = "ProcessingFailed", why.Error()
	}
	return &now
}

func (p *Plan) take(e object.Entry, r *failed.Record) {
	if last := len(p.Inputs) - 1; last < 0 || p.Inputs[last].Entry != e {
		p.Inputs = append(p.Inputs, job.Input{Entry: e})
	}
	p.Inputs[len(p.Inputs)-1].Lines.Add(r.Line)
	p.Bytes += int64(len(r.Data))
}

// Records returns how many records would pass.
func (p *Plan) Records() int64 {
	n := int64(0)
	for i := range p.Inputs {
		n += p.Inputs[i].Lines.Count()
	}
	return n
}

// Manifest is the job that does it.
func (p *Plan) Manifest() job.Manifest {
	return job.Manifest{
		Kind: job.Replay, Stream: p.Stream, From: p.Place, Records: p.Records(), Inputs: p.Inputs, Decisions: p.Decisions,
	}
}

// shownReasons is how many reasons a plan lists of each kind.
const shownReasons = 10

// String says what is going to happen.
func (p *Plan) String() string {
	pass, fail := p.Records(), count(p.Failing.List())
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  %s in %s\n", p.Stream, progress.Counted(pass+fail+p.Replayed, "failed record", "failed records"), p.Place)
	reasons(&b, "would pass now", pass, p.Passing.List())
	reasons(&b, "would fail again", fail, p.Failing.List())
	if p.Replayed > 0 {
		fmt.Fprintf(&b, "%8d  replayed before\n", p.Replayed)
	}
	if p.Garbage > 0 {
		fmt.Fprintf(&b, "%8d  left out: no error records\n", p.Garbage)
	}
	return strings.TrimRight(b.String(), "\n")
}

func count(groups []failed.Group) int64 {
	n := int64(0)
	for i := range groups {
		n += groups[i].Records
	}
	return n
}

func reasons(b *bytes.Buffer, what string, n int64, groups []failed.Group) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "%8d  %s\n", n, what)
	for _, g := range groups[:min(len(groups), shownReasons)] {
		fmt.Fprintf(b, "          %8d  %s  %s  %s\n", g.Records, g.Type, g.Code, g.Reason)
	}
	if more := len(groups) - shownReasons; more > 0 {
		fmt.Fprintf(b, "                    and %s more\n", progress.Counted(int64(more), "reason", "reasons"))
	}
}
