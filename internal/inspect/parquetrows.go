package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// parquetRows returns the first rows as JSON objects.
func parquetRows(f *parquet.File, n int) ([]json.RawMessage, error) {
	var all []json.RawMessage
	r := newParquetRows(f)
	for len(all) < n {
		row, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		all = append(all, row)
	}
	return all, r.Close()
}

// ParquetRows reads the rows of a Parquet file. It is used by one goroutine.
type ParquetRows struct {
	file   *parquet.File
	groups []parquet.RowGroup // that are left
	rows   parquet.Rows       // of the group before these; nil: none is open
	row    []parquet.Row
}

// OpenParquetRows reads the footer of a file.
func OpenParquetRows(o Object) (r *ParquetRows, err error) {
	defer contain(&err)
	if err := parquetEnd(o); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(o, o.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("it is a damaged Parquet file: %w", err)
	}
	if codec := unreadable(f.Metadata()); codec != "" {
		return nil, fmt.Errorf("its pages are compressed with %s, which hydrant cannot decompress; write it again with another codec", codec)
	}
	return newParquetRows(f), nil
}

func newParquetRows(f *parquet.File) *ParquetRows {
	return &ParquetRows{file: f, groups: f.RowGroups(), row: make([]parquet.Row, 1)}
}

// Next returns the next row as a JSON object, or io.EOF.
func (r *ParquetRows) Next() (row []byte, err error) {
	defer contain(&err)
	return r.next()
}

func (r *ParquetRows) next() ([]byte, error) {
	for {
		if r.rows == nil {
			if len(r.groups) == 0 {
				return nil, io.EOF
			}
			r.rows, r.groups = r.groups[0].Rows(), r.groups[1:]
		}
		n, err := r.rows.ReadRows(r.row)
		if n == 1 {
			a := assembler{}
			r.row[0].Range(func(_ int, v []parquet.Value) bool {
				a.columns = append(a.columns, v)
				return true
			})
			return a.object(nil, r.file.Root().Columns(), 0, 0), nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
}

// Close gives up the row group that is open.
func (r *ParquetRows) Close() error {
	if r.rows == nil {
		return nil
	}
	err := r.rows.Close()
	r.rows = nil
	return err
}

// contain turns a panic into an error: readers of formats are made for files
// that are right.
func contain(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("it is a damaged Parquet file: %v", p)
	}
}

// assembler makes a row of the values of its leaf columns, which it takes from
// the front. def and rep are the levels so far.
//
// Source: apache/parquet-format, LogicalTypes.md, "Nested Types".
type assembler struct{ columns [][]parquet.Value }

func (a *assembler) node(dst []byte, c *parquet.Column, def, rep int) []byte {
	if c.Optional() {
		def++
		if a.columns[0][0].DefinitionLevel() < def {
			a.columns = a.columns[leaves(c):]
			return append(dst, "null"...)
		}
	}
	switch {
	case c.Repeated():
		return a.repeated(dst, c, "[]", def, rep, func(dst []byte, one *assembler) []byte {
			return one.present(dst, c, def+1, rep+1)
		})
	case isList(c):
		inner := c.Columns()[0]
		return a.repeated(dst, inner, "[]", def, rep, func(dst []byte, one *assembler) []byte {
			if wrapsElement(c, inner) {
				return one.node(dst, inner.Columns()[0], def+1, rep+1)
			}
			return one.present(dst, inner, def+1, rep+1)
		})
	case isMap(c):
		inner := c.Columns()[0]
		return a.repeated(dst, inner, "{}", def, rep, func(dst []byte, one *assembler) []byte {
			key := one.node(nil, inner.Columns()[0], def+1, rep+1)
			if key[0] != '"' {
				key = appendString(nil, string(key))
			}
			return one.node(append(append(dst, key...), ':'), inner.Columns()[1], def+1, rep+1)
		})
	}
	return a.present(dst, c, def, rep)
}

// present writes a node that is not null.
func (a *assembler) present(dst []byte, c *parquet.Column, def, rep int) []byte {
	if !c.Leaf() {
		return a.object(dst, c.Columns(), def, rep)
	}
	v := a.columns[0][0]
	a.columns = a.columns[1:]
	return appendParquet(dst, c.Type(), v)
}

func (a *assembler) object(dst []byte, fields []*parquet.Column, def, rep int) []byte {
	dst = append(dst, '{')
	for i, c := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, c.Name()), ':')
		dst = a.node(dst, c, def, rep)
	}
	return append(dst, '}')
}

// repeated writes the entries of a repeated node between brackets.
func (a *assembler) repeated(dst []byte, c *parquet.Column, brackets string, def, rep int, entry func([]byte, *assembler) []byte) []byte {
	n := leaves(c)
	mine := append([][]parquet.Value(nil), a.columns[:n]...)
	a.columns = a.columns[n:]
	dst = append(dst, brackets[0])
	if mine[0][0].DefinitionLevel() > def {
		for first := true; len(mine[0]) > 0; first = false {
			if !first {
				dst = append(dst, ',')
			}
			one := assembler{columns: make([][]parquet.Value, n)}
			for i, v := range mine {
				end := 1
				for end < len(v) && v[end].RepetitionLevel() > rep+1 {
					end++
				}
				one.columns[i], mine[i] = v[:end], v[end:]
			}
			dst = entry(dst, &one)
		}
	}
	return append(dst, brackets[1])
}

func leaves(c *parquet.Column) int {
	if c.Leaf() {
		return 1
	}
	n := 0
	for _, child := range c.Columns() {
		n += leaves(child)
	}
	return n
}

func isList(c *parquet.Column) bool {
	return !c.Leaf() && c.Type().String() == "LIST" && len(c.Columns()) == 1 && c.Columns()[0].Repeated()
}

func isMap(c *parquet.Column) bool {
	return !c.Leaf() && c.Type().String() == "MAP" && len(c.Columns()) == 1 && c.Columns()[0].Repeated() && len(c.Columns()[0].Columns()) == 2
}

// wrapsElement reports whether the repeated node of a list is a level of its
// own around the element; of two levels, it is the element.
func wrapsElement(list, inner *parquet.Column) bool {
	return !inner.Leaf() && len(inner.Columns()) == 1 && inner.Name() != "array" && inner.Name() != list.Name()+"_tuple"
}
