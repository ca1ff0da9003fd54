package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/stream"
)

// Options are what a run needs beside the job.
type Options struct {
	Spec stream.Spec // of the stream, by today's configuration
	// Open reads the records of an input: always the same in the same order.
	// It adds the bytes of the input that were read to read.
	Open func(ctx context.Context, in Input, read *atomic.Int64) (Records, error)
	Rate float64 // at most so many records a second; 0: as fast as it goes
	// Abandon reads no more: what was taken in already is delivered, and that
	// is it.
	Abandon bool

	SegmentSize int64
	MinFree     float64
	Grace       time.Duration // for deliveries under way when it is stopped

	batch int // records that are taken in at once; 0: batchRecords. For tests
}

// Records are those of one input.
type Records interface {
	// Next returns the next record, valid until the one after it; io.EOF at
	// the end, a *Skipped for what cannot be delivered.
	Next() ([]byte, error)
	Close() error
}

// Skipped is a part of an input that cannot be delivered and is passed over.
type Skipped struct {
	Where string
	Why   error
	End   bool // of the input: the rest of it is lost
}

func (s *Skipped) Error() string { return s.Where + ": " + s.Why.Error() }
func (s *Skipped) Unwrap() error { return s.Why }

// Run is the execution of a job by this process.
type Run struct {
	job     *Job
	o       Options
	begun   time.Time
	stream  atomic.Pointer[stream.Stream]
	before  atomic.Uint64 // records that were settled by earlier runs
	read    atomic.Int64
	retries atomic.Int64
	now     atomic.Pointer[string] // the input that is read; nil: none

	mu      sync.Mutex
	failed  []string // objects with records that failed
	skipped []*Skipped
	count   int // of all that was skipped, by earlier runs too
}

// NewRun prepares a run. The caller holds the stream's lock.
func NewRun(j *Job, o Options) *Run { return &Run{job: j, o: o, begun: time.Now()} }

// Do works until everything is delivered, or ctx is done. It may be called
// again in another process after any error and any crash: it goes on where the
// job stands.
func (r *Run) Do(ctx context.Context) (Summary, error) {
	ledger, err := r.deliver(ctx)
	if err != nil {
		return r.summary(ledger), fmt.Errorf("job %s: %w", r.job.ID, err)
	}
	m, err := r.job.mark()
	if err == nil {
		fault.Point("K17-result")
		r.job.Result = &Result{Finished: time.Now().UTC(), Ledger: ledger, Abandoned: r.o.Abandon, Mark: m}
		err = writeFile(r.job.store.fs, r.job.path(resultName), r.job.Result)
	}
	if err == nil {
		fault.Point("K17-done")
		err = r.job.Tidy()
	}
	if err != nil {
		err = fmt.Errorf("finish job %s: %w", r.job.ID, err)
	}
	return r.summary(ledger), err
}

// Tidy removes the buffer of a finished job.
func (j *Job) Tidy() error {
	if j.Result == nil {
		return nil
	}
	return removeAll(j.store.fs, j.path(bufferName))
}

// deliver has the engine deliver all records. It returns the account.
func (r *Run) deliver(ctx context.Context) (ledger buffer.Ledger, err error) {
	fsys, err := vfs.OS(filepath.Join(r.job.store.root, Dir, r.job.ID, bufferName))
	if err != nil {
		return ledger, err
	}
	dir, err := buffer.OpenDir(fsys, buffer.DirOptions{SegmentSize: min(r.o.SegmentSize, 16<<20), MinFree: r.o.MinFree})
	if err != nil {
		return ledger, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	set := stream.NewSet(dir, fsys, stream.Events{Delivered: r.delivered, Retry: func(string, stream.Retry) { r.retries.Add(1) }})
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.o.Grace)
		defer cancel()
		err = errors.Join(err, set.Close(grace))
	}()
	set.Apply(ctx, []stream.Spec{r.spec()})
	st, _ := set.Stream(r.job.Stream)
	if status := st.Status(); status.State == stream.Suspended {
		return ledger, errors.New(status.Reason)
	}
	ledger = st.Status().Ledger
	r.before.Store(settled(ledger))
	r.stream.Store(st)
	if !r.o.Abandon {
		err = r.feed(ctx, st)
	}
	if err == nil {
		err = set.Drain(ctx)
	}
	return st.Status().Ledger, err
}

func settled(l buffer.Ledger) uint64 {
	return l.Delivered.Records + l.Failed.Records + l.Dropped.Records + l.Lost.Records
}

// spec is the stream's, with decisions that start from the job's.
func (r *Run) spec() stream.Spec {
	spec := r.o.Spec
	wrap := func(o sinks.Outputs, err error) (sinks.Outputs, error) {
		if err == nil && r.job.Kind == Replay && o.Backup != nil {
			// It has them since they came the first time.
			err = o.Backup.Close()
			o.Backup = nil
		}
		return o, err
	}
	open, openSnapshot := spec.Open, spec.OpenSnapshot
	spec.Open = func(d sinks.Decisions) (sinks.Outputs, error) { return wrap(open(r.inherit(d))) }
	spec.OpenSnapshot = func(s []byte, d sinks.Decisions) (sinks.Outputs, error) { return wrap(openSnapshot(s, r.inherit(d))) }
	return spec
}

func (r *Run) inherit(d sinks.Decisions) sinks.Decisions { return inherited{d, r.job.Decisions} }

// inherited are decisions that start from others.
type inherited struct {
	own  sinks.Decisions
	from map[string][]byte
}

func (i inherited) Decide(name string, decide func() ([]byte, error)) ([]byte, error) {
	return i.own.Decide(name, func() ([]byte, error) {
		if text, ok := i.from[name]; ok {
			return text, nil
		}
		return decide()
	})
}

func (i inherited) Revise(name string, revise func([]byte) ([]byte, error)) ([]byte, error) {
	return i.own.Revise(name, func(decided []byte) ([]byte, error) {
		if decided == nil {
			decided = i.from[name]
		}
		return revise(decided)
	})
}

// shownObjects is how many names are kept for the summary.
const shownObjects = 5

func (r *Run) delivered(_ string, d stream.Delivered) {
	if !d.Payload.Failed {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) < shownObjects {
		r.failed = append(r.failed, d.Payload.Name)
	}
}

func (r *Run) skip(s *Skipped) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if len(r.skipped) < shownObjects {
		r.skipped = append(r.skipped, s)
	}
}

func (r *Run) skippedSoFar() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// mark returns the last mark, or the beginning.
func (j *Job) mark() (mark, error) {
	var m mark
	err := readFile(j.store.fs, j.path(markName), &m)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return m, err
}
