package orc

import (
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// When a dictionary is given up: its texts are counted after so many values,
// since it costs time to build, and all the time when it is large, since then
// it costs more to look things up. Shares are of different texts among all.
const (
	firstLook  = 2048
	firstShare = 0.98
	secondLook = 16384

	largeTexts = 40_000
	largeSize  = 1 << 20
	largeShare = 0.4
)

// texts is string, varchar and char. Values are numbers of a dictionary until
// it turns out not to be worthwhile: then they are written anew, so that the
// bytes are the same as without it.
type texts struct {
	plain                 // the values, or the texts of the dictionary
	length        int     // of char, in characters
	threshold     float64 // share of different texts up to which there is a dictionary
	given         bool    // up
	dictionary    dictionary
	keys          []uint32
	seen          []uint32 // for each text the stride that had it last
	begins        []int    // len(keys) at the start of each stride
	references    ints     // keys, from finish on
	referenceMark marks
	scratch       []byte
	hashes        [64]uint32
	touched       uint32
}

func (c *texts) add(s *statistics, b *column.Batch, v *column.Vector, from, to int) {
	values := v.Values[from:to]
	for len(values) > 0 && !c.given {
		values = values[c.addKeys(s, b, values):]
	}
	for _, place := range values {
		p := c.text(b, place)
		c.write(p)
		s.addText(p)
	}
}

// addKeys adds the first values, and returns how many. It goes over them twice:
// slots of a large table are not in the cache, and they are fetched together
// when nothing waits for the one before. Clicks and GitHub events are
// converted 3 % faster so.
func (c *texts) addKeys(s *statistics, b *column.Batch, values []uint64) int {
	values = values[:min(len(values), len(c.hashes))]
	for i, place := range values {
		c.hashes[i] = c.dictionary.hash(c.text(b, place))
		c.touched ^= c.dictionary.touch(c.hashes[i])
	}
	for i, place := range values {
		c.addKey(s, c.text(b, place), c.hashes[i])
		if c.given {
			return i + 1
		}
	}
	return len(values)
}

// text returns a value as it is kept.
func (c *texts) text(b *column.Batch, place uint64) []byte {
	p := b.Bytes(place)
	if c.length > 0 {
		c.scratch = pad(append(c.scratch[:0], p...), c.length)
		return c.scratch
	}
	return p
}

func (c *texts) addKey(s *statistics, p []byte, hash uint32) {
	key := c.dictionary.key(p, hash)
	c.keys = append(room(c.keys, 1), key)
	fresh := int(key) == len(c.seen)
	if fresh {
		c.seen = append(c.seen, 0)
	}
	if stride := uint32(len(c.begins)); c.seen[key] != stride {
		c.seen[key] = stride
		s.bound(p)
	}
	s.values++
	s.sum.low += uint64(len(p))
	if n := len(c.keys); (fresh || n == firstLook || n == secondLook) && !c.worthwhile() {
		c.giveUp()
	}
}

// pad adds blanks to n characters: this is how CHAR is stored, and what Hive
// compares with the statistics.
func pad(p []byte, n int) []byte {
	for n -= utf8.RuneCount(p); n > 0; n-- {
		p = append(p, ' ')
	}
	return p
}

// worthwhile looks at the dictionary after a value.
func (c *texts) worthwhile() bool {
	if c.threshold >= 1 {
		return true
	}
	if (c.dictionary.size() > largeTexts || len(c.dictionary.data) > largeSize) && c.share() > largeShare {
		return false
	}
	switch len(c.keys) {
	case firstLook:
		return c.share() <= max(c.threshold, firstShare)
	case secondLook:
		return c.share() <= c.threshold
	}
	return true
}

// share returns the share of different texts.
func (c *texts) share() float64 { return float64(c.dictionary.size()) / float64(len(c.keys)) }

// giveUp writes the values so far without the dictionary.
func (c *texts) giveUp() {
	at := 0
	for _, begin := range c.begins {
		c.writeKeys(c.keys[at:begin])
		c.plain.mark()
		at = begin
	}
	c.writeKeys(c.keys[at:])
	c.forget()
	c.given = true
}

func (c *texts) writeKeys(keys []uint32) {
	for _, k := range keys {
		c.write(c.dictionary.text(k))
	}
}

// forget empties the dictionary.
func (c *texts) forget() {
	c.dictionary.reset()
	c.keys, c.seen, c.begins = c.keys[:0], c.seen[:0], c.begins[:0]
}

func (c *texts) mark() {
	if c.given {
		c.plain.mark()
	} else {
		c.begins = append(c.begins, len(c.keys))
	}
}

func (c *texts) finish() {
	if !c.given && (len(c.keys) == 0 || c.threshold < 1 && c.share() > c.threshold) {
		c.giveUp()
	}
	if !c.given {
		at := 0
		for _, begin := range c.begins {
			c.refer(c.keys[at:begin])
			c.referenceMark = c.references.position(c.referenceMark)
			at = begin
		}
		c.refer(c.keys[at:])
		c.references.flush()
		for k := range c.dictionary.size() {
			c.write(c.dictionary.text(uint32(k)))
		}
	}
	c.plain.finish()
}

func (c *texts) refer(keys []uint32) {
	for _, k := range keys {
		c.references.add(int64(k))
	}
}

func (c *texts) positions() []uint64 {
	if c.given {
		return c.plain.positions()
	}
	return c.referenceMark
}

func (c *texts) encoding() (int, int) {
	kind := c.lengths.encoding()
	if c.given {
		return kind, 0
	}
	return kind + encodingDictionary, c.dictionary.size()
}

func (c *texts) streams(dst []part) []part {
	if c.given {
		return c.plain.streams(dst)
	}
	return append(dst, part{kindData, &c.references.out}, part{kindLength, &c.lengths.out}, part{kindDictionary, &c.data})
}

func (c *texts) held() int64 {
	return c.plain.held() + c.dictionary.held() + c.references.held() + int64(4*len(c.keys)+4*len(c.seen))
}

func (c *texts) reset() {
	c.plain.reset()
	c.forget()
	c.references.reset()
	c.referenceMark = c.referenceMark[:0]
	c.given = c.threshold <= 0
}
