package column

import "math/bits"

// number is a number as it is written: ±mantissa·10^exponent.
type number struct {
	mantissa uint64 // meaningless with more than maxDigits digits
	exponent int
	digits   int // of the mantissa, zeros at the start included
	negative bool
}

// maxDigits is how many digits a mantissa certainly holds.
const maxDigits = 19

// maxExponent bounds exponents, so that sums with them do not overflow: it is
// far beyond what any type holds.
const maxExponent = 1 << 24

func (n *number) exact() bool { return n.digits <= maxDigits }

// scanNumber reads the number at i.
func scanNumber(d []byte, i int) (n number, end int) {
	if i < len(d) && d[i] == '-' {
		n.negative = true
		i++
	}
	start := i
	if fits(d, i, 8) { // the first word of scanDigits, in line
		w := load(d, i) ^ '0'*ones
		k := leadingDigits(w)
		n.mantissa = eightDigits(w << (64 - 8*k))
		if i += k; k == 8 {
			n.mantissa, i = scanDigits(d, i, n.mantissa)
		}
	} else {
		n.mantissa, i = scanDigits(d, i, 0)
	}
	n.digits = i - start
	if n.digits == 0 || d[start] == '0' && n.digits > 1 {
		return n, fault(min(i, start+1), unexpected)
	}
	if i < len(d) && d[i] == '.' {
		point := i
		n.mantissa, i = scanDigits(d, i+1, n.mantissa)
		n.exponent = point + 1 - i
		if n.exponent == 0 {
			return n, fault(i, unexpected)
		}
		n.digits -= n.exponent
	}
	if i < len(d) && d[i]|0x20 == 'e' {
		var e int
		e, i = scanExponent(d, i+1)
		n.exponent += e
	}
	return n, i
}

// scanDigits appends the decimal digits from i on to mantissa. It overflows
// with too many.
func scanDigits(d []byte, i int, mantissa uint64) (m uint64, end int) {
	for fits(d, i, 8) {
		w := load(d, i) ^ '0'*ones
		n := leadingDigits(w)
		mantissa = mantissa*smallPowers[n] + eightDigits(w<<(64-8*n))
		i += n
		if n < 8 {
			return mantissa, i
		}
	}
	for i < len(d) && d[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(d[i]-'0')
		i++
	}
	return mantissa, i
}

var smallPowers = [...]uint64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// leadingDigits returns how many of eight bytes, from the lowest on, are 0 to 9.
func leadingDigits(w uint64) int {
	// A carry spoils only bytes above the first that is no digit.
	return bits.TrailingZeros64(((w+(128-10)*ones)|w)&highs) >> 3
}

// eightDigits returns the number that eight bytes from 0 to 9 make, the lowest
// byte first.
func eightDigits(w uint64) uint64 {
	w = w*10 + w>>8 // pairs in the bytes 0, 2, 4, 6
	const low = 0x000000ff_000000ff
	return (w&low*(100+1_000_000<<32) + w>>16&low*(1+10_000<<32)) >> 32
}

// scanExponent reads what follows the e.
func scanExponent(d []byte, i int) (e, end int) {
	negative := i < len(d) && d[i] == '-'
	if negative || i < len(d) && d[i] == '+' {
		i++
	}
	start := i
	for i < len(d) && d[i]-'0' <= 9 {
		e = min(e*10+int(d[i]-'0'), maxExponent)
		i++
	}
	if i == start {
		return 0, fault(i, unexpected)
	}
	if negative {
		e = -e
	}
	return e, i
}

// skipNumber checks the number at i.
func skipNumber(d []byte, i int) int {
	_, end := scanNumber(d, i)
	return end
}

// parseNumeric reads a whole text that came as a string: other than in JSON,
// there may be a plus sign and zeros at the start, as in Java.
func parseNumeric(text []byte) (n number, ok bool) {
	i := 0
	negative := len(text) > 0 && text[0] == '-'
	if negative || len(text) > 0 && text[0] == '+' {
		i++
	}
	for i+1 < len(text) && text[i] == '0' && text[i+1]-'0' <= 9 {
		i++
	}
	if i == len(text) || text[i] == '-' {
		return n, false
	}
	n, end := scanNumber(text, i)
	n.negative = negative
	return n, end == len(text)
}

// shortInteger reads an integer of up to seven digits without sign from eight
// bytes of text, if a comma or a brace follows; otherwise length is 0.
func shortInteger(w uint64) (x uint64, length int) {
	w ^= '0' * ones
	n := leadingDigits(w)
	after := byte(w >> (8 * n))
	if after != ','^'0' && after != '}'^'0' || w&0xff == 0 && n > 1 || n == 0 {
		return 0, 0
	}
	return eightDigits(w << (64 - 8*n)), n
}

// shortDecimal reads a number without sign and exponent that is followed by a
// comma or a brace, all in eight bytes of text: x·10^-decimals. Otherwise
// length is 0.
func shortDecimal(w uint64) (x uint64, decimals, length int) {
	w ^= '0' * ones
	stops := ((w + (128-10)*ones) | w) & highs
	whole := bits.TrailingZeros64(stops) >> 3
	if byte(w>>(8*whole)) != '.'^'0' {
		return 0, 0, 0
	}
	// The point does not carry: what the next stop says is right.
	length = bits.TrailingZeros64(stops&(stops-1)) >> 3
	after := byte(w >> (8 * length))
	if after != ','^'0' && after != '}'^'0' || w&0xff == 0 && whole > 1 || whole == 0 || whole+1 == length {
		return 0, 0, 0
	}
	before := uint64(1)<<(8*whole) - 1
	digits := w&before | w>>8&^before
	return eightDigits(digits << (72 - 8*length)), length - whole - 1, length
}

// longDecimal reads a number at i of up to 19 digits, 7 of them before the
// point and 15 behind it, without sign and exponent, that is followed by a comma
// or a brace: x·10^-decimals. Otherwise length is 0.
func longDecimal(d []byte, i int) (x uint64, decimals, length int) {
	if !fits(d, i, 24) {
		return 0, 0, 0
	}
	w := load(d, i) ^ '0'*ones
	whole := leadingDigits(w)
	if whole == 0 || whole == 8 || w&0xff == 0 && whole > 1 || byte(w>>(8*whole)) != '.'^'0' {
		return 0, 0, 0
	}
	x = eightDigits(w << (64 - 8*whole))
	i += whole + 1
	w = load(d, i) ^ '0'*ones
	decimals = leadingDigits(w)
	x = x*smallPowers[decimals] + eightDigits(w<<(64-8*decimals))
	if decimals == 8 {
		w = load(d, i+8) ^ '0'*ones
		more := leadingDigits(w)
		x = x*smallPowers[more] + eightDigits(w<<(64-8*more))
		decimals += more
	}
	if after := d[i+decimals]; after != ',' && after != '}' || decimals == 0 || decimals == 16 || whole+decimals > maxDigits {
		return 0, 0, 0
	}
	return x, decimals, whole + 1 + decimals
}
