package orc

import (
	"math"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Numbers of the format.
var compressionCodes = map[Compression]uint64{None: 0, Zlib: 1, Snappy: 2, Zstd: 5}

var typeCodes = map[column.Kind]uint64{
	column.Boolean: 0, column.TinyInt: 1, column.SmallInt: 2, column.Int: 3, column.BigInt: 4, column.Float: 5, column.Double: 6,
	column.String: 7, column.Binary: 8, column.Timestamp: 9, column.Array: 10, column.Map: 11, column.Struct: 12,
	column.Decimal: 14, column.Date: 15, column.Varchar: 16, column.Char: 17,
}

// writerUnknown is how ORC's readers call writers that have no number with the
// project. Those count their versions from 6: the first with correct
// statistics, Bloom filters of UTF-8, and statistics of timestamps in UTC.
const (
	writerUnknown = math.MaxInt32
	writerVersion = 6
)

func putStream(footer []byte, kind, column, length int) []byte {
	m, at := begin(footer, 1)
	m = putUint(m, 1, uint64(kind))
	m = putUint(m, 2, uint64(column))
	return end(putUint(m, 3, uint64(length)), at)
}

func putEncoding(footer []byte, kind, dictionary int) []byte {
	m, at := begin(footer, 2)
	m = putUint(m, 1, uint64(kind))
	if kind == encodingDictionary || kind == encodingDictionaryV2 {
		m = putUint(m, 2, uint64(dictionary))
	}
	// Bloom filters of timestamps are of those in UTC.
	return end(putUint(m, 3, 1), at)
}

// putTypes appends a type and those below it, as fields of the footer. id is
// its own column id; it returns the one after the last.
func putTypes(footer []byte, t *column.Type, id int) ([]byte, int) {
	var ids []uint64
	next := id + 1
	for i := range t.Fields {
		ids = append(ids, uint64(next))
		next += count(&t.Fields[i].Type)
	}
	m, at := begin(footer, 4)
	m = putUint(m, 1, typeCodes[t.Kind])
	if len(ids) > 0 {
		m = putPacked(m, 2, ids)
	}
	switch t.Kind {
	case column.Struct:
		for i := range t.Fields {
			m = putBytes(m, 3, t.Fields[i].Name)
		}
	case column.Varchar, column.Char:
		m = putUint(m, 4, uint64(t.Length))
	case column.Decimal:
		m = putUint(putUint(m, 5, uint64(t.Precision)), 6, uint64(t.Scale))
	}
	m = end(m, at)
	for i := range t.Fields {
		m, _ = putTypes(m, &t.Fields[i].Type, int(ids[i]))
	}
	return m, next
}

// count returns how many columns a type is.
func count(t *column.Type) int {
	n := 1
	for i := range t.Fields {
		n += count(&t.Fields[i].Type)
	}
	return n
}

// tail returns what follows the stripes: metadata, footer, postscript, and the
// postscript's length.
func (f *File) tail() ([]byte, error) {
	var m []byte
	m = putUint(m, 1, uint64(len(magic)))
	m = putUint(m, 2, uint64(f.written))
	m = append(m, f.stripes...)
	root := f.schema.Root()
	m, _ = putTypes(m, &root, 0)
	for _, name := range f.metadata {
		var at int
		m, at = begin(m, 5)
		m = end(putBytes(putBytes(m, 1, name), 2, f.config.Metadata[name]), at)
	}
	m = putUint(m, 6, f.rows)
	for i := range f.total {
		var at int
		m, at = begin(m, 7)
		m = end(f.total[i].put(m), at)
	}
	m = putUint(m, 8, uint64(f.config.RowIndexStride))
	m = putUint(m, 9, writerUnknown)
	m = putUint(m, 11, 2) // the proleptic Gregorian calendar
	m = putBytes(m, 12, "hydrant")

	c, err := f.config.codecs.take(f.config.Compression)
	if err != nil {
		return nil, err
	}
	defer f.config.codecs.give(c)
	tail := pack(nil, c, f.config.Compression, f.parts)
	metadata := len(tail)
	tail = pack(tail, c, f.config.Compression, m)

	var p []byte
	p = putUint(p, 1, uint64(len(tail)-metadata))
	p = putUint(p, 2, compressionCodes[f.config.Compression])
	p = putUint(p, 3, blockSize)
	minor := uint64(12)
	if f.config.FormatVersion == V0_11 {
		minor = 11
	}
	p = putPacked(p, 4, []uint64{0, minor})
	p = putUint(p, 5, uint64(metadata))
	p = putUint(p, 6, writerVersion)
	p = putBytes(p, 8000, magic)

	tail = append(tail, p...)
	return append(tail, byte(len(p))), nil
}

// pack appends a message as a stream.
func pack(dst []byte, c *codec, kind Compression, m []byte) []byte {
	if kind == None {
		return append(dst, m...)
	}
	var e effort
	for len(m) > 0 {
		n := min(len(m), blockSize)
		dst = append(dst, c.chunk(m[:n], kind, &e)...)
		m = m[n:]
	}
	return dst
}
