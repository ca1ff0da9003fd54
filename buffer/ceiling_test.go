package buffer

import (
	"bytes"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// TestAppendAllocatesPerGroupOnly: the group and its channel.
func TestAppendAllocatesPerGroupOnly(t *testing.T) {
	r := newRig(t, DirOptions{})
	var e Entries
	for range 500 {
		e.Add(make([]byte, 100))
	}
	ctx := t.Context()
	got := testing.AllocsPerRun(100, func() {
		if _, err := r.log.Append(ctx, &e); err != nil {
			t.Fatal(err)
		}
	})
	if got > 8 {
		t.Errorf("%.0f allocations for a call with 500 records, at most 8", got)
	}
}

// TestNextAllocatesPerChunkOnly: opening the file is most of it.
func TestNextAllocatesPerChunkOnly(t *testing.T) {
	r := newRig(t, DirOptions{})
	var e Entries
	for range 500 {
		e.Add(make([]byte, 100))
	}
	for range 20 {
		if _, err := r.log.Append(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	f := reader{cursor: r.log.shards[0].own, shard: r.log.shards[0], until: 10000}
	var c Chunk
	ctx := t.Context()
	got := testing.AllocsPerRun(50, func() {
		f.seg, f.seq = nil, 1
		if err := f.Next(ctx, &c); err != nil || c.Len() < 1000 {
			t.Fatalf("%d records, %v", c.Len(), err)
		}
	})
	if got > 20 {
		t.Errorf("%.0f allocations for a chunk of %d records, at most 20", got, c.Len())
	}
}

func FuzzJournal(f *testing.F) {
	frame, err := encodeCheckpoint(checkpoint{Generation: 3, Plans: []Plan{{Feed: "x"}}}, 7, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame)
	f.Add(append(bytes.Clone(frame), frame...))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := scanJournal(segment.NewScanner(bytes.NewReader(b), 7, 0, int64(len(b))), "journal", func(Damage) {})
		if err != nil {
			t.Errorf("reading from memory failed: %v", err)
		}
	})
}
