package convert

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/internal/logs"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Shown is how many records that failed are shown to a person.
const Shown = 5

// Errors takes the records that fail: the first few are shown, all are
// written to a file if there is one, as Firehose's error records with the
// input's name and the line behind.
type Errors struct {
	Show   io.Writer
	Strict bool // the first one ends the job

	file  *File
	out   *bufio.Writer
	line  []byte
	at    int64 // arrivalTimestamp of all of them
	shown int
}

// Open starts the file.
func (e *Errors) Open(name string, force bool) error {
	f, err := Create(name, force)
	if err != nil {
		return err
	}
	e.file, e.out, e.at = f, bufio.NewWriterSize(f, 1<<18), time.Now().UnixMilli()
	return nil
}

// Add takes a record.
func (e *Errors) Add(b *Bad) error {
	if e.Strict {
		return fmt.Errorf("%w; --strict stops at the first record that fails", b)
	}
	if e.shown < Shown {
		e.shown++
		fmt.Fprintf(e.Show, "%s\n    %s\n", logs.Escape(b.Error()), excerpt(b.Record))
	}
	if e.file == nil {
		return nil
	}
	place, err := json.Marshal(struct {
		File string `json:"file"`
		Line int64  `json:"line"`
	}{b.Input, b.Line})
	if err != nil {
		return fmt.Errorf("write error record: %w", err)
	}
	e.line = object.AppendErrorLine(e.line[:0], b.Failure, buffer.Position{Epoch: uint64(b.Number), Seq: uint64(b.Line)}, e.at, b.Record)
	e.line = append(e.line[:len(e.line)-len("}\n")], ',')
	e.line = append(append(e.line, place[1:]...), '\n')
	if _, err := e.out.Write(e.line); err != nil {
		return fmt.Errorf("write error record: %w", err)
	}
	return nil
}

// Commit finishes the file.
func (e *Errors) Commit() error {
	if e.file == nil {
		return nil
	}
	f := e.file
	e.file = nil
	if err := e.out.Flush(); err != nil {
		f.Discard()
		return fmt.Errorf("write error record: %w", err)
	}
	_, err := f.Commit()
	return err
}

// Discard removes the file if it was not committed.
func (e *Errors) Discard() {
	if e.file != nil {
		e.file.Discard()
	}
}

// excerpt is the beginning of a record, on one line.
func excerpt(record []byte) string {
	const most = 120
	if len(record) <= most {
		return logs.Escape(string(record))
	}
	return logs.Escape(string(record[:most])) + fmt.Sprintf("... (%d bytes)", len(record))
}
