package parquet

import (
	"fmt"
	"hash/crc32"
	"math"
)

// encoding is how the values of a page are written. Source: parquet.thrift.
type encoding uint8

const (
	encodingPlain       encoding = 0
	encodingRLE         encoding = 3
	encodingDeltaBinary encoding = 5
	encodingDeltaLength encoding = 6
	encodingDictionary  encoding = 8
	encodings                    = 9 // one more than the last
)

const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

// page is a data page that is in the file, or on its way.
type page struct {
	bytes    []byte // in Group.packed, with the header
	rows     int
	values   int
	nulls    int
	encoding encoding
	bounds   bounds
}

// dataHeader is what the header of a data page says beyond its sizes.
type dataHeader struct {
	entries, nulls, rows int
	encoding             encoding
	version              WriterVersion
	defBytes, repBytes   int  // of the levels
	strings              bool // the values are byte arrays
}

// dataPage compresses a page and puts it, header first, into a. In version 2
// the levels in front stay as they are, and so do values that would not get
// smaller.
func (s *scratch) dataPage(a *arena, raw []byte, e *effort, h dataHeader) ([]byte, error) {
	levels, strings := raw[:0], -1
	if h.strings && h.encoding == encodingPlain {
		strings = h.defBytes + h.repBytes
	}
	if h.version == V2 {
		levels, strings = raw[:h.defBytes+h.repBytes], min(strings, 0)
	}
	values := raw[len(levels):]
	packed, err := s.compress(values, e, strings)
	if err != nil {
		return nil, err
	}
	compressed := s.codec != Uncompressed
	if h.version == V2 && len(packed) >= len(values) {
		packed, compressed = values, false
	}
	kind := pageData
	if h.version == V2 {
		kind = pageDataV2
	}
	if err := s.beginHeader(kind, len(raw), len(levels)+len(packed), checksum(levels, packed)); err != nil {
		return nil, err
	}
	t := &s.thrift
	if h.version == V2 {
		t.structField(8)
		t.i32Field(1, h.entries)
		t.i32Field(2, h.nulls)
		t.i32Field(3, h.rows)
		t.i32Field(4, int(h.encoding))
		t.i32Field(5, h.defBytes)
		t.i32Field(6, h.repBytes)
		t.boolField(7, compressed)
	} else {
		t.structField(5)
		t.i32Field(1, h.entries)
		t.i32Field(2, int(h.encoding))
		t.i32Field(3, int(encodingRLE))
		t.i32Field(4, int(encodingRLE))
	}
	t.end()
	t.end()
	return a.join(t.out, levels, packed), nil
}

// dictionaryPage compresses the entries of a dictionary and puts them as a page
// into a.
func (s *scratch) dictionaryPage(a *arena, raw []byte, entries int) ([]byte, error) {
	var e effort
	packed, err := s.compress(raw, &e, -1)
	if err != nil {
		return nil, err
	}
	if err := s.beginHeader(pageDictionary, len(raw), len(packed), checksum(nil, packed)); err != nil {
		return nil, err
	}
	s.thrift.structField(7)
	s.thrift.i32Field(1, entries)
	s.thrift.i32Field(2, int(encodingPlain))
	s.thrift.end()
	s.thrift.end()
	return a.join(s.thrift.out, nil, packed), nil
}

// beginHeader begins a PageHeader.
func (s *scratch) beginHeader(kind, raw, packed int, crc uint32) error {
	if raw > math.MaxInt32 || packed > math.MaxInt32 {
		return fmt.Errorf("write page: %d bytes are more than a page can have", raw)
	}
	t := &s.thrift
	t.out = t.out[:0]
	t.begin()
	t.i32Field(1, kind)
	t.i32Field(2, raw)
	t.i32Field(3, packed)
	t.i32Field(4, int(int32(crc)))
	return nil
}

func checksum(levels, packed []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(levels), crc32.IEEETable, packed)
}
