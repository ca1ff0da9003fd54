package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// The binary format of COPY: a header, for each row the number of its fields
// and each field behind its length, and a row of -1 fields. Numbers are
// big-endian; what is in a field is what the type's send function writes.
//
// Source: postgresql.org/docs/current/sql-copy.html, "Binary Format", and the
// functions named *send in the server's src/backend/utils/adt.
const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
	nullField   = "\xff\xff\xff\xff"
)

// Postgres counts from the start of 2000, in days and microseconds.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86400 * 1e6
)

// refusal is why a row cannot be copied.
type refusal struct {
	code    string // an SQLSTATE
	message string
}

// cursor walks over the values of a vector.
type cursor struct {
	typ  *typ
	name string
	need bool

	vector *column.Vector
	at     uint32   // the next value
	gap    uint32   // before which value the next nulls are
	nulls  uint32   // how many are left of them
	gaps   int      // how many runs of nulls were begun
	below  []cursor // of an array: that of the elements
}

// noGap is where the next nulls are when there are none.
const noGap = math.MaxUint32

func (c *cursor) reset(v *column.Vector) {
	c.vector, c.at, c.gaps = v, 0, 0
	c.nextGap()
	for i := range c.below {
		c.below[i].reset(&v.Children[i])
	}
}

func (c *cursor) nextGap() {
	c.gap, c.nulls = noGap, 0
	if c.gaps < len(c.vector.Gaps) {
		g := c.vector.Gaps[c.gaps]
		c.gap, c.nulls = g.At, g.N
		c.gaps++
	}
}

// null passes over a null, if one is next.
func (c *cursor) null() bool {
	if c.at != c.gap {
		return false
	}
	if c.nulls--; c.nulls == 0 {
		c.nextGap()
	}
	return true
}

// encoder writes rows of batches in the binary format of COPY.
type encoder struct {
	columns []cursor
	batch   *column.Batch
	row     int // in the batch, of the next row
	bad     refusal
	digits  []byte // of a numeric
}

func newEncoder(t *target) *encoder {
	e := &encoder{columns: make([]cursor, len(t.names))}
	for i := range e.columns {
		c := &e.columns[i]
		c.typ, c.name, c.need = &t.types[i], t.names[i], t.need[i]
		if c.typ.kind == array {
			c.below = []cursor{{typ: c.typ.element, name: c.name}}
		}
	}
	return e
}

// begin starts to read a batch.
func (e *encoder) begin(b *column.Batch) {
	e.batch, e.row = b, 0
	for i := range e.columns {
		e.columns[i].reset(&b.Root.Children[i])
	}
}

// next appends the next row of the batch, and the number of order if the row
// has a field for it. A row that the table would not take is left out: then
// e.bad says why.
func (e *encoder) next(dst []byte, order int64, ordered bool) []byte {
	start := len(dst)
	e.bad.code = ""
	fields := len(e.columns)
	if ordered {
		fields++
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(fields))
	for i := range e.columns {
		c := &e.columns[i]
		if c.at == c.gap && c.null() {
			if c.need {
				e.refuse(c, "23502", "null value violates not-null constraint")
			}
			dst = append(dst, nullField...)
			continue
		}
		dst = e.value(dst, c)
	}
	if ordered {
		dst = append8(dst, uint64(order))
	}
	e.row++
	if e.bad.code != "" {
		return dst[:start]
	}
	return dst
}

// refuse notes the first reason.
func (e *encoder) refuse(c *cursor, code, format string, args ...any) {
	if e.bad.code == "" {
		e.bad = refusal{code, fmt.Sprintf("column %s: ", c.name) + fmt.Sprintf(format, args...)}
	}
}

func append4(dst []byte, x uint32) []byte { return binary.BigEndian.AppendUint64(dst, 4<<32|uint64(x)) }

func append8(dst []byte, x uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(dst, 8), x)
}

func appendBytes(dst, value []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(value))), value...)
}

