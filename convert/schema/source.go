package schema

import (
	"fmt"
	"unicode/utf8"
)

// Error is a problem with a file that describes columns.
type Error struct {
	File         string
	Line, Column int // from 1, in characters; 0: the file is not text
	Text         string
	Hint         string // what to do
}

func (e *Error) Error() string {
	s := "read columns from " + e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d", s, e.Line, e.Column)
	}
	s += ": " + e.Text
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// source is a text that describes columns.
type source struct {
	name string
	text []byte
}

// fail makes an error at an offset.
func (s *source) fail(at int, hint, format string, args ...any) error {
	e := &Error{File: s.name, Line: 1, Column: 1, Text: fmt.Sprintf(format, args...), Hint: hint}
	for rest := s.text[:min(at, len(s.text))]; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		e.Column++
		if r == '\n' {
			e.Line, e.Column = e.Line+1, 1
		}
	}
	return e
}

// Limits of what a file may describe: types that refer to each other can be
// small in the file and without end in a table.
const (
	maxFields = 10_000
	maxDepth  = 60
)

// room is how many fields may still be made.
type room struct{ fields int }

func (r *room) take() bool {
	r.fields++
	return r.fields <= maxFields
}
