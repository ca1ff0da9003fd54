package configs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a problem keeps the configuration from being used.
type Severity string

const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Place is a stretch of one line of a configuration file.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`   // from 1; 0: the file as a whole
	Column int    `json:"column,omitempty"` // from 1, in characters
	Width  int    `json:"width,omitempty"`  // characters to underline
	Source string `json:"source,omitempty"` // the line, with secrets blotted out
	Label  string `json:"label,omitempty"`  // what is to be seen here
}

// Problem is one mistake in the configuration, and what to write instead.
type Problem struct {
	ID       string   `json:"id"` // stable, kebab-case; see [Diagnostics]
	Severity Severity `json:"severity"`
	Path     string   `json:"path,omitempty"` // streams.clicks.destination.s3
	Text     string   `json:"text"`           // what is wrong, beginning with the path
	Help     string   `json:"help,omitempty"`
	Place
	Related *Place `json:"related,omitempty"` // the other place, where two disagree

	order int // of the file among those loaded
}

// follows reports whether p is but a consequence of an earlier error at the
// same place.
func (p Problem) follows(first Problem) bool {
	return first.Severity == Error && p.Line > 0 && first.File == p.File && first.Line == p.Line &&
		first.Column == p.Column && (first.Path == "" || first.Path == p.Path)
}

// Problems are all mistakes found, in the order of their places.
type Problems []Problem

// Failed reports whether one of them is more than a warning.
func (ps Problems) Failed() bool { return ps.count(Error) > 0 }

func (ps Problems) count(s Severity) int {
	n := 0
	for _, p := range ps {
		if p.Severity == s {
			n++
		}
	}
	return n
}

// Err returns the problems as one error, or nil if all of them are warnings.
func (ps Problems) Err() error {
	if !ps.Failed() {
		return nil
	}
	return ps
}

func (ps Problems) Error() string {
	var b strings.Builder
	ps.Render(&b, false)
	return strings.TrimRight(b.String(), "\n")
}

// JSON returns the problems as a JSON array, for tools.
func (ps Problems) JSON() ([]byte, error) {
	if ps == nil {
		ps = Problems{}
	}
	b, err := json.MarshalIndent([]Problem(ps), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode problems: %w", err)
	}
	return append(b, '\n'), nil
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.order, b.order),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity))
	})
}
