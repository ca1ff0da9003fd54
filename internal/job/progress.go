package job

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/internal/progress"
	"github.com/hydrant-dev/hydrant/stream"
)

// Status says how far the job is. It may be called while Do works.
func (r *Run) Status(took time.Duration) progress.Status {
	st := r.stream.Load()
	if st == nil {
		return progress.Status{Text: "opening"}
	}
	s := st.Status()
	done := settled(s.Ledger)
	out := progress.Status{}
	if r.job.Records > 0 {
		out = out.ShareOf(int64(done), r.job.Records)
	} else {
		out = out.ShareOf(r.read.Load(), r.job.Bytes())
	}
	rate := float64(done-min(done, r.before.Load())) / max(took.Seconds(), .001)
	text := fmt.Sprintf("read %s of %s  delivered %s  %.0f/s", progress.Size(r.read.Load()), progress.Size(r.job.Bytes()),
		progress.Counted(int64(s.Ledger.Delivered.Records), "record", "records"), rate)
	if n := s.Ledger.Failed.Records; n > 0 {
		text += fmt.Sprintf("  %d failed", n)
	}
	if n := r.retries.Load(); n > 0 {
		text += "  " + progress.Counted(n, "retry", "retries")
	}
	if out.Known && out.Share > .02 && out.Share < 1 && took > 5*time.Second {
		left := time.Duration(float64(took) * (1 - out.Share) / out.Share)
		text += "  about " + rough(left) + " left"
	}
	if name := r.now.Load(); name != nil {
		text += "  " + path.Base(*name)
	}
	if s.State != stream.Active || s.Reason != "" {
		text += "  " + string(s.State) + ": " + s.Reason
	}
	out.Text = text
	return out
}

// rough rounds a time that nobody knows exactly.
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(5 * time.Second).String()
	case d < time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return strings.TrimSuffix(d.Round(10*time.Minute).String(), "0s")
}

// Summary is how a run ended.
type Summary struct {
	Job           *Job
	Ledger        buffer.Ledger // of all runs of the job
	Took          time.Duration // this run
	Retries       int64
	FailedObjects []string   // of the error output, the first few of this run
	Skipped       []*Skipped // the first few of this run
	SkippedCount  int        // of all runs
}

func (r *Run) summary(l buffer.Ledger) Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Summary{Job: r.job, Ledger: l, Took: time.Since(r.begun), Retries: r.retries.Load(),
		FailedObjects: r.failed, Skipped: r.skipped, SkippedCount: r.count}
}

// String is made to be pasted into a ticket.
func (s Summary) String() string {
	state := "stopped after"
	if s.Job.Result != nil {
		state = "done in"
		if s.Job.Result.Abandoned {
			state = "abandoned after"
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s  %s of %s  %s delivered", s.Job.ID, state, s.Took.Round(10*time.Millisecond),
		s.Job.Kind, progress.Counted(int64(len(s.Job.Inputs)), "object", "objects"),
		progress.Counted(int64(s.Ledger.Delivered.Records), "record", "records"))
	for _, n := range []struct {
		count uint64
		what  string
	}{{s.Ledger.Failed.Records, "failed"}, {s.Ledger.Dropped.Records, "dropped"}, {s.Ledger.Lost.Records, "lost"}, {s.Ledger.Buffered.Records, "waiting in its buffer"}} {
		if n.count > 0 {
			fmt.Fprintf(&b, "  %d %s", n.count, n.what)
		}
	}
	if s.Retries > 0 {
		b.WriteString("  " + progress.Counted(s.Retries, "retry", "retries"))
	}
	for _, name := range s.FailedObjects {
		b.WriteString("\n  failed records: " + name)
	}
	for _, k := range s.Skipped {
		b.WriteString("\n  left out: " + k.Error())
	}
	if more := s.SkippedCount - len(s.Skipped); more > 0 {
		fmt.Fprintf(&b, "\n  left out: %d more", more)
	}
	return b.String()
}
