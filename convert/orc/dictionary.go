package orc

import "hash/maphash"

// dictionary numbers different texts in the order they come.
type dictionary struct {
	seed  maphash.Seed
	table []slot // a power of two, less than two thirds full
	data  []byte
	ends  []uint32 // of each text in data, after a zero

	touched byte // so that touch is not optimized away
}

// slot is a hash and, in the lower half, a number plus 1; 0: empty.
type slot uint64

const (
	smallestTable = 64
	largeData     = 64 << 10
)

// newDictionary seeds the hash at random, so that nobody can send texts that
// collide. The numbers do not depend on it.
func newDictionary() (d dictionary) {
	d.seed = maphash.MakeSeed()
	d.reset()
	return d
}

func (d *dictionary) hash(p []byte) uint32 { return uint32(maphash.Bytes(d.seed, p)) }

// key returns the number of p, a new one if need be. hash is that of p.
func (d *dictionary) key(p []byte, hash uint32) uint32 {
	for at := int(hash); ; at++ {
		s := &d.table[at&(len(d.table)-1)]
		if *s == 0 {
			*s = slot(hash)<<32 | slot(len(d.ends))
			return d.insert(p)
		}
		if uint32(*s>>32) == hash && string(d.text(uint32(*s)-1)) == string(p) {
			return uint32(*s) - 1
		}
	}
}

func (d *dictionary) insert(p []byte) uint32 {
	d.data = append(room(d.data, len(p)), p...)
	d.ends = append(room(d.ends, 1), uint32(len(d.data)))
	if len(d.ends)*3 >= len(d.table)*2 {
		d.enlarge()
	}
	return uint32(d.size() - 1)
}

// touch loads the slots of hashes, and their texts, into the cache. They are
// fetched together when nothing waits for the one before.
func (d *dictionary) touch(hashes []uint32) {
	if len(d.data) < largeData {
		return
	}
	var all byte
	for _, h := range hashes {
		end := d.ends[uint32(d.table[int(h)&(len(d.table)-1)])]
		all ^= d.data[max(1, end)-1]
	}
	d.touched = all
}

func (d *dictionary) text(key uint32) []byte { return d.data[d.ends[key]:d.ends[key+1]] }

func (d *dictionary) size() int { return len(d.ends) - 1 }

func (d *dictionary) enlarge() {
	old := d.table
	d.table = make([]slot, 2*len(old))
	clear(d.table) // new memory that is read first has two faults for each page
	for _, s := range old {
		if s == 0 {
			continue
		}
		at := int(s >> 32)
		for d.table[at&(len(d.table)-1)] != 0 {
			at++
		}
		d.table[at&(len(d.table)-1)] = s
	}
}

func (d *dictionary) held() int64 { return int64(len(d.data) + 4*len(d.ends) + 8*d.slots()) }

// slots returns how large the table is for so many texts. What is left of a
// larger one, from a stripe before, does not count.
func (d *dictionary) slots() int {
	n := smallestTable
	for len(d.ends)*3 >= n*2 {
		n *= 2
	}
	return n
}

// reset empties the dictionary. Its table keeps its size unless it was hardly
// used: clearing it must not cost more than filling it did.
func (d *dictionary) reset() {
	if d.table == nil || len(d.ends)*16 < len(d.table) && len(d.table) > smallestTable {
		d.table = make([]slot, smallestTable)
	}
	clear(d.table)
	d.data, d.ends = d.data[:0], append(d.ends[:0], 0)
}
