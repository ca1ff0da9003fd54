package column

import "sync"

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
