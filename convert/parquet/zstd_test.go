package parquet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func plainStrings(values ...string) []byte {
	var b []byte
	for _, v := range values {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return b
}

// hexIDs returns so many strings of n random hexadecimal digits.
func hexIDs(r *rand.Rand, count, n int) []string {
	var ids []string
	for range count {
		id := make([]byte, (n+1)/2)
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		ids = append(ids, hex.EncodeToString(id)[:n])
	}
	return ids
}

var zstdReader = sync.OnceValues(func() (*zstd.Decoder, error) { return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)) })

func decodeZstd(t testing.TB, frame []byte) []byte {
	t.Helper()
	d, err := zstdReader()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := d.DecodeAll(frame, nil)
	if err != nil {
		t.Fatalf("decode frame %.64x: %v", frame, err)
	}
	return raw
}

func TestZstdWithoutASearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	type page struct {
		name    string
		src     []byte
		strings int
	}
	pages := []page{
		{"nothing", nil, -1}, {"nothing, of strings", nil, 0}, {"a byte", []byte{7}, -1},
		{"one byte, often", bytes.Repeat([]byte{7}, 400_000), -1},
		{"random", random, -1}, {"random, a block", random[:mostZstdBlock], -1}, {"random, a block and a byte", random[:mostZstdBlock+1], -1},
		{"text", []byte(strings.Repeat("the quick brown fox ", 20_000)), -1},
		{"strings of different lengths", plainStrings("a", "bc", "d"), 0},
		{"empty strings", plainStrings("", "", ""), 0},
		{"levels that are longer than a block", append(make([]byte, mostZstdBlock), plainStrings("abc", "def")...), mostZstdBlock},
		{"levels that are nearly a block", append(make([]byte, mostZstdBlock-4), plainStrings("abc", "def")...), mostZstdBlock - 4},
		{"long strings", plainStrings(hexIDs(r, 50, longestSequence)...), 0},
		{"too long strings", plainStrings(hexIDs(r, 50, longestSequence+1)...), 0},
	}
	for _, n := range []int{1, 2, 4, 15, 16, 17, 19, 23, 31, 32, 36, 40, 47, 48, 63, 64, 127, 128, 255, 256, 512, 1023, 1024, 1500} {
		for _, count := range []int{1, 2, 3, 127, 128, 5000} {
			pages = append(pages, page{fmt.Sprintf("%d strings of %d", count, n), append([]byte("levels"), plainStrings(hexIDs(r, count, n)...)...), 6})
		}
		// The last string is the first that the block has no room for.
		count := mostZstdBlock/(n+4) + 1
		pages = append(pages, page{fmt.Sprintf("strings of %d, a block", n), plainStrings(hexIDs(r, count, n)...), 0})
	}
	var z zstdWriter
	for _, p := range pages {
		frame, err := z.appendCoded([]byte("before"), p.src, p.strings)
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		frame, ok := bytes.CutPrefix(frame, []byte("before"))
		if got := decodeZstd(t, frame); !ok || !bytes.Equal(got, p.src) {
			t.Errorf("%s: %d bytes were %d after a frame of %d", p.name, len(p.src), len(got), len(frame))
		}
		if most := len(p.src) + 16 + 3*(len(p.src)/mostZstdBlock+2); len(frame) > most {
			t.Errorf("%s: %d bytes became %d, want at most %d", p.name, len(p.src), len(frame), most)
		}
	}
}

func TestZstdOfIDsIsSmallerWithoutASearch(t *testing.T) {
	for _, n := range []int{16, 32, 36} {
		src := plainStrings(hexIDs(rand.New(rand.NewPCG(1, 2)), 4000, n)...)
		var z zstdWriter
		var e effort
		frame, err := z.compress(src, &e, 0)
		if err != nil {
			t.Fatal(err)
		}
		if e.how != literals || len(frame) >= len(z.searched) {
			t.Errorf("ids of %d: %d bytes with a search, %d without, and the next page is written by way %d", n, len(z.searched), len(z.coded), e.how)
		}
	}
}

func FuzzZstdWithoutASearch(f *testing.F) {
	f.Add([]byte("abcdefgh"), -1)
	f.Add(plainStrings("abc", "def", "ghi"), 0)
	f.Add(append([]byte("levels"), plainStrings(hexIDs(rand.New(rand.NewPCG(1, 2)), 100, 36)...)...), 6)
	f.Fuzz(func(t *testing.T, src []byte, strings int) {
		strings = max(-1, min(strings, len(src)))
		var z zstdWriter
		frame, err := z.appendCoded(nil, src, strings)
		if err != nil {
			t.Fatal(err)
		}
		if got := decodeZstd(t, frame); !bytes.Equal(got, src) {
			t.Fatalf("%x became %x by %x", src, got, frame)
		}
	})
}
