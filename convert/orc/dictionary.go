package orc

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// dictionary numbers different texts in the order they come.
type dictionary struct {
	seed  uint64
	table []slot // a power of two, at most two thirds full
	data  []byte
	ends  []uint32 // of each text in data
}

// slot holds all that a look-up needs, so that it misses the cache only here
// and at the text.
type slot struct {
	hash uint32
	key  uint32 // plus 1; 0: empty
	at   uint32 // in data
	n    uint32 // bytes
}

const smallestTable = 64

// newDictionary seeds the hash at random, so that nobody can send texts that
// collide. The numbers do not depend on it.
func newDictionary() dictionary { return dictionary{seed: rand.Uint64()} }

// key returns the number of p, a new one if need be. hash is that of p.
func (d *dictionary) key(p []byte, hash uint32) uint32 {
	if len(d.ends)*3 >= len(d.table)*2 {
		d.enlarge()
	}
	mask := uint32(len(d.table) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &d.table[at]
		if s.key == 0 {
			*s = slot{hash, uint32(len(d.ends) + 1), uint32(len(d.data)), uint32(len(p))}
			d.data = append(room(d.data, len(p)), p...)
			d.ends = append(d.ends, uint32(len(d.data)))
			return s.key - 1
		}
		if s.hash == hash && string(d.data[s.at:s.at+s.n]) == string(p) {
			return s.key - 1
		}
	}
}

// touch loads the slot of a hash into the cache.
func (d *dictionary) touch(hash uint32) uint32 {
	if len(d.table) == 0 {
		return 0
	}
	return d.table[hash&uint32(len(d.table)-1)].key
}

// hash folds products of 128 bits, 16 bytes at a time.
func (d *dictionary) hash(p []byte) uint32 {
	const k = 0x9e3779b97f4a7c15
	h := d.seed ^ uint64(len(p))*k
	for len(p) > 16 {
		h = fold(binary.LittleEndian.Uint64(p)^d.seed, binary.LittleEndian.Uint64(p[8:])^h)
		p = p[16:]
	}
	var a, b uint64
	switch n := len(p); {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(p)), uint64(binary.LittleEndian.Uint32(p[n-4:]))
	case n > 0:
		a = uint64(p[0])<<16 | uint64(p[n/2])<<8 | uint64(p[n-1])
	}
	return uint32(fold(fold(a^d.seed, b^h), k))
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

func (d *dictionary) text(key uint32) []byte {
	start := uint32(0)
	if key > 0 {
		start = d.ends[key-1]
	}
	return d.data[start:d.ends[key]]
}

func (d *dictionary) size() int { return len(d.ends) }

func (d *dictionary) enlarge() {
	old := d.table
	n := max(smallestTable, 2*len(old))
	d.table = make([]slot, n)
	for _, s := range old {
		if s.key == 0 {
			continue
		}
		at := s.hash & uint32(n-1)
		for d.table[at].key != 0 {
			at = (at + 1) & uint32(n-1)
		}
		d.table[at] = s
	}
}

func (d *dictionary) held() int64 { return int64(len(d.data) + 4*len(d.ends) + 16*d.slots()) }

// slots returns how large the table is for so many texts. What is left of a
// larger one, from a stripe before, does not count.
func (d *dictionary) slots() int {
	n := smallestTable
	for len(d.ends)*3 > n*2 {
		n *= 2
	}
	return n
}

// reset empties the dictionary. Its table keeps its size unless it was hardly
// used: clearing it must not cost more than filling it did.
func (d *dictionary) reset() {
	if len(d.ends)*16 < len(d.table) && len(d.table) > smallestTable {
		d.table = nil
	}
	clear(d.table)
	d.data, d.ends = d.data[:0], d.ends[:0]
}
