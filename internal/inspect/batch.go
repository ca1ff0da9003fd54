package inspect

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// batchRows returns the rows of a batch as JSON objects.
func batchRows(s *column.Schema, b *column.Batch) []json.RawMessage {
	root := s.Root()
	return slots(b, &b.Root, &root)
}

// slots returns the values of all slots of a vector.
func slots(b *column.Batch, v *column.Vector, t *column.Type) []json.RawMessage {
	below := make([][]json.RawMessage, len(v.Children))
	for i := range v.Children {
		below[i] = slots(b, &v.Children[i], &t.Fields[i].Type)
	}
	values := make([]json.RawMessage, 0, v.Slots())
	nulls := v.Gaps
	start := uint32(0)
	for i := range v.Present + 1 {
		for len(nulls) > 0 && nulls[0].At == uint32(i) {
			for range nulls[0].N {
				values = append(values, json.RawMessage("null"))
			}
			nulls = nulls[1:]
		}
		if i == v.Present {
			break
		}
		var dst []byte
		switch t.Kind {
		case column.Struct:
			dst = append(dst, '{')
			for f := range below {
				dst = append(appendString(comma(dst), t.Fields[f].Name), ':')
				dst = append(dst, below[f][i]...)
			}
			dst = append(dst, '}')
		case column.Array:
			dst = append(dst, '[')
			for _, x := range below[0][start:v.Ends[i]] {
				dst = append(comma(dst), x...)
			}
			dst = append(dst, ']')
			start = v.Ends[i]
		case column.Map:
			dst = append(dst, '{')
			for ; start < v.Ends[i]; start++ {
				key := below[0][start]
				if key[0] != '"' {
					key = appendString(nil, string(key))
				}
				dst = append(append(comma(dst), key...), ':')
				dst = append(dst, below[1][start]...)
			}
			dst = append(dst, '}')
		default:
			dst = appendValue(dst, b, t, v.Values[i])
		}
		values = append(values, dst)
	}
	return values
}

// comma goes before all but the first.
func comma(dst []byte) []byte {
	if last := dst[len(dst)-1]; last != '{' && last != '[' {
		return append(dst, ',')
	}
	return dst
}

func appendValue(dst []byte, b *column.Batch, t *column.Type, x uint64) []byte {
	switch t.Kind {
	case column.Boolean:
		return strconv.AppendBool(dst, x != 0)
	case column.TinyInt, column.SmallInt, column.Int, column.BigInt:
		return strconv.AppendInt(dst, int64(x), 10)
	case column.Float:
		return appendFloat(dst, float64(math.Float32frombits(uint32(x))), 32)
	case column.Double:
		return appendFloat(dst, math.Float64frombits(x), 64)
	case column.Decimal:
		n := big.NewInt(int64(x))
		if t.Wide() {
			p := b.Bytes(x)
			n.SetInt64(int64(binary.BigEndian.Uint64(p)))
			n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(binary.BigEndian.Uint64(p[8:])))
		}
		return append(dst, pointed(n, t.Scale)...)
	case column.Date:
		return appendString(dst, time.Unix(int64(x)*86400, 0).UTC().Format(time.DateOnly))
	case column.Timestamp:
		return appendString(dst, time.Unix(0, int64(x)).UTC().Format(time.RFC3339Nano))
	}
	return appendBytes(dst, b.Bytes(x))
}
