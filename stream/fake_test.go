package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/sinks"
)

// memLog is a log with one feed, in memory. What a real log has on disk
// outlives a "crash", which is a new stream on the same memLog.
type memLog struct {
	mu      sync.Mutex
	records []string
	arrival []time.Time
	grown   chan struct{}
	plans   []buffer.Plan // made and not done
	done    []buffer.Plan
	total   buffer.Outcome
	trace   *trace

	planErr error
	doneErr error
}

func newLog(tr *trace) *memLog { return &memLog{grown: make(chan struct{}), trace: tr} }

const epoch = 7

func (l *memLog) Append(_ context.Context, e *buffer.Entries) (buffer.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := buffer.Position{Epoch: epoch, Seq: uint64(len(l.records)) + 1}
	start := uint32(0)
	for _, end := range e.Ends {
		l.records = append(l.records, string(e.Data[start:end]))
		l.arrival = append(l.arrival, time.Now())
		start = end
	}
	close(l.grown)
	l.grown = make(chan struct{})
	return first, nil
}

func (l *memLog) put(records ...string) {
	var e buffer.Entries
	for _, r := range records {
		e.Add([]byte(r))
	}
	l.Append(context.Background(), &e)
}

func (l *memLog) settledSeq() uint64 {
	if len(l.done) == 0 {
		return 0
	}
	return l.done[len(l.done)-1].Last.Seq
}

func (l *memLog) Feeds() []buffer.Feed {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &memFeed{log: l, next: l.settledSeq(), unfinished: slices.Clone(l.plans)}
	if n := len(l.plans); n > 0 {
		f.next = l.plans[n-1].Last.Seq
	}
	return []buffer.Feed{f}
}

func (l *memLog) Ledger() buffer.Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(len(l.records))
	return buffer.Ledger{
		Accepted: buffer.Count{Records: n}, Buffered: buffer.Count{Records: n - l.settledSeq()},
		Delivered: l.total.Delivered, Failed: l.total.Failed, Dropped: l.total.Dropped,
	}
}
func (l *memLog) Oldest() time.Time           { return time.Time{} }
func (l *memLog) Size() int64                 { return 0 }
func (l *memLog) Health() error               { return nil }
func (l *memLog) SpoolDir(buffer.Feed) string { return "spool/0" }
func (l *memLog) Holders() []buffer.Holder    { return nil }
func (l *memLog) Close() error                { return nil }

func (l *memLog) Decide(name string, decide func() ([]byte, error)) ([]byte, error) {
	return decide()
}

func (l *memLog) Revise(name string, revise func(decided []byte) ([]byte, error)) ([]byte, error) {
	return revise(nil)
}

type memFeed struct {
	log        *memLog
	next       uint64 // records before this index were handed out
	unfinished []buffer.Plan
}

func (f *memFeed) ID() string                { return "feed" }
func (f *memFeed) Unfinished() []buffer.Plan { return f.unfinished }

