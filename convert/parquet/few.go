package parquet

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// fewStrings is how every bytesDictionary begins, and all that most need: the
// first entries, which fit the fastest cache. There, what takes longest is a jump
// to the code for a length that the processor guessed wrong. So values are hashed
// and compared as four words, of whatever length they are.
type fewStrings struct {
	seed    words
	entries []fewEntry // from 1 on; none when it is over
	long    int        // entries that are longer than words
	table   [256]uint8 // open addresses, of entries; 0 is free
}

type fewEntry struct {
	words
	n int
}

// words are the first and the last 16 bytes of a value, and zeros where a half
// is longer than it. A value of up to 32 bytes is known by its words and length.
type words [4]uint64

const (
	half      = 16
	mostFew   = 128
	sizeOfFew = 4*8 + 8 // an entry
)

// masks keep so many bytes of a half.
var masks = func() (m [half + 1][2]uint64) {
	for n := range m {
		m[n] = [2]uint64{^(^uint64(0) << (8 * n)), ^(^uint64(0) << (8 * max(n-8, 0)))}
	}
	return m
}()

func (f *fewStrings) reset() {
	if f.entries == nil {
		f.seed = words{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()}
	}
	f.entries, f.long = append(f.entries[:0], fewEntry{n: -1}), 0
	clear(f.table[:])
}

// over reports whether there are more entries than this is for, or most are
// longer than it is for.
func (f *fewStrings) over() bool { return len(f.entries) == mostFew || f.long*2 > len(f.entries) }

// addFew appends the indexes of values to out. It returns without those behind
// an entry with which it is over.
func (d *bytesDictionary) addFew(out []uint32, b *column.Batch, values []uint64) []uint32 {
	f := &d.few
	var w words
	for _, place := range values {
		in, start, n := b.Locate(place)
		if d.width > 0 {
			start, n = start+n-d.width, d.width
		}
		value := in[start : start+n]
		if start > len(in)-half {
			var end [half]byte
			copy(end[:], value)
			in, start = end[:], 0
		}
		m := &masks[min(uint(n), half)]
		first := in[start : start+half]
		start += max(n-half, 0)
		last := in[start : start+half]
		w[0], w[1] = binary.LittleEndian.Uint64(first)&m[0], binary.LittleEndian.Uint64(first[8:])&m[1]
		w[2], w[3] = binary.LittleEndian.Uint64(last)&m[0], binary.LittleEndian.Uint64(last[8:])&m[1]
		h1, l1 := bits.Mul64(w[0]^f.seed[0], w[1]^f.seed[1])
		h2, l2 := bits.Mul64(w[2]^f.seed[2], w[3]^f.seed[3])
		at := uint8((h1 ^ l1 ^ h2 ^ l2) >> 56)
		for {
			k := f.table[at]
			e := &f.entries[k]
			if e.words[0] == w[0] && e.words[1] == w[1] && e.words[2] == w[2] && e.words[3] == w[3] && e.n == n &&
				(n <= 2*half || string(d.value(uint32(k)-1)) == string(value)) {
				out = append(out, uint32(k)-1)
				break
			}
			if k == 0 {
				f.table[at] = uint8(len(f.entries))
				f.entries = append(room(f.entries, 1), fewEntry{w, n})
				out = append(out, uint32(len(f.entries))-2)
				d.insert(value, 0)
				if n > 2*half {
					f.long++
				}
				break
			}
			at++
		}
		if f.over() {
			break
		}
	}
	return out
}
