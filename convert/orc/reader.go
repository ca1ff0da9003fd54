package orc

import (
	"errors"
	"fmt"
	"io"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Reader reads an ORC file of any writer. Not supported are LZO, unions and
// encrypted columns. It may not be used concurrently.
type Reader struct {
	r       io.ReaderAt
	decoder *decoder
	info    Info
	schema  *column.Schema
	types   []fileType
	stripes []stripeAt
	parts   []byte // statistics of stripes: the metadata
	limit   int    // of values that one call of Read may make
}

// Info is what the footer says about a file.
type Info struct {
	Rows           uint64
	Stripes        int
	RowIndexStride int // 0: no indexes
	Compression    string
	Version        string            // of the format: "0.12"
	Writer         string            // "ORC Java", "hydrant"
	Metadata       map[string]string // that users gave
	Columns        []ColumnInfo      // by column id; the first is the row
}

// ColumnInfo describes a column, or a part of one.
type ColumnInfo struct {
	Name       string // "a", "a.b"; of the row ""
	Type       string
	Statistics Statistics
}

// Stripe describes a stripe.
type Stripe struct {
	Rows                uint64
	Offset              uint64
	Index, Data, Footer uint64     // bytes
	Encodings           []Encoding // by column id
	TimeZone            string     // of the writer
	Statistics          []Statistics
}

// Encoding is how a stripe holds a column.
type Encoding struct {
	Kind       string // "DIRECT", "DICTIONARY_V2"
	Dictionary uint64 // texts
	Size       uint64 // of all streams, in bytes
	Bloom      uint64 // of those that are Bloom filters
}

// mostValues bounds the memory of Read to half a gigabyte for numbers.
const mostValues = 64 << 20

// largestFooter bounds what is read before anything is known about a file.
const largestFooter = 256 << 20

var errNoORC = errors.New("it is no ORC file, or its end is missing")

// Open reads the footer of a file of so many bytes.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	x := &Reader{r: r, limit: mostValues}
	if err := x.open(size); err != nil {
		return nil, fmt.Errorf("open orc file: %w", err)
	}
	return x, nil
}

// Info returns what the footer says.
func (r *Reader) Info() Info { return r.info }

// Schema returns the columns. A part of type "timestamp with local time zone"
// is a timestamp here.
func (r *Reader) Schema() *column.Schema { return r.schema }

// postscript is the end of a file.
type postscript struct {
	footer, compression, block, metadata uint64
	version                              []uint64
	magic                                string
}

func (r *Reader) open(size int64) error {
	tail := make([]byte, min(size, 256))
	if _, err := r.r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	if len(tail) == 0 || int(tail[len(tail)-1]) >= len(tail) {
		return errNoORC
	}
	length := int(tail[len(tail)-1])
	ps, err := parsePostscript(tail[len(tail)-1-length : len(tail)-1])
	if err != nil {
		return errNoORC
	}
	if r.decoder, err = newDecoder(ps.compression, ps.block); err != nil {
		return err
	}
	end := uint64(size) - 1 - uint64(length)
	if ps.footer > end || ps.metadata > end-ps.footer || ps.footer > largestFooter {
		return errNoORC
	}
	body := end - ps.footer - ps.metadata
	footer, err := r.read(end-ps.footer, ps.footer)
	if err != nil {
		return fmt.Errorf("read footer: %w", err)
	}
	if r.parts, err = r.read(body, ps.metadata); err != nil {
		return fmt.Errorf("read metadata: %w", err)
	}
	r.info.Compression = compressionNames[ps.compression]
	r.info.Version = "0.11"
	if len(ps.version) == 2 {
		r.info.Version = fmt.Sprintf("%d.%d", ps.version[0], ps.version[1])
	}
	return r.parseFooter(footer, body)
}

// read returns a part of the file, decompressed.
func (r *Reader) read(at, size uint64) ([]byte, error) {
	s := source{r: io.NewSectionReader(r.r, int64(at), int64(size)), decoder: r.decoder}
	return s.all(largestFooter)
}

func parsePostscript(m []byte) (p postscript, err error) {
	err = fields(m, func(v value) (err error) {
		switch v.field {
		case 1:
			p.footer = v.n
		case 2:
			p.compression = v.n
		case 3:
			p.block = v.n
		case 4:
			p.version, err = v.numbers(p.version)
		case 5:
			p.metadata = v.n
		case 8000:
			p.magic = v.text()
		}
		return err
	})
	if err == nil && p.magic != magic {
		err = errNoORC
	}
	return p, err
}

// stripeAt says where a stripe is.
type stripeAt struct{ offset, index, data, footer, rows uint64 }

