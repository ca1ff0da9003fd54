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
	"sync"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Options say how records are read, in the words of Firehose's deserializers.
type Options struct {
	// CaseInsensitive matches keys whatever their letter case.
	CaseInsensitive bool
	// DotsToUnderscores matches the key "a.b" with the column a_b.
	DotsToUnderscores bool
	// Keys gives the JSON key of a column that is called otherwise.
	Keys map[string]string
	// TimestampFormats are tried in order. None: those that Firehose's OpenX
	// deserializer takes.
	TimestampFormats []TimestampFormat
	// UnknownFields says what happens to fields that are no columns.
	UnknownFields UnknownFields
	// ExtraColumn names the column of type string that takes the unknown
	// fields of a record, as a JSON object, with ToExtraColumn.
	ExtraColumn string
}

// Parsers hands out parsers to the encoders of a stream, so that what a parser
// has learnt about the order of keys, and the memory of its batch, outlives an
// object. It may be used concurrently.
type Parsers struct {
	schema  *Schema
	options Options
	idle    sync.Pool
}

// NewParsers checks that the options fit the schema.
func NewParsers(s *Schema, o Options) (*Parsers, error) {
	if _, err := NewParser(s, o); err != nil {
		return nil, err
	}
	return &Parsers{schema: s, options: o}, nil
}

// Schema returns the columns that the parsers fill.
func (p *Parsers) Schema() *Schema { return p.schema }

// worker is a parser with the batch it fills.
type worker struct {
	parser *Parser
	batch  Batch
}

func (p *Parsers) get() *worker {
	if w, ok := p.idle.Get().(*worker); ok {
		return w
	}
	parser, err := NewParser(p.schema, p.options)
	if err != nil {
		panic(err) // NewParsers made one from the same
	}
	return &worker{parser: parser}
}

func (p *Parsers) put(w *worker) { p.idle.Put(w) }

// Parser reads JSON records into vectors. It is used by one goroutine.
type Parser struct {
	schema  *Schema
	options Options
	root    node

	// of the batch
	side  []byte // becomes Batch.Side
	data  []byte // Batch.Data
	day   dayCache
	iso   bool // timestamps may be read by day
	seed  maphash.Seed
	table []uint32 // scratch of replacedOfMany

	// of the record
	depth  int    // of arrays and objects around the value
	misfit string // why the record is no row, after a misfit
	extra  []extraField
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
// space around them. A record that is no row of the table is failed in the
// chunk, and nothing of it is in b. b points into c.Data.
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
		at := i
		if d[i] != '{' {
			return p.notAnObject(d[start:end], i-start)
		}
		if i = p.object(&p.root, d, i, p.root.v.Present); i < 0 || i > end {
			return p.failure(d[start:end], start, at, i)
		}
		i = space(d, i)
	}
	return nil
}

// failure explains why the record's object failed. What is not JSON is said
// first, whatever else is wrong.
func (p *Parser) failure(record []byte, start, at, f int) error {
	if err := validRecord(record); err != nil {
		return failure(parseError, "Encountered malformed JSON: %v", err)
	}
	if _, r := unfault(f); f < 0 && r == misfit {
		return malformed("%s", p.misfit)
	}
	// The limit on nesting is that of the whole record, and Valid's.
	panic(fmt.Sprintf("column: the scanner and the parser disagree about byte %d of %q", at-start, shorten(record)))
}

// notAnObject explains why what is at i cannot be a row.
func (p *Parser) notAnObject(record []byte, i int) error {
	if err := validRecord(record); err != nil {
		return failure(parseError, "Encountered malformed JSON: %v", err)
	}
	return malformed("expected an object, found %s at byte %d", shorten(record[i:]), i)
}

// refuse notes why a record is no row of the table.
func (p *Parser) refuse(i int, format string, args ...any) int {
	p.misfit = fmt.Sprintf(format, args...)
	return fault(i, misfit)
}

// bytes returns the bytes at a place.
func (p *Parser) bytes(place uint64) []byte {
	b := Batch{Data: p.data, Side: p.side}
	return b.Bytes(place)
}
