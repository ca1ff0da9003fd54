package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/sinks"
)

func TestBackoffGrowsToItsCap(t *testing.T) {
	f := func(attempt int, most time.Duration) {
		t.Helper()
		longest := time.Duration(0)
		for range 2000 {
			w := backoff(attempt)
			if w < 0 || w > most {
				t.Fatalf("backoff(%d) = %v, want 0 to %v", attempt, w, most)
			}
			longest = max(longest, w)
		}
		if longest < most/2 {
			t.Errorf("backoff(%d) never came near %v", attempt, most)
		}
	}
	f(1, firstWait)
	f(2, 2*firstWait)
	f(5, 16*firstWait)
	f(9, longestWait)
	f(1_000_000, longestWait)
}

func TestPickReadsTheChosenFragments(t *testing.T) {
	p := &sinks.Payload{Body: strings.NewReader("aabbbcdddd"), Ends: []int64{2, 5, 6, 10}, Seqs: []uint64{10, 11, 12, 13}}
	f := func(want string, rows ...int) {
		t.Helper()
		q := pick(p, rows)
		got, err := io.ReadAll(io.NewSectionReader(q.Body, 0, q.Size))
		if err != nil || string(got) != want {
			t.Errorf("rows %v read %q (%v), want %q", rows, got, err, want)
		}
		for off := int64(0); off <= q.Size; off++ { // every offset and length, as a sink may read
			for n := range len(want) - int(off) + 1 {
				b := make([]byte, n)
				if m, err := q.Body.ReadAt(b, off); m != n || err != nil && err != io.EOF || string(b) != want[off:int(off)+n] {
					t.Errorf("rows %v: ReadAt(%d, %d) = %q (%v)", rows, off, n, b[:m], err)
				}
			}
		}
	}
	f("aabbbcdddd", 0, 1, 2, 3)
	f("bbb", 1)
	f("aadddd", 0, 3)
	f("cdddd", 2, 3)
	if q := pick(pick(p, []int{0, 2, 3}), []int{1, 2}); q.Seqs[0] != 12 || q.Size != 5 {
		t.Errorf("a part of a part is %+v", q)
	}
}

func TestPaceFollowsTheDestination(t *testing.T) {
	p := newPace(8)
	step := func(err error) {
		if p.acquire(context.Background()) != nil {
			t.Fatal("no place")
		}
		p.release(err)
	}
	for range 100 {
		step(nil)
	}
	if p.limit != 8 {
		t.Errorf("limit %v after 100 good tries, want 8", p.limit)
	}
	step(&sinks.Error{Kind: sinks.Throttled, Err: errors.New("slow down")})
	if p.limit != 4 {
		t.Errorf("limit %v after throttling, want half of it", p.limit)
	}
	step(errors.New("connection refused"))
	if p.limit != 1 {
		t.Errorf("limit %v after a failure, want a single probe", p.limit)
	}
	step(&sinks.Error{Kind: sinks.BadRecord, Err: errors.New("no")})
	if p.limit != 1 {
		t.Errorf("limit %v: a bad record says nothing about the pace", p.limit)
	}
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add([]byte("{}\n00000000"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decodeManifest(text)
		if (m == nil) == (err == nil) {
			t.Errorf("decodeManifest(%q) = %v, %v", text, m, err)
		}
		if err == nil && !bytes.Contains(text, []byte{'\n'}) {
			t.Errorf("accepted %q without its checksum", text)
		}
	})
}
