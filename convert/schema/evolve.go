package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// Widening says which changes of a column's type are allowed. Files that are
// there keep the old type: not every reader of a table takes both.
type Widening uint8

const (
	// WidenNothing keeps every type.
	WidenNothing Widening = iota
	// WidenNumbers lets a type become one that holds more of the same: int →
	// bigint → double or decimal, float → double, decimal(8,2) →
	// decimal(12,2), varchar(10) → varchar(20) or string.
	WidenNumbers
	// WidenToString lets every plain type become a string, too.
	WidenToString
)

var wideningWords = []string{"none", "numbers", "strings"}

func (w Widening) String() string { return wideningWords[w] }

// MarshalText writes the word that UnmarshalText reads.
func (w Widening) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads none, numbers or strings.
func (w *Widening) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, wideningWords...)
	if err == nil {
		*w = Widening(slices.Index(wideningWords, word))
	}
	return err
}

// A Change is what is different about one column, or one field inside of it.
type Change struct {
	Path string // "items.element.price"
	Kind ChangeKind
	From string // the type before
	To   string // the type that is wanted
}

// ChangeKind is what a change does.
type ChangeKind uint8

const (
	Added        ChangeKind = iota // there is a new column
	Widened                        // the type holds more than before
	NowRequired                    // a record without a value fails from now on
	NowOptional                    // it may be null from now on, or is no longer listed
	Incompatible                   // the type holds other things than before
)

// String says it in a sentence.
func (c Change) String() string {
	switch c.Kind {
	case Added:
		return fmt.Sprintf("%s is new and has type %s.", c.Path, c.To)
	case Widened:
		return fmt.Sprintf("%s changes from %s to %s.", c.Path, c.From, c.To)
	case NowRequired:
		return fmt.Sprintf("%s is required from now on.", c.Path)
	case NowOptional:
		return fmt.Sprintf("%s is not required any more.", c.Path)
	}
	return fmt.Sprintf("%s cannot change from %s to %s.", c.Path, c.From, c.To)
}

// An EvolutionError lists changes that are not allowed.
type EvolutionError struct {
	Refused []Change
	Needs   Widening // what would allow them all; beyond WidenToString nothing does
}

func (e *EvolutionError) Error() string {
	var text strings.Builder
	text.WriteString("change columns:")
	for _, c := range e.Refused {
		text.WriteString(" " + c.String())
	}
	hint := "give the new values another name, or another table"
	if e.Needs < never {
		hint = fmt.Sprintf("allow it with widening: %s, or %s", e.Needs, hint)
	}
	return text.String() + " (" + hint + ")"
}

// Evolve returns the columns of a table that were old and are to be new, and
// what changes. New columns come last, in their order; so do new fields of
// structs. Columns that are not in new stay, to be null from now on. A type
// becomes wider as allowed; one that holds all values of the new type already
// stays. The other changes are refused together, by an *EvolutionError.
func Evolve(old, new *column.Schema, allow Widening) (*column.Schema, []Change, error) {
	e := &evolution{allow: allow}
	s := &column.Schema{Columns: e.fields("", old.Columns, new.Columns)}
	if len(e.refused) > 0 {
		return nil, nil, &EvolutionError{Refused: e.refused, Needs: e.needs}
	}
	return s, e.changes, nil
}

type evolution struct {
	allow, needs     Widening
	changes, refused []Change
}

// fields joins the fields of two structs, or the columns of two tables.
func (e *evolution) fields(path string, old, new []column.Field) []column.Field {
	find := func(in []column.Field, name string) int {
		return slices.IndexFunc(in, func(f column.Field) bool { return fold(f.Name) == fold(name) })
	}
	out := make([]column.Field, 0, len(old)+len(new))
	for _, f := range old {
		if at := find(new, f.Name); at >= 0 {
			f = e.field(path+f.Name, f, new[at])
		} else if f.Required {
			f.Required = false
			e.changes = append(e.changes, Change{Path: path + f.Name, Kind: NowOptional})
		}
		out = append(out, f)
	}
	for _, f := range new {
		if find(old, f.Name) < 0 {
			e.changes = append(e.changes, Change{Path: path + f.Name, Kind: Added, To: f.Type.String()})
			out = append(out, f)
		}
	}
	return out
}

func (e *evolution) field(path string, old, new column.Field) column.Field {
	if old.Required != new.Required {
		kind := NowOptional
		if new.Required {
			kind = NowRequired
		}
		e.changes = append(e.changes, Change{Path: path, Kind: kind})
	}
	return column.Field{Name: old.Name, Type: e.valueType(path, old.Type, new.Type), Required: new.Required}
}

func (e *evolution) valueType(path string, old, new column.Type) column.Type {
	switch {
	case old.Kind == column.Struct && new.Kind == column.Struct:
		return column.Type{Kind: column.Struct, Fields: e.fields(path+".", old.Fields, new.Fields)}
	case old.Kind == new.Kind && old.Kind.Nested():
		t := column.Type{Kind: old.Kind}
		for i := range old.Fields {
			t.Fields = append(t.Fields, e.field(path+"."+old.Fields[i].Name, old.Fields[i], new.Fields[i]))
		}
		return t
	}
	change := Change{Path: path, Kind: Widened, From: old.String(), To: new.String()}
	needs := widens(old, new)
	switch {
	case change.From == change.To || widens(new, old) <= WidenNumbers:
		return old
	case needs <= e.allow:
		e.changes = append(e.changes, change)
		return new
	case needs == never:
		change.Kind = Incompatible
	}
	e.refused = append(e.refused, change)
	e.needs = max(e.needs, needs)
	return old
}

// never is beyond every permission.
const never = WidenToString + 1

// widens returns what has to be allowed for a change between types that are
// not the same.
func widens(from, to column.Type) Widening {
	switch {
	case from.Kind.Nested() || to.Kind.Nested():
		return never
	case holds(to, from):
		return WidenNumbers
	case to.Kind == column.String && from.Kind != column.Binary:
		return WidenToString
	}
	return never
}

// integerDigits is how many digits an integer may have.
var integerDigits = map[column.Kind]int{column.TinyInt: 3, column.SmallInt: 5, column.Int: 10, column.BigInt: 19}

// holds reports whether values of the type inner are values of outer, too; a
// bigint beyond 2^53 loses digits in a double, which users accept.
func holds(outer, inner column.Type) bool {
	digits, whole := integerDigits[inner.Kind]
	switch outer.Kind {
	case column.SmallInt, column.Int, column.BigInt:
		return whole && inner.Kind < outer.Kind
	case column.Double:
		return whole || inner.Kind == column.Float
	case column.Decimal:
		if inner.Kind == column.Decimal {
			digits, whole = inner.Precision-inner.Scale, true
		}
		return whole && outer.Precision-outer.Scale >= digits && outer.Scale >= inner.Scale
	case column.Varchar:
		return (inner.Kind == column.Varchar || inner.Kind == column.Char) && outer.Length >= inner.Length
	case column.Char:
		return inner.Kind == column.Char && outer.Length >= inner.Length
	case column.String:
		return inner.Kind == column.Varchar || inner.Kind == column.Char
	}
	return false
}
