package parquet

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Split block Bloom filters over XXH64. Source: apache/parquet-format,
// BloomFilter.md.

const (
	bloomBlock = 32       // bytes
	mostBloom  = 16 << 20 // bytes
)

var bloomSalt = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// appendBloom appends a filter, header first, that holds the hashes and sorts
// them.
func appendBloom(t *thrift, hashes []uint64, falsePositive float64) {
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	size := bloomSize(len(hashes), falsePositive)
	t.begin()
	t.i32Field(1, size)
	for id := byte(2); id <= 4; id++ { // algorithm: BLOCK, hash: XXHASH, compression: UNCOMPRESSED
		t.structField(id)
		t.emptyField(1)
		t.end()
	}
	t.end()
	at := len(t.out)
	t.out = grow(t.out, size)
	filter := t.out[at:]
	clear(filter)
	for _, h := range hashes {
		block := filter[(h>>32)*uint64(size/bloomBlock)>>32*bloomBlock:][:bloomBlock]
		for i, salt := range bloomSalt {
			word := block[4*i:]
			bit := uint32(1) << (uint32(h) * salt >> 27)
			binary.LittleEndian.PutUint32(word, binary.LittleEndian.Uint32(word)|bit)
		}
	}
}

// bloomSize returns how many bytes n values need: a power of 2, which some
// readers demand.
func bloomSize(n int, falsePositive float64) int {
	bytes := -float64(n) / math.Log(1-math.Pow(falsePositive, 1./8)) // 8 bits for each of 8 words
	return 1 << bits.Len(uint(min(max(bytes, bloomBlock), mostBloom))-1)
}

func hashBytes(b []byte) uint64 { return xxhash.Sum64(b) }

// appendNumberHashes appends the hashes of numbers in PLAIN encoding.
func appendNumberHashes(dst []uint64, l *leaf, values []uint64) []uint64 {
	var plain [12]byte
	for _, v := range values {
		b := plain[:l.width]
		switch l.width {
		case 12:
			appendInt96(plain[:0], int64(v))
		case 8:
			binary.LittleEndian.PutUint64(b, v)
		default:
			binary.LittleEndian.PutUint32(b, uint32(v))
		}
		dst = append(dst, hashBytes(b))
	}
	return dst
}
