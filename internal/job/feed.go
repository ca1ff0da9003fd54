package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/stream"
)

const (
	// MaxRecord is Firehose's limit for a record, in bytes.
	MaxRecord = 1_024_000

	batchBytes   = 4 << 20
	batchRecords = 10_000
	// markEvery is how often the place in the inputs is noted. It costs two
	// syncs, and saves a restart from reading what comes before it.
	markEvery = time.Second
	// slack is what may be buffered beside the batches that are open.
	slack = 64 << 20
)

// feeder takes the records of the inputs into the log, a batch at a time: only
// one append is ever under way, so what is durable after a crash is the records
// up to some point and nothing behind it.
type feeder struct {
	run    *Run
	stream *stream.Stream
	skip   int64 // records that the log has
	taken  int64 // records read so far, those of the log included
	batch  buffer.Entries
	most   int // records of a batch
	next   time.Time
	marked time.Time
}

// feed reads the inputs from where the log ends.
func (r *Run) feed(ctx context.Context, st *stream.Stream) error {
	accepted := int64(st.Status().Ledger.Accepted.Records)
	from, err := r.job.mark()
	if err != nil {
		return err
	}
	if from.Records > accepted || from.Input > len(r.job.Inputs) {
		return fmt.Errorf("its mark says %d records and its log %d: the data directory was changed from outside", from.Records, accepted)
	}
	// Where the number of records is known nothing needs to be read.
	for ; from.Input < len(r.job.Inputs); from.Input++ {
		n := r.job.Inputs[from.Input].Lines.Count()
		if n == 0 || from.Records+n > accepted {
			break
		}
		from.Records += n
	}
	r.count = from.Skipped
	f := &feeder{run: r, stream: st, skip: accepted - from.Records, taken: from.Records, most: cmp.Or(r.o.batch, batchRecords), marked: time.Now()}
	if r.o.Rate > 0 {
		f.most = min(f.most, max(1, int(r.o.Rate/4)))
	}
	for i := range from.Input {
		r.read.Add(r.job.Inputs[i].Size)
	}
	defer r.now.Store(nil)
	for i := from.Input; i < len(r.job.Inputs); i++ {
		in := r.job.Inputs[i]
		r.now.Store(&in.Key)
		if err := f.mark(ctx, i); err != nil {
			return err
		}
		if err := f.input(ctx, in); err != nil {
			return err
		}
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	if f.skip > 0 {
		return fmt.Errorf("the log has %d records more than the inputs: they were changed, or are read otherwise by this version", f.skip)
	}
	return nil
}

// mark notes where an input begins, now and then. The log has the records
// before it by then.
func (f *feeder) mark(ctx context.Context, input int) error {
	if time.Since(f.marked) < markEvery || f.skip > 0 {
		return nil
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	f.marked = time.Now()
	fault.Point("K17-mark")
	j := f.run.job
	return writeFile(j.store.fs, j.path(markName), mark{input, f.taken, f.run.skippedSoFar()})
}

func (f *feeder) input(ctx context.Context, in Input) (err error) {
	if in.Size == 0 {
		return nil
	}
	records, err := f.run.o.Open(ctx, in, &f.run.read)
	var skipped *Skipped
	if errors.As(err, &skipped) {
		f.run.skip(skipped)
		return nil
	}
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	for {
		record, err := records.Next()
		if err == io.EOF {
			return ctx.Err()
		}
		if errors.As(err, &skipped) {
			f.run.skip(skipped)
			if skipped.End {
				return ctx.Err()
			}
			continue
		}
		if err != nil {
			return explain(err)
		}
		if f.taken++; f.skip > 0 {
			if f.skip--; f.taken%batchRecords == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		f.batch.Add(record)
		if f.batch.Len() >= f.most || len(f.batch.Data) >= batchBytes {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// explain says what to do about inputs that are not what they were.
func explain(err error) error {
	if errors.Is(err, object.ErrChanged) {
		return fmt.Errorf("%w; put it back as it was, or end the job with --abandon: what it has taken in so far is delivered then", err)
	}
	return err
}

// flush makes the batch durable in the log, when there is room and time for
// it.
func (f *feeder) flush(ctx context.Context) error {
	if f.batch.Len() == 0 {
		return nil
	}
	if err := f.await(ctx); err != nil {
		return err
	}
	// An append that is stopped may or may not have happened; then only the
	// next run would know.
	if _, err := f.stream.Append(context.WithoutCancel(ctx), &f.batch); err != nil {
		return fmt.Errorf("buffer records: %w", err)
	}
	fault.Point("K17-appended")
	f.batch.Reset()
	return nil
}

// await waits until the rate and the room allow another batch.
func (f *feeder) await(ctx context.Context) error {
	if rate := f.run.o.Rate; rate > 0 {
		now := time.Now()
		if f.next.Before(now) {
			f.next = now
		}
		if err := wait(ctx, f.next.Sub(now)); err != nil {
			return err
		}
		f.next = f.next.Add(time.Duration(float64(f.batch.Len()) / rate * float64(time.Second)))
	}
	spec := f.stream.Spec()
	room := slack + uint64(spec.Shards)*uint64(spec.Hints.Size)
	for f.stream.Status().Ledger.Buffered.Bytes > room {
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
