// Package arrow lays out columns as Apache Arrow IPC: record batches as they
// stand in memory, for readers that map them instead of parsing them.
//
// Source: arrow.apache.org/docs/format/Columnar.html.
package arrow

import (
	"errors"
	"io"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// Layout is how the record batches are joined.
type Layout string

// The layouts.
const (
	IPCFile   Layout = "file"   // record batches and a footer that says where each one is
	IPCStream Layout = "stream" // record batches, read front to back
)

// Values lists the layouts for the reference of the configuration.
func (Layout) Values() []string { return []string{string(IPCFile), string(IPCStream)} }

// UnmarshalText reads a layout in any letter case.
func (l *Layout) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, l.Values()...)
	if err == nil {
		*l = Layout(word)
	}
	return err
}

// Compression is the codec of the buffers of a record batch.
type Compression string

// The codecs.
const (
	None Compression = "NONE"
	LZ4  Compression = "LZ4" // one LZ4 frame a buffer
	ZSTD Compression = "ZSTD"
)

// Values lists the codecs for the reference of the configuration.
func (Compression) Values() []string { return []string{string(None), string(LZ4), string(ZSTD)} }

// UnmarshalText reads a codec in any letter case.
func (c *Compression) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, c.Values()...)
	if err == nil {
		*c = Compression(word)
	}
	return err
}

// Config is what a user writes under output_format.arrow.
type Config struct {
	Layout          Layout      `yaml:"layout" doc:"file: with a footer, so that record batches can be read in any order; stream: front to back."`
	Compression     Compression `yaml:"compression" doc:"NONE, LZ4 or ZSTD; NONE can be mapped into memory as it is."`
	RecordBatchSize field.Size  `yaml:"record_batch_size" doc:"Bytes of a record batch, before compression."`
}

// Default returns Arrow IPC files as pyarrow writes them.
func Default() column.Output {
	return &Config{Layout: IPCFile, Compression: LZ4, RecordBatchSize: 64 << 20}
}

// largestBatch keeps the offsets of a batch, which are 32 bits, far from
// their end.
const largestBatch = 1 << 30

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Config) Validate() error {
	var problems []error
	if c.Layout != IPCFile && c.Layout != IPCStream {
		problems = append(problems, field.Errorf("layout", "write file or stream", "%q is not a layout of Arrow IPC", c.Layout))
	}
	if c.Compression != None && c.Compression != LZ4 && c.Compression != ZSTD {
		problems = append(problems, field.Errorf("compression", "write NONE, LZ4 or ZSTD", "%q is not a compression of Arrow IPC", c.Compression))
	}
	if c.RecordBatchSize < 64<<10 || c.RecordBatchSize > largestBatch {
		problems = append(problems, field.Errorf("record_batch_size", "between 64KiB and 1GiB", "%v is out of range", c.RecordBatchSize))
	}
	return errors.Join(problems...)
}

// NewFile starts a file or a stream.
func (c *Config) NewFile(w io.Writer, s *column.Schema) (column.File, error) {
	return newFile(c, w, s)
}

// Limits says when a record batch ends.
func (c *Config) Limits() column.Limits { return column.Limits{Bytes: int64(c.RecordBatchSize)} }

// Extension returns the one that the Arrow project recommends for the layout.
func (c *Config) Extension() string {
	if c.Layout == IPCStream {
		return ".arrows"
	}
	return ".arrow"
}
