// Package columntest makes batches from Go values and Go values from batches,
// plainly: the other way to get at what the parser and the writers of columns
// do, for their tests.
package columntest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Value is how a value of each kind is given to Build and comes from Rows; a
// null is nil.
//
//	boolean             bool
//	tinyint to bigint   int64
//	float               float32
//	double              float64
//	decimal             string with exactly Scale digits behind the point: "-12.50"
//	string, varchar, char  string
//	binary              []byte
//	date                string "2006-01-02"
//	timestamp           string in RFC 3339 with nanoseconds, UTC
//	array               []any
//	map                 Pairs
//	struct              map[string]any, without the fields that are null
type Value = any

// Pairs are the entries of a map, in order.
type Pairs []Pair

// Pair is an entry of a map.
type Pair struct{ Key, Value Value }

// Build makes a batch of rows.
func Build(s *column.Schema, rows []map[string]any) *column.Batch {
	b := &column.Batch{}
	b.Init(s)
	b.Reset(nil)
	root := s.Root()
	for _, row := range rows {
		add(b, &b.Root, &root, row)
	}
	b.Root.Level(&root)
	return b
}

// add adds a value that is not null.
func add(b *column.Batch, v *column.Vector, t *column.Type, value Value) {
	v.Present++
	switch t.Kind {
	case column.Struct:
		for i := range t.Fields {
			if x := value.(map[string]any)[t.Fields[i].Name]; x != nil {
				v.Children[i].Null(v.Present - 1)
				add(b, &v.Children[i], &t.Fields[i].Type, x)
			}
		}
	case column.Array:
		end := v.Elements()
		for _, x := range value.([]any) {
			if x != nil {
				v.Children[0].Null(end)
				add(b, &v.Children[0], &t.Fields[0].Type, x)
			}
			end++
		}
		v.Ends = append(v.Ends, uint32(end))
	case column.Map:
		end := v.Elements()
		for _, x := range value.(Pairs) {
			add(b, &v.Children[0], &t.Fields[0].Type, x.Key)
			if x.Value != nil {
				v.Children[1].Null(end)
				add(b, &v.Children[1], &t.Fields[1].Type, x.Value)
			}
			end++
		}
		v.Ends = append(v.Ends, uint32(end))
	default:
		v.Values = append(v.Values, encode(b, t, value))
	}
}

func encode(b *column.Batch, t *column.Type, value Value) uint64 {
	switch t.Kind {
	case column.Boolean:
		if value.(bool) {
			return 1
		}
		return 0
	case column.TinyInt, column.SmallInt, column.Int, column.BigInt:
		return uint64(value.(int64))
	case column.Float:
		return uint64(math.Float32bits(value.(float32)))
	case column.Double:
		return math.Float64bits(value.(float64))
	case column.Decimal:
		n, ok := new(big.Int).SetString(strings.Replace(value.(string), ".", "", 1), 10)
		if !ok {
			panic(fmt.Sprintf("not a decimal: %v", value))
		}
		if !t.Wide() {
			return uint64(n.Int64())
		}
		return side(b, wide(n))
	case column.Binary:
		return side(b, value.([]byte))
	case column.Date:
		d, err := time.Parse(time.DateOnly, value.(string))
		if err != nil {
			panic(err)
		}
		return uint64(d.Unix() / 86400)
	case column.Timestamp:
		d, err := time.Parse(time.RFC3339Nano, value.(string))
		if err != nil {
			panic(err)
		}
		return uint64(d.UnixNano())
	}
	return side(b, []byte(value.(string)))
}

func side(b *column.Batch, data []byte) uint64 {
	at := len(b.Side)
	b.Side = append(b.Side, data...)
	return column.SidePlace(at, len(data))
}

var two128 = new(big.Int).Lsh(big.NewInt(1), 128)

func wide(n *big.Int) []byte {
	return new(big.Int).Mod(n, two128).FillBytes(make([]byte, 16))
}

// Rows returns the rows of a batch.
func Rows(s *column.Schema, b *column.Batch) []map[string]any {
	root := s.Root()
	var rows []map[string]any
	for _, v := range slots(b, &b.Root, &root) {
		rows = append(rows, v.(map[string]any))
	}
	return rows
}

