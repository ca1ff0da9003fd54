// Package inspect says what is in an object: a Parquet, ORC or Arrow file, a
// compressed or plain object of records, an object of Firehose's error
// records. It reads the parts it needs and never the whole.
package inspect

import (
	"encoding/json"
	"time"
)

// Report is what there is to say about an object. What does not apply is
// left out.
type Report struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"` // "Parquet file", "gzip", "JSON records"
	Size    int64    `json:"size"` // bytes; of something compressed, those that were looked at
	Details []Detail `json:"details,omitempty"`

	Rows    *int64   `json:"rows,omitempty"`
	Columns []Column `json:"columns,omitempty"`
	// GroupKind is what the format calls its groups: "row group".
	GroupKind string  `json:"group_kind,omitempty"`
	Groups    []Group `json:"groups,omitempty"`

	Metadata []Detail `json:"metadata,omitempty"` // keys and values that the writer added
	Entries  []Entry  `json:"entries,omitempty"`  // of an archive

	First  []json.RawMessage `json:"first,omitempty"`  // rows or JSON records
	Lines  []string          `json:"lines,omitempty"`  // of text that is no JSON
	Errors []ErrorCount      `json:"errors,omitempty"` // of error records

	Content *Report `json:"content,omitempty"` // what is compressed
}

// Detail is a name and a value.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Column is a column of the file, or a part of a nested one.
type Column struct {
	Name     string `json:"name"` // "items.element.sku"
	Type     string `json:"type"`
	Physical string `json:"physical,omitempty"` // how the format holds the type
	Required bool   `json:"required,omitempty"`
	// Sums over all groups.
	Chunk
}

// Group is a row group, a stripe or a record batch.
type Group struct {
	Rows         int64   `json:"rows"`
	Offset       int64   `json:"offset,omitempty"`
	Compressed   int64   `json:"compressed,omitempty"`   // bytes
	Uncompressed int64   `json:"uncompressed,omitempty"` // bytes
	Chunks       []Chunk `json:"chunks,omitempty"`       // in the order of the columns that have values
}

// Chunk is the values of a column in a group.
type Chunk struct {
	Codec        string   `json:"codec,omitempty"`
	Encodings    []string `json:"encodings,omitempty"`
	Compressed   int64    `json:"compressed,omitempty"`   // bytes
	Uncompressed int64    `json:"uncompressed,omitempty"` // bytes
	Values       int64    `json:"values,omitempty"`
	Nulls        *int64   `json:"nulls,omitempty"`
	Min          string   `json:"min,omitempty"`
	Max          string   `json:"max,omitempty"`
	Bloom        *Bloom   `json:"bloom_filter,omitempty"`
	Index        bool     `json:"page_index,omitempty"`
}

// Bloom is the Bloom filters of a column in a group. What the file does not
// say is 0.
type Bloom struct {
	Size   int64 `json:"size,omitempty"`           // bytes
	Hashes int   `json:"hash_functions,omitempty"` // of each filter
	Bits   int64 `json:"bits,omitempty"`           // of each filter
}

// Entry is a file in an archive.
type Entry struct {
	Name         string     `json:"name"`
	Compressed   int64      `json:"compressed"`   // bytes
	Uncompressed int64      `json:"uncompressed"` // bytes
	Method       string     `json:"method"`
	Modified     *time.Time `json:"modified,omitempty"`
	Content      *Report    `json:"content,omitempty"` // of the first few
}

// ErrorCount is how often an error code was seen.
type ErrorCount struct {
	Code    string `json:"code"`
	Records int    `json:"records"`
	Message string `json:"message"` // of the first one
}

func (r *Report) add(name, value string) {
	if value != "" {
		r.Details = append(r.Details, Detail{name, value})
	}
}
