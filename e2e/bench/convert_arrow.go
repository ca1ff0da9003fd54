package main

import (
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// convertArrow goes through the JSON reader and the Parquet writer of Arrow's
// Go library.
func convertArrow(in io.Reader, out io.Writer, fields []column.Field, compression string) error {
	codec := compress.Codecs.Snappy
	if compression == "zstd" {
		codec = compress.Codecs.Zstd
	}
	schema := arrow.NewSchema(arrowFields(fields), nil)
	records := array.NewJSONReader(in, schema, array.WithChunk(groupRows))
	defer records.Release()
	w, err := pqarrow.NewFileWriter(schema, struct{ io.Writer }{out}, // it would close a file
		parquet.NewWriterProperties(parquet.WithCompression(codec), parquet.WithDictionaryDefault(true), parquet.WithStats(true)),
		pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	for records.Next() {
		if err := w.Write(records.Record()); err != nil {
			return err
		}
	}
	if err := records.Err(); err != nil {
		return err
	}
	return w.Close()
}

func arrowFields(fields []column.Field) []arrow.Field {
	all := make([]arrow.Field, len(fields))
	for i := range fields {
		all[i] = arrow.Field{Name: fields[i].Name, Type: arrowType(&fields[i].Type), Nullable: true}
	}
	return all
}

func arrowType(t *column.Type) arrow.DataType {
	switch t.Kind {
	case column.Array:
		return arrow.ListOf(arrowType(&t.Fields[0].Type))
	case column.Struct:
		return arrow.StructOf(arrowFields(t.Fields)...)
	case column.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case column.Int:
		return arrow.PrimitiveTypes.Int32
	case column.BigInt:
		return arrow.PrimitiveTypes.Int64
	case column.Double:
		return arrow.PrimitiveTypes.Float64
	case column.Timestamp:
		return arrow.FixedWidthTypes.Timestamp_us
	}
	return arrow.BinaryTypes.String
}
