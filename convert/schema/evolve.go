package schema

import (
	"fmt"
	"slices"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// maxColumns is how many columns a table may grow to, counting the plain ones
// inside of others: names that are values must not become columns without end.
const maxColumns = 2_000

// Full reports whether no columns are added to a schema any more.
func Full(s *column.Schema) bool { return plainColumns(s.Columns) >= maxColumns }

func plainColumns(fields []column.Field) int {
	n := 0
	for i := range fields {
		n += max(1, plainColumns(fields[i].Type.Fields))
	}
	return n
}

// CanAdd reports whether a field can become a further one of those beside it,
// which are the columns of s or fields of a struct in there.
func CanAdd(s *column.Schema, beside []column.Field, name string) bool {
	return !Full(s) && unfitName(name) == "" && !hasColumn(beside, name)
}

func hasColumn(columns []column.Field, name string) bool {
	return slices.ContainsFunc(columns, func(f column.Field) bool { return fold(f.Name) == fold(name) })
}

// Evolution finds the columns for records that those of a table do not hold
// whole. It is used by one goroutine. Its memory does not grow with the number
// of records.
//
// A record counts as a whole: if one of its values fits no type that is
// allowed, it changes nothing.
type Evolution struct {
	options column.Options
	widen   Widening
	added   *Inference
	enough  bool

	from, to *column.Schema // they differ in the types of plain values only
	parser   *column.Parser // of to; nil until there is a record
}

// NewEvolution begins with the columns of s. Types change as widen says. Fields
// become columns, or fields of structs, if the options have column.AddColumn:
// added, which is fresh, says of which types. That there are parsers for s and o
// is known.
func NewEvolution(s *column.Schema, o column.Options, widen Widening, added *Inference) *Evolution {
	return &Evolution{options: o, widen: widen, added: added, from: s, to: s}
}

func (e *Evolution) newParser(s *column.Schema) *column.Parser {
	p, err := column.NewParser(s, e.options)
	if err != nil {
		panic(fmt.Sprintf("schema: columns that had a parser have none: %v", err)) // names decide, not types
	}
	return p
}

// Add looks at a record that the columns do not hold whole. It keeps nothing of
// it.
func (e *Evolution) Add(record []byte) {
	if e.parser == nil {
		e.parser = e.newParser(e.to)
	}
	to, parser := e.to, e.parser
	for {
		f := parser.Examine(record)
		if f.Fits {
			e.to, e.parser = to, parser
			if f.New && !e.enough {
				e.enough = e.added.Add(record)
			}
			return
		}
		if f.Path == nil {
			return
		}
		columns, ok := e.widened(to.Columns, f.Path, f.Value)
		if !ok {
			return
		}
		to = &column.Schema{Columns: columns}
		parser = e.newParser(to)
	}
}

// widened returns the fields with the type that path leads to made wider.
func (e *Evolution) widened(fields []column.Field, path []int, value []byte) (_ []column.Field, ok bool) {
	fields = slices.Clone(fields)
	f := &fields[path[0]]
	if len(path) > 1 {
		f.Type.Fields, ok = e.widened(f.Type.Fields, path[1:], value)
	} else {
		f.Type, ok = e.widen.wider(f.Type, value)
	}
	return fields, ok
}

// Schema returns the columns that hold the records, and what is different about
// them: nothing if no record could change them. What is new comes last.
func (e *Evolution) Schema() (*column.Schema, []Change) {
	was, is := e.from.Root(), e.to.Root()
	changes := widenings("", &was, &is)
	g := growth{added: e.added, room: maxColumns - plainColumns(is.Fields)}
	is = g.grow("", is, &e.added.root)
	return &column.Schema{Columns: is.Fields}, append(changes, g.changes...)
}

// growth adds fields that were seen to a schema.
type growth struct {
	added   *Inference
	room    int // for plain columns; the last to come may be more than one
	changes []Change
}

// grow returns t with the fields that values of the shape had beside its own.
func (g *growth) grow(path string, t column.Type, s *shape) column.Type {
	switch {
	case s == nil || !t.Kind.Nested():
		return t
	case t.Kind != column.Struct:
		last, inner := len(t.Fields)-1, s.element
		if t.Kind == column.Map {
			inner = s.merged()
		}
		t.Fields = slices.Clone(t.Fields)
		t.Fields[last].Type = g.grow(t.Below(path, last), t.Fields[last].Type, inner)
		return t
	}
	t.Fields = slices.Clone(t.Fields)
	for i := range t.Fields {
		if seen := s.field(t.Fields[i].Name); seen != nil {
			t.Fields[i].Type = g.grow(t.Below(path, i), t.Fields[i].Type, seen.shape)
		}
	}
	for i := range s.fields {
		seen := &s.fields[i]
		if seen.shape.saw == 0 || g.room <= 0 || unfitName(seen.name) != "" || hasColumn(t.Fields, seen.name) {
			continue // null has no type yet
		}
		t.Fields = append(t.Fields, column.Field{Name: seen.name, Type: g.added.typeOf(seen.shape, "")})
		last := t.Fields[len(t.Fields)-1:]
		g.room -= plainColumns(last)
		g.changes = append(g.changes, Change{Path: t.Below(path, len(t.Fields)-1), To: last[0].Type})
	}
	return t
}

// A Change is what is different about one column, or one value inside of it.
type Change struct {
	Path string       // "items[].price"
	From *column.Type // nil: the column is new
	To   column.Type
}

func (c Change) String() string {
	if c.From == nil {
		return fmt.Sprintf("%s is new: %v", c.Path, c.To)
	}
	return fmt.Sprintf("%s was %v and is %v", c.Path, c.From, c.To)
}

// widenings lists the types of plain values that differ.
func widenings(path string, was, is *column.Type) (changes []Change) {
	if !was.Kind.Nested() && was.Kind != is.Kind {
		return []Change{{Path: path, From: was, To: *is}}
	}
	for i := range was.Fields {
		changes = append(changes, widenings(was.Below(path, i), &was.Fields[i].Type, &is.Fields[i].Type)...)
	}
	return changes
}
