package orc

import (
	"errors"
	"fmt"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// fileType is a type as a file has it.
type fileType struct {
	code             uint64
	children         []uint64
	names            []string
	length           uint64
	precision, scale uint64
}

func parseType(m []byte) (t fileType, err error) {
	err = fields(m, func(v value) (err error) {
		switch v.field {
		case 1:
			t.code = v.n
		case 2:
			t.children, err = v.numbers(t.children)
		case 3:
			t.names = append(t.names, v.text())
		case 4:
			t.length = v.n
		case 5:
			t.precision = v.n
		case 6:
			t.scale = v.n
		}
		return err
	})
	return t, err
}

// Codes of types that are not written here.
const (
	codeUnion   = 13
	codeInstant = 18 // timestamp with local time zone
)

// kinds are the kinds by their codes.
var kinds = func() map[uint64]column.Kind {
	m := map[uint64]column.Kind{codeInstant: column.Timestamp}
	for k, code := range typeCodes {
		m[code] = k
	}
	return m
}()

func (r *Reader) makeSchema() (*column.Schema, error) {
	root, next, err := r.makeType(0, "", 0)
	if err != nil {
		return nil, err
	}
	if root.Kind != column.Struct {
		return nil, fmt.Errorf("rows are of type %v, not struct", root)
	}
	if next != len(r.types) {
		return nil, errors.New("types of the footer are no tree")
	}
	return &column.Schema{Columns: root.Fields}, nil
}

const deepestType = 64

// makeType makes the type with a column id, and returns the id after the last
// one below it.
func (r *Reader) makeType(id int, name string, depth int) (t column.Type, next int, err error) {
	if id >= len(r.types) || depth > deepestType {
		return t, 0, errors.New("types of the footer are no tree")
	}
	f := r.types[id]
	kind, ok := kinds[f.code]
	if !ok {
		if f.code == codeUnion {
			return t, 0, fmt.Errorf("column %s: type uniontype is not supported", name)
		}
		return t, 0, fmt.Errorf("column %s: type %d is not known", name, f.code)
	}
	t.Kind = kind
	at := len(r.info.Columns)
	r.info.Columns = append(r.info.Columns, ColumnInfo{Name: name})
	var names []string
	switch kind {
	case column.Decimal:
		t.Precision, t.Scale = int(f.precision), int(f.scale)
		if f.precision == 0 { // of Hive 0.11
			t.Precision, t.Scale = column.MaxPrecision, 10
		}
		if t.Precision > column.MaxPrecision || t.Scale > t.Precision || t.Scale < 0 {
			return t, 0, fmt.Errorf("column %s: decimal(%d,%d) is out of range", name, f.precision, f.scale)
		}
	case column.Varchar, column.Char:
		t.Length = int(f.length)
	case column.Array:
		names = []string{"element"}
	case column.Map:
		names = []string{"key", "value"}
	case column.Struct:
		names = f.names
	}
	if len(names) != len(f.children) {
		return t, 0, fmt.Errorf("column %s: %d parts have %d names", name, len(f.children), len(names))
	}
	next = id + 1
	for i, child := range f.children {
		if child != uint64(next) {
			return t, 0, errors.New("types of the footer are no tree")
		}
		path := names[i]
		if name != "" {
			path = name + "." + path
		}
		field := column.Field{Name: names[i], Required: kind == column.Map && i == 0}
		if field.Type, next, err = r.makeType(next, path, depth+1); err != nil {
			return t, 0, err
		}
		t.Fields = append(t.Fields, field)
	}
	r.info.Columns[at].Type = t.String()
	return t, next, nil
}
