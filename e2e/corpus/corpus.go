// Package corpus makes the records that benchmarks and tests of speed run on:
// click events, GitHub events and sensor readings, one JSON object each, with
// the skew, the repetition and the odd values of real ones. The same seed
// gives the same bytes on every machine.
package corpus

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// Corpus is an endless run of records. It is not safe for concurrent use.
type Corpus struct {
	random *rand.Rand
	record []part // a record as text and values in turn
	begin  func() // draws what several values of one record share; may be nil
	clock  int64  // event time, milliseconds since 1970
}

// part is a piece of a record: text, then a value, if there is one.
type part struct {
	text  string
	value func(dst []byte) []byte
}

// Names lists the corpora for [New].
func Names() []string { return []string{"clicks", "github", "sensors"} }

// New returns a corpus by name, or nil if there is none of that name.
func New(name string, seed uint64) *Corpus {
	switch name {
	case "clicks":
		return Clicks(seed)
	case "github":
		return GitHub(seed)
	case "sensors":
		return Sensors(seed)
	}
	return nil
}

// Append appends the next record, without a line feed.
func (c *Corpus) Append(dst []byte) []byte {
	if c.begin != nil {
		c.begin()
	}
	for i := range c.record {
		dst = append(dst, c.record[i].text...)
		if c.record[i].value != nil {
			dst = c.record[i].value(dst)
		}
	}
	return dst
}

// Records returns the next records, together at least size bytes.
func (c *Corpus) Records(size int) [][]byte {
	var records [][]byte
	for size > 0 {
		r := c.Append(make([]byte, 0, 512))
		records, size = append(records, r), size-len(r)
	}
	return records
}

// NDJSON returns the next records, each ended by a line feed, together at
// least size bytes.
func (c *Corpus) NDJSON(size int) []byte {
	out := make([]byte, 0, size+16<<10)
	for len(out) < size {
		out = append(c.Append(out), '\n')
	}
	return out
}

func newCorpus(seed uint64) *Corpus {
	return &Corpus{
		random: rand.New(rand.NewPCG(seed, 0x6879_6472_616e_7400)),
		clock:  1_767_225_600_000, // 2026-01-01
	}
}

// below returns a number from 0 up to n, exclusive, each as likely.
func (c *Corpus) below(n int) int { return c.random.IntN(n) }

// skewed returns a number from 0 up to n, exclusive: the smaller, the
// likelier, as users, pages and repositories are.
func (c *Corpus) skewed(n int) int {
	u := c.random.Float64()
	return int(u * u * u * float64(n))
}

// chance is true with probability p.
func (c *Corpus) chance(p float64) bool { return c.random.Float64() < p }

// logNormal returns a value whose logarithm is normal: sizes, durations.
func (c *Corpus) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*c.random.NormFloat64())
}

const hexDigits = "0123456789abcdef"

// hex appends n digits.
func (c *Corpus) hex(dst []byte, n int) []byte {
	for n > 0 {
		bits := c.random.Uint64()
		for i := 0; i < 16 && n > 0; i, n = i+1, n-1 {
			dst = append(dst, hexDigits[bits&15])
			bits >>= 4
		}
	}
	return dst
}

// uuid appends a random UUID, version 4.
func (c *Corpus) uuid(dst []byte) []byte {
	start := len(dst)
	dst = c.hex(dst, 36)
	id := dst[start:]
	id[8], id[13], id[18], id[23] = '-', '-', '-', '-'
	id[14] = '4'
	id[19] = "89ab"[c.below(4)]
	return dst
}

// pick returns one of list, each as likely.
func pick[T any](c *Corpus, list []T) T { return list[c.below(len(list))] }

// oneOf makes a value: one of list, the first ones likelier.
func (c *Corpus) oneOf(list []string) func([]byte) []byte {
	return func(dst []byte) []byte { return append(dst, list[c.skewed(len(list))]...) }
}

// number makes a value: an integer between low and high, inclusive.
func (c *Corpus) number(low, high int) func([]byte) []byte {
	return func(dst []byte) []byte { return strconv.AppendInt(dst, int64(low+c.below(high-low+1)), 10) }
}
