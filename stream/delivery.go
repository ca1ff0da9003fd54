package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// The pace of tries. A wait is drawn evenly between zero and a ceiling that
// doubles from first to longest, so that many senders do not come in waves.
const (
	firstWait   = 250 * time.Millisecond
	longestWait = time.Minute
)

// delivery sends payloads to one sink until each record is settled. It is the
// one place that retries, for every kind of destination.
type delivery struct {
	stream *Stream
	sink   sinks.Sink
	// failedType is the error-output-type of what the sink would not take.
	failedType string
	plan       buffer.Plan
	// stop ends waiting between tries; a try that is under way goes on.
	stop context.Context
}

// rejection is a record that the destination will never take.
type rejection struct {
	seq  uint64
	fail buffer.Failure
}

// deliver returns when every record of p is at the destination or among the
// rejections. It returns an error only when it is stopped first.
func (d *delivery) deliver(ctx context.Context, p *sinks.Payload) ([]rejection, error) {
	var rejected []rejection
	var failing time.Time // since when, in this row of failures
	start := time.Now()
	since := start // from when the retry duration counts
	tries := 0     // without a step forward
	for attempt := 1; ; attempt++ {
		err := d.try(ctx, p)
		if err == nil {
			d.stream.recovered()
			d.stream.events.delivered(d.stream.Name(), Delivered{p, d.plan, attempt, time.Since(start)})
			return rejected, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, errStopped) { // before the destination had its turn
			return nil, err
		}
		e := sinks.AsError(err)
		var waiting []sinks.Item // why each record of p was not taken, if that is known
		if len(e.Items) > 0 {    // the records not named are delivered
			again, left, bad := d.split(p, e.Items, attempt)
			waiting = left
			rejected = append(rejected, bad...)
			if again == nil {
				d.stream.recovered()
				d.stream.events.delivered(d.stream.Name(), Delivered{p, d.plan, attempt, time.Since(start)})
				return rejected, nil
			}
			if p = again; len(bad) > 0 {
				tries = 0 // a bad record less is a step forward
			}
		} else if e.Kind == sinks.BadRecord && p.Seqs != nil {
			return append(rejected, d.rejectAll(p, e.Reason, e.Err.Error(), attempt)...), nil
		} else if e.Kind == sinks.Bisect && len(p.Seqs) == 1 {
			return append(rejected, d.rejectAll(p, e.Reason, e.Err.Error(), attempt)...), nil
		} else if e.Kind == sinks.Bisect && len(p.Seqs) > 1 {
			half := len(p.Seqs) / 2
			for _, part := range []*sinks.Payload{slice(p, 0, half), slice(p, half, len(p.Seqs))} {
				bad, err := d.deliver(ctx, part)
				if err != nil {
					return nil, err
				}
				rejected = append(rejected, bad...)
			}
			return rejected, nil
		}
		// What a person has to mend is waited for: nothing is given up because a
		// password was changed. Once it is mended, the time starts again.
		if e.Kind == sinks.Permanent {
			since = time.Now()
		}
		if limit := d.stream.spec.Retry; limit > 0 && e.Kind != sinks.Permanent && p.Seqs != nil && time.Since(since) >= limit {
			return append(rejected, d.giveUp(p, e, waiting, attempt)...), nil
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		tries++
		wait := max(backoff(tries), e.RetryAfter)
		d.stream.failing(e)
		d.stream.events.retry(d.stream.Name(), Retry{p, e, attempt, failing, wait})
		if err := d.pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// try sends once, when the stream's pace allows it.
func (d *delivery) try(ctx context.Context, p *sinks.Payload) (err error) {
	if err := d.stream.pace.acquire(d.stop); err != nil {
		return err
	}
	defer func() { d.stream.pace.release(err) }()
	return d.sink.Send(ctx, p)
}

var errStopped = errors.New("stopped")

func (d *delivery) pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-d.stop.Done():
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff draws the wait after the attempt-th try.
func backoff(attempt int) time.Duration {
	ceiling := longestWait
	if attempt < 16 {
		ceiling = min(longestWait, firstWait<<(attempt-1))
	}
	return time.Duration(rand.Int64N(int64(ceiling) + 1))
}

// split divides a payload by the destination's answer: what to send again, nil
// if nothing, with an item for each of its records, and what to give up.
func (d *delivery) split(p *sinks.Payload, items []sinks.Item, attempt int) (again *sinks.Payload, waiting []sinks.Item, bad []rejection) {
	var rows []int
	for _, it := range items {
		if it.Kind == sinks.BadRecord {
			bad = append(bad, d.reject(p, it.Row, it.Code, it.Message, attempt))
		} else {
			rows, waiting = append(rows, it.Row), append(waiting, it)
		}
	}
	if len(rows) == 0 {
		return nil, nil, bad
	}
	return pick(p, rows), waiting, bad
}

// giveUp rejects all records of a payload after the retry duration, each for
// what the last answer said of it, if it did.
func (d *delivery) giveUp(p *sinks.Payload, e *sinks.Error, waiting []sinks.Item, attempt int) []rejection {
	after := fmt.Sprintf("given up after %v: ", d.stream.spec.Retry)
	if len(waiting) == 0 {
		return d.rejectAll(p, e.Reason, after+e.Error(), attempt)
	}
	bad := make([]rejection, len(waiting))
	for row, it := range waiting {
		bad[row] = d.reject(p, row, cmp.Or(it.Code, e.Reason), after+it.Message, attempt)
	}
	return bad
}

func (d *delivery) rejectAll(p *sinks.Payload, code, message string, attempt int) []rejection {
	bad := make([]rejection, len(p.Seqs))
	for row := range p.Seqs {
		bad[row] = d.reject(p, row, code, message, attempt)
	}
	return bad
}

func (d *delivery) reject(p *sinks.Payload, row int, code, message string, attempts int) rejection {
	f := buffer.Failure{Output: d.failedType, Code: code, Message: message, Attempts: attempts}
	if s, ok := d.sink.(sinks.Describer); ok {
		f.Details = s.Describe(p, row)
	}
	return rejection{p.Seqs[row], f}
}

// slice returns the records i to j of a payload as a payload.
func slice(p *sinks.Payload, i, j int) *sinks.Payload {
	rows := make([]int, 0, j-i)
	for ; i < j; i++ {
		rows = append(rows, i)
	}
	return pick(p, rows)
}

// pick returns the given records of a payload as a payload: the fragments
// stay where they are and are read one after the other.
func pick(p *sinks.Payload, rows []int) *sinks.Payload {
	q := *p
	q.Ends, q.Seqs, q.Size, q.SHA256 = nil, nil, 0, ""
	var parts fragments
	for _, r := range rows {
		start := int64(0)
		if r > 0 {
			start = p.Ends[r-1]
		}
		size := p.Ends[r] - start
		q.Size += size
		q.Ends = append(q.Ends, q.Size)
		q.Seqs = append(q.Seqs, p.Seqs[r])
		parts = append(parts, fragment{q.Size, io.NewSectionReader(p.Body, start, size)})
	}
	// How large the records were before they were encoded is not kept for each
	// of them; the account is made from the feed, in reject.
	q.Count = buffer.Count{Records: uint64(len(rows)), Bytes: uint64(q.Size)}
	q.Body = parts
	return &q
}

// fragments reads pieces of another body as one.
type fragments []fragment

type fragment struct {
	end  int64 // where it ends in the whole
	body *io.SectionReader
}

func (f fragments) ReadAt(b []byte, off int64) (n int, err error) {
	for i := range f {
		start := f[i].end - f[i].body.Size()
		if off >= f[i].end {
			continue
		}
		m, err := f[i].body.ReadAt(b[n:], off-start)
		n, off = n+m, off+int64(m)
		if n == len(b) {
			return n, nil
		}
		if err != nil && err != io.EOF {
			return n, err
		}
	}
	return n, io.EOF
}
