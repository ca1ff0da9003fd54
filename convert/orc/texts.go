package orc

import (
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// When it is decided whether a column has a dictionary: after so many values,
// as ORC's own writer does after the first stride. What is nearly all different
// is found earlier, since it costs most to look up. At the second look, columns
// of up to 28,000 texts that are equally frequent keep their dictionary.
const (
	firstLook   = 512
	firstShare  = 0.996
	secondLook  = 16384
	secondShare = 0.75
)

// texts is string, varchar and char. Until it is decided whether a dictionary
// is worthwhile, values are kept as its keys, to be written one way or the
// other.
type texts struct {
	outputs
	data       stream // the values, or the texts of the dictionary
	lengths    ints
	references ints    // keys
	length     int     // of char, in characters
	threshold  float64 // share of different texts up to which there is a dictionary
	form       form
	dictionary dictionary
	keys       []uint32 // not yet written
	begins     []int    // len(keys) at the start of each stride
	seen       []uint32 // for each text the stride that had it last
	stride     uint32
	wide       column.Batch // chars with blanks, at places
	places     []uint64
}

// form is how texts are written.
type form uint8

const (
	open form = iota // not decided
	inline
	numbered // by a dictionary
)

func newTexts(s stream, number ints, threshold float64) *texts {
	c := &texts{data: s, lengths: number, references: number, dictionary: newDictionary(), threshold: threshold}
	c.kind = number.version()
	c.reset()
	return c
}

func (c *texts) add(s *statistics, b *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	if c.length > 0 {
		b, values = c.padded(b, values)
	}
	for len(values) > 0 && c.form != inline {
		values = values[c.addKeys(s, b, values):]
		c.look()
	}
	c.addInline(s, b, values)
	s.values += uint64(to - from)
}

func (c *texts) addInline(s *statistics, b *column.Batch, values []uint64) {
	for len(values) > 0 {
		lengths := c.lengths.next(len(values))
		for i, place := range values[:len(lengths)] {
			p := b.Bytes(place)
			c.data.write(p)
			lengths[i] = int64(len(p))
			s.bound(p)
			s.sum.low += uint64(len(p))
		}
		c.lengths.settle()
		values = values[len(lengths):]
	}
}

// addKeys adds the first values by their keys, and returns how many.
func (c *texts) addKeys(s *statistics, b *column.Batch, values []uint64) int {
	n := min(len(values), batch)
	if c.form == open {
		n = min(n, firstLook-len(c.keys)%firstLook)
	}
	values = values[:n]
	numbers := c.data.shared.numbers[:n]
	for i, place := range values {
		numbers[i] = c.dictionary.hash(b.Bytes(place))
	}
	c.dictionary.touch(numbers)
	for i, place := range values {
		numbers[i] = c.dictionary.key(b.Bytes(place), numbers[i])
	}
	for fresh := c.dictionary.size() - len(c.seen); fresh > 0; fresh-- {
		c.seen = append(room(c.seen, 1), 0)
	}
	for i, key := range numbers {
		if c.seen[key] != c.stride {
			c.seen[key] = c.stride
			s.bound(c.dictionary.text(key))
		}
		s.sum.low += uint64(uint32(values[i])) // the length
	}
	if c.form == open {
		c.keys = append(room(c.keys, n), numbers...)
	} else {
		addInts(&c.references, numbers)
	}
	return n
}

// padded returns chars with blanks at the end: this is how they are stored, and
// what Hive compares with the statistics.
func (c *texts) padded(b *column.Batch, values []uint64) (*column.Batch, []uint64) {
	data, places := c.wide.Data[:0], c.places[:0]
	for _, place := range values {
		start := len(data)
		data = pad(data, b.Bytes(place), c.length)
		places = append(places, column.Place(start, len(data)-start))
	}
	c.wide.Data, c.places = data, places
	return &c.wide, places
}

// pad appends p and blanks, n characters in all.
func pad(dst, p []byte, n int) []byte {
	dst = append(dst, p...)
	for n -= utf8.RuneCount(p); n > 0; n-- {
		dst = append(dst, ' ')
	}
	return dst
}

// look decides, if it is time to.
func (c *texts) look() {
	switch {
	case c.form != open:
	case len(c.keys) == firstLook && c.share() > max(c.threshold, firstShare):
		c.decide(inline)
	case len(c.keys) == secondLook && c.threshold < 1:
		c.decide(c.better(min(c.threshold, secondShare)))
	case len(c.keys) == secondLook:
		c.decide(numbered)
	}
}

// better returns the form of the values so far, if so large a share of them
// may be different.
func (c *texts) better(threshold float64) form {
	if len(c.keys) == 0 || c.share() > threshold {
		return inline
	}
	return numbered
}

// share returns the share of different texts.
func (c *texts) share() float64 { return float64(c.dictionary.size()) / float64(len(c.keys)) }

// decide writes the values so far, so that the bytes are the same as if the
// form had been known before.
func (c *texts) decide(f form) {
	c.form = f
	at := 0
	for _, begin := range c.begins {
		c.writeKeys(c.keys[at:begin])
		c.position()
		at = begin
	}
	c.writeKeys(c.keys[at:])
	c.keys, c.begins = c.keys[:0], c.begins[:0]
	if f == inline {
		c.dictionary.reset()
	}
}

func (c *texts) writeKeys(keys []uint32) {
	if c.form == numbered {
		addInts(&c.references, keys)
		return
	}
	for _, k := range keys {
		p := c.dictionary.text(k)
		c.data.write(p)
		c.lengths.add(int64(len(p)))
	}
}

func (c *texts) mark() {
	c.stride++
	if c.form == open {
		c.begins = append(c.begins, len(c.keys))
	} else {
		c.position()
	}
}

// position notes where the streams stand.
func (c *texts) position() {
	if c.form == numbered {
		c.marks = c.references.position(c.marks)
	} else {
		c.marks = c.lengths.position(c.data.position(c.marks))
	}
}

func (c *texts) finish() {
	if c.form == open {
		c.decide(c.better(c.threshold))
	}
	c.parts = append(c.parts[:0], part{kindData, &c.data}, part{kindLength, &c.lengths})
	if c.form == numbered {
		c.parts = append(c.parts[:0], part{kindData, &c.references}, part{kindLength, &c.lengths}, part{kindDictionary, &c.data})
		c.data.write(c.dictionary.data)
		for k := range c.dictionary.size() {
			c.lengths.add(int64(len(c.dictionary.text(uint32(k)))))
		}
	}
	c.outputs.finish()
}

func (c *texts) encoding() (int, int) {
	if c.form == numbered {
		return c.kind + encodingDictionary, c.dictionary.size()
	}
	return c.kind, 0
}

func (c *texts) held() int64 {
	return c.data.held() + c.lengths.held() + c.references.held() + c.dictionary.held() + int64(4*len(c.keys)+4*len(c.seen))
}

func (c *texts) reset() {
	c.data.reset()
	c.lengths.reset()
	c.references.reset()
	c.dictionary.reset()
	c.marks, c.keys, c.begins, c.seen, c.stride = c.marks[:0], c.keys[:0], c.begins[:0], c.seen[:0], 0
	c.form = open
	if c.threshold <= 0 {
		c.form = inline
	}
}
