package parquet

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/delta"
)

// unpack reads the hybrid of run lengths and bit packing, one bit at a time.
func unpack(t testing.TB, data []byte, width, n int) []uint32 {
	t.Helper()
	var out []uint32
	for len(data) > 0 {
		header, k := binary.Uvarint(data)
		data = data[k:]
		if header&1 == 0 {
			var v uint32
			for i := range (width + 7) / 8 {
				v |= uint32(data[i]) << (8 * i)
			}
			data = data[(width+7)/8:]
			for range header >> 1 {
				out = append(out, v)
			}
			continue
		}
		groups := int(header >> 1)
		for i := range groups * 8 {
			var v uint32
			for b := range width {
				bit := i*width + b
				v |= uint32(data[bit/8]>>(bit%8)&1) << b
			}
			out = append(out, v)
		}
		data = data[groups*width:]
	}
	if len(out) < n || len(out) >= n+8 {
		t.Fatalf("%d values, want %d and at most 7 more", len(out), n)
	}
	return out[:n]
}

// streaky returns values of which some are in long runs.
func streaky(r *rand.Rand, n, width int) []uint32 {
	var v []uint32
	for len(v) < n {
		x := r.Uint32() & (1<<width - 1)
		for range 1 + r.IntN(3)*r.IntN(2)*r.IntN(30) {
			v = append(v, x)
		}
	}
	return v[:n]
}

func TestIndexesComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for width := 1; width <= 32; width++ {
		for range 100 {
			want := streaky(r, r.IntN(3000), width)
			if got := unpack(t, appendIndexes(nil, want, width), width, len(want)); !slices.Equal(got, want) {
				t.Fatalf("width %d: %v became %v", width, want, got)
			}
		}
	}
}

func TestLevelsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for width := 1; width <= 8; width++ {
		for range 200 {
			want := streaky(r, 1+r.IntN(3000), width)
			var levels runs
			for _, v := range want {
				levels = levels.add(v, 1)
			}
			if got := unpack(t, appendRuns(nil, levels, width), width, len(want)); !slices.Equal(got, want) {
				t.Fatalf("width %d: %v became %v", width, want, got)
			}
		}
	}
}

func TestLevelsWithoutNullsAreOneRun(t *testing.T) {
	if got := appendRuns(nil, runs{{20000, 1}}, 1); len(got) != 4 {
		t.Errorf("%d bytes, want 4: %x", len(got), got)
	}
}

func TestDeltaComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 500 {
		wide := make([]uint64, r.IntN(700))
		shift := r.IntN(64)
		for i := range wide {
			wide[i] = uint64(int64(r.Uint64()) >> shift)
		}
		var e delta.BinaryPackedEncoding
		got64, err := e.DecodeInt64(nil, appendDelta(nil, wide, false))
		if err != nil {
			t.Fatal(err)
		}
		for i := range wide {
			if got64[i] != int64(wide[i]) {
				t.Fatalf("int64 %d of %d: %d became %d", i, len(wide), int64(wide[i]), got64[i])
			}
		}
		for i := range wide {
			wide[i] = uint64(int64(int32(wide[i])))
		}
		got32, err := e.DecodeInt32(nil, appendDelta(nil, wide, true))
		if err != nil {
			t.Fatal(err)
		}
		for i := range wide {
			if got32[i] != int32(wide[i]) {
				t.Fatalf("int32 %d of %d: %d became %d", i, len(wide), int32(wide[i]), got32[i])
			}
		}
	}
}

func BenchmarkAppendIndexes(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, width := range []int{1, 7, 15} {
		v := make([]uint32, mostPageEntries)
		for i := range v {
			v[i] = r.Uint32() & (1<<width - 1)
		}
		b.Run(string(rune('0'+width/10))+string(rune('0'+width%10))+"bits", func(b *testing.B) {
			var out []byte
			b.SetBytes(int64(4 * len(v)))
			for b.Loop() {
				out = appendIndexes(out[:0], v, width)
			}
		})
	}
}
