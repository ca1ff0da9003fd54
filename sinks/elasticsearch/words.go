package elasticsearch

import "github.com/hydrant-dev/hydrant/configs/field"

// Rotation is how often records go to another index, in Firehose's words.
type Rotation string

// The rotations.
const (
	NoRotation Rotation = "NoRotation"
	OneHour    Rotation = "OneHour"
	OneDay     Rotation = "OneDay"
	OneWeek    Rotation = "OneWeek"
	OneMonth   Rotation = "OneMonth"
)

// Values lists the rotations.
func (Rotation) Values() []string {
	return []string{string(NoRotation), string(OneHour), string(OneDay), string(OneWeek), string(OneMonth)}
}

// UnmarshalText reads a rotation in any letter case.
func (r *Rotation) UnmarshalText(text []byte) (err error) {
	*r, err = oneOf[Rotation](text)
	return err
}

// WeekRule is how weeks are counted.
type WeekRule string

// The rules. US is what Firehose's guide says: weeks begin on Sunday, and the
// first of a year is the one with January 1. ISO is what the guide's example
// shows: weeks begin on Monday, and the first has the year's first Thursday.
const (
	US  WeekRule = "US"
	ISO WeekRule = "ISO"
)

// Values lists the rules.
func (WeekRule) Values() []string { return []string{string(US), string(ISO)} }

// UnmarshalText reads a rule in any letter case.
func (w *WeekRule) UnmarshalText(text []byte) (err error) {
	*w, err = oneOf[WeekRule](text)
	return err
}

// OpType is what is asked of the cluster for each document.
type OpType string

// The operations: Create leaves a document with the same id alone, Index
// replaces it.
const (
	Create OpType = "create"
	Index  OpType = "index"
)

// Values lists the operations.
func (OpType) Values() []string { return []string{string(Create), string(Index)} }

// UnmarshalText reads an operation in any letter case.
func (o *OpType) UnmarshalText(text []byte) (err error) {
	*o, err = oneOf[OpType](text)
	return err
}

// Encoding is how the body of a request is compressed.
type Encoding string

// The encodings.
const (
	None Encoding = "NONE"
	GZIP Encoding = "GZIP"
)

// Values lists the encodings.
func (Encoding) Values() []string { return []string{string(None), string(GZIP)} }

// UnmarshalText reads an encoding in any letter case.
func (e *Encoding) UnmarshalText(text []byte) (err error) {
	*e, err = oneOf[Encoding](text)
	return err
}

func oneOf[T interface {
	~string
	Values() []string
}](text []byte) (T, error) {
	var zero T
	word, err := field.OneOf(text, zero.Values()...)
	return T(word), err
}
