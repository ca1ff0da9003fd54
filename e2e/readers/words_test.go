package readers_test

import (
	"fmt"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// typeWord is what a reader calls a type, or "" if that depends on more than
// the type.
func typeWord(reader, format string, t *column.Type) string {
	switch reader {
	case "duckdb":
		return duckdbWord(t, "")
	case "pyarrow":
		return pyarrowWord(format, t)
	case "java":
		nullable := forgetRequired(*t)
		return nullable.String()
	}
	return ""
}

// duckdbWord writes a type with the given word for timestamps; without one,
// a type that has some has no word.
func duckdbWord(t *column.Type, timestamp string) string {
	switch t.Kind {
	case column.Int:
		return "INTEGER"
	case column.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case column.String, column.Varchar, column.Char:
		return "VARCHAR"
	case column.Binary:
		return "BLOB"
	case column.Timestamp:
		return timestamp
	case column.Array:
		if word := duckdbWord(&t.Fields[0].Type, timestamp); word != "" {
			return word + "[]"
		}
		return ""
	case column.Map:
		key, value := duckdbWord(&t.Fields[0].Type, timestamp), duckdbWord(&t.Fields[1].Type, timestamp)
		if key != "" && value != "" {
			return "MAP(" + key + ", " + value + ")"
		}
		return ""
	case column.Struct:
		text := "STRUCT("
		for i := range t.Fields {
			word := duckdbWord(&t.Fields[i].Type, timestamp)
			if word == "" {
				return ""
			}
			if i > 0 {
				text += ", "
			}
			text += fmt.Sprintf("%q %s", t.Fields[i].Name, word)
		}
		return text + ")"
	}
	return t.Kind.String()
}

func pyarrowWord(format string, t *column.Type) string {
	switch t.Kind {
	case column.Boolean:
		return "bool"
	case column.TinyInt:
		return "int8"
	case column.SmallInt:
		return "int16"
	case column.Int:
		return "int32"
	case column.BigInt:
		return "int64"
	case column.Decimal:
		return fmt.Sprintf("decimal128(%d, %d)", t.Precision, t.Scale)
	case column.String, column.Varchar, column.Char:
		return "string"
	case column.Date:
		return "date32[day]"
	case column.Timestamp, column.Array, column.Map, column.Struct: // names of parts and settings are in it
		return ""
	}
	return t.Kind.String()
}

func forgetRequired(t column.Type) column.Type {
	fields := make([]column.Field, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = column.Field{Name: f.Name, Type: forgetRequired(f.Type)}
	}
	t.Fields = fields
	return t
}
