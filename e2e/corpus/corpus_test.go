package corpus

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"testing"
)

// TestRecordsAreWhatTheyClaim checks size and form, so that figures measured
// on a corpus mean the same after a change of it.
func TestRecordsAreWhatTheyClaim(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields int
		mean   float64
	}{
		{"clicks", 15, 405},
		{"github", 7, 1850},
		{"sensors", 43, 880},
	} {
		c := New(tt.name, 1)
		total := 0
		const n = 5000
		for range n {
			r := c.Append(nil)
			total += len(r)
			var fields map[string]any
			if err := json.Unmarshal(r, &fields); err != nil {
				t.Fatalf("%s: %v\n%s", tt.name, err, r)
			}
			if len(fields) < tt.fields || len(fields) > tt.fields+1 {
				t.Fatalf("%s: record has %d fields, want %d\n%s", tt.name, len(fields), tt.fields, r)
			}
			if bytes.ContainsAny(r, "\n<>") {
				t.Fatalf("%s: record spans lines or has an unfilled value\n%s", tt.name, r)
			}
		}
		if mean := float64(total) / n; mean < 0.97*tt.mean || mean > 1.03*tt.mean {
			t.Errorf("%s: mean size is %.0f bytes, want about %.0f", tt.name, mean, tt.mean)
		}
	}
}

func TestSameSeedGivesSameBytes(t *testing.T) {
	for _, name := range Names() {
		a, b, other := New(name, 7).NDJSON(1<<20), New(name, 7).NDJSON(1<<20), New(name, 8).NDJSON(1<<20)
		if crc32.ChecksumIEEE(a) != crc32.ChecksumIEEE(b) {
			t.Errorf("%s: the same seed gave two corpora", name)
		}
		if bytes.Equal(a, other) {
			t.Errorf("%s: two seeds gave the same corpus", name)
		}
	}
}

func TestUnknownNameIsNoCorpus(t *testing.T) {
	if c := New("trades", 1); c != nil {
		t.Errorf("New(%q) = %v, want nil", "trades", c)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			c := New(name, 1)
			var dst []byte
			for b.Loop() {
				dst = c.Append(dst[:0])
				b.SetBytes(int64(len(dst)))
			}
		})
	}
}
