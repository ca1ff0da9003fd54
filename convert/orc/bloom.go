package orc

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// bloom says which values a stride may hold, in the form that ORC calls
// BLOOM_FILTER_UTF8.
type bloom struct {
	hashes int
	words  []uint64
	text   []byte // of a decimal
	done   []byte // BloomFilterIndex: the filters of earlier strides
}

func bloomable(k column.Kind) bool { return !k.Nested() && k != column.Boolean }

// newBloom makes a filter for n values, as large as ORC's own writer would.
func newBloom(n int, probability float64) *bloom {
	m := int(-float64(n) * math.Log(probability) / (math.Ln2 * math.Ln2))
	m += 64 - m%64
	return &bloom{
		hashes: max(1, int(math.Round(float64(m)/float64(n)*math.Ln2))),
		words:  make([]uint64, m/64),
	}
}

// add adds values of a type.
func (f *bloom) add(b *column.Batch, t *column.Type, values []uint64) {
	switch t.Kind {
	case column.Float:
		for _, v := range values {
			f.set(hash64(int64(math.Float64bits(float64(math.Float32frombits(uint32(v)))))))
		}
	case column.Timestamp:
		for _, v := range values {
			f.set(hash64(floorDiv(int64(v), 1e6)))
		}
	case column.Decimal:
		for _, v := range values {
			x := narrow(int64(v))
			if t.Wide() {
				x = wide(b.Bytes(v))
			}
			f.text = trimDecimal(x.appendDecimal(f.text[:0], t.Scale), t.Scale)
			f.set(murmur3(f.text))
		}
	case column.Char:
		for _, v := range values {
			f.text = pad(f.text[:0], b.Bytes(v), t.Length)
			f.set(murmur3(f.text))
		}
	case column.String, column.Varchar, column.Binary:
		for _, v := range values {
			f.set(murmur3(b.Bytes(v)))
		}
	default: // integers, dates, doubles
		for _, v := range values {
			f.set(hash64(int64(v)))
		}
	}
}

// trimDecimal removes zeros at the end of a fraction: filters hold decimals as
// Hive writes them.
func trimDecimal(p []byte, scale int) []byte {
	if scale == 0 {
		return p
	}
	for p[len(p)-1] == '0' {
		p = p[:len(p)-1]
	}
	if p[len(p)-1] == '.' {
		p = p[:len(p)-1]
	}
	return p
}

func (f *bloom) set(hash uint64) {
	a, b := int32(hash), int32(hash>>32)
	m := int32(len(f.words) * 64)
	for i := range int32(f.hashes) {
		h := a + (i+1)*b
		if h < 0 {
			h = ^h
		}
		at := h % m
		f.words[at>>6] |= 1 << (at & 63)
	}
}

// next puts the filter of a stride into the index and empties it.
func (f *bloom) next() {
	var m, bytes int
	f.done, m = begin(f.done, 1)
	f.done = putUint(f.done, 1, uint64(f.hashes))
	f.done, bytes = begin(f.done, 3)
	for _, w := range f.words {
		f.done = binary.LittleEndian.AppendUint64(f.done, w)
	}
	f.done = end(end(f.done, bytes), m)
	clear(f.words)
}

func (f *bloom) reset() {
	clear(f.words)
	f.done = f.done[:0]
}

// hash64 is Thomas Wang's hash of 64-bit integers, with Java's signed shifts.
func hash64(k int64) uint64 {
	k = ^k + k<<21
	k ^= k >> 24
	k += k<<3 + k<<8
	k ^= k >> 14
	k += k<<2 + k<<4
	k ^= k >> 28
	k += k << 31
	return uint64(k)
}

// murmur3 is Hive's 64-bit variant of MurmurHash3.
func murmur3(p []byte) uint64 {
	const c1, c2 = 0x87c37b91114253d5, 0x4cf5ad432745937f
	h := uint64(104729)
	n := uint64(len(p))
	for ; len(p) >= 8; p = p[8:] {
		h ^= bits.RotateLeft64(binary.LittleEndian.Uint64(p)*c1, 31) * c2
		h = bits.RotateLeft64(h, 27)*5 + 0x52dce729
	}
	if len(p) > 0 {
		var tail uint64
		for i, b := range p {
			tail |= uint64(b) << (8 * i)
		}
		h ^= bits.RotateLeft64(tail*c1, 31) * c2
	}
	h ^= n
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
