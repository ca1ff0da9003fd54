package parquet

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The hybrid of run lengths and bit packing, for levels and for the indexes of
// dictionaries. Source: apache/parquet-format, Encodings.md, "RLE/Bit-Packing
// Hybrid". A stretch is either a run of one value or packed groups of 8 values.

// shortestRun is from how many equal values on a run is shorter than groups.
const shortestRun = 8

// widthOf returns how many bits the values up to most need.
func widthOf(most uint32) int { return bits.Len32(most) }

// appendRuns appends levels. Values of up to 8 bits.
func appendRuns(dst []byte, levels runs, width int) []byte {
	var ones uint64 // a 1 in each place of a group
	for i := range 8 {
		ones |= 1 << (i * width)
	}
	header := -1 // where the packed stretch that is open began
	groups := 0
	var group uint64 // values that do not fill a group yet
	filled := uint32(0)
	for _, r := range levels {
		for r.n > 0 {
			if filled == 0 && r.n >= shortestRun {
				dst, header = endPacked(dst, header, groups), -1
				dst = binary.AppendUvarint(dst, uint64(r.n)<<1)
				dst = append(dst, byte(r.level))
				break
			}
			k := min(r.n, 8-filled)
			same := uint64(r.level) * (ones & (1<<(int(k)*width) - 1)) // k times the level
			group |= same << (int(filled) * width)
			filled += k
			r.n -= k
			if filled == 8 {
				if header < 0 || groups == mostGroups {
					dst = endPacked(dst, header, groups)
					header, groups = len(dst), 0
					dst = append(dst, 0)
				}
				dst = appendLow(dst, group, width)
				group, filled = 0, 0
				groups++
			}
		}
	}
	if filled > 0 { // the last group is filled up with zeros
		if header < 0 || groups == mostGroups {
			dst = endPacked(dst, header, groups)
			header, groups = len(dst), 0
			dst = append(dst, 0)
		}
		dst = appendLow(dst, group, width)
		groups++
	}
	return endPacked(dst, header, groups)
}

// mostGroups fit a header of one byte.
const mostGroups = 63

// endPacked writes the header of the packed stretch that began at header.
func endPacked(dst []byte, header, groups int) []byte {
	if header >= 0 {
		dst[header] = byte(groups<<1 | 1)
	}
	return dst
}

// appendLow appends the n lowest bytes of v.
func appendLow(dst []byte, v uint64, n int) []byte {
	return binary.LittleEndian.AppendUint64(dst, v)[:len(dst)+n]
}

// appendIndexes appends indexes of up to 32 bits.
func appendIndexes(dst []byte, v []uint32, width int) []byte {
	for len(v) >= 8 {
		if n := equal(v); n >= shortestRun {
			dst = binary.AppendUvarint(dst, uint64(n)<<1)
			dst = appendLow(dst, uint64(v[0]), (width+7)/8)
			v = v[n:]
			continue
		}
		// Groups up to one that begins a run.
		n := 8
		for n+8 <= len(v) && !allEqual(v[n:n+8]) {
			n += 8
		}
		dst = binary.AppendUvarint(dst, uint64(n/8)<<1|1)
		dst = appendPacked(dst, v[:n], width)
		v = v[n:]
	}
	if len(v) == 0 {
		return dst
	}
	if equal(v) == len(v) {
		dst = binary.AppendUvarint(dst, uint64(len(v))<<1)
		return appendLow(dst, uint64(v[0]), (width+7)/8)
	}
	var last [8]uint32
	copy(last[:], v)
	dst = append(dst, 1<<1|1)
	return appendPacked(dst, last[:], width)
}

func allEqual(v []uint32) bool {
	_ = v[7]
	return v[0] == v[7] && v[0] == v[1] && v[0] == v[2] && v[0] == v[3] && v[0] == v[4] && v[0] == v[5] && v[0] == v[6]
}

// equal returns how many values are the same as the first.
func equal(v []uint32) int {
	n := 1
	for n < len(v) && v[n] == v[0] {
		n++
	}
	return n
}

// appendPacked packs values, a multiple of 8, into width bits each.
func appendPacked(dst []byte, v []uint32, width int) []byte {
	size := len(v) / 8 * width
	at := len(dst)
	dst = grow(dst, size+16) // groups are stored as two words and then cut
	switch {
	case width <= 8:
		for ; len(v) >= 8; v = v[8:] {
			binary.LittleEndian.PutUint64(dst[at:], four(v, width)|four(v[4:], width)<<(4*width))
			at += width
		}
	case width <= 16:
		for ; len(v) >= 8; v = v[8:] {
			low, high := four(v, width), four(v[4:], width)
			binary.LittleEndian.PutUint64(dst[at:], low|high<<(4*width))
			binary.LittleEndian.PutUint64(dst[at+8:], high>>(64-4*width))
			at += width
		}
	default:
		packer := packer{out: dst[:at]}
		for _, x := range v {
			packer.add(uint64(x), width)
		}
		packer.flush()
		at = len(packer.out)
	}
	return dst[:at]
}

// four packs 4 values.
func four(v []uint32, width int) uint64 {
	_ = v[3]
	return uint64(v[0]) | uint64(v[1])<<width | uint64(v[2])<<(2*width) | uint64(v[3])<<(3*width)
}

// packer packs values of any width, low bits first.
type packer struct {
	out   []byte
	bits  uint64
	count int
}

func (p *packer) add(v uint64, width int) {
	p.bits |= v << p.count
	if p.count+width < 64 {
		p.count += width
		return
	}
	p.out = binary.LittleEndian.AppendUint64(p.out, p.bits)
	p.bits = v >> (64 - p.count) // 0 if the value ended there
	p.count += width - 64
}

// flush fills the last byte with zeros.
func (p *packer) flush() {
	p.out = appendLow(p.out, p.bits, (p.count+7)/8)
	p.bits, p.count = 0, 0
}

// grow lengthens dst by n bytes, which hold anything.
func grow(dst []byte, n int) []byte { return room(dst, n)[:len(dst)+n] }

// room makes room for n more elements. It doubles, where append is sparing:
// what is left behind on the way is dear, because new memory is.
func room[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return slices.Grow(s, max(n, len(s)))
}
