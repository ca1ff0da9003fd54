package parquet

import (
	"encoding/binary"
	"hash/maphash"
	"math"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// headRoom is left before the values of a PLAIN page for its levels, so that
// the page is built in one place. Without nulls and lists they take 8 bytes.
const headRoom = 4 << 10

// byteStrings are the open page of a column of strings, binaries or wide
// decimals. Values are copied once: from the batch to where they stay.
type byteStrings struct {
	leaf     *leaf
	pageSize int
	body     []byte // headRoom, then the page; with encodingDeltaLength without the lengths
	lengths  []uint32
	bounding byteBounds

	dict    bytesDictionary
	trying  bool     // a dictionary
	leaving bool     // it ends with this page
	paged   bool     // a page refers to the dictionary
	indexes []uint32 // of the values of the page
	probe   probe
	seen    []uint32 // for each entry, the last page that had it
	page    uint32   // counts pages, for seen
	hashed  []uint64 // of values without a dictionary
}

func newByteStrings(l *leaf, c *Config) *byteStrings {
	s := &byteStrings{leaf: l, pageSize: int(c.PageSize)}
	s.bounding.wide = l.order == wideOrder
	s.dict.seed, s.dict.width = maphash.MakeSeed(), l.width
	s.reset()
	return s
}

func (s *byteStrings) reset() {
	if s.body == nil {
		s.body = make([]byte, headRoom)
	}
	s.body, s.lengths = s.body[:headRoom], s.lengths[:0]
	s.bounding.reset()
	s.dict.reset()
	s.trying, s.leaving, s.paged = s.leaf.dictionary, false, false
	s.indexes, s.probe = s.indexes[:0], probe{}
	s.seen, s.page, s.hashed = s.seen[:0], 0, s.hashed[:0]
}

func (s *byteStrings) memory() int {
	return len(s.body) + 4*(len(s.lengths)+len(s.indexes)+len(s.seen)) + len(s.dict.data) +
		sizeOfString*s.dict.entries() + sizeOfFew*min(s.dict.entries(), mostFew) + 8*len(s.hashed)
}

func (s *byteStrings) full() bool {
	return s.leaving || len(s.body)-headRoom >= s.pageSize
}

func (s *byteStrings) add(b *column.Batch, values []uint64, all bool) int {
	taken := 0
	for taken < len(values) && s.trying {
		taken += s.addIndexes(b, values[taken:])
		if s.trying && s.hopeless() {
			s.leave()
			if s.leaving && !all {
				return taken
			}
		}
	}
	if taken < len(values) {
		taken += s.addPlain(b, values[taken:], all)
	}
	return taken
}

// hopeless reports whether it is time to give up the dictionary.
func (s *byteStrings) hopeless() bool {
	return !s.leaving && (s.probe.hopeless(s.dict.entries()) || s.dict.tooLarge())
}

// addIndexes adds values to the page as indexes, up to the next look at the
// dictionary.
func (s *byteStrings) addIndexes(b *column.Batch, values []uint64) int {
	if left := s.probe.left(); left > 0 {
		values = values[:min(len(values), left)]
	}
	before := len(s.indexes)
	s.indexes = s.dict.add(s.indexes, b, values)
	n := len(s.indexes) - before
	s.probe.values += n
	return n
}

// leave gives up the dictionary. A first page is turned into a PLAIN one, and
// the column has no dictionary; a later page ends.
func (s *byteStrings) leave() {
	const mostConverted = 2 * mostBytes
	plain := 0
	for _, index := range s.indexes {
		plain += len(s.dict.value(index))
	}
	if s.paged || plain > mostConverted {
		s.leaving = true
		return
	}
	s.trying = false
	for _, index := range s.indexes {
		v := s.dict.value(index)
		s.bounding.add(v)
		s.appendPlain(v)
	}
	s.indexes = s.indexes[:0]
	s.dict.reset()
}

func (s *byteStrings) appendPlain(v []byte) {
	if s.leaf.bloom {
		s.hashed = append(s.hashed, hashBytes(v))
	}
	s.body = room(s.body, 4+len(v))
	switch {
	case s.leaf.width > 0:
	case s.leaf.encoding == encodingDeltaLength:
		s.lengths = append(s.lengths, uint32(len(v)))
	default:
		s.body = binary.LittleEndian.AppendUint32(s.body, uint32(len(v)))
	}
	s.body = append(s.body, v...)
}

// addPlain adds values to the page until it is full.
func (s *byteStrings) addPlain(b *column.Batch, values []uint64, all bool) int {
	if s.leaf.width > 0 || s.leaf.encoding != encodingPlain || s.leaf.bloom {
		for i, place := range values {
			if !all && s.full() {
				return i
			}
			v := s.dict.of(b, place)
			s.bounding.add(v)
			s.appendPlain(v)
		}
		return len(values)
	}
	body, most := s.body, s.pageSize+headRoom
	if all {
		most = math.MaxInt
	}
	for i, place := range values {
		if len(body) >= most {
			s.body = body
			return i
		}
		v := b.Bytes(place)
		if h := head(v); h <= s.bounding.low || h >= s.bounding.high {
			s.bounding.add(v)
		}
		body = binary.LittleEndian.AppendUint32(room(body, 4+len(v)), uint32(len(v)))
		body = append(body, v...)
	}
	s.body = body
	return len(values)
}

func (s *byteStrings) encode(c *scratch, arena []byte) (raw []byte, e encoding, _ []byte, b bounds) {
	e = s.leaf.encoding
	switch {
	case s.trying && len(s.indexes) > 0:
		raw, e = s.encodeIndexes(c), encodingDictionary
	case e == encodingDeltaLength:
		c.page = appendDelta(c.page, s.lengths, true)
		c.page = append(c.page, s.body[headRoom:]...)
		raw = c.page
	case len(c.page) <= headRoom:
		start := headRoom - len(c.page)
		copy(s.body[start:], c.page)
		raw = s.body[start:]
	default:
		c.page = append(c.page, s.body[headRoom:]...)
		raw = c.page
	}
	arena, b = s.bounding.bounds(arena, s.leaf)
	if s.leaving {
		s.trying, s.leaving = false, false
	}
	s.bounding.reset()
	s.body, s.lengths, s.indexes = s.body[:headRoom], s.lengths[:0], s.indexes[:0]
	return raw, e, arena, b
}

// encodeIndexes also finds the bounds: it looks once at each entry in use.
func (s *byteStrings) encodeIndexes(c *scratch) []byte {
	s.page++
	s.paged = true
	for len(s.seen) < s.dict.entries() {
		s.seen = append(s.seen, 0)
	}
	for _, index := range s.indexes {
		if s.seen[index] != s.page {
			s.seen[index] = s.page
			s.bounding.add(s.dict.value(index))
		}
	}
	width := max(1, widthOf(uint32(s.dict.entries()-1)))
	c.page = appendIndexes(append(c.page, byte(width)), s.indexes, width)
	return c.page
}

func (s *byteStrings) dictionary(*scratch) ([]byte, int) {
	if !s.paged {
		return nil, 0
	}
	return s.dict.data, s.dict.entries()
}

func (s *byteStrings) hashes() []uint64 {
	if s.paged {
		for i := range s.dict.entries() {
			s.hashed = append(s.hashed, hashBytes(s.dict.value(uint32(i))))
		}
	}
	return s.hashed
}