// value appends the next value, with its length.
func (e *encoder) value(dst []byte, c *cursor) []byte {
	if c.typ.kind == array {
		return e.array(dst, c)
	}
	x := c.vector.Values[c.at]
	c.at++
	switch c.typ.kind {
	case boolean:
		return append(dst, 0, 0, 0, 1, byte(x))
	case int2:
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(dst, 2), uint16(x))
	case int4, float4:
		return append4(dst, uint32(x))
	case int8, float8:
		return append8(dst, x)
	case date:
		return append4(dst, uint32(int64(x)-epochDays))
	case timestamp:
		return append8(dst, uint64(micros(int64(x))-epochMicros))
	case bytea:
		return appendBytes(dst, e.batch.Bytes(x))
	case jsonb, jsonText:
		return e.json(dst, c, x)
	}
	value := e.batch.Bytes(x)
	switch c.typ.kind {
	case numeric:
		return e.numeric(dst, c, value)
	case uuid:
		return e.uuid(dst, c, value)
	case enum:
		if _, ok := c.typ.labels[string(value)]; !ok {
			e.refuse(c, "22P02", "%s is no label of enum %s", shown(value), c.typ.declared)
		}
	default:
		e.checkText(c, value)
	}
	return appendBytes(dst, value)
}

// micros rounds to microseconds, as the server rounds what it reads.
func micros(ns int64) int64 {
	us, rest := ns/1000, ns%1000
	switch {
	case rest >= 500:
		us++
	case rest <= -500:
		us--
	}
	return us
}

func (e *encoder) checkText(c *cursor, value []byte) {
	if bytes.IndexByte(value, 0) >= 0 {
		e.refuse(c, "22021", "a text must not hold \\u0000")
	}
	// Spaces beyond the length are cut off by the server, as SQL wants it.
	if n := c.typ.length; n > 0 && len(value) > n && utf8.RuneCount(bytes.TrimRight(value, " ")) > n {
		e.refuse(c, "22001", "%s is too long for %s", shown(value), c.typ.declared)
	}
}

// json appends the JSON text of a value.
func (e *encoder) json(dst []byte, c *cursor, place uint64) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if c.typ.kind == jsonb {
		dst = append(dst, 1) // the version of the format
	}
	if raw, ok := e.batch.JSON(place); ok {
		if c.typ.kind == jsonb && hasNUL(raw) {
			e.refuse(c, "22P05", "a jsonb must not hold \\u0000")
		}
		dst = append(dst, raw...)
	} else {
		value := e.batch.Bytes(place)
		if c.typ.kind == jsonb && bytes.IndexByte(value, 0) >= 0 {
			e.refuse(c, "22P05", "a jsonb must not hold \\u0000")
		}
		dst = appendString(dst, value)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// hasNUL finds the escape \u0000 in JSON text.
func hasNUL(text []byte) bool {
	for {
		i := bytes.Index(text, []byte(`\u0000`))
		if i < 0 {
			return false
		}
		backslashes := 1
		for i-backslashes >= 0 && text[i-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 1 {
			return true
		}
		text = text[i+len(`\u0000`):]
	}
}

// appendString appends text as a JSON string.
func appendString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, b := range text {
		switch {
		case b == '"', b == '\\':
			dst = append(dst, '\\', b)
		case b < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}

// array appends a list: the number of dimensions, whether there are nulls, the
// type, for the dimension its length and first index, and the elements.
func (e *encoder) array(dst []byte, c *cursor) []byte {
	from := uint32(0)
	if c.at > 0 {
		from = c.vector.Ends[c.at-1]
	}
	n := c.vector.Ends[c.at] - from
	c.at++
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if n == 0 {
		dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
		dst = binary.BigEndian.AppendUint32(dst, c.typ.element.oid)
	} else {
		dst = append(dst, 0, 0, 0, 1, 0, 0, 0, 0)
		dst = binary.BigEndian.AppendUint32(dst, c.typ.element.oid)
		dst = binary.BigEndian.AppendUint32(dst, n)
		dst = append(dst, 0, 0, 0, 1)
		elements := &c.below[0]
		for range n {
			if elements.null() {
				dst[start+11] = 1
				dst = append(dst, nullField...)
			} else {
				dst = e.value(dst, elements)
			}
		}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// shown cuts a value for a message, which is kept in the database until the
// record is in the error output.
func shown(value []byte) string {
	const most = 80
	if len(value) <= most {
		return fmt.Sprintf("%q", value)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return fmt.Sprintf("%q... (%d bytes)", value[:cut], len(value))
}
