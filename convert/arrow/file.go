package arrow

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// file writes record batches.
type file struct {
	table  *column.Schema
	schema *arrow.Schema
	out    *counted
	writer writer
}

// writer is what the two writers of Arrow have in common.
type writer interface {
	Write(arrow.Record) error
	Close() error
}

func newFile(c *Config, w io.Writer, s *column.Schema) (*file, error) {
	f := &file{table: s, schema: schemaOf(s), out: &counted{w: w}}
	options := []ipc.Option{ipc.WithSchema(f.schema)}
	switch c.Compression {
	case LZ4:
		options = append(options, ipc.WithLZ4())
	case ZSTD:
		options = append(options, ipc.WithZstd())
	}
	if c.Layout == IPCStream {
		f.writer = ipc.NewWriter(f.out, options...)
		return f, nil
	}
	w2, err := ipc.NewFileWriter(f.out, options...)
	if err != nil {
		return nil, fmt.Errorf("start Arrow file: %w", err)
	}
	f.writer = w2
	return f, nil
}

// NewGroup returns an empty record batch.
func (f *file) NewGroup() column.Group {
	root := f.table.Root()
	return &group{schema: f.schema, root: newNode("", &root, true)}
}

// Append writes a record batch and empties it.
func (f *file) Append(g column.Group) error {
	batch := g.(*group)
	if batch.root.slots == 0 {
		return nil
	}
	record, err := batch.record()
	if err != nil {
		return err
	}
	defer record.Release()
	defer batch.root.reset()
	if err := f.writer.Write(record); err != nil {
		return fmt.Errorf("write Arrow record batch: %w", f.out.cause(err))
	}
	return nil
}

// Close writes the footer.
func (f *file) Close() error {
	if err := f.writer.Close(); err != nil {
		return fmt.Errorf("finish Arrow file: %w", f.out.cause(err))
	}
	return nil
}

// counted tells Arrow's writer how far it is: it asks by seeking to where it
// already stands, and never goes anywhere else.
type counted struct {
	w   io.Writer
	at  int64
	err error
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.at += int64(n)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

func (c *counted) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return c.at, fmt.Errorf("seek in Arrow output: it is written front to back")
	}
	return c.at, nil
}

// cause is the error of the output, if it was one: Arrow does not wrap all.
func (c *counted) cause(err error) error {
	if c.err != nil {
		return c.err
	}
	return err
}
