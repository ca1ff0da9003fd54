package parquet

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// numbers are the open page of a column of numbers, booleans, dates or
// timestamps. The values of a page are gathered and then encoded in one go: a
// dictionary stays in the cache that long.
type numbers struct {
	leaf   *leaf
	most   int // values of a page
	values []uint64
	dict   numberDictionary
	trying bool // a dictionary
	paged  bool // a page refers to the dictionary
	probe  probe
	hashed []uint64 // of values without a dictionary
}

func newNumbers(l *leaf, most int) *numbers {
	n := &numbers{leaf: l, most: most}
	// Not the same for all: nobody shall send values that collide.
	n.dict.seed = rand.Uint64()
	n.reset()
	return n
}

func (n *numbers) reset() {
	n.values, n.hashed = n.values[:0], n.hashed[:0]
	n.trying, n.paged, n.probe = n.leaf.dictionary, false, probe{}
	n.dict.reset()
}

func (n *numbers) add(_ *column.Batch, values []uint64, _ bool) int {
	at := len(n.values)
	if cap(n.values)-at < len(values) {
		// Twice as much, where append would be sparing: a page comes in many batches.
		n.values = slices.Grow(n.values, max(len(values), min(at, n.most-at)))
	}
	n.values = append(n.values, values...)
	return len(values)
}

// full is never: pages of numbers end after chunk.most entries.
func (n *numbers) full() bool { return false }

func (n *numbers) memory() int {
	return 8*(len(n.values)+len(n.hashed)) + sizeOfNumber*n.dict.entries()
}

func (n *numbers) encode(s *scratch, arena []byte) ([]byte, encoding, []byte, bounds) {
	values := n.values
	n.values = n.values[:0]
	if n.leaf.divisor > 1 {
		floor(values, n.leaf.divisor)
	}
	arena, b := numberBounds(arena, n.leaf, values)
	if n.trying && n.index(s, values) {
		width := max(1, widthOf(uint32(n.dict.entries()-1)))
		s.page = appendIndexes(append(s.page, byte(width)), s.indexes, width)
		return s.page, encodingDictionary, arena, b
	}
	if n.leaf.bloom {
		n.hashed = appendNumberHashes(n.hashed, n.leaf, values)
	}
	s.page = appendNumbers(s.page, n.leaf, n.leaf.encoding, values)
	return s.page, n.leaf.encoding, arena, b
}

// index puts the indexes of values in s.indexes. It reports false when the
// dictionary is given up; then it is as it was before.
func (n *numbers) index(s *scratch, values []uint64) bool {
	if len(values) == 0 {
		return n.paged
	}
	before := n.dict.entries()
	s.indexes = s.indexes[:0]
	for len(values) > 0 {
		k := len(values)
		if left := n.probe.left(); left > 0 {
			k = min(k, left)
		}
		s.indexes = n.dict.add(s.indexes, values[:k])
		n.probe.values += k
		values = values[k:]
		if entries := n.dict.entries(); n.probe.hopeless(entries) || entries > mostEntries || entries*n.leaf.width > mostBytes {
			n.trying = false
			n.dict.truncate(before)
			return false
		}
	}
	n.paged = true
	return true
}

func (n *numbers) dictionary(s *scratch) ([]byte, int) {
	if !n.paged {
		return nil, 0
	}
	s.page = appendNumbers(s.page[:0], n.leaf, encodingPlain, n.dict.keys[1:])
	return s.page, n.dict.entries()
}

func (n *numbers) hashes() []uint64 {
	if n.paged {
		n.hashed = appendNumberHashes(n.hashed, n.leaf, n.dict.keys[1:])
	}
	return n.hashed
}

// floor divides, and rounds down.
func floor(values []uint64, divisor int64) {
	// A constant divisor is a multiplication.
	switch divisor {
	case 1e3:
		for i, v := range values {
			q := int64(v) / 1e3
			values[i] = uint64(q - btoi(int64(v)-q*1e3 < 0))
		}
	case 1e6:
		for i, v := range values {
			q := int64(v) / 1e6
			values[i] = uint64(q - btoi(int64(v)-q*1e6 < 0))
		}
	}
}

func btoi(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// appendNumbers appends values in an encoding.
func appendNumbers(dst []byte, l *leaf, e encoding, values []uint64) []byte {
	switch {
	case l.physical == typeBoolean:
		return appendBooleans(dst, values)
	case e == encodingDeltaBinary:
		return appendDelta(dst, values, l.width == 4)
	case l.width == 12:
		for _, v := range values {
			dst = appendInt96(dst, int64(v))
		}
		return dst
	}
	at := len(dst)
	dst = grow(dst, l.width*len(values))
	out := dst[at:]
	if l.width == 4 {
		for _, v := range values {
			binary.LittleEndian.PutUint32(out, uint32(v))
			out = out[4:]
		}
		return dst
	}
	for _, v := range values {
		binary.LittleEndian.PutUint64(out, v)
		out = out[8:]
	}
	return dst
}

// appendBooleans packs 8 into a byte.
func appendBooleans(dst []byte, values []uint64) []byte {
	for ; len(values) >= 8; values = values[8:] {
		v := values[:8]
		dst = append(dst, byte(v[0]|v[1]<<1|v[2]<<2|v[3]<<3|v[4]<<4|v[5]<<5|v[6]<<6|v[7]<<7))
	}
	if len(values) == 0 {
		return dst
	}
	var last byte
	for i, v := range values {
		last |= byte(v) << i
	}
	return append(dst, last)
}

// appendInt96 writes nanoseconds since 1970 as Hive does: the nanoseconds of
// the day, then the number of the Julian day.
func appendInt96(dst []byte, nanos int64) []byte {
	const day, julian1970 = 86400e9, 2440588
	d := nanos / day
	if nanos-d*day < 0 {
		d--
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(nanos-d*day))
	return binary.LittleEndian.AppendUint32(dst, uint32(d+julian1970))
}
