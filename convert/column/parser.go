// Package column turns JSON records into typed vectors, one for each column of
// a table: what Parquet, ORC and Arrow files are made from.
//
// A record's way: [Parser.Parse] reads the records of a chunk straight into
// the vectors of a [Batch], directed by the [Schema]; a [Group] lays the
// batch out; the [convert.Encoder] of NewEncoder joins the two.
package column

import (
	"fmt"
	"hash/maphash"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Parser reads JSON records into vectors. It is used by one goroutine.
type Parser struct {
	schema  *Schema
	options Options
	root    node
	iso     bool // the first timestamp format takes what dayCache reads

	// While a batch is filled:
	data []byte // Batch.Data
	side []byte // becomes Batch.Side

	// While a record is read:
	depth  int    // how many arrays and objects the value is in
	misfit string // why the record is no row, after a misfit
	at     *node  // whose value was the misfit, and where it stands; or nil
	atByte int
	extra  []extraField // its unknown fields
	news   bool         // it has fields that are to be columns

	day   dayCache
	seed  maphash.Seed
	table []uint32 // of replacedOfMany
}

// NewParser checks that the options fit the schema.
func NewParser(s *Schema, o Options) (*Parser, error) {
	p := &Parser{schema: s, options: o, seed: maphash.MakeSeed()}
	if len(p.options.TimestampFormats) == 0 {
		p.options.TimestampFormats = []TimestampFormat{{}}
	}
	first := p.options.TimestampFormats[0].read
	p.iso = first == readOpenX || first == readISO8601
	if err := p.build(); err != nil {
		return nil, fmt.Errorf("make JSON parser: %w", err)
	}
	return p, nil
}

// overhang is how many bytes behind a record its scanner may look at.
const overhang = 32

// Parse empties b and fills it with the rows that the pending records among
// rows hold: a record is one JSON object or several, back to back, with white
// space around them. Of fields with the same name the last counts, but all have
// to fit. A record that is no row of the table is failed in the chunk, and
// nothing of it is in b. b is the zero value or was made for the same schema;
// it points into c.Data.
func (p *Parser) Parse(c *buffer.Chunk, rows []int, b *Batch) {
	if b.Root.Children == nil {
		b.Init(p.schema)
	}
	b.Reset(c.Data)
	p.root.bind(&b.Root)
	p.data, p.side = c.Data, b.Side
	for _, row := range rows {
		if !c.Pending(row) {
			continue
		}
		start, end := c.Span(row)
		d := c.Data[:min(int(end)+overhang, len(c.Data))]
		rowsBefore, sideBefore := b.Root.Present, len(p.side)
		if err := p.record(d, int(start), int(end)); err != nil {
			p.root.settle()
			b.Root.Truncate(&p.root.typ, rowsBefore)
			p.side = p.side[:sideBefore]
			c.Fail(row, err)
			p.news = false
		} else if p.news {
			b.New = append(b.New, row)
			p.news = false
		}
	}
	p.root.settle()
	b.Root.Level(&p.root.typ)
	b.Side = p.side
	p.data, p.side = nil, nil
	p.root.unbind()
}

// record reads the objects in d[start:end].
func (p *Parser) record(d []byte, start, end int) error {
	i := space(d, start)
	if i >= end {
		return malformed("the record is empty")
	}
	for i < end {
		p.depth, p.extra = 0, p.extra[:0]
		if d[i] == '{' {
			i = p.object(&p.root, d, i, p.root.v.Present)
		} else {
			i = p.refuse(i, "expected an object, found %s at byte %d", shorten(d[i:end]), i-start)
		}
		if i < 0 || i > end {
			return p.explain(d[start:end], i)
		}
		i = space(d, i)
	}
	return nil
}

// explain says why a record failed with f. That it is not JSON comes first,
// whatever else is wrong.
func (p *Parser) explain(record []byte, f int) error {
	if err := validRecord(record); err != nil {
		return failure(parseError, "Encountered malformed JSON: %v", err)
	}
	if _, r := unfault(f); f >= 0 || r != misfit {
		panic(fmt.Sprintf("column: parser refuses what the scanner takes: %q", shorten(record)))
	}
	return malformed("%s", p.misfit)
}

// refuse notes why a record is no row of the table.
func (p *Parser) refuse(i int, format string, args ...any) int {
	p.misfit, p.at = fmt.Sprintf(format, args...), nil
	return fault(i, misfit)
}

// refuseValue notes why the value at i is none for the node.
func (p *Parser) refuseValue(n *node, i int, format string, args ...any) int {
	f := p.refuse(i, "%v: "+format, append([]any{n}, args...)...)
	p.at, p.atByte = n, i
	return f
}

// bytes returns the bytes at a place.
func (p *Parser) bytes(place uint64) []byte {
	b := Batch{Data: p.data, Side: p.side}
	return b.Bytes(place)
}
