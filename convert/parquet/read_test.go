package parquet

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// readRows reads a file with parquet-go and puts the rows together in the form
// of columntest.
func readRows(t testing.TB, file []byte, s *column.Schema) []map[string]any {
	t.Helper()
	f := open(t, file)
	var rows []map[string]any
	buffer := make([]parquet.Row, 100)
	for _, g := range f.RowGroups() {
		r := g.Rows()
		for {
			n, err := r.ReadRows(buffer)
			for _, row := range buffer[:n] {
				a := assembler{}
				row.Range(func(_ int, v []parquet.Value) bool {
					a.columns = append(a.columns, v)
					return true
				})
				rows = append(rows, a.group(s.Columns, 0, 0))
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("read rows: %v", err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

func open(t testing.TB, file []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatalf("open file: %v", err)
	}
	return f
}

// assembler makes values from those of columns, which it takes from the front.
type assembler struct{ columns [][]parquet.Value }

func (a *assembler) group(fields []column.Field, def, rep int) map[string]any {
	row := map[string]any{}
	for i := range fields {
		if v := a.field(&fields[i], def, rep); v != nil {
			row[fields[i].Name] = v
		}
	}
	return row
}

func leaves(t *column.Type) int {
	if !t.Kind.Nested() {
		return 1
	}
	n := 0
	for i := range t.Fields {
		n += leaves(&t.Fields[i].Type)
	}
	return n
}

func (a *assembler) field(f *column.Field, def, rep int) any {
	n := leaves(&f.Type)
	mine, first := a.columns[:n], a.columns[0][0]
	if !f.Required {
		def++
		if first.DefinitionLevel() < def {
			a.columns = a.columns[n:]
			return nil
		}
	}
	switch f.Type.Kind {
	case column.Struct:
		return a.group(f.Type.Fields, def, rep)
	case column.Array, column.Map:
		a.columns = a.columns[n:]
		list, pairs := []any{}, columntest.Pairs{}
		if first.DefinitionLevel() > def {
			for mine[0] != nil {
				one := assembler{columns: make([][]parquet.Value, n)}
				for i, v := range mine {
					end := 1
					for end < len(v) && v[end].RepetitionLevel() > rep+1 {
						end++
					}
					one.columns[i], mine[i] = v[:end], v[end:]
					if end == len(v) {
						mine[i] = nil
					}
				}
				element := one.field(&f.Type.Fields[0], def+1, rep+1)
				if f.Type.Kind == column.Map {
					pairs = append(pairs, columntest.Pair{Key: element, Value: one.field(&f.Type.Fields[1], def+1, rep+1)})
				}
				list = append(list, element)
			}
		}
		if f.Type.Kind == column.Map {
			return pairs
		}
		return list
	}
	a.columns = a.columns[1:]
	return plainValue(&f.Type, first)
}

func plainValue(t *column.Type, v parquet.Value) any {
	switch t.Kind {
	case column.Boolean:
		return v.Boolean()
	case column.TinyInt, column.SmallInt, column.Int:
		return int64(v.Int32())
	case column.BigInt:
		return v.Int64()
	case column.Float:
		return v.Float()
	case column.Double:
		return v.Double()
	case column.Decimal:
		return decimalText(t, v)
	case column.Binary:
		return append([]byte{}, v.ByteArray()...)
	case column.Date:
		return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly)
	case column.Timestamp:
		if v.Kind() == parquet.Int96 {
			i := v.Int96()
			nanos := int64(i[1])<<32 | int64(i[0])
			return time.Unix((int64(int32(i[2]))-2440588)*86400, nanos).UTC().Format(time.RFC3339Nano)
		}
		return v.Int64() // in the unit of the file
	}
	return string(v.ByteArray())
}

func decimalText(t *column.Type, v parquet.Value) string {
	switch v.Kind() {
	case parquet.Int32:
		return pointed(strconv.Itoa(int(v.Int32())), t.Scale)
	case parquet.Int64:
		return pointed(strconv.FormatInt(v.Int64(), 10), t.Scale)
	}
	return pointed(wideNumber(v.ByteArray()).String(), t.Scale)
}

// wideNumber reads big-endian two's complement.
func wideNumber(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func pointed(digits string, scale int) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for len(digits) <= scale {
		digits = "0" + digits
	}
	if scale == 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// unit returns what the timestamps of a row become in a file.
func unit(t *column.Type, value any, stamps Timestamps) any {
	switch v := value.(type) {
	case map[string]any:
		row := map[string]any{}
		for i := range t.Fields {
			if x, ok := v[t.Fields[i].Name]; ok {
				row[t.Fields[i].Name] = unit(&t.Fields[i].Type, x, stamps)
			}
		}
		return row
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, unit(&t.Fields[0].Type, x, stamps))
		}
		return list
	case columntest.Pairs:
		pairs := columntest.Pairs{}
		for _, p := range v {
			pairs = append(pairs, columntest.Pair{Key: unit(&t.Fields[0].Type, p.Key, stamps), Value: unit(&t.Fields[1].Type, p.Value, stamps)})
		}
		return pairs
	case string:
		if t.Kind != column.Timestamp || stamps == Int96 {
			return v
		}
		d, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			panic(err)
		}
		switch stamps {
		case Millis:
			return d.UnixMilli()
		case Micros:
			return d.UnixMicro()
		}
		return d.UnixNano()
	}
	return value
}

func unixMilli(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }
