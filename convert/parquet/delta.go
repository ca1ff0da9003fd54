package parquet

import (
	"encoding/binary"
	"math/bits"
)

// DELTA_BINARY_PACKED. Source: apache/parquet-format, Encodings.md, "Delta
// encoding". Blocks of 128 differences in 4 parts, each packed to the width of
// its largest.
const (
	deltaBlock = 128
	deltaPart  = 32
	deltaParts = deltaBlock / deltaPart
)

// appendDelta appends int64 values, or int32 values if narrow: the differences
// of those wrap around at 32 bits.
func appendDelta[T uint32 | uint64](dst []byte, values []T, narrow bool) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaParts)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(values[0]))
	var block [deltaBlock]int64
	for len(values) > 1 {
		n := min(deltaBlock, len(values)-1)
		for i := range n {
			d := int64(values[i+1]) - int64(values[i])
			if narrow {
				d = int64(int32(d))
			}
			block[i] = d
		}
		dst = appendDeltaBlock(dst, &block, n, narrow)
		values = values[n:]
	}
	return dst
}

// appendDeltaBlock appends n differences. What they lack to full parts is 0;
// parts without differences are left out.
func appendDeltaBlock(dst []byte, block *[deltaBlock]int64, n int, narrow bool) []byte {
	least := block[0]
	for _, v := range block[:n] {
		least = min(least, v)
	}
	dst = binary.AppendVarint(dst, least)
	mask := ^uint64(0)
	if narrow {
		mask = 1<<32 - 1
	}
	var widths [deltaParts]int
	for p := range deltaParts {
		var all uint64
		for i := p * deltaPart; i < min(n, (p+1)*deltaPart); i++ {
			v := uint64(block[i]-least) & mask
			block[i] = int64(v)
			all |= v
		}
		widths[p] = bits.Len64(all)
		dst = append(dst, byte(widths[p]))
	}
	clear(block[n:])
	for p := 0; p*deltaPart < n; p++ {
		if widths[p] == 0 {
			continue
		}
		packer := packer{out: dst}
		for _, v := range block[p*deltaPart : (p+1)*deltaPart] {
			packer.add(uint64(v), widths[p])
		}
		packer.flush()
		dst = packer.out
	}
	return dst
}
