package schema

import (
	"fmt"
	"slices"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// maxColumns is how many columns a table may grow to: names that are values
// must not become columns without end.
const maxColumns = 2_000

// Full reports whether no columns are added to a schema any more.
func Full(s *column.Schema) bool { return len(s.Columns) >= maxColumns }

// CanAdd reports whether a field can become a further column.
func CanAdd(s *column.Schema, name string) bool {
	return !Full(s) && unfitName(name) == "" && !hasColumn(s.Columns, name)
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

	from, to *column.Schema // they differ in the types of plain values
	parser   *column.Parser // of to; nil until there is a record
}

// NewEvolution begins with the columns of s. Types change as widen says. Fields
// become columns if the options have column.AddColumn: added, which is fresh,
// says of which types. That there are parsers for s and o is known.
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
// them: nothing if no record could change them. New columns come last.
func (e *Evolution) Schema() (*column.Schema, []Change) {
	s := &column.Schema{Columns: slices.Clone(e.to.Columns)}
	was, is := e.from.Root(), s.Root()
	changes := widenings("", &was, &is)
	inferred, err := e.added.Schema()
	if err != nil {
		return s, changes // there is no record with new fields
	}
	for _, f := range inferred.Columns {
		if CanAdd(s, f.Name) && e.added.root.field(f.Name).shape.saw != 0 { // null has no type yet
			s.Columns = append(s.Columns, f)
			changes = append(changes, Change{Path: f.Name, To: f.Type})
		}
	}
	return s, changes
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
		inner := path
		switch {
		case was.Kind == column.Array:
			inner += "[]"
		case was.Kind == column.Map && i == 0:
			inner += "{key}"
		case was.Kind == column.Map:
			inner += "{}"
		case path == "":
			inner = was.Fields[i].Name
		default:
			inner += "." + was.Fields[i].Name
		}
		changes = append(changes, widenings(inner, &was.Fields[i].Type, &is.Fields[i].Type)...)
	}
	return changes
}
