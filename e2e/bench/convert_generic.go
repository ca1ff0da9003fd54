package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// convertGeneric is how one would write it with what there is: each record
// into a map by encoding/json, its values to the types of the table, and the
// map into parquet-go.
func convertGeneric(in io.Reader, out io.Writer, fields []column.Field, compression string) error {
	w := newGenericParquet(out, fields, compression)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	rows := 0
	for lines.Scan() {
		if err := w.add(lines.Bytes()); err != nil {
			return err
		}
		if rows++; rows%groupRows == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return w.Close()
}

// genericParquet writes records, some at a time.
type genericParquet struct {
	*parquet.GenericWriter[any]
	fields []column.Field
	batch  []any
}

func newGenericParquet(out io.Writer, fields []column.Field, compression string) *genericParquet {
	var codec compress.Codec = &parquet.Snappy
	if compression == "zstd" {
		codec = &parquet.Zstd
	}
	return &genericParquet{
		GenericWriter: parquet.NewGenericWriter[any](out, parquet.NewSchema("bench", genericGroup(fields)), parquet.Compression(codec)),
		fields:        fields,
	}
}

func (g *genericParquet) add(record []byte) error {
	var row map[string]any
	if err := json.Unmarshal(record, &row); err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	if err := coerceRow(g.fields, row); err != nil {
		return err
	}
	if g.batch = append(g.batch, row); len(g.batch) < 1000 {
		return nil
	}
	return g.write()
}

func (g *genericParquet) write() error {
	_, err := g.Write(g.batch)
	g.batch = g.batch[:0]
	return err
}

func (g *genericParquet) Flush() error {
	if err := g.write(); err != nil {
		return err
	}
	return g.GenericWriter.Flush()
}

func (g *genericParquet) Close() error {
	if err := g.write(); err != nil {
		return err
	}
	return g.GenericWriter.Close()
}

// genericGroup is a schema of parquet-go; all columns try a dictionary, as
// the others do.
func genericGroup(fields []column.Field) parquet.Group {
	group := parquet.Group{}
	for i := range fields {
		group[fields[i].Name] = parquet.Optional(genericNode(&fields[i].Type))
	}
	return group
}

func genericNode(t *column.Type) parquet.Node {
	switch t.Kind {
	case column.Array:
		return parquet.List(parquet.Optional(genericNode(&t.Fields[0].Type)))
	case column.Struct:
		return genericGroup(t.Fields)
	case column.Boolean:
		return parquet.Leaf(parquet.BooleanType)
	case column.Int:
		return parquet.Encoded(parquet.Int(32), &parquet.RLEDictionary)
	case column.BigInt:
		return parquet.Encoded(parquet.Int(64), &parquet.RLEDictionary)
	case column.Double:
		return parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.RLEDictionary)
	case column.Timestamp:
		return parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.RLEDictionary)
	}
	return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
}

// coerceRow replaces what encoding/json makes of numbers and times by what
// the table has, and takes out what it does not have.
func coerceRow(fields []column.Field, row map[string]any) error {
	known := 0
	for i := range fields {
		v, ok := row[fields[i].Name]
		if !ok {
			continue
		}
		known++
		v, err := coerce(&fields[i].Type, v)
		if err != nil {
			return fmt.Errorf("%s: %w", fields[i].Name, err)
		}
		row[fields[i].Name] = v
	}
	if known == len(row) {
		return nil
	}
	for name := range row {
		if !hasField(fields, name) {
			delete(row, name)
		}
	}
	return nil
}

func hasField(fields []column.Field, name string) bool {
	for i := range fields {
		if fields[i].Name == name {
			return true
		}
	}
	return false
}

func coerce(t *column.Type, v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case float64:
		switch t.Kind {
		case column.Int:
			if x == math.Trunc(x) {
				return int32(x), nil
			}
		case column.BigInt:
			if x == math.Trunc(x) {
				return int64(x), nil
			}
		case column.Double:
			return x, nil
		}
	case string:
		if t.Kind == column.Timestamp {
			at, err := time.Parse(time.RFC3339, x)
			return at.UnixMicro(), err
		}
		return x, nil
	case bool:
		return x, nil
	case []any:
		if t.Kind == column.Array {
			for i := range x {
				var err error
				if x[i], err = coerce(&t.Fields[0].Type, x[i]); err != nil {
					return nil, err
				}
			}
			return x, nil
		}
	case map[string]any:
		if t.Kind == column.Struct {
			return x, coerceRow(t.Fields, x)
		}
	}
	return nil, fmt.Errorf("%v is no %v", v, t)
}
