package firehose

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/buffer"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServer); kind != "" {
		serveBenchmark(kind)
		return
	}
	goleak.VerifyTestMain(m)
}

// memoryStreams are delivery streams that keep records in memory.
type memoryStreams map[string]*memoryStream

func (m memoryStreams) Stream(name string) (Stream, bool) {
	s, ok := m[name]
	return s, ok
}

func (m memoryStreams) Names() []string { return slices.Sorted(maps.Keys(m)) }

type memoryStream struct {
	suspended   bool
	description Description
	fail        error         // what Append answers
	gate        chan struct{} // if not nil, Append waits for it
	entered     chan struct{} // if not nil, Append says that it waits

	mu      sync.Mutex
	records []string
}

func (s *memoryStream) Active() bool { return !s.suspended }

func (s *memoryStream) Describe() Description { return s.description }

func (s *memoryStream) Append(ctx context.Context, e *buffer.Entries) (buffer.Position, error) {
	if s.fail != nil {
		return buffer.Position{}, s.fail
	}
	if s.entered != nil {
		s.entered <- struct{}{}
	}
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return buffer.Position{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := uint64(len(s.records) + 1)
	start := uint32(0)
	for _, end := range e.Ends {
		s.records = append(s.records, string(e.Data[start:end]))
		start = end
	}
	return buffer.Position{Epoch: 0x9f0c31aa52e07b44, Seq: first}, nil
}

func (s *memoryStream) stored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

func direct() *memoryStream {
	return &memoryStream{description: Description{
		Status: Active, Type: DirectPut, Version: 1,
		Created: time.UnixMilli(1714500000123),
		S3: S3{
			Bucket: "lake", Prefix: "web/", ErrorOutputPrefix: "errors/", SizeInMBs: 5, IntervalInSeconds: 60,
			CompressionFormat: "GZIP", FileExtension: ".ndjson", CustomTimeZone: "UTC",
		},
	}}
}

// discard takes records and forgets them, for benchmarks.
type discard struct{ memoryStream }

func (d *discard) Append(context.Context, *buffer.Entries) (buffer.Position, error) {
	return buffer.Position{Epoch: 1, Seq: 1}, nil
}

type discardStreams struct{ s discard }

func (d *discardStreams) Stream(string) (Stream, bool) { return &d.s, true }
func (d *discardStreams) Names() []string              { return nil }
