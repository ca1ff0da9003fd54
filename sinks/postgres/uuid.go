package postgres

// hexDigits are the values of hexadecimal digits; of all else 255.
var hexDigits = func() (table [256]byte) {
	for b := range table {
		switch x := byte(b); {
		case x >= '0' && x <= '9':
			table[b] = x - '0'
		case x|0x20 >= 'a' && x|0x20 <= 'f':
			table[b] = x | 0x20 - 'a' + 10
		default:
			table[b] = 255
		}
	}
	return table
}()

// uuidPairs is where the bytes are in a UUID as it is usually written.
var uuidPairs = [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// uuid appends the 16 bytes of a UUID.
func (e *encoder) uuid(dst []byte, c *cursor, value []byte) []byte {
	dst = append(dst, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	out := (*[16]byte)(dst[len(dst)-16:])
	if len(value) == 36 && value[8] == '-' && value[13] == '-' && value[18] == '-' && value[23] == '-' {
		seen := byte(0)
		for i, at := range uuidPairs {
			high, low := hexDigits[value[at]], hexDigits[value[at+1]]
			seen |= high | low
			out[i] = high<<4 | low
		}
		if seen < 16 {
			return dst
		}
	}
	if !rareUUID(out, value) {
		e.refuse(c, "22P02", "%s is no uuid", shown(value))
	}
	return dst
}

// rareUUID reads a UUID with hyphens between any groups of four digits and
// braces around them, or without, as the server does.
func rareUUID(out *[16]byte, value []byte) (ok bool) {
	if n := len(value); n >= 2 && value[0] == '{' && value[n-1] == '}' {
		value = value[1 : n-1]
	}
	n := 0
	for i, b := range value {
		x := hexDigits[b]
		if b == '-' && n > 0 && n%4 == 0 && n < 32 && value[i-1] != '-' {
			continue
		}
		if x > 15 || n == 32 {
			return false
		}
		if n%2 == 0 {
			out[n/2] = x << 4
		} else {
			out[n/2] |= x
		}
		n++
	}
	return n == 32
}
