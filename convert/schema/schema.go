// Package schema says where the columns of a table come from: from the
// configuration ([FromColumns]), from a file that describes them ([ReadFile]:
// an Avro schema, a JSON Schema, Hive DDL, a table of AWS Glue, what was decided
// before, a Parquet or ORC file), or from the first records ([Inference]). What
// was inferred is written down ([Decided]) and does not change.
package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// Column is a column as a user writes it.
type Column struct {
	Name     string `yaml:"name" json:"name" required:"true" doc:"Name of the column."`
	Type     string `yaml:"type" json:"type" required:"true" doc:"Hive type: bigint, decimal(10,2), timestamp, array<string>, struct<sku:string,qty:int>."`
	Required bool   `yaml:"required,omitempty" json:"required,omitempty" doc:"A record without a value for the column fails."`
}

// FromColumns makes the schema of the columns a user wrote. It reports
// everything that is wrong, each as a *field.Error with a path like
// "columns[3].type".
func FromColumns(columns []Column) (*column.Schema, error) {
	if len(columns) == 0 {
		return nil, field.Errorf("columns", "write at least one: {name: id, type: bigint}", "there are no columns")
	}
	var problems []error
	s := &column.Schema{}
	names := names{}
	for i, c := range columns {
		at := fmt.Sprintf("columns[%d]", i)
		if why, hint := names.refuse(c.Name); why != "" {
			problems = append(problems, field.Errorf(at+".name", hint, "%s", why))
		}
		t, err := parseType(c.Type)
		if err != nil {
			problems = append(problems, typeProblem(at+".type", err))
		}
		s.Columns = append(s.Columns, column.Field{Name: c.Name, Type: t, Required: c.Required})
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

// Columns writes a schema as FromColumns reads it.
func Columns(s *column.Schema) []Column {
	columns := make([]Column, len(s.Columns))
	for i, f := range s.Columns {
		columns[i] = Column{Name: f.Name, Type: f.Type.String(), Required: f.Required}
	}
	return columns
}

// parseType reads a type and checks the names in it. Errors are
// *column.TypeError.
func parseType(text string) (column.Type, error) {
	if strings.TrimSpace(text) == "" {
		return column.Type{}, &column.TypeError{Text: text, Reason: "the type is missing"}
	}
	t, err := column.ParseType(text)
	if bad := (*column.TypeError)(nil); errors.As(err, &bad) {
		if reason := foreignType(bad.Text[bad.Offset:]); reason != "" {
			return t, &column.TypeError{Text: text, Offset: bad.Offset, Reason: reason}
		}
	}
	if err != nil {
		return t, err
	}
	if why := unfitType(&t); why != "" {
		return t, &column.TypeError{Text: text, Reason: why}
	}
	return t, nil
}

// foreignTypes are types that users bring from elsewhere, and what to do.
var foreignTypes = []struct{ word, reason string }{
	{"set", "set is a type of Glue and not of Hive, and Firehose fails on it: write array<...>"},
	{"uniontype", "Firehose cannot convert to uniontype: choose one of its types, or string, which takes any value as JSON text"},
	{"list", "list is not a Hive type: write array<...>"},
	{"row", "row is not a Hive type: write struct<name:type,...>"},
	{"object", "object is not a Hive type: write struct<name:type,...>, or map<string,...> when the keys are not known"},
	{"number", "number is not a Hive type: write bigint, double or decimal(p,s)"},
	{"uuid", "uuid is not a Hive type: write string"},
	{"time", "time is not a Hive type: write string"},
	{"datetime", "datetime is not a Hive type: write timestamp"},
	{"timestamptz", "timestamptz is not a Hive type: write timestamp; it is kept in UTC"},
	{"json", "json is not a Hive type: write string, which takes any value as JSON text"},
}

func foreignType(text string) (reason string) {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
	if end < 0 {
		end = len(text)
	}
	for _, f := range foreignTypes {
		if strings.EqualFold(text[:end], f.word) {
			return f.reason
		}
	}
	return ""
}

// typeProblem shows where in the text of a type the error is.
func typeProblem(path string, err error) error {
	bad := (*column.TypeError)(nil)
	if !errors.As(err, &bad) {
		return field.Errorf(path, "", "%v", err)
	}
	hint := "write a Hive type: bigint, decimal(10,2), timestamp, array<string>, struct<sku:string,qty:int>"
	return &field.Error{Path: path, Text: bad.Error(), Hint: hint, Offset: bad.Offset}
}

// unfitType reports what is wrong with the names inside a type, or "".
func unfitType(t *column.Type) string {
	names := names{}
	for i := range t.Fields {
		f := &t.Fields[i]
		if t.Kind == column.Struct {
			if why, _ := names.refuse(f.Name); why != "" {
				return why
			}
		}
		if why := unfitType(&f.Type); why != "" {
			return why
		}
	}
	return ""
}

// check checks a schema that was read from elsewhere: the rules for the names
// of columns are those for the fields of a struct.
func check(s *column.Schema) error {
	if len(s.Columns) == 0 {
		return errors.New("there are no columns")
	}
	root := s.Root()
	if why := unfitType(&root); why != "" {
		return errors.New(why)
	}
	_, err := column.ParseType(root.String()) // its rules for lengths and levels
	return err
}