func (f *memFeed) Next(ctx context.Context, c *buffer.Chunk) error {
	for {
		f.log.mu.Lock()
		grown := f.log.grown
		if n := uint64(len(f.log.records)); f.next < n {
			f.log.fill(c, f.next, min(n, f.next+4))
			f.next = min(n, f.next+4)
			f.log.mu.Unlock()
			return nil
		}
		f.log.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *memLog) fill(c *buffer.Chunk, from, to uint64) {
	c.Reset(buffer.Position{Epoch: epoch, Seq: from + 1})
	for i := from; i < to; i++ {
		c.AppendCopy([]byte(l.records[i]), l.arrival[i])
	}
}

type memReplay struct {
	log      *memLog
	from, to uint64
}

func (f *memFeed) Replay(p buffer.Plan) (interface {
	buffer.Reader
	io.Closer
}, error) {
	return &memReplay{f.log, p.First.Seq - 1, p.Last.Seq}, nil
}

func (r *memReplay) Next(_ context.Context, c *buffer.Chunk) error {
	if r.from == r.to {
		return io.EOF
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	end := min(r.to, r.from+3)
	r.log.fill(c, r.from, end)
	r.from = end
	return nil
}

func (r *memReplay) Close() error { return nil }

func (f *memFeed) Plan(_ context.Context, p buffer.Plan) error {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	if err := f.log.planErr; err != nil {
		return err
	}
	f.log.trace.add("plan %d-%d %s", p.First.Seq, p.Last.Seq, p.Cause)
	f.log.plans = append(f.log.plans, p)
	return nil
}

func (f *memFeed) Done(_ context.Context, p buffer.Plan, o buffer.Outcome) error {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	if err := f.log.doneErr; err != nil {
		return err
	}
	if p.ID() != f.log.plans[0].ID() {
		panic("plans done out of order")
	}
	f.log.trace.add("done %d-%d", p.First.Seq, p.Last.Seq)
	f.log.plans = f.log.plans[1:]
	f.log.done = append(f.log.done, p)
	t := &f.log.total
	t.Delivered, t.Failed, t.Dropped = t.Delivered.Add(o.Delivered), t.Failed.Add(o.Failed), t.Dropped.Add(o.Dropped)
	return nil
}

// trace notes what happened, in order.
type trace struct {
	mu    sync.Mutex
	lines []string
}

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

func (t *trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// memSink is a destination in memory. Its payloads are lines, so that they
// can be delivered in parts; opaque makes them whole, as objects are.
type memSink struct {
	name   string
	opaque bool
	again  int // so many batches have to be encoded again
	trace  *trace
	send   func(ctx context.Context, p *sinks.Payload, lines []string) error // may be nil
	add    func(record []byte) error                                         // why a record cannot be represented

	abandoned atomic.Int64 // writers

	mu   sync.Mutex
	got  []string            // lines, in the order they arrived
	seen map[string][]string // lines by payload name
}

func (k *memSink) Close() error { return nil }

func (k *memSink) Batch(s sinks.Spool) sinks.Writer { return &memWriter{sink: k, spool: s} }

type memWriter struct {
	sink  *memSink
	spool sinks.Spool
	buf   bytes.Buffer
	ends  []int64
	seqs  []uint64
}

func (w *memWriter) Add(c *buffer.Chunk, rows []int) error {
	for _, r := range rows {
		if w.sink.add != nil && c.Pending(r) {
			if err := w.sink.add(c.Bytes(r)); err != nil {
				c.Fail(r, err)
				continue
			}
		}
		w.buf.Write(c.Bytes(r))
		if err := c.Failure(r); err != nil {
			fmt.Fprintf(&w.buf, " (%v)", err)
		}
		w.buf.WriteByte('\n')
		w.ends = append(w.ends, int64(w.buf.Len()))
		w.seqs = append(w.seqs, c.Position(r).Seq)
	}
	return nil
}

func (w *memWriter) Abandon() { w.sink.abandoned.Add(1) }

func (w *memWriter) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	if len(w.ends) == 0 {
		return nil, nil
	}
	if w.sink.again > 0 {
		w.sink.again--
		w.sink.trace.add("again %d-%d", p.First.Seq, p.Last.Seq)
		return nil, fmt.Errorf("encode records: %w", convert.ErrAgain)
	}
	f, err := w.spool.Create()
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(w.buf.Bytes()); err != nil {
		return nil, err
	}
	content, err := f.Finish()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d-%d", w.sink.name, p.First.Seq, p.Last.Seq)
	payload := sinks.Payload{Content: content, ID: p.ID().String(), Name: name, Ends: w.ends, Seqs: w.seqs}
	if w.sink.opaque {
		payload.Ends, payload.Seqs = nil, nil
	}
	return []sinks.Payload{payload}, nil
}

func (k *memSink) Send(ctx context.Context, p *sinks.Payload) error {
	body, err := io.ReadAll(io.NewSectionReader(p.Body, 0, p.Size))
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	if k.send != nil {
		if err := k.send(ctx, p, lines); err != nil {
			if e := sinks.AsError(err); e.Items != nil {
				bad := map[int]bool{}
				for _, it := range e.Items {
					bad[it.Row] = true
				}
				var good []string
				for i, line := range lines {
					if !bad[i] {
						good = append(good, line)
					}
				}
				k.store(p, good)
			}
			return err
		}
	}
	k.store(p, lines)
	return nil
}

func (k *memSink) store(p *sinks.Payload, lines []string) {
	k.trace.add("sent %s: %s", p.Name, strings.Join(lines, " "))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got = append(k.got, lines...)
	if k.seen == nil {
		k.seen = map[string][]string{}
	}
	k.seen[p.Name] = append(k.seen[p.Name], lines...)
}

func (k *memSink) lines() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.got)
}

// bench is a stream on fakes. Restart is a new stream on the same log and
// spool, as after a crash.
type bench struct {
	t     *testing.T
	fs    vfs.FS
	trace *trace
	log   *memLog
	sink  *memSink
	errs  *memSink
	// backup takes all records, if there is one.
	backup *memSink
	spec   Spec
	*Stream
}

func newBench(t *testing.T) *bench {
	fsys, err := vfs.OS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := fsys.Mkdir("spool"); err != nil {
		t.Fatal(err)
	}
	tr := &trace{}
	b := &bench{t: t, fs: fsys, trace: tr, log: newLog(tr)}
	b.sink = &memSink{name: "main", trace: tr}
	b.errs = &memSink{name: "errors", trace: tr, opaque: true}
	b.spec = Spec{
		Name: "demo", Hints: Hints{Size: 100, Interval: time.Minute}, InFlight: 1, Hash: "v1", Snapshot: []byte("v1"),
		Open: func(sinks.Decisions) (sinks.Outputs, error) {
			to := sinks.Outputs{Destination: b.sink, Errors: b.errs, FailedType: "main-failed"}
			if b.backup != nil {
				to.Backup = b.backup
			}
			return to, nil
		},
	}
	return b
}

func (b *bench) begin() *bench {
	b.Stream = &Stream{spec: b.spec, log: b.log, fs: b.fs, events: &Events{}, state: Active, settled: make(chan struct{})}
	if err := b.Stream.start(); err != nil {
		b.t.Fatal(err)
	}
	return b
}

// halt stops the stream at once, as far as a test can without killing itself.
func (b *bench) halt() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Stream.stop(ctx); err != nil {
		b.t.Error(err)
	}
}
