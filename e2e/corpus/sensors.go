package corpus

import (
	"fmt"
	"math"
	"strconv"
)

// Sensors returns sensor readings of about 880 bytes with 43 fields: time,
// device, site, 24 measured values with one to three decimals or all 17
// digits, some of them null, and 16 counters.
func Sensors(seed uint64) *Corpus {
	c := newCorpus(seed)
	c.begin = func() { c.clock += int64(c.below(5)) }
	c.record = []part{
		{`{"ts":`, func(dst []byte) []byte { return strconv.AppendInt(dst, c.clock, 10) }},
		{`,"device":"dev-`, c.number(10000, 14999)},
		{`","site":"site-`, c.number(10, 49)},
	}
	for i := range 24 {
		text := fmt.Sprintf(`,"%s_%d":`, quantities[i%len(quantities)], i/len(quantities))
		if i == 0 {
			text = `"` + text // closes the site
		}
		c.record = append(c.record, part{text, c.reading(i)})
	}
	for i := range 16 {
		c.record = append(c.record, part{fmt.Sprintf(`,"counter_%d":`, i), c.counter(i)})
	}
	c.record = append(c.record, part{text: `}`})
	return c
}

var quantities = []string{"temperature", "humidity", "pressure", "vibration", "voltage", "current", "flow", "level"}

// reading makes a value around a mean of its own. Every fourth field has full
// precision, every sixth is now and then null.
func (c *Corpus) reading(field int) func([]byte) []byte {
	mean := 10 * math.Pow(1.35, float64(field))
	decimals := 1 + field%4
	if decimals == 4 {
		decimals = -1 // as many as the number has
	}
	return func(dst []byte) []byte {
		if field%6 == 5 && c.chance(0.1) {
			return append(dst, "null"...)
		}
		return strconv.AppendFloat(dst, mean*(1+0.1*c.random.NormFloat64()), 'f', decimals, 64)
	}
}

// counter makes a value: flags, small counts, large counts.
func (c *Corpus) counter(field int) func([]byte) []byte {
	limit := []int{2, 100, 10_000, 1_000_000_000}[field%4]
	return c.number(0, limit-1)
}
