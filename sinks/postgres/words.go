package postgres

import "github.com/hydrant-dev/hydrant/configs/field"

// CreateTable says whether a missing table is made.
type CreateTable string

const (
	Never     CreateTable = "never"
	IfMissing CreateTable = "if_missing"
)

// Values lists the words.
func (CreateTable) Values() []string { return []string{string(Never), string(IfMissing)} }

// UnmarshalText reads one of Values.
func (w *CreateTable) UnmarshalText(text []byte) error { return word(w, text, w.Values()) }

// OnBadRow says what becomes of a record that the table does not take.
type OnBadRow string

const (
	DeadLetter OnBadRow = "dead_letter"
	Hold       OnBadRow = "hold"
)

// Values lists the words.
func (OnBadRow) Values() []string { return []string{string(DeadLetter), string(Hold)} }

// UnmarshalText reads one of Values.
func (w *OnBadRow) UnmarshalText(text []byte) error { return word(w, text, w.Values()) }

// Conflict says what happens to a row that is there already.
type Conflict string

const (
	Update  Conflict = "update"
	Nothing Conflict = "nothing"
)

// Values lists the words.
func (Conflict) Values() []string { return []string{string(Update), string(Nothing)} }

// UnmarshalText reads one of Values.
func (w *Conflict) UnmarshalText(text []byte) error { return word(w, text, w.Values()) }

func word[W ~string](w *W, text []byte, words []string) error {
	found, err := field.OneOf(text, words...)
	if err == nil {
		*w = W(found)
	}
	return err
}
