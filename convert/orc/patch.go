package orc

import "math/bits"

// Limits of the format on patches.
const (
	mostPatches = 31
	longestGap  = 255
)

// patched is how values with a few outliers are encoded: each as what it is
// above the least, in width bits, and the higher bits of the outliers apart.
type patched struct {
	base     int64 // the least value
	baseSize int   // in bytes, with a sign
	width    int   // of the values
	high     int   // bits of an outlier above width
	gap      int   // bits of the distance between outliers
	entries  int
}

// patch reports whether patches make v shorter than direct values.
func patch(v []int64, s *survey) (patched, bool) {
	const worthwhile = 20 // values; fewer do not make up for the longer header
	if len(v) < worthwhile || s.width <= 8 {
		return patched{}, false
	}
	least, most := s.low, s.high
	if uint64(most)-uint64(least) >= 1<<56 || least <= -1<<55 || least >= 1<<55 {
		return patched{}, false
	}
	limit := min(mostPatches, len(v)/10)
	top := bits.Len64(uint64(most - least))
	if tooMany(v, least, narrower(top), limit) {
		return patched{}, false
	}
	// lengths counts how many values need each width.
	var lengths [65]int
	for _, x := range v {
		lengths[bits.Len64(uint64(x-least))]++
	}
	p := patched{base: least, width: aligned(top)}
	for n, outliers := top, 0; n > 0; n-- {
		if outliers += lengths[n]; outliers > limit {
			break
		}
		p.width = aligned(n - 1)
	}
	if p.width >= top {
		return patched{}, false
	}
	p.high = top - p.width
	p.count(v)
	p.baseSize = (bits.Len64(uint64(max(least, -least))) + 1 + 7) / 8
	entry := int(widths[widthCode(p.high+p.gap)])
	if p.entries > mostPatches || p.high+p.gap > 64 {
		return patched{}, false
	}
	size := 2 + p.baseSize + (len(v)*p.width+7)/8 + (p.entries*entry+7)/8
	return p, size < (len(v)*s.width+7)/8
}

// tooMany reports whether more than limit values need more than width bits
// above base. With most values a few show it.
func tooMany(v []int64, base int64, width, limit int) bool {
	const some = 64
	n := uint64(0)
	for len(v) > 0 && n <= uint64(limit) {
		for _, x := range v[:min(some, len(v))] {
			over := (x - base) >> width
			n += uint64(over|-over) >> 63
		}
		v = v[min(some, len(v)):]
	}
	return n > uint64(limit)
}

// count finds the number of patches and the widest gap between them.
func (p *patched) count(v []int64) {
	last, widest := 0, 0
	for i, x := range v {
		if uint64(x-p.base)>>p.width == 0 {
			continue
		}
		for i-last > longestGap {
			last += longestGap
			widest = longestGap
			p.entries++
		}
		widest = max(widest, i-last)
		last = i
		p.entries++
	}
	p.gap = max(1, bits.Len(uint(widest)))
	p.high = int(widths[widthCode(p.high)])
}

func (p *patched) append(dst []byte, v []int64) []byte {
	dst = runHeader(dst, patchedBase, widthCode(p.width), len(v))
	dst = append(dst, byte((p.baseSize-1)<<5|widthCode(p.high)), byte((p.gap-1)<<5|p.entries))
	base := uint64(p.base)
	if p.base < 0 {
		base = uint64(-p.base) | 1<<(8*p.baseSize-1)
	}
	dst = appendBig(dst, base, p.baseSize)

	var low [longestIntRun]int64
	var patches [mostPatches]uint64
	last, n := 0, 0
	for i, x := range v {
		above := uint64(x - p.base)
		low[i] = int64(above & (1<<p.width - 1))
		if above >>= p.width; above == 0 {
			continue
		}
		for i-last > longestGap {
			patches[n] = longestGap << p.high // a patch of nothing
			last += longestGap
			n++
		}
		patches[n] = uint64(i-last)<<p.high | above
		last = i
		n++
	}
	dst = appendPacked(dst, low[:len(v)], p.width, false)
	return appendBits(dst, patches[:n], int(widths[widthCode(p.high+p.gap)]))
}
