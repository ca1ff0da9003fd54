// Package oracle judges a run of the program from outside. It knows what
// producers sent and what was answered (a [Ledger] each), reads what arrived
// (a [Tally]) and says where the two disagree ([Judge]).
//
// It keeps no copy of any record: a record is a function of a seed, its
// producer and its number, and is made again to be compared.
package oracle

import (
	"fmt"
	"hash/crc32"
)

// MaxRecord is the largest record that Append makes, and the largest the
// Firehose API takes.
const MaxRecord = 1000 << 10

// The head of a record, as fmt writes it; always headSize bytes. The tail
// closes the JSON object.
const (
	headFormat = `{"id":"%03d-%09d","size":"%07d","sum":"%08x","pad":"`
	headSize   = len(`{"id":"000-000000000","size":"0000000","sum":"00000000","pad":"`)
	tail       = `"}`
	smallest   = headSize + len(tail)
)

// Size returns the size of a record in bytes: most have a few hundred, some
// only one, a few the most there can be.
func Size(seed uint64, producer, n int) int {
	h := hash(seed, producer, n)
	spread := int(h >> 20)
	switch class := h % 10_000; {
	case class < 500:
		return 1
	case class < 8300:
		return smallest + spread%1024
	case class < 9700:
		return 1024 + spread%(7<<10)
	case class < 9970:
		return 8<<10 + spread%(56<<10)
	case class < 9994:
		return 200<<10 + spread%(56<<10)
	default:
		return MaxRecord
	}
}

// Append appends the n-th record of a producer (0 to 999). A record of one
// byte cannot say which it is; it names its producer only, see tiny.
func Append(dst []byte, seed uint64, producer, n int) []byte {
	size := Size(seed, producer, n)
	if size == 1 {
		return append(dst, tiny(producer))
	}
	pad := size - smallest
	start := len(dst)
	dst = append(dst, make([]byte, headSize)...)
	dst = appendLetters(dst, hash(seed, producer, n), pad)
	_ = fmt.Appendf(dst[:start], headFormat, producer, n, size, crc32.ChecksumIEEE(dst[start+headSize:]))
	return append(dst, tail...)
}

// tiny is the only byte of a producer's smallest records. None of them starts
// another record or ends a line.
func tiny(producer int) byte { return byte('a' + producer%26) }

// appendLetters appends n letters that look random.
func appendLetters(dst []byte, state uint64, n int) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ."
	end := len(dst) + n
	for len(dst) < end {
		state = mix(state)
		for bits, i := state, 0; i < 10 && len(dst) < end; i++ {
			dst = append(dst, letters[bits&63])
			bits >>= 6
		}
	}
	return dst
}

func hash(seed uint64, producer, n int) uint64 {
	return mix(mix(seed+uint64(producer)) + uint64(n))
}

// mix is the step of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
