package column

import (
	"io"

	"github.com/hydrant-dev/hydrant/convert"
)

// Output is a file format for columns and its settings: what a user writes
// under output_format. It has usable defaults before it is decoded.
type Output interface {
	// Validate returns nil or a *field.Error, or several joined by errors.Join.
	Validate() error
	// NewFile starts a file of the schema's columns. An error means that the
	// format cannot hold the schema, or settings that name columns do not fit.
	NewFile(w io.Writer, s *Schema) (File, error)
	// Limits says when a group ends; the budget is the caller's.
	Limits() Limits
	// Extension is what a file name ends with: ".parquet".
	Extension() string
}

// Format makes encoders that turn records into files of columns. It may be
// used concurrently.
type Format struct {
	Parsers *Parsers
	Output  Output
	Budget  *Budget // shared by all encoders; nil for none

	// Watch is told about the records that the columns do not hold whole: those
	// that are no rows, and with AddColumn those with fields that are to be
	// columns. It is called by the encoders, keeps nothing, and may be nil.
	Watch func(record []byte)
}

var _ convert.Format = Format{}

// NewEncoder starts a file.
func (f Format) NewEncoder(w io.Writer) (convert.Encoder, error) {
	file, err := f.Output.NewFile(w, f.Parsers.Schema())
	if err != nil {
		return nil, err
	}
	limits := f.Output.Limits()
	limits.Budget = f.Budget
	e := newEncoder(f.Parsers, file, limits)
	e.watch = f.Watch
	return e, nil
}

// Extension returns that of the output.
func (f Format) Extension() string { return f.Output.Extension() }

// ContentType returns what Firehose gives to every object.
func (f Format) ContentType() string { return "application/octet-stream" }
