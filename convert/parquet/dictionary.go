package parquet

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// When a dictionary is given up: readers are known to cope with so many entries
// and bytes, and columns of unique values show it early.
const (
	mostEntries = 40000
	mostBytes   = 1 << 20
)

// looks are after how many values how many of them may be different. They lie
// on the way of equally frequent values to the last of them.
var looks = [...]struct{ values, entries int }{{2048, 2007}, {4096, 3830}, {8192, 7130}, {16384, 12288}}

// probe counts the values that a dictionary was tried on.
type probe struct{ values, look int }

// left returns how many values may come until the next look; 0: no more looks.
func (p *probe) left() int {
	if p.look == len(looks) {
		return 0
	}
	return looks[p.look].values - p.values
}

// hopeless takes the look that is due, if one is.
func (p *probe) hopeless(entries int) bool {
	if p.look == len(looks) || p.values < looks[p.look].values {
		return false
	}
	p.look++
	return entries >= looks[p.look-1].entries
}

// ahead is how many values are looked up at a time. The memory of a large
// dictionary is far away: so the waits for it overlap.
const ahead = 64

// fewestSlots is the size of a new hash table.
const fewestSlots = 64

// emptyTable makes a hash table. New memory that is read before it is written
// costs two faults for each page, and the second one halts the other processors.
func emptyTable(slots int) []uint32 {
	t := make([]uint32, slots)
	clear(t)
	return t
}

// larger returns the size of a hash table that is half full and has to grow.
func larger(slots int) int {
	const small = 1 << 14 // in larger ones a quarter to a half is in use
	if slots < small {
		return 4 * slots
	}
	return 2 * slots
}

// numberDictionary maps numbers to indexes in the order they came.
type numberDictionary struct {
	seed  uint64
	keys  []uint64 // from 1 on
	table []uint32 // open addresses, of keys; 0 is free
	shift int      // of a hash, to the place
}

const sizeOfNumber = 8 + 4*3 // with its share of the table

func (d *numberDictionary) entries() int { return len(d.keys) - 1 }

func (d *numberDictionary) reset() {
	if d.table == nil {
		d.resize(fewestSlots)
		d.keys = make([]uint64, 1)
	}
	d.truncate(0)
}

func (d *numberDictionary) resize(slots int) {
	d.table = emptyTable(slots)
	d.shift = 64 - (bits.Len(uint(slots)) - 1)
}

// truncate forgets the entries from n on.
func (d *numberDictionary) truncate(n int) {
	clear(d.table)
	d.keys = d.keys[:n+1]
	d.fill()
}

// fill enters the keys into an empty table.
func (d *numberDictionary) fill() {
	for i, v := range d.keys[1:] {
		at := int(fold(v, d.seed) >> d.shift)
		for d.table[at&(len(d.table)-1)] != 0 {
			at++
		}
		d.table[at&(len(d.table)-1)] = uint32(i + 1)
	}
}

// fold hashes a number: both halves of a full product, because numbers such as
// doubles of short decimals end in many zeros, which one half would keep.
func fold(v, seed uint64) uint64 {
	high, low := bits.Mul64(v^seed, 0x9e3779b97f4a7c15)
	return high ^ low
}

// add appends the indexes of values to out.
func (d *numberDictionary) add(out []uint32, values []uint64) []uint32 {
	var hashes [ahead]uint64
	var found [ahead]uint32
	out = room(out, len(values))
	for len(values) > 0 {
		block := values[:min(len(values), ahead)]
		values = values[len(block):]
		table, shift, keys := d.table, d.shift, d.keys
		for i, v := range block {
			h := fold(v, d.seed)
			hashes[i] = h
			found[i] = table[int(h>>shift)&(len(table)-1)]
		}
		for i, v := range block {
			at := found[i]
			if keys[at] != v {
				at = 0
			}
			found[i] = at
		}
		for i, v := range block {
			at := found[i]
			if at == 0 {
				at = d.number(v, hashes[i])
			}
			out = append(out, at-1)
		}
	}
	return out
}

// number returns the place of v in keys, where it is added if it is not there.
func (d *numberDictionary) number(v, hash uint64) uint32 {
	for at := int(hash >> d.shift); ; at++ {
		slot := &d.table[at&(len(d.table)-1)]
		switch {
		case *slot == 0:
			n := uint32(len(d.keys))
			*slot = n
			d.keys = append(room(d.keys, 1), v)
			if len(d.keys) > len(d.table)/2 {
				d.resize(larger(len(d.table)))
				d.fill()
			}
			return n
		case d.keys[*slot] == v:
			return *slot
		}
	}
}

