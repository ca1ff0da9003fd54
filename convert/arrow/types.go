package arrow

import (
	"github.com/apache/arrow/go/v15/arrow"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// schemaOf returns the Arrow schema of a table.
func schemaOf(s *column.Schema) *arrow.Schema {
	return arrow.NewSchema(fieldsOf(s.Columns), nil)
}

func fieldsOf(columns []column.Field) []arrow.Field {
	fields := make([]arrow.Field, len(columns))
	for i := range columns {
		fields[i] = fieldOf(columns[i].Name, &columns[i])
	}
	return fields
}

func fieldOf(name string, f *column.Field) arrow.Field {
	return arrow.Field{Name: name, Type: typeOf(&f.Type), Nullable: !f.Required}
}

// typeOf returns the Arrow type of a Hive type. Arrow's strings have no
// length; the parser has cut varchar and char already.
func typeOf(t *column.Type) arrow.DataType {
	switch t.Kind {
	case column.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case column.TinyInt:
		return arrow.PrimitiveTypes.Int8
	case column.SmallInt:
		return arrow.PrimitiveTypes.Int16
	case column.Int:
		return arrow.PrimitiveTypes.Int32
	case column.BigInt:
		return arrow.PrimitiveTypes.Int64
	case column.Float:
		return arrow.PrimitiveTypes.Float32
	case column.Double:
		return arrow.PrimitiveTypes.Float64
	case column.Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case column.Binary:
		return arrow.BinaryTypes.Binary
	case column.Date:
		return arrow.FixedWidthTypes.Date32
	case column.Timestamp:
		return arrow.FixedWidthTypes.Timestamp_ns // in UTC
	case column.Array:
		return arrow.ListOfField(fieldOf("item", &t.Fields[0]))
	case column.Map:
		m := arrow.MapOf(typeOf(&t.Fields[0].Type), typeOf(&t.Fields[1].Type))
		m.SetItemNullable(!t.Fields[1].Required)
		return m
	case column.Struct:
		return arrow.StructOf(fieldsOf(t.Fields)...)
	}
	return arrow.BinaryTypes.String
}
