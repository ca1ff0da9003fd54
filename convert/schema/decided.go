package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Decided is the columns of a table as they were once decided, to be written
// down: a process that starts again goes on with the same.
type Decided struct {
	Schema   *column.Schema
	Revision int // from 1; each change of the columns adds one
	From     Origin
}

// Origin says where columns come from.
type Origin struct {
	How     string   `json:"how"`               // FromConfiguration, FromFile or Inferred
	File    string   `json:"file,omitempty"`    // its name as it was given
	Kind    string   `json:"kind,omitempty"`    // of the file: "Avro schema"
	SHA256  string   `json:"sha256,omitempty"`  // of the file, see File
	Records int      `json:"records,omitempty"` // that were looked at
	Broken  int      `json:"broken,omitempty"`  // of these, were not JSON objects
	Left    []string `json:"left,omitempty"`    // keys that got no column
}

// The words for Origin.How.
const (
	FromConfiguration = "columns"
	FromFile          = "file"
	Inferred          = "inferred"
)

func (o Origin) String() string {
	switch o.How {
	case FromFile:
		return fmt.Sprintf("read from %s (%s)", o.File, o.Kind)
	case Inferred:
		return fmt.Sprintf("inferred from %d records", o.Records-o.Broken)
	}
	return "written in the configuration"
}

// Origin says that a schema comes from the file of that name.
func (f *File) Origin(name string) Origin {
	return Origin{How: FromFile, File: name, Kind: f.Kind, SHA256: f.SHA256}
}

// Origin says that a schema was inferred. Call it after Schema.
func (inf *Inference) Origin() Origin {
	all, bad := inf.Records()
	return Origin{How: Inferred, Records: all, Broken: bad, Left: inf.Left()}
}

// Decide returns the first revision.
func Decide(s *column.Schema, from Origin) *Decided {
	return &Decided{Schema: s, Revision: 1, From: from}
}

// Next returns d with other columns: d itself if they are the same.
func (d *Decided) Next(s *column.Schema, from Origin) *Decided {
	if Equal(d.Schema, s) {
		return d
	}
	return &Decided{Schema: s, Revision: d.Revision + 1, From: from}
}

// decidedVersion is the version of the document.
const decidedVersion = 1

type decidedDocument struct {
	Version  int      `json:"version"`
	Revision int      `json:"revision"`
	From     Origin   `json:"from"`
	Columns  []Column `json:"columns"`
}

// Marshal writes the document: JSON, the same bytes for the same decision.
func (d *Decided) Marshal() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(decidedDocument{Version: decidedVersion, Revision: d.Revision, From: d.From, Columns: Columns(d.Schema)})
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
	case doc.Version < 1 || doc.Revision < 1:
		return nil, errors.New("read decided columns: the version or the revision is missing")
	}
	s, err := FromColumns(doc.Columns)
	if err != nil {
		return nil, fmt.Errorf("read decided columns: %w", err)
	}
	return &Decided{Schema: s, Revision: doc.Revision, From: doc.From}, nil
}