// bytesDictionary maps byte strings to indexes in the order they came.
type bytesDictionary struct {
	seed    maphash.Seed
	width   int      // of the values, 0 if they have their own
	data    []byte   // the values, as the dictionary page has them
	strings []extent // from 1 on
	few     fewStrings
	table   []uint32 // open addresses, of strings; 0 is free; unused with few
	shift   int      // of a hash, to the place
}

// extent is where in data a value is.
type extent struct {
	hash     uint32
	start, n uint32
}

const sizeOfString = 12 + 4*3 // without the bytes, with its share of the table

func (d *bytesDictionary) entries() int { return len(d.strings) - 1 }

func (d *bytesDictionary) reset() {
	clear(d.table)
	d.data, d.strings = d.data[:0], append(d.strings[:0], extent{})
	d.few.reset()
}

func (d *bytesDictionary) resize(slots int) {
	if slots == len(d.table) {
		clear(d.table)
	} else {
		d.table = emptyTable(slots)
	}
	d.shift = 32 - (bits.Len(uint(slots)) - 1)
	for i := 1; i < len(d.strings); i++ {
		at := d.strings[i].hash >> d.shift
		for d.table[int(at)&(slots-1)] != 0 {
			at++
		}
		d.table[int(at)&(slots-1)] = uint32(i)
	}
}

// value returns that of an index.
func (d *bytesDictionary) value(index uint32) []byte { return d.bytes(d.strings[index+1]) }

func (d *bytesDictionary) bytes(e extent) []byte { return d.data[e.start:][:e.n] }

// of returns the bytes of a value as a page has them.
func (d *bytesDictionary) of(b *column.Batch, place uint64) []byte {
	v := b.Bytes(place)
	if d.width > 0 {
		return v[len(v)-d.width:] // big-endian: the rest repeats the sign
	}
	return v
}

// add appends the indexes of values to out, up to that which makes the
// dictionary too large if it is not yet.
func (d *bytesDictionary) add(out []uint32, b *column.Batch, values []uint64) []uint32 {
	var hashes, found [ahead]uint32
	var extents [ahead]extent
	small := !d.tooLarge()
	out = room(out, len(values))
	if len(d.few.entries) > 0 {
		before := len(out)
		out = d.addFew(out, b, values)
		values = values[len(out)-before:]
		if !d.few.over() {
			return out
		}
		d.few.entries = d.few.entries[:0]
		for i := range d.strings {
			d.strings[i].hash = d.hash(d.bytes(d.strings[i]))
		}
		d.resize(max(4*mostFew, len(d.table)))
		if small && d.tooLarge() {
			return out
		}
	}
	for len(values) > 0 {
		block := values[:min(len(values), ahead)]
		values = values[len(block):]
		for i, place := range block {
			hashes[i] = d.hash(d.of(b, place))
		}
		table, shift := d.table, d.shift
		for i := range block {
			found[i] = table[int(hashes[i]>>shift)&(len(table)-1)]
		}
		for i := range block {
			extents[i] = d.strings[found[i]]
		}
		for i, place := range block {
			s, n := d.of(b, place), found[i]
			if extents[i].hash != hashes[i] || n == 0 || string(d.bytes(extents[i])) != string(s) {
				if n = d.number(s, hashes[i]); small && d.tooLarge() {
					return append(out, n-1)
				}
			}
			out = append(out, n-1)
		}
	}
	return out
}

// number returns the place of s in strings, where it is added if it is not
// there.
func (d *bytesDictionary) number(s []byte, hash uint32) uint32 {
	for at := int(hash >> d.shift); ; at++ {
		slot := &d.table[at&(len(d.table)-1)]
		if *slot == 0 {
			n := uint32(len(d.strings))
			*slot = n
			d.insert(s, hash)
			if len(d.strings) > len(d.table)/2 {
				d.resize(larger(len(d.table)))
			}
			return n
		}
		if e := d.strings[*slot]; e.hash == hash && string(d.bytes(e)) == string(s) {
			return *slot
		}
	}
}

func (d *bytesDictionary) insert(s []byte, hash uint32) {
	d.data = room(d.data, 4+len(s))
	if d.width == 0 {
		d.data = binary.LittleEndian.AppendUint32(d.data, uint32(len(s)))
	}
	d.strings = append(room(d.strings, 1), extent{hash: hash, start: uint32(len(d.data)), n: uint32(len(s))})
	d.data = append(d.data, s...)
}

func (d *bytesDictionary) hash(s []byte) uint32 { return uint32(maphash.Bytes(d.seed, s) >> 32) }

// tooLarge reports whether the dictionary has outgrown its use.
func (d *bytesDictionary) tooLarge() bool {
	return d.entries() > mostEntries || len(d.data) > mostBytes
}
