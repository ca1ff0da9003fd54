package column

import (
	"math"
	"math/bits"
	"strconv"
)

// float64 returns the nearest double. text is the number, to be looked at
// again in rare cases. ok is false beyond the range.
func (n *number) float64(text []byte) (f float64, ok bool) {
	if n.exact() {
		if f, ok := exactFloat(n.mantissa, n.exponent); ok {
			return n.signed(f), true
		}
		if f, ok := eiselLemire(n.mantissa, n.exponent); ok {
			return n.signed(f), true
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil
}

// float32 returns the nearest float.
func (n *number) float32(text []byte) (f float32, ok bool) {
	if d, ok := n.float64(text); ok && onceRounded(d) {
		return float32(d), true
	}
	d, err := strconv.ParseFloat(string(text), 32)
	return float32(d), err == nil
}

// onceRounded reports whether rounding the nearest double of a number gives
// the nearest float of that number: it does unless the double lies right
// between two floats, or where floats have fewer digits.
func onceRounded(d float64) bool {
	const dropped, half = 1<<29 - 1, 1 << 28
	size := math.Abs(d)
	return size == 0 || size >= 0x1p-126 && size < math.MaxFloat32 && math.Float64bits(d)&dropped != half
}

func (n *number) signed(f float64) float64 {
	if n.negative {
		return -f
	}
	return f
}

// exactFloat handles numbers whose mantissa and power of ten are both doubles:
// then a single operation rounds once (Clinger).
func exactFloat(mantissa uint64, exponent int) (f float64, ok bool) {
	if mantissa>>53 != 0 || exponent < -22 || exponent > 22 {
		return 0, false
	}
	f = float64(mantissa)
	if exponent < 0 {
		return f / exactPowers[-exponent], true
	}
	return f * exactPowers[exponent], true
}

var exactPowers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// eiselLemire handles most of the others with one or two multiplications of
// 128 bits: D. Lemire, "Number Parsing at a Gigabyte per Second", 2021. ok is
// false where it cannot tell, or the power is not in the table.
func eiselLemire(mantissa uint64, exponent int) (f float64, ok bool) {
	if mantissa == 0 {
		return 0, true
	}
	if exponent < leastPower || exponent > mostPower {
		return 0, false
	}
	power := &powers[exponent-leastPower]
	zeros := bits.LeadingZeros64(mantissa)
	mantissa <<= zeros
	// 217706/2^16 is log2(10): the binary exponent, biased.
	biased := uint64((217706*exponent)>>16+64+1023) - uint64(zeros)

	high, low := bits.Mul64(mantissa, power[0])
	if high&0x1ff == 0x1ff && low+mantissa < mantissa {
		// The bits that were left out of the power might carry.
		moreHigh, moreLow := bits.Mul64(mantissa, power[1])
		mergedHigh, mergedLow := high, low+moreHigh
		if mergedLow < low {
			mergedHigh++
		}
		if mergedHigh&0x1ff == 0x1ff && mergedLow+1 == 0 && moreLow+mantissa < mantissa {
			return 0, false
		}
		high, low = mergedHigh, mergedLow
	}
	top := high >> 63
	m := high >> (top + 9)
	biased -= 1 ^ top
	if low == 0 && high&0x1ff == 0 && m&3 == 1 {
		return 0, false // half-way, perhaps
	}
	m += m & 1
	m >>= 1
	if m>>53 > 0 {
		m >>= 1
		biased++
	}
	if biased-1 >= 0x7ff-1 {
		return 0, false // subnormal or infinite
	}
	return math.Float64frombits(biased<<52 | m&(1<<52-1)), true
}
