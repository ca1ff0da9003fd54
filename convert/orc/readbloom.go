package orc

import "fmt"

// Bloom describes the Bloom filters of a column in a stripe: one for every
// stride of the row index. The zero value says that there are none.
type Bloom struct {
	Size    uint64 // of all filters, in bytes, as they are in the file
	Filters int
	Bits    uint64 // of the first filter
	Hashes  uint64 // hash functions
}

// Bloom reads the Bloom filters of a column in stripe i, of the newer kind,
// BLOOM_FILTER_UTF8, or the older one. See Encoding.Bloom.
func (r *Reader) Bloom(i, column int) (b Bloom, err error) {
	l, err := r.layout(i)
	if err != nil {
		return b, err
	}
	for _, s := range l.streams {
		if s.column != uint64(column) || !isBloom(s.kind) || s.size == 0 {
			continue
		}
		b = Bloom{Size: s.size}
		m, err := r.read(s.offset, s.size)
		if err == nil {
			err = fields(m, func(v value) error {
				if v.field != 1 {
					return nil
				}
				if b.Filters++; b.Filters > 1 {
					return nil
				}
				return b.parse(v.bytes)
			})
		}
		if err != nil {
			return Bloom{}, fmt.Errorf("read bloom filters of column %d in stripe %d: %w", column, i, err)
		}
		if s.kind == kindBloom {
			break
		}
	}
	return b, nil
}

// parse reads a BloomFilter.
func (b *Bloom) parse(m []byte) error {
	return fields(m, func(v value) error {
		switch v.field {
		case 1:
			b.Hashes = v.n
		case 2: // fixed64, packed or one by one
			b.Bits += 8 * uint64(max(len(v.bytes), 8))
		case 3:
			b.Bits = 8 * uint64(len(v.bytes))
		}
		return nil
	})
}

func isBloom(kind uint64) bool { return kind == kindBloom || kind == kindOldBloom }

// kindOldBloom is the stream BLOOM_FILTER, which hashes texts in the writer's
// character set.
const kindOldBloom = 7
