package orc

import (
	"encoding/binary"
	"math"
)

// appendRLE1 appends values in version 1 of the integer encoding: runs of 3 to
// 130 values with a difference of -128 to 127, and up to 128 literals between.
func appendRLE1(dst []byte, v []int64, signed bool) []byte {
	literals := 0 // before v[0], not yet written
	rest := v
	for len(rest) >= shortestRun {
		n := steady(rest)
		if n < shortestRun {
			literals, rest = literals+1, rest[1:]
			continue
		}
		dst = appendLiterals(dst, v[:literals], signed)
		dst = append(dst, byte(n-shortestRun), byte(rest[1]-rest[0]))
		dst = appendInt(dst, rest[0], signed)
		literals, rest = 0, rest[n:]
		v = rest
	}
	return appendLiterals(dst, v, signed)
}

// steady returns how many values at the start of v are a run.
func steady(v []int64) int {
	step := v[1] - v[0]
	if step < math.MinInt8 || step > math.MaxInt8 {
		return 1
	}
	n := 2
	for n < len(v) && n < longestRun && v[n]-v[n-1] == step {
		n++
	}
	return n
}

func appendLiterals(dst []byte, v []int64, signed bool) []byte {
	for len(v) > 0 {
		n := min(len(v), mostLiterals)
		dst = append(dst, byte(-n))
		for _, x := range v[:n] {
			dst = appendInt(dst, x, signed)
		}
		v = v[n:]
	}
	return dst
}

// appendInt appends a number in as many bytes as it needs.
func appendInt(dst []byte, v int64, signed bool) []byte {
	if signed {
		return binary.AppendUvarint(dst, zigzag(v))
	}
	return binary.AppendUvarint(dst, uint64(v))
}
