package put

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Source hands out records, one after the other, and io.EOF at the end. A
// record stays valid.
type Source interface {
	Next(ctx context.Context) ([]byte, error)
}

// Sender puts the records of a source into a stream.
type Sender struct {
	Client      *Client
	Stream      string
	Connections int           // how many requests may run at once
	Patience    time.Duration // how long to try again without any success
	Linger      time.Duration // the longest wait for a batch to fill

	sent, bytes, retries atomic.Int64
	tooLarge             atomic.Int64
	unsent               atomic.Int64
	lastSuccess          atomic.Int64 // milliseconds since 1970
}

// Progress is what was done so far.
type Progress struct {
	Records  int64 // stored
	Bytes    int64
	Retries  int64 // requests that were sent again, whole or in part
	TooLarge int64 // records over Firehose's limit, left out
	Unsent   int64 // records that were given up
}

// Progress may be called at any time.
func (s *Sender) Progress() Progress {
	return Progress{s.sent.Load(), s.bytes.Load(), s.retries.Load(), s.tooLarge.Load(), s.unsent.Load()}
}

// Run sends everything. It stops at the first refusal, when nothing works for
// the time of Patience, or when ctx is done; the error says why.
func (s *Sender) Run(ctx context.Context, from Source) error {
	s.lastSuccess.Store(time.Now().UnixMilli())
	g, ctx := errgroup.WithContext(ctx)
	records, batches := make(chan []byte, maxRecords), make(chan [][]byte)
	var readErr error // set before records is closed
	// Outside of the group: a read from a terminal cannot be interrupted and
	// would keep a stopped program alive.
	go func() {
		defer close(records)
		readErr = s.read(ctx, from, records)
	}()
	g.Go(func() error {
		defer close(batches)
		if err := s.batch(ctx, records, batches); err != nil {
			return err
		}
		return readErr
	})
	for range max(s.Connections, 1) {
		g.Go(func() error {
			for b := range batches {
				if err := s.put(ctx, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// read takes the records from their source.
func (s *Sender) read(ctx context.Context, from Source, records chan<- []byte) error {
	for {
		record, err := from.Next(ctx)
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, errTooLarge) || len(record) > maxRecord:
			s.tooLarge.Add(1)
			continue
		case err != nil:
			return err
		}
		select {
		case records <- record:
		case <-ctx.Done():
			s.unsent.Add(1)
			return ctx.Err()
		}
	}
}

// batch cuts the records into batches of what one request may carry. The last
// record of a slow source waits no longer than Linger.
func (s *Sender) batch(ctx context.Context, records <-chan []byte, batches chan<- [][]byte) error {
	var (
		batch [][]byte
		size  int
	)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
			s.unsent.Add(int64(len(batch)))
			return ctx.Err()
		}
		batch, size = nil, 0
		return nil
	}
	due := time.NewTimer(s.Linger)
	defer due.Stop()
	for {
		select {
		case record, ok := <-records:
			if !ok {
				return flush()
			}
			if len(batch) == maxRecords || size+len(record) > maxBatch {
				if err := flush(); err != nil {
					return err
				}
			}
			if len(batch) == 0 {
				due.Reset(s.Linger)
			}
			batch, size = append(batch, record), size+len(record)
		case <-due.C:
			if err := flush(); err != nil {
				return err
			}
		case <-ctx.Done():
			s.unsent.Add(int64(len(batch)))
			return ctx.Err()
		}
	}
}

// put sends a batch until all of it is stored.
func (s *Sender) put(ctx context.Context, batch [][]byte) error {
	for attempt := 0; ; attempt++ {
		failed, why, err := s.Client.PutRecordBatch(ctx, s.Stream, batch)
		if err == nil {
			batch = s.stored(batch, failed)
			if len(batch) == 0 {
				return nil
			}
			err = why
		}
		quiet := time.Since(time.UnixMilli(s.lastSuccess.Load()))
		if ctx.Err() != nil || !temporary(err) || quiet > s.Patience {
			s.unsent.Add(int64(len(batch)))
			return fmt.Errorf("put records: %w", err)
		}
		s.retries.Add(1)
		wait := rand.N(min(100*time.Millisecond<<min(attempt, 8), 5*time.Second))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// stored counts what arrived and returns what did not.
func (s *Sender) stored(batch [][]byte, failed []int) [][]byte {
	var again [][]byte
	bytes := 0
	for i, r := range batch {
		if len(failed) > 0 && failed[0] == i {
			failed = failed[1:]
			again = append(again, r)
			continue
		}
		bytes += len(r)
	}
	if n := len(batch) - len(again); n > 0 {
		s.sent.Add(int64(n))
		s.bytes.Add(int64(bytes))
		s.lastSuccess.Store(time.Now().UnixMilli())
	}
	return again
}

// paced slows a source down to a number of records a second.
type paced struct {
	from  Source
	every time.Duration
	next  time.Time
}

// Paced returns a source that hands out at most rate records a second; a rate
// of 0 or less is no limit.
func Paced(from Source, rate float64) Source {
	if rate <= 0 {
		return from
	}
	return &paced{from: from, every: time.Duration(float64(time.Second) / rate)}
}

func (p *paced) Next(ctx context.Context) ([]byte, error) {
	now := time.Now()
	if p.next.IsZero() {
		p.next = now
	}
	if wait := p.next.Sub(now); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.next = p.next.Add(p.every)
	return p.from.Next(ctx)
}
