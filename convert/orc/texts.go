package orc

import (
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// When a dictionary is given up: its texts are looked at after so many values,
// since it costs time, and when it is as large as this, since it costs memory.
const (
	firstLook    = 2048
	firstShare   = 0.98 // of different texts
	secondLook   = 16384
	mostTexts    = 40_000
	mostTextSize = 1 << 20
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
}

func (c *texts) add(s *statistics, b *column.Batch, v *column.Vector, from, to int) {
	for i, place := range v.Values[from:to] {
		p := b.Bytes(place)
		if c.length > 0 {
			c.scratch = pad(append(c.scratch[:0], p...), c.length)
			p = c.scratch
		}
		if c.given {
			if c.length == 0 {
				c.addPlain(s, b, v.Values[from+i:to])
				return
			}
			c.write(p)
			s.addText(p)
			continue
		}
		c.addKey(s, p)
	}
}

// addPlain adds values once the dictionary is given up.
func (c *texts) addPlain(s *statistics, b *column.Batch, values []uint64) {
	for _, place := range values {
		p := b.Bytes(place)
		c.write(p)
		s.addText(p)
	}
}

func (c *texts) addKey(s *statistics, p []byte) {
	key := c.dictionary.key(p)
	c.keys = append(c.keys, key)
	if int(key) == len(c.seen) {
		c.seen = append(c.seen, 0)
	}
	if stride := uint32(len(c.begins)); c.seen[key] != stride {
		c.seen[key] = stride
		s.bound(p)
	}
	s.values++
	s.sum.low += uint64(len(p))
	if !c.worthwhile() {
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

// worthwhile looks at the dictionary after each value.
func (c *texts) worthwhile() bool {
	if c.threshold >= 1 {
		return true
	}
	if c.dictionary.size() > mostTexts || len(c.dictionary.data) > mostTextSize {
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
