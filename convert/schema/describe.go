package schema

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Describe writes the columns as a table for people, one line each.
func Describe(s *column.Schema) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\ttype\trequired")
	for _, f := range s.Columns {
		required := "no"
		if f.Required {
			required = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Type, required)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return text.String()
}

// DuckDBColumns writes the columns as the argument columns= of DuckDB's
// read_json: {'id': 'BIGINT', 'tags': 'VARCHAR[]'}.
func DuckDBColumns(s *column.Schema) string {
	parts := make([]string, len(s.Columns))
	for i, f := range s.Columns {
		parts[i] = sqlString(f.Name) + ": " + sqlString(duckDBType(&f.Type))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

var duckDBTypes = map[column.Kind]string{column.Boolean: "BOOLEAN", column.TinyInt: "TINYINT", column.SmallInt: "SMALLINT",
	column.Int: "INTEGER", column.BigInt: "BIGINT", column.Float: "FLOAT", column.Double: "DOUBLE", column.String: "VARCHAR",
	column.Varchar: "VARCHAR", column.Char: "VARCHAR", column.Binary: "BLOB", column.Date: "DATE", column.Timestamp: "TIMESTAMP"}

func duckDBType(t *column.Type) string {
	switch t.Kind {
	case column.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case column.Array:
		return duckDBType(&t.Fields[0].Type) + "[]"
	case column.Map:
		return "MAP(" + duckDBType(&t.Fields[0].Type) + ", " + duckDBType(&t.Fields[1].Type) + ")"
	case column.Struct:
		parts := make([]string, len(t.Fields))
		for i := range t.Fields {
			parts[i] = `"` + strings.ReplaceAll(t.Fields[i].Name, `"`, `""`) + `" ` + duckDBType(&t.Fields[i].Type)
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	}
	return duckDBTypes[t.Kind]
}

func sqlString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Table is what a statement says of a table beside its columns.
type Table struct {
	Name     string // may be database.table
	StoredAs string // PARQUET or ORC; "" leaves the clause out
	Location string // s3://bucket/prefix/; "" leaves the clause out
}

// DDL writes the statement that makes a table in Hive or Athena.
func DDL(s *column.Schema, t Table) string {
	var text strings.Builder
	text.WriteString("CREATE EXTERNAL TABLE ")
	for i, part := range strings.Split(t.Name, ".") {
		if i > 0 {
			text.WriteByte('.')
		}
		text.WriteString(backquoted(part))
	}
	text.WriteString(" (\n")
	for i, f := range s.Columns {
		comma := ","
		if i == len(s.Columns)-1 {
			comma = ""
		}
		fmt.Fprintf(&text, "  %s %s%s\n", backquoted(f.Name), hiveType(f.Type), comma)
	}
	text.WriteString(")")
	if t.StoredAs != "" {
		text.WriteString("\nSTORED AS " + t.StoredAs)
	}
	if t.Location != "" {
		text.WriteString("\nLOCATION " + hiveString(t.Location))
	}
	return text.String() + ";\n"
}

func backquoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func hiveString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// hiveType writes a type without what is required in it: Hive has no such
// words inside of types.
func hiveType(t column.Type) string { return optional(t).String() }

func optional(t column.Type) column.Type {
	fields := make([]column.Field, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = column.Field{Name: f.Name, Type: optional(f.Type)}
	}
	t.Fields = fields
	return t
}
