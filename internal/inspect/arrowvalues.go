package inspect

import (
	"encoding/json"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// appendArrow writes a value as JSON, in the manner of the other formats.
func appendArrow(dst []byte, a arrow.Array, i int) (_ []byte, err error) {
	if a.IsNull(i) {
		return append(dst, "null"...), nil
	}
	switch a := a.(type) {
	case *array.Binary:
		return appendBytes(dst, a.Value(i)), nil
	case *array.Float32:
		return appendFloat(dst, float64(a.Value(i)), 32), nil
	case *array.Float64:
		return appendFloat(dst, a.Value(i), 64), nil
	case *array.Decimal128:
		return append(dst, pointed(a.Value(i).BigInt(), int(a.DataType().(*arrow.Decimal128Type).Scale))...), nil
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		layout := "2006-01-02T15:04:05.999999999"
		if t.TimeZone != "" {
			layout = time.RFC3339Nano
		}
		return appendString(dst, a.Value(i).ToTime(t.Unit).UTC().Format(layout)), nil
	case *array.Struct:
		dst = append(dst, '{')
		for f := range a.NumField() {
			dst = append(appendString(comma(dst), a.DataType().(*arrow.StructType).Field(f).Name), ':')
			if dst, err = appendArrow(dst, a.Field(f), i); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case *array.Map:
		dst = append(dst, '{')
		for start, end := a.ValueOffsets(i); start < end; start++ {
			key, err := appendArrow(nil, a.Keys(), int(start))
			if err != nil {
				return nil, err
			}
			if key[0] != '"' {
				key = appendString(nil, string(key))
			}
			if dst, err = appendArrow(append(append(comma(dst), key...), ':'), a.Items(), int(start)); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case *array.List:
		dst = append(dst, '[')
		for start, end := a.ValueOffsets(i); start < end; start++ {
			if dst, err = appendArrow(comma(dst), a.ListValues(), int(start)); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	value, err := json.Marshal(a.GetOneForMarshal(i))
	return append(dst, value...), err
}
