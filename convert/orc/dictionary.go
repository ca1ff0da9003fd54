package orc

import "hash/maphash"

// dictionary numbers different texts in the order they come. The seed of the
// hash is random, so that nobody can send texts that collide; it does not show
// in the numbers.
type dictionary struct {
	seed  maphash.Seed
	table []slot // a power of two, at most two thirds full
	data  []byte
	ends  []uint32 // of each text in data
}

type slot struct {
	hash uint32
	key  uint32 // plus 1; 0: empty
}

const smallestTable = 64

func newDictionary() dictionary { return dictionary{seed: maphash.MakeSeed()} }

// key returns the number of p, a new one if need be.
func (d *dictionary) key(p []byte) uint32 {
	if len(d.ends)*3 >= len(d.table)*2 {
		d.enlarge()
	}
	hash := uint32(maphash.Bytes(d.seed, p))
	mask := uint32(len(d.table) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &d.table[at]
		if s.key == 0 {
			d.data = append(d.data, p...)
			d.ends = append(d.ends, uint32(len(d.data)))
			*s = slot{hash, uint32(len(d.ends))}
			return s.key - 1
		}
		if s.hash == hash && string(d.text(s.key-1)) == string(p) {
			return s.key - 1
		}
	}
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

func (d *dictionary) held() int64 { return int64(len(d.data) + 4*len(d.ends) + 8*len(d.table)) }

// reset empties the dictionary. Its table keeps its size unless it was hardly
// used, so that clearing it costs no more than filling it did.
func (d *dictionary) reset() {
	if len(d.ends)*16 < len(d.table) && len(d.table) > smallestTable {
		d.table = nil
	}
	clear(d.table)
	d.data, d.ends = d.data[:0], d.ends[:0]
}
