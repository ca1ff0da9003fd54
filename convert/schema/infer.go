package schema

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// DefaultSample is how many records an inference looks at if nothing else is
// said.
const DefaultSample = 10_000

// Inference finds columns for records by looking at the first of them. It is
// used by one goroutine. Its memory does not grow with the number of records.
//
// Columns stand in the order in which they were first seen, and none is
// required. A value that was always
//
//	true or false                           is a boolean
//	an integer that fits 64 bits            is a bigint
//	a number                                is a double
//	a text like 2026-11-23                  is a date
//	a text like 2026-11-23T08:00:00.5Z      is a timestamp, in all TimestampFormats
//	a list                                  is an array of the type of all its elements
//	an object                               is a struct of all its fields
//	null, or of different types, or else    is a string, which takes any value as JSON text
//
// An integer beyond 64 bits is a string, so that no digit is lost; a decimal is
// never inferred. An object with more than 200 different keys, of which many
// were new in the second half of the records and rare from then on, is a map.
// Keys that differ only in letter case are one column.
type Inference struct {
	// DotsToUnderscores gives the key "a.b" the column a_b. Without it such
	// keys get no column: see Left.
	DotsToUnderscores bool
	// Keys gives the JSON key of a column that is called otherwise, by column,
	// as in column.Options. There is always such a column.
	Keys map[string]string
	// TimestampFormats say which texts are timestamps, as in column.Options: if
	// there are none, those that Firehose takes. A text that is a number never is.
	TimestampFormats []column.TimestampFormat

	sample  int
	records int // that were rows of JSON
	bad     int // that were not
	root    shape
	shapes  int
	left    []string
	crowded bool // a field had no room
	plain   []byte
}

const (
	maxShapes = 20_000 // nodes of all types together
	maxKeys   = 2_000  // of an object before it is taken for a map
	maxLevels = 32     // of nesting; what is deeper is kept as JSON text
	maxLeft   = 100

	manyKeys  = 200
	valueKeys = 20 // of so many keys of a map, more than one is a value
	rareKey   = 20 // such a key is in one object of so many, once it has appeared
)

// NewInference looks at up to sample records; 0 means DefaultSample.
func NewInference(sample int) *Inference {
	if sample <= 0 {
		sample = DefaultSample
	}
	return &Inference{sample: sample}
}

// Add looks at a record, which may hold several objects one after another. One
// that is broken is counted and otherwise passed over. It reports whether
// there were enough. It keeps nothing of the record.
func (inf *Inference) Add(record []byte) (enough bool) {
	if isRow(record) {
		inf.records++
		for object, rest, ok := column.Cut(record); ok; object, rest, ok = column.Cut(rest) {
			inf.look(object, &inf.root, 0)
		}
	} else {
		inf.bad++
	}
	return inf.records >= inf.sample || inf.bad >= inf.sample
}

// Records returns how many records were looked at, and how many of them were
// broken.
func (inf *Inference) Records() (all, bad int) { return inf.records + inf.bad, inf.bad }

// Left returns keys that got no column, at most 100 of them, because Hive
// cannot have them for names or because there were too many. Call it after
// Schema.
func (inf *Inference) Left() []string { return inf.left }

// Schema returns the columns for the records so far.
func (inf *Inference) Schema() (*column.Schema, error) {
	if inf.records == 0 {
		return nil, fmt.Errorf("infer columns: none of %d records is a JSON object; write columns, or name a file that describes them", inf.bad)
	}
	inf.left = nil
	t := inf.structType(&inf.root, "")
	for _, name := range slices.Sorted(maps.Keys(inf.Keys)) {
		if inf.root.field(name) == nil && unfitName(name) == "" {
			t.Fields = append(t.Fields, column.Field{Name: name, Type: column.Type{Kind: column.String}})
		}
	}
	if inf.crowded {
		inf.leave("(more fields than fit)")
	}
	if len(t.Fields) == 0 {
		return nil, errors.New("infer columns: no record has a field that can be a column; write columns, or name a file that describes them")
	}
	return &column.Schema{Columns: t.Fields}, nil
}

func (inf *Inference) leave(path string) {
	if len(inf.left) < maxLeft {
		inf.left = append(inf.left, path)
	}
}

