package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Decided is the columns of a table as they were inferred and have changed
// since, to be written down: a process that starts again goes on with the same.
type Decided struct {
	Schema *column.Schema
	From   Origin
}

// Origin says what columns were inferred from.
type Origin struct {
	Records int      `json:"records"`           // that were looked at
	Broken  int      `json:"broken,omitempty"`  // of these, were not JSON objects
	Left    []string `json:"left,omitempty"`    // keys that got no column
	Changes int      `json:"changes,omitempty"` // columns that were added or got a wider type since
}

func (o Origin) String() string {
	text := fmt.Sprintf("inferred from %d records", o.Records-o.Broken)
	if o.Changes > 0 {
		text += fmt.Sprintf("; changes since: %d", o.Changes)
	}
	return text
}

// Next returns what is decided after some changes.
func (d *Decided) Next(s *column.Schema, changes []Change) *Decided {
	from := d.From
	from.Changes += len(changes)
	return &Decided{Schema: s, From: from}
}

// Decided returns what was inferred. Errors are those of Schema.
func (inf *Inference) Decided() (*Decided, error) {
	s, err := inf.Schema()
	if err != nil {
		return nil, err
	}
	all, bad := inf.Records()
	return &Decided{Schema: s, From: Origin{Records: all, Broken: bad, Left: inf.Left()}}, nil
}

// decidedVersion is the version of the document.
const decidedVersion = 1

type decidedDocument struct {
	Version int      `json:"version"`
	From    Origin   `json:"from"`
	Columns []Column `json:"columns"`
}

// Marshal writes the document: JSON, the same bytes for the same decision.
func (d *Decided) Marshal() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(decidedDocument{Version: decidedVersion, From: d.From, Columns: Columns(d.Schema)})
	if err != nil {
		return nil, fmt.Errorf("write decided columns: %w", err)
	}
	return text.Bytes(), nil
}

// Unmarshal reads what Marshal wrote.
func Unmarshal(text []byte) (*Decided, error) {
	var doc decidedDocument
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read decided columns: %w", err)
	}
	switch {
	case doc.Version > decidedVersion:
		return nil, fmt.Errorf("read decided columns: they have version %d, and this hydrant knows %d: use a newer one", doc.Version, decidedVersion)
	case doc.Version < 1:
		return nil, errors.New("read decided columns: the version is missing")
	}
	s, err := FromColumns(doc.Columns)
	if err != nil {
		return nil, fmt.Errorf("read decided columns: %w", err)
	}
	return &Decided{Schema: s, From: doc.From}, nil
}
