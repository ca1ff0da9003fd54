package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
)

//go:embed convert_duckdb.js
var duckdbScript string

//go:embed convert_clickhouse.js
var clickhouseScript string

// duckdbColumns are the columns of read_json.
func duckdbColumns(fields []column.Field) map[string]string {
	all := map[string]string{}
	for i := range fields {
		all[fields[i].Name] = duckdbType(&fields[i].Type)
	}
	return all
}

func duckdbType(t *column.Type) string {
	switch t.Kind {
	case column.String:
		return "VARCHAR"
	case column.Array:
		return duckdbType(&t.Fields[0].Type) + "[]"
	case column.Struct:
		var parts []string
		for i := range t.Fields {
			parts = append(parts, fmt.Sprintf("%q %s", t.Fields[i].Name, duckdbType(&t.Fields[i].Type)))
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	}
	return strings.ToUpper(t.Kind.String())
}

// clickhouseStructure is the structure of the table function file. There, an
// object or a list cannot be null; its values can.
func clickhouseStructure(fields []column.Field) string {
	var parts []string
	for i := range fields {
		parts = append(parts, "`"+fields[i].Name+"` "+clickhouseType(&fields[i].Type))
	}
	return strings.Join(parts, ", ")
}

func clickhouseType(t *column.Type) string {
	switch t.Kind {
	case column.Array:
		return "Array(" + clickhouseType(&t.Fields[0].Type) + ")"
	case column.Struct:
		return "Tuple(" + clickhouseStructure(t.Fields) + ")"
	}
	return "Nullable(" + map[column.Kind]string{
		column.Boolean: "Bool", column.Int: "Int32", column.BigInt: "Int64", column.Double: "Float64",
		column.String: "String", column.Timestamp: "DateTime64(3, 'UTC')",
	}[t.Kind] + ")"
}
