package orc

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestZlibLearnsWhatSuitsAStream(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	doubles := func(mean, step float64) func([]byte) []byte {
		return func(dst []byte) []byte {
			v := math.Round(mean*(1+0.1*r.NormFloat64())/step) * step
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
		}
	}
	for _, c := range []struct {
		name    string
		doubles bool
		value   func([]byte) []byte
		want    method
	}{
		{"hex ids", false, func(dst []byte) []byte { return fmt.Appendf(dst, "%016x", r.Uint64()) }, huffman},
		{"words", false, func(dst []byte) []byte { return fmt.Appendf(dst, "/shop/item-%d", r.IntN(1000)) }, matching},
		{"all digits", true, doubles(1, 1e-15), huffman},
		{"few digits", true, doubles(10, 0.5), matching},
		{"some digits", true, doubles(5000, 0.01), thorough},
	} {
		codec, err := newCodec(Zlib)
		if err != nil {
			t.Fatal(err)
		}
		e := effort{doubles: c.doubles}
		for range 2 {
			var chunk []byte
			for len(chunk) < blockSize-16 {
				chunk = c.value(chunk)
			}
			codec.chunk(chunk, Zlib, &e)
		}
		if e.how != c.want {
			t.Errorf("%s: method %d, want %d", c.name, e.how, c.want)
		}
	}
}
