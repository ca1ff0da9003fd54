package parquet

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// When a dictionary is given up. Most columns of unique values show it in the
// first few thousand; the rest is what readers are known to cope with.
const (
	firstLook, firstUnique   = 2048, 0.98 // after so many values, if so many are different
	secondLook, secondUnique = 16384, 0.75
	mostEntries              = 40000
	mostBytes                = 1 << 20
)

// probe counts the values that a dictionary was tried on.
type probe struct{ values int }

// left returns how many values may come until the next look; 0: no more looks.
func (p *probe) left() int {
	switch {
	case p.values < firstLook:
		return firstLook - p.values
	case p.values < secondLook:
		return secondLook - p.values
	}
	return 0
}

// hopeless takes the look that is due, if one is.
func (p *probe) hopeless(entries int) bool {
	switch p.values {
	case firstLook:
		return float64(entries) >= firstUnique*firstLook
	case secondLook:
		return float64(entries) > secondUnique*secondLook
	}
	return false
}

// slots is the hash table of a dictionary, with open addresses. A slot holds
// the upper half of the hash and, below, the number of an entry plus one; 0 is
// free. The place of an entry is the uppermost bits of its hash.
type slots struct {
	table []uint64
	shift int // of the 32 bits of hash in a slot, to the place
	full  int // entries at which it grows
}

const (
	fewestSlots = 64
	sizeOfSlots = 32 // bytes for each entry, of which a quarter to a half are in use
)

// reset empties the table. It stays as large as it was: the next row group is
// like the last one.
func (s *slots) reset() {
	if s.table == nil {
		s.table = make([]uint64, fewestSlots)
		s.fit()
	}
	clear(s.table)
}

func (s *slots) fit() {
	s.shift = 32 - (bits.Len(uint(len(s.table))) - 1)
	s.full = len(s.table) / 2
}

// enlarge makes room for more entries.
func (s *slots) enlarge() {
	old := s.table
	s.table = make([]uint64, 2*len(old))
	s.fit()
	mask := len(s.table) - 1
	for _, slot := range old {
		if slot == 0 {
			continue
		}
		at := int(slot >> 32 >> s.shift)
		for s.table[at] != 0 {
			at = (at + 1) & mask
		}
		s.table[at] = slot
	}
}

// numberDictionary maps numbers to indexes in the order they came.
type numberDictionary struct {
	slots
	seed uint64
	keys []uint64
}

func (d *numberDictionary) reset() {
	d.slots.reset()
	d.keys = d.keys[:0]
}

// fold hashes a number: both halves of a full product, because numbers such as
// doubles of short decimals end in many zeros, which one half would keep.
func fold(v, seed uint64) uint64 {
	high, low := bits.Mul64(v^seed, 0x9e3779b97f4a7c15)
	return high ^ low
}

// add appends the indexes of values to out.
func (d *numberDictionary) add(out []uint32, values []uint64) []uint32 {
	table, shift, keys := d.table, d.shift, d.keys
	mask := len(table) - 1
	last, index := uint64(0), uint32(0)
	known := false // last has the index
	for _, v := range values {
		if known && v == last {
			out = append(out, index)
			continue
		}
		h := fold(v, d.seed)
		at := int(h >> 32 >> shift)
		for {
			slot := table[at&mask]
			if slot == 0 {
				index = uint32(len(keys))
				keys = append(keys, v)
				table[at&mask] = h&^(1<<32-1) | uint64(index+1)
				if len(keys) >= d.full {
					d.enlarge()
					table, shift, mask = d.table, d.shift, len(d.table)-1
				}
				break
			}
			if slot>>32 == h>>32 && keys[uint32(slot)-1] == v {
				index = uint32(slot) - 1
				break
			}
			at++
		}
		last, known = v, true
		out = append(out, index)
	}
	d.keys = keys
	return out
}

// truncate forgets the entries from n on.
func (d *numberDictionary) truncate(n int) {
	d.keys = d.keys[:n]
	clear(d.table)
	mask := len(d.table) - 1
	for i, v := range d.keys {
		h := fold(v, d.seed)
		at := int(h >> 32 >> d.shift)
		for d.table[at&mask] != 0 {
			at++
		}
		d.table[at&mask] = h&^(1<<32-1) | uint64(i+1)
	}
}

// bytesDictionary maps byte strings to indexes in the order they came.
type bytesDictionary struct {
	slots
	seed   maphash.Seed
	prefix int      // bytes of the length before a value in data: 4, or 0 if all have the same
	data   []byte   // the values, as the dictionary page has them
	places []uint64 // of each entry in data: its start, and in the lower half its length
}

func (d *bytesDictionary) reset() {
	d.slots.reset()
	d.data, d.places = d.data[:0], d.places[:0]
}

// entry returns a value.
func (d *bytesDictionary) entry(index uint32) []byte {
	p := d.places[index]
	return d.data[p>>32:][:uint32(p)]
}

// index returns the index of s, which becomes an entry if it is not one.
func (d *bytesDictionary) index(s []byte) uint32 {
	h := maphash.Bytes(d.seed, s)
	table := d.table
	for at := int(h >> 32 >> d.shift); ; at++ {
		slot := table[at&(len(table)-1)]
		if slot == 0 {
			table[at&(len(table)-1)] = h&^(1<<32-1) | uint64(len(d.places)+1)
			return d.insert(s)
		}
		if slot>>32 == h>>32 && string(d.entry(uint32(slot)-1)) == string(s) {
			return uint32(slot) - 1
		}
	}
}

func (d *bytesDictionary) insert(s []byte) uint32 {
	if d.prefix > 0 {
		d.data = binary.LittleEndian.AppendUint32(d.data, uint32(len(s)))
	}
	d.places = append(d.places, uint64(len(d.data))<<32|uint64(len(s)))
	d.data = append(d.data, s...)
	if len(d.places) >= d.full {
		d.enlarge()
	}
	return uint32(len(d.places) - 1)
}

// tooLarge reports whether the dictionary has outgrown its use.
func (d *bytesDictionary) tooLarge() bool {
	return len(d.places) > mostEntries || len(d.data) > mostBytes
}
