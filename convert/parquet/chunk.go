package parquet

import (
	"encoding/binary"
	"sync"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// mostPageEntries is how many values, with nulls, a page has at most: so many
// numbers fit the processor's cache, and readers that use the page index read
// little that they do not need. It is the limit of parquet-mr.
const mostPageEntries = 20000

// scratch is memory for encoding. Row groups take turns with it: there may be
// many, of partitions, and what GZIP needs alone is more than a small one holds.
type scratch struct {
	compressor
	thrift  thrift
	page    []byte
	indexes []uint32
}

// scratches are those that nobody uses: as many as were ever needed at the same
// time.
type scratches struct {
	mu   sync.Mutex
	idle []*scratch
}

func (p *scratches) take(codec Compression) *scratch {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return &scratch{compressor: compressor{codec: codec}}
	}
	s := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return s
}

func (p *scratches) give(s **scratch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, *s)
	*s = nil
}

// openValues are the values of the page of a column that is being filled, and
// the dictionary of the column, if there is one.
type openValues interface {
	// add takes values until the page is full and returns how many it took;
	// with all, it takes all of them.
	add(b *column.Batch, values []uint64, all bool) int
	// full reports whether the page is to end at the end of the row.
	full() bool
	// encode empties the page and returns its bytes behind the levels in
	// s.page, until the next call. bounds are appended to arena.
	encode(s *scratch, arena []byte) (raw []byte, e encoding, newArena []byte, b bounds)
	// dictionary returns the entries as a dictionary page has them; there are
	// none if no page refers to them.
	dictionary(s *scratch) (raw []byte, entries int)
	// hashes returns those of all values since reset, for the bloom filter.
	hashes() []uint64
	memory() int
	reset()
}

// chunk is a column of a row group.
type chunk struct {
	leaf       *leaf
	config     *Config
	group      *Group
	values     openValues
	most       int // entries of a page
	effort     effort
	dictionary []byte // its page, when the chunk is finished

	// The page being filled.
	def, rep runs
	entries  int
	rows     int
	present  int // values that are not null

	// The pages that are done.
	done    []page
	packed  int    // bytes of them
	arena   []byte // holds the bounds of the pages
	raw     int64  // bytes before compression, with headers
	entered int64  // entries of all pages
}

func newChunk(l *leaf, c *Config, g *Group) *chunk {
	k := &chunk{leaf: l, config: c, group: g, most: mostPageEntries}
	if l.physical == typeByteArray || l.physical == typeFixed {
		k.values = newByteStrings(l, c)
	} else {
		if l.width > 0 {
			k.most = max(1, min(k.most, int(c.PageSize)/l.width))
		}
		k.values = newNumbers(l, k.most)
	}
	return k
}

// write adds the values of a batch.
func (c *chunk) write(b *column.Batch, v *column.Vector, l levels) error {
	at := cursor{def: l.def, rep: l.rep}
	values := v.Values
	for left := l.entries; left > 0; {
		n, rows := at.row(uint32(min(left, c.most-c.entries)))
		k := at.values(n, c.leaf.maxDef)
		taken := c.values.add(b, values[:k], false)
		full := c.values.full()
		if full {
			// The page ends with the row of the value that filled it, so that
			// it does not depend on how rows are divided between batches.
			n, rows = at.row(at.through(uint32(taken), c.leaf.maxDef))
			k = at.values(n, c.leaf.maxDef)
			c.values.add(b, values[taken:k], true)
		}
		if c.leaf.maxDef > 0 {
			c.def = at.copyDef(c.def, n)
		}
		if c.leaf.maxRep > 0 {
			c.rep = at.copyRep(c.rep, n)
		}
		values = values[k:]
		c.entries, c.rows, c.present = c.entries+int(n), c.rows+int(rows), c.present+k
		left -= int(n)
		if full || c.entries >= c.most {
			if err := c.endPage(); err != nil {
				return err
			}
		}
	}
	return nil
}

// endPage compresses the page that is being filled.
func (c *chunk) endPage() error {
	s := c.group.scratch
	h := dataHeader{entries: c.entries, nulls: c.entries - c.present, rows: c.rows, version: c.config.WriterVersion,
		strings: c.leaf.physical == typeByteArray}
	s.page = s.page[:0]
	if c.leaf.maxRep > 0 {
		s.page = c.appendLevels(s.page, c.rep, c.leaf.maxRep)
		h.repBytes = len(s.page)
	}
	if c.leaf.maxDef > 0 {
		s.page = c.appendLevels(s.page, c.def, c.leaf.maxDef)
		h.defBytes = len(s.page) - h.repBytes
	}
	p := page{rows: c.rows, values: c.present, nulls: h.nulls}
	var raw []byte
	raw, p.encoding, c.arena, p.bounds = c.values.encode(s, c.arena)
	h.encoding = p.encoding
	if n := len(c.done); n > 0 && c.done[n-1].encoding != p.encoding {
		c.effort = effort{} // indexes compress unlike values
	}
	var err error
	if p.bytes, err = s.dataPage(&c.group.packed, raw, &c.effort, h); err != nil {
		return err
	}
	c.done = append(c.done, p)
	c.packed += len(p.bytes)
	c.raw += int64(len(s.thrift.out) + len(raw))
	c.entered += int64(c.entries)
	c.def, c.rep = c.def[:0], c.rep[:0]
	c.entries, c.rows, c.present = 0, 0, 0
	return nil
}

func (c *chunk) appendLevels(dst []byte, levels runs, most uint32) []byte {
	width := widthOf(most)
	if c.config.WriterVersion == V2 {
		return appendRuns(dst, levels, width)
	}
	at := len(dst)
	dst = appendRuns(append(dst, 0, 0, 0, 0), levels, width)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// finish ends the last page and makes the dictionary's.
func (c *chunk) finish() error {
	if c.entries > 0 {
		if err := c.endPage(); err != nil {
			return err
		}
	}
	s := c.group.scratch
	raw, entries := c.values.dictionary(s)
	if entries == 0 {
		return nil
	}
	var err error
	c.dictionary, err = s.dictionaryPage(&c.group.packed, raw, entries)
	c.raw += int64(len(s.thrift.out) + len(raw))
	return err
}

// memory returns how many bytes the column holds. It counts contents and not
// capacities: it must follow from the rows alone.
func (c *chunk) memory() int {
	const sizeOfPage, sizeOfRun = 128, 8
	return c.packed + len(c.arena) + len(c.done)*sizeOfPage + (len(c.def)+len(c.rep))*sizeOfRun + c.values.memory()
}

func (c *chunk) reset() {
	c.values.reset()
	c.effort, c.dictionary = effort{}, nil
	c.def, c.rep, c.entries, c.rows, c.present = c.def[:0], c.rep[:0], 0, 0, 0
	c.done, c.packed, c.arena, c.raw, c.entered = c.done[:0], 0, c.arena[:0], 0, 0
}
