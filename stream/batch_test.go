package stream

import (
	"bytes"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// blackHole is a writer that costs nothing, so that what is measured is ours.
type blackHole struct{ sinks.Sink }

func (blackHole) Batch(sinks.Spool) sinks.Writer            { return blackHole{} }
func (blackHole) Add(*buffer.Chunk, []int) error            { return nil }
func (blackHole) Abandon()                                  {}
func (blackHole) Seal(buffer.Plan) ([]sinks.Payload, error) { return nil, nil }

// fill makes c hold n records of size bytes, all pending.
func fill(c *buffer.Chunk, n int, record []byte) {
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for range n {
		c.AppendCopy(record, time.Time{})
	}
}

func TestAddDoesNotAllocatePerRecord(t *testing.T) {
	b := newBatch(nil, sinks.Outputs{Destination: blackHole{}, Errors: blackHole{}})
	var c buffer.Chunk
	record := bytes.Repeat([]byte("x"), 1000)
	fill(&c, 500, record)
	if _, err := b.add(&c, 0, 1<<62); err != nil { // makes the scratch space
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(20, func() {
		fill(&c, 500, record)
		if _, err := b.add(&c, 0, 1<<62); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("adding a chunk of 500 records makes %v allocations, want none", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	batch := newBatch(nil, sinks.Outputs{Destination: blackHole{}, Errors: blackHole{}})
	var c buffer.Chunk
	record := bytes.Repeat([]byte("x"), 1000)
	b.SetBytes(500 * 1000)
	b.ReportAllocs()
	for b.Loop() {
		fill(&c, 500, record)
		if _, err := batch.add(&c, 0, 1<<62); err != nil {
			b.Fatal(err)
		}
	}
}