// isRow reports whether a record is one JSON object or several.
func isRow(record []byte) bool {
	object, rest, ok := column.Cut(record)
	if !ok {
		return false
	}
	for ok && object[0] == '{' {
		object, rest, ok = column.Cut(rest)
	}
	return !ok && len(bytes.TrimLeft(rest, space)) == 0
}

// space is what JSON calls so.
const space = " \t\r\n"

// look takes a value into account. It is known to be well formed, so nothing
// can fail.
func (inf *Inference) look(value []byte, s *shape, depth int) {
	switch c := value[0]; {
	case c == 'n':
	case c == 't', c == 'f':
		s.saw |= sawBoolean
	case c == '"':
		s.saw |= inf.text(inf.unescaped(value[1 : len(value)-1]))
	case c != '{' && c != '[':
		s.number(string(value))
	case depth >= maxLevels:
		s.saw |= sawText | sawOtherText
	case c == '{':
		for m := column.ReadMembers(value); m.Next(); {
			inner := inf.field(s, m.Key)
			if inner == nil {
				inner = &shape{} // there is no room for it
			}
			inf.look(m.Value, inner, depth+1)
		}
		s.saw |= sawObject
		s.objects++
	default:
		for element, rest, ok := column.Cut(value[1:]); ok; element, rest, ok = column.Cut(rest) {
			if s.element == nil {
				s.element = &shape{}
				inf.shapes++
			}
			inf.look(element, s.element, depth+1)
			rest = bytes.TrimPrefix(bytes.TrimLeft(rest, space), []byte{','})
		}
		s.saw |= sawArray
	}
}

// unescaped returns the text that stands between quotes, until the next call.
func (inf *Inference) unescaped(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	inf.plain = column.AppendUnescaped(inf.plain[:0], raw)
	return inf.plain
}

// text says what a text is.
func (inf *Inference) text(text []byte) saw {
	switch {
	case isDate(text):
		return sawText | sawDate
	case inf.isTimestamp(text):
		return sawText | sawTimestamp
	}
	return sawText | sawOtherText
}

// isTimestamp reports whether the parser will take a text for a timestamp. It
// takes numbers, too, but most texts that are numbers mean something else.
func (inf *Inference) isTimestamp(text []byte) bool {
	if len(bytes.Trim(text, "+-.0123456789eE")) == 0 {
		return false
	}
	if len(inf.TimestampFormats) == 0 {
		openX := column.TimestampFormat{}
		return openX.Reads(text)
	}
	return slices.ContainsFunc(inf.TimestampFormats, func(f column.TimestampFormat) bool { return f.Reads(text) })
}

// column returns the name of the column for a key of a record. There is none
// for a key with the name of a column that has another key.
func (inf *Inference) column(key string) (name string, ok bool) {
	taken := false
	for name, of := range inf.Keys {
		if fold(of) == fold(key) {
			return name, true
		}
		taken = taken || fold(name) == fold(key)
	}
	if inf.DotsToUnderscores {
		key = strings.ReplaceAll(key, ".", "_")
	}
	return key, !taken
}

// field returns the shape of the values of a key, or nil if there is no room
// for another. raw is the key as it stands between its quotes.
func (inf *Inference) field(s *shape, raw []byte) *shape {
	if s.values != nil {
		return s.values
	}
	if at, ok := s.index[string(raw)]; ok && len(inf.Keys) == 0 && bytes.IndexByte(raw, '\\') < 0 {
		s.fields[at].times++ // most keys are spelled like this, and nothing is to be done
		return s.fields[at].shape
	}
	key := string(inf.unescaped(raw))
	if s == &inf.root {
		if name, ok := inf.column(key); ok {
			key = name
		} else {
			return nil
		}
	} else if inf.DotsToUnderscores {
		key = strings.ReplaceAll(key, ".", "_")
	}
	key = strings.Clone(key[:min(len(key), maxName+1)])
	if f := s.field(key); f != nil {
		f.times++
		return f.shape
	}
	if len(s.fields) >= maxKeys && s != &inf.root {
		before := s.size()
		s.collapse()
		inf.shapes -= before - s.size()
		return s.values
	}
	if inf.shapes >= maxShapes {
		inf.crowded = true
		return nil
	}
	inf.shapes++
	f := s.add(key, s.objects)
	f.times++
	return f.shape
}
