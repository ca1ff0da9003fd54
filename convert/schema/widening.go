package schema

import (
	"slices"
	"strconv"
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
	// WidenNumbers lets a number become one that holds more: int → bigint →
	// double, float → double. An integer beyond 64 bits is never made a double,
	// which would lose digits of it.
	WidenNumbers
	// WidenToString lets every plain type but binary become a string, too.
	WidenToString
)

var wideningWords = []string{"none", "numbers", "strings"}

func (w Widening) String() string { return wideningWords[w] }

// Values lists the words for the reference of the configuration.
func (Widening) Values() []string { return wideningWords }

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

// wider returns the type that a value of JSON, which t does not take, turns t
// into. Whether it takes the value remains to be seen.
func (w Widening) wider(t column.Type, value []byte) (column.Type, bool) {
	if w >= WidenNumbers {
		if k, ok := widerNumber(t.Kind, strings.Trim(string(value), `"`)); ok {
			return column.Type{Kind: k}, true
		}
	}
	if w < WidenToString || t.Kind.Nested() || t.Kind == column.String || t.Kind == column.Binary {
		return t, false
	}
	return column.Type{Kind: column.String}, true
}

func widerNumber(k column.Kind, number string) (column.Kind, bool) {
	switch k {
	case column.TinyInt, column.SmallInt, column.Int, column.BigInt:
		if isInteger(number) {
			_, err := strconv.ParseInt(number, 10, 64)
			return column.BigInt, err == nil && k != column.BigInt
		}
	case column.Float:
	default:
		return k, false
	}
	_, err := strconv.ParseFloat(number, 64)
	return column.Double, err == nil
}