// slots returns the values of all slots of a vector.
func slots(b *column.Batch, v *column.Vector, t *column.Type) []Value {
	var values []Value // those present
	switch t.Kind {
	case column.Struct:
		fields := make([][]Value, len(v.Children))
		for i := range v.Children {
			fields[i] = slots(b, &v.Children[i], &t.Fields[i].Type)
		}
		for n := range v.Present {
			row := map[string]any{}
			for i := range fields {
				if x := fields[i][n]; x != nil {
					row[t.Fields[i].Name] = x
				}
			}
			values = append(values, row)
		}
	case column.Array:
		elements := slots(b, &v.Children[0], &t.Fields[0].Type)
		from := uint32(0)
		for _, to := range v.Ends {
			values = append(values, append([]any{}, elements[from:to]...))
			from = to
		}
	case column.Map:
		keys := slots(b, &v.Children[0], &t.Fields[0].Type)
		of := slots(b, &v.Children[1], &t.Fields[1].Type)
		from := uint32(0)
		for _, to := range v.Ends {
			pairs := Pairs{}
			for ; from < to; from++ {
				pairs = append(pairs, Pair{keys[from], of[from]})
			}
			values = append(values, pairs)
		}
	default:
		for _, x := range v.Values {
			values = append(values, decode(b, t, x))
		}
	}
	if len(values) != v.Present {
		panic(fmt.Sprintf("columntest: %d values in a %v vector with %d present", len(values), t.Kind, v.Present))
	}
	return spread(values, v)
}

// spread puts the nulls between the values.
func spread(values []Value, v *column.Vector) []Value {
	out := make([]Value, 0, v.Slots())
	at, nulls := uint32(0), 0
	for i, g := range v.Gaps {
		if g.N == 0 || i > 0 && g.At <= at || int(g.At) > len(values) {
			panic(fmt.Sprintf("columntest: gap %v in %v", g, v.Gaps))
		}
		out = append(out, values[at:g.At]...)
		out = append(out, make([]Value, g.N)...)
		at = g.At
		nulls += int(g.N)
	}
	if nulls != v.Nulls {
		panic(fmt.Sprintf("columntest: %d nulls in gaps, %d counted", nulls, v.Nulls))
	}
	return append(out, values[at:]...)
}

func decode(b *column.Batch, t *column.Type, x uint64) Value {
	switch t.Kind {
	case column.Boolean:
		return x == 1
	case column.TinyInt, column.SmallInt, column.Int, column.BigInt:
		return int64(x)
	case column.Float:
		return math.Float32frombits(uint32(x))
	case column.Double:
		return math.Float64frombits(x)
	case column.Decimal:
		if !t.Wide() {
			return point(strconv.FormatInt(int64(x), 10), t.Scale)
		}
		p := b.Bytes(x)
		n := new(big.Int).SetBytes(p)
		if int64(binary.BigEndian.Uint64(p)) < 0 {
			n.Sub(n, two128)
		}
		return point(n.String(), t.Scale)
	case column.Binary:
		return append([]byte{}, b.Bytes(x)...)
	case column.Date:
		return time.Unix(int64(x)*86400, 0).UTC().Format(time.DateOnly)
	case column.Timestamp:
		return time.Unix(0, int64(x)).UTC().Format(time.RFC3339Nano)
	}
	return string(b.Bytes(x))
}

// point puts the decimal point before the last scale digits.
func point(digits string, scale int) string {
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

// JSON writes a row as a record the parser takes.
func JSON(t *column.Type, value Value) []byte { return appendJSON(nil, t, value) }

func appendJSON(dst []byte, t *column.Type, value Value) []byte {
	switch x := value.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, x)
	case int64:
		return strconv.AppendInt(dst, x, 10)
	case float32:
		return strconv.AppendFloat(dst, float64(x), 'g', -1, 32)
	case float64:
		return strconv.AppendFloat(dst, x, 'g', -1, 64)
	case []byte:
		return quote(dst, base64.StdEncoding.EncodeToString(x))
	case string:
		if t.Kind == column.Decimal {
			return append(dst, x...)
		}
		return quote(dst, x)
	case []any:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, &t.Fields[0].Type, e)
		}
		return append(dst, ']')
	case Pairs:
		dst = append(dst, '{')
		for i, p := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			switch key := p.Key.(type) {
			case string:
				dst = quote(dst, key)
			case []byte:
				dst = appendJSON(dst, &t.Fields[0].Type, key)
			default:
				dst = quote(dst, string(appendJSON(nil, &t.Fields[0].Type, key)))
			}
			dst = append(dst, ':')
			dst = appendJSON(dst, &t.Fields[1].Type, p.Value)
		}
		return append(dst, '}')
	case map[string]any:
		dst = append(dst, '{')
		first := true
		for i := range t.Fields {
			v, ok := x[t.Fields[i].Name]
			if !ok {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(quote(dst, t.Fields[i].Name), ':')
			dst = appendJSON(dst, &t.Fields[i].Type, v)
		}
		return append(dst, '}')
	}
	panic(fmt.Sprintf("columntest: a %T has no JSON form", value))
}

// quote writes a JSON string; strconv's escapes are not JSON's.
func quote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}
