package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/stream"
)

// bucket is a destination that remembers payloads by their identity, so that a
// payload that is sent again is there once.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]string // records, by ID
	refuse  error               // what Send answers
	closed  int
	backup  *bucket
	decided []byte // what the writer came to know
}

func (b *bucket) open(d sinks.Decisions) (sinks.Outputs, error) {
	text, err := d.Decide("columns", func() ([]byte, error) { return []byte("own"), nil })
	b.decided = text
	o := sinks.Outputs{Destination: b, Errors: &bucket{objects: map[string][]string{}}}
	if b.backup != nil {
		o.Backup = b.backup
	}
	return o, err
}

func (b *bucket) Close() error { b.closed++; return nil }

func (b *bucket) Batch(spool sinks.Spool) sinks.Writer { return &bucketWriter{spool: spool} }

func (b *bucket) Send(_ context.Context, p *sinks.Payload) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return b.refuse
	}
	text := make([]byte, p.Size)
	if _, err := p.Body.ReadAt(text, 0); err != nil && err != io.EOF {
		return err
	}
	b.objects[p.ID] = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	return nil
}

func (b *bucket) records() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, o := range b.objects {
		all = append(all, o...)
	}
	slices.Sort(all)
	return all
}

// bucketWriter fails records that begin with "bad".
type bucketWriter struct {
	spool sinks.Spool
	file  sinks.SpoolFile
	count buffer.Count
}

func (w *bucketWriter) Add(c *buffer.Chunk, rows []int) (err error) {
	for _, row := range rows {
		if c.Pending(row) && bytes.HasPrefix(c.Bytes(row), []byte("bad")) {
			c.Fail(row, &buffer.Failure{Code: "Bad"})
			continue
		}
		if w.file == nil {
			if w.file, err = w.spool.Create(); err != nil {
				return err
			}
		}
		if _, err := w.file.Write(append(slices.Clone(c.Bytes(row)), '\n')); err != nil {
			return err
		}
		w.count = w.count.Add(buffer.Count{Records: 1, Bytes: uint64(len(c.Bytes(row)))})
	}
	return nil
}

func (w *bucketWriter) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	if w.file == nil {
		return nil, nil
	}
	content, err := w.file.Finish()
	return []sinks.Payload{{Content: content, ID: p.ID().String(), Name: "object", Count: w.count}}, err
}

func (w *bucketWriter) Abandon() {}

// texts are inputs: records by key. Opening counts.
type texts struct {
	records map[string][]string
	opened  atomic.Int64
	fail    error // of the next record, once
	after   int   // records until it fails
}

func (x *texts) open(_ context.Context, in Input, read *atomic.Int64) (Records, error) {
	x.opened.Add(1)
	records, ok := x.records[in.Key]
	if !ok {
		return nil, object.ErrChanged
	}
	read.Add(in.Size)
	return &textRecords{x, records}, nil
}

type textRecords struct {
	x    *texts
	left []string
}

func (r *textRecords) Next() ([]byte, error) {
	if r.x.fail != nil {
		if r.x.after--; r.x.after < 0 {
			err := r.x.fail
			r.x.fail = nil
			return nil, err
		}
	}
	if len(r.left) == 0 {
		return nil, io.EOF
	}
	record := r.left[0]
	r.left = r.left[1:]
	if record == "skipped" {
		return nil, &Skipped{Where: "here", Why: errors.New("no record")}
	}
	return []byte(record), nil
}

func (r *textRecords) Close() error { return nil }

// some returns inputs with so many records each.
func some(inputs, records int) (x *texts, m Manifest, want []string) {
	x = &texts{records: map[string][]string{}}
	for i := range inputs {
		key := fmt.Sprintf("in-%02d", i)
		for n := range records {
			x.records[key] = append(x.records[key], fmt.Sprintf("%s/%04d", key, n))
		}
		want = append(want, x.records[key]...)
		m.Inputs = append(m.Inputs, Input{Entry: entry(key)})
	}
	m.Kind = Backfill
	return x, m, want
}

func options(b *bucket, x *texts) Options {
	return Options{
		Spec: stream.Spec{
			Name: "s", Hints: stream.Hints{Size: 1 << 10, Interval: 50 * time.Millisecond}, Hash: "h", Snapshot: []byte("c"),
			Open:         b.open,
			OpenSnapshot: func(_ []byte, d sinks.Decisions) (sinks.Outputs, error) { return b.open(d) },
		},
		Open: x.open, SegmentSize: 1 << 20, MinFree: -1, Grace: 5 * time.Second,
	}
}

func newBucket() *bucket { return &bucket{objects: map[string][]string{}} }

func wantRecords(t *testing.T, b *bucket, want []string) {
	t.Helper()
	got := b.records()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d records, want %d: %.200q", len(got), len(want), got)
	}
}

func TestAJobDeliversItsInputs(t *testing.T) {
	s, b := openStore(t), newBucket()
	x, m, want := some(3, 500)
	x.records["in-01"][7], x.records["in-01"][9] = "bad one", "skipped"
	want = slices.DeleteFunc(want, func(r string) bool { return r == "in-01/0007" || r == "in-01/0009" })
	j := create(t, s, m)
	summary, err := NewRun(j, options(b, x)).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantRecords(t, b, want)
	if l := summary.Ledger; l.Delivered.Records != 1498 || l.Failed.Records != 1 || l.Gap() != 0 || summary.SkippedCount != 1 {
		t.Errorf("summary %+v", summary)
	}
	if text := summary.String(); !strings.Contains(text, "1498 records delivered  1 failed") || !strings.Contains(text, "left out: here: no record") {
		t.Errorf("summary\n%s", text)
	}
	jobs := list(t, s)
	if len(jobs) != 1 || jobs[0].Result == nil || Unfinished(jobs, Backfill, "s") != nil {
		t.Errorf("jobs %+v", jobs[0])
	}
	if _, err := s.fs.Stat(j.path(bufferName)); err == nil {
		t.Error("the buffer is still there")
	}
}

// TestAJobGoesOnWhereItStopped stops at every record of the inputs.
func TestAJobGoesOnWhereItStopped(t *testing.T) {
	boom := errors.New("boom")
	s, b := openStore(t), newBucket()
	x, m, want := some(3, 20)
	j := create(t, s, m)
	for after := range 3 * 20 {
		x.fail, x.after = boom, after // all before it is read again
		o := options(b, x)
		o.batch = 1 + after%3
		if _, err := NewRun(j, o).Do(t.Context()); !errors.Is(err, boom) {
			t.Fatalf("stop after %d: %v", after, err)
		}
	}
	if _, err := NewRun(j, options(b, x)).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, b, want)
}

func TestAStoppedJobKeepsWhatItTookIn(t *testing.T) {
	s, b := openStore(t), newBucket()
	x, m, want := some(2, 300)
	j := create(t, s, m)
	o := options(b, x)
	o.Rate = 200
	ctx, cancel := context.WithCancel(t.Context())
	run := NewRun(j, o)
	go func() {
		for {
			if st := run.stream.Load(); st != nil && st.Status().Ledger.Accepted.Records >= 50 {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	summary, err := run.Do(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := summary.Ledger.Accepted.Records; n < 50 || n > 150 {
		t.Errorf("%d records were taken in", n)
	}
	if _, err := NewRun(j, options(b, x)).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, b, want)
}

func TestAnAbandonedJobDeliversWhatItTookInAndNoMore(t *testing.T) {
	s, b := openStore(t), newBucket()
	b.refuse = errors.New("away")
	x, m, want := some(2, 10)
	x.fail, x.after = object.ErrChanged, 15
	j := create(t, s, m)
	o := options(b, x)
	o.batch, o.Grace = 10, 0
	_, err := NewRun(j, o).Do(t.Context())
	if !errors.Is(err, object.ErrChanged) || !strings.Contains(err.Error(), "--abandon") {
		t.Fatal(err)
	}
	b.refuse = nil
	o.Abandon, o.Open = true, nil
	if _, err := NewRun(j, o).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, b, want[:10]) // batches of 10
	if jobs := list(t, s); jobs[0].Result == nil || !jobs[0].Result.Abandoned {
		t.Errorf("result %+v", jobs[0].Result)
	}
}

// TestKnownInputsAreNotReadAgain: where lines are listed their number is known.
func TestKnownInputsAreNotReadAgain(t *testing.T) {
	s, b := openStore(t), newBucket()
	x, m, want := some(5, 10)
	m.Kind, m.Records = Replay, 50
	for i := range m.Inputs {
		for n := range int64(10) {
			m.Inputs[i].Lines.Add(n + 1)
		}
	}
	j := create(t, s, m)
	x.fail, x.after = errors.New("boom"), 39
	o := options(b, x)
	o.batch = 10
	if _, err := NewRun(j, o).Do(t.Context()); err == nil {
		t.Fatal("no error")
	}
	x.opened.Store(0)
	if _, err := NewRun(j, options(b, x)).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := x.opened.Load(); n > 2 {
		t.Errorf("%d inputs were opened, want 2", n)
	}
	wantRecords(t, b, want)
}

func TestAReplayMakesNoSecondBackup(t *testing.T) {
	for kind, want := range map[Kind]int{Replay: 0, Backfill: 10} {
		s, b := openStore(t), newBucket()
		b.backup = newBucket()
		x, m, _ := some(1, 10)
		m.Kind = kind
		if _, err := NewRun(create(t, s, m), options(b, x)).Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(b.backup.records()); n != want || b.backup.closed == 0 {
			t.Errorf("%s: %d records in the backup, closed %d times", kind, n, b.backup.closed)
		}
	}
}

func TestDecisionsAreInherited(t *testing.T) {
	s, b := openStore(t), newBucket()
	x, m, _ := some(1, 1)
	m.Decisions = map[string][]byte{"columns": []byte("inherited")}
	if _, err := NewRun(create(t, s, m), options(b, x)).Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if string(b.decided) != "inherited" {
		t.Errorf("decided %q", b.decided)
	}
}

func TestAStreamThatCannotStartSaysWhy(t *testing.T) {
	s, b := openStore(t), newBucket()
	x, m, _ := some(1, 1)
	o := options(b, x)
	o.Spec.Open = func(sinks.Decisions) (sinks.Outputs, error) { return sinks.Outputs{}, errors.New("no such zone") }
	if _, err := NewRun(create(t, s, m), o).Do(t.Context()); err == nil || !strings.Contains(err.Error(), "no such zone") {
		t.Error(err)
	}
}

func TestStatusTellsShareAndTrouble(t *testing.T) {
	s, b := openStore(t), newBucket()
	b.refuse = &sinks.Error{Kind: sinks.Permanent, Op: "put object", Reason: "AccessDenied", Err: errors.New("no")}
	x, m, _ := some(1, 4)
	m.Records = 8
	run := NewRun(create(t, s, m), options(b, x))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { _, err := run.Do(ctx); done <- err }()
	var text string
	for end := time.Now().Add(20 * time.Second); !strings.Contains(text, "HELD: put object: no"); time.Sleep(time.Millisecond) {
		if text = run.Status(time.Second).Text; time.Now().After(end) {
			t.Fatalf("status %q", text)
		}
	}
	b.mu.Lock()
	b.refuse = nil
	b.mu.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := run.Status(time.Second); got.Share != .5 || !strings.Contains(got.Text, "delivered 4 records") {
		t.Errorf("status %+v", got)
	}
}