func (r *Reader) parseFooter(m []byte, body uint64) error {
	r.info.Metadata = map[string]string{}
	var statistics [][]byte
	writer, software := uint64(0), ""
	err := fields(m, func(v value) (err error) {
		switch v.field {
		case 3:
			var s stripeAt
			s, err = parseStripe(v.bytes, body)
			r.stripes = append(r.stripes, s)
		case 4:
			var t fileType
			t, err = parseType(v.bytes)
			r.types = append(r.types, t)
		case 5:
			err = r.parseMetadata(v.bytes)
		case 6:
			r.info.Rows = v.n
		case 7:
			statistics = append(statistics, v.bytes)
		case 8:
			r.info.RowIndexStride = int(uint32(v.n))
		case 9:
			writer = v.n
		case 12:
			software = v.text()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read footer: %w", err)
	}
	r.info.Stripes = len(r.stripes)
	r.info.Writer = writerName(writer, software)
	if r.schema, err = r.makeSchema(); err != nil {
		return err
	}
	for i, s := range statistics[:min(len(statistics), len(r.info.Columns))] {
		if r.info.Columns[i].Statistics, err = parseStatistics(s); err != nil {
			return fmt.Errorf("read statistics of column %d: %w", i, err)
		}
	}
	return nil
}

var writers = [...]string{"ORC Java", "ORC C++", "Presto", "Scritchley Go", "Trino", "cuDF"}

func writerName(n uint64, software string) string {
	switch {
	case n >= uint64(len(writers)):
		return software
	case software == "":
		return writers[n]
	}
	return writers[n] + " " + software
}

func (r *Reader) parseMetadata(m []byte) error {
	var name, text string
	err := fields(m, func(v value) error {
		switch v.field {
		case 1:
			name = v.text()
		case 2:
			text = v.text()
		}
		return nil
	})
	r.info.Metadata[name] = text
	return err
}

func parseStripe(m []byte, body uint64) (s stripeAt, err error) {
	err = fields(m, func(v value) error {
		switch v.field {
		case 1:
			s.offset = v.n
		case 2:
			s.index = v.n
		case 3:
			s.data = v.n
		case 4:
			s.footer = v.n
		case 5:
			s.rows = v.n
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	left := body
	for _, n := range []uint64{s.offset, s.index, s.data, s.footer} {
		if n > left {
			return s, errors.New("a stripe lies outside of the file")
		}
		left -= n
	}
	return s, nil
}

// streamAt says where a stream is.
type streamAt struct {
	kind, column uint64
	offset, size uint64 // in the file
}

// layout is the footer of a stripe.
type layout struct {
	streams   []streamAt
	encodings []encodingOf
	timeZone  string
}

type encodingOf struct{ kind, dictionary uint64 }

func (r *Reader) layout(i int) (l layout, err error) {
	s := r.stripes[i]
	m, err := r.read(s.offset+s.index+s.data, s.footer)
	if err != nil {
		return l, fmt.Errorf("read footer of stripe %d: %w", i, err)
	}
	at, end := s.offset, s.offset+s.index+s.data
	err = fields(m, func(v value) error {
		switch v.field {
		case 1:
			x := streamAt{offset: at}
			err := fields(v.bytes, func(v value) error {
				switch v.field {
				case 1:
					x.kind = v.n
				case 2:
					x.column = v.n
				case 3:
					x.size = v.n
				}
				return nil
			})
			if err != nil || x.size > end-at {
				return errMessage
			}
			at += x.size
			l.streams = append(l.streams, x)
		case 2:
			var e encodingOf
			err := fields(v.bytes, func(v value) error {
				switch v.field {
				case 1:
					e.kind = v.n
				case 2:
					e.dictionary = v.n
				}
				return nil
			})
			if err != nil {
				return err
			}
			l.encodings = append(l.encodings, e)
		case 3:
			l.timeZone = v.text()
		}
		return nil
	})
	if err == nil && len(l.encodings) < len(r.types) {
		err = errors.New("encodings of columns are missing")
	}
	if err != nil {
		return l, fmt.Errorf("read footer of stripe %d: %w", i, err)
	}
	return l, nil
}

var encodingNames = [...]string{"DIRECT", "DICTIONARY", "DIRECT_V2", "DICTIONARY_V2"}

// Stripe describes stripe i, from 0 to Info.Stripes, exclusive.
func (r *Reader) Stripe(i int) (Stripe, error) {
	at := r.stripes[i]
	l, err := r.layout(i)
	if err != nil {
		return Stripe{}, err
	}
	s := Stripe{Rows: at.rows, Offset: at.offset, Index: at.index, Data: at.data, Footer: at.footer, TimeZone: l.timeZone}
	for _, e := range l.encodings {
		if e.kind >= uint64(len(encodingNames)) {
			return Stripe{}, fmt.Errorf("read footer of stripe %d: encoding %d is not known", i, e.kind)
		}
		s.Encodings = append(s.Encodings, Encoding{Kind: encodingNames[e.kind], Dictionary: e.dictionary})
	}
	for _, x := range l.streams {
		if x.column < uint64(len(s.Encodings)) {
			e := &s.Encodings[x.column]
			if e.Size += x.size; isBloom(x.kind) {
				e.Bloom += x.size
			}
		}
	}
	if s.Statistics, err = r.stripeStatistics(i); err != nil {
		return Stripe{}, fmt.Errorf("read statistics of stripe %d: %w", i, err)
	}
	return s, nil
}

// stripeStatistics returns those of stripe i, by column id. Not all writers
// have them.
func (r *Reader) stripeStatistics(i int) (list []Statistics, err error) {
	err = fields(r.parts, func(v value) error {
		if v.field != 1 {
			return nil
		}
		if i--; i != -1 {
			return nil
		}
		return fields(v.bytes, func(v value) error {
			if v.field != 1 {
				return nil
			}
			s, err := parseStatistics(v.bytes)
			list = append(list, s)
			return err
		})
	})
	return list, err
}

// Read empties b and fills it with the first rows of stripe i, as many as
// there are, at most rows.
func (r *Reader) Read(i, rows int, b *column.Batch) error {
	l, err := r.layout(i)
	if err != nil {
		return err
	}
	b.Init(r.schema)
	b.Reset(nil)
	d := &decoding{file: r, layout: l, batch: b, left: r.limit}
	root := r.schema.Root()
	n := min(uint64(max(rows, 0)), r.stripes[i].rows)
	if err := d.start(); err != nil {
		return fmt.Errorf("read stripe %d: %w", i, err)
	}
	if _, err := d.column(0, &root, &b.Root, int(n)); err != nil {
		b.Init(r.schema)
		return fmt.Errorf("read stripe %d: %w", i, err)
	}
	return nil
}
