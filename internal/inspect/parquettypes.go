package inspect

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetType is what a node means, in Hive's words where it has some.
func parquetType(c *parquet.Column) string {
	if !c.Leaf() {
		switch {
		case c.Repeated():
			return "repeated"
		case isList(c):
			return "array"
		case isMap(c):
			return "map"
		}
		return "struct"
	}
	name := parquetLeafType(c.Type())
	if c.Repeated() {
		return "repeated " + name
	}
	return name
}

func parquetLeafType(t parquet.Type) string {
	if l := t.LogicalType(); l != nil {
		switch l := l.Value.(type) {
		case *format.StringType:
			return "string"
		case *format.DecimalType:
			return fmt.Sprintf("decimal(%d,%d)", l.Precision, l.Scale)
		case *format.DateType:
			return "date"
		case *format.TimestampType:
			if l.IsAdjustedToUTC {
				return "timestamp"
			}
			return "timestamp (local)"
		case *format.IntType:
			return intName(l)
		}
		if s := l.String(); s != "" {
			return strings.ToLower(s)
		}
	}
	switch t.Kind() {
	case parquet.Int32:
		return "int"
	case parquet.Int64:
		return "bigint"
	case parquet.Int96:
		return "timestamp"
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return "binary"
	}
	return strings.ToLower(t.Kind().String())
}

func intName(t *format.IntType) string {
	names := map[int8]string{8: "tinyint", 16: "smallint", 32: "int", 64: "bigint"}
	name := names[t.BitWidth]
	if !t.IsSigned {
		name = "unsigned " + name
	}
	return name
}

// parquetPhysical is how the values are held.
func parquetPhysical(c *parquet.Column) string {
	if !c.Leaf() {
		return ""
	}
	t := c.Type()
	name := t.Kind().String()
	if t.Kind() == parquet.FixedLenByteArray {
		name = fmt.Sprintf("FIXED(%d)", t.Length())
	}
	if l := t.LogicalType(); l != nil {
		if stamp, ok := l.Value.(*format.TimestampType); ok {
			name += " " + strings.ToLower(stamp.Unit.String())
		}
	}
	return name
}

// parquetText is a value for people.
func parquetText(t parquet.Type, v parquet.Value) string {
	text := string(appendParquet(nil, t, v))
	var s string
	if json.Unmarshal([]byte(text), &s) == nil {
		return s
	}
	return text
}

// appendParquet writes a value as JSON.
func appendParquet(dst []byte, t parquet.Type, v parquet.Value) []byte {
	if v.IsNull() {
		return append(dst, "null"...)
	}
	if l := t.LogicalType(); l != nil {
		switch l := l.Value.(type) {
		case *format.DecimalType:
			return append(dst, decimalText(v, int(l.Scale))...)
		case *format.DateType:
			return appendString(dst, time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly))
		case *format.TimestampType:
			return appendString(dst, stamp(v.Int64(), &l.Unit, l.IsAdjustedToUTC))
		case *format.IntType:
			if !l.IsSigned {
				if v.Kind() == parquet.Int32 {
					return strconv.AppendUint(dst, uint64(v.Uint32()), 10)
				}
				return strconv.AppendUint(dst, v.Uint64(), 10)
			}
		case *format.UUIDType:
			if id, err := uuid.FromBytes(v.ByteArray()); err == nil {
				return appendString(dst, id.String())
			}
		}
	}
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(dst, v.Boolean())
	case parquet.Int32:
		return strconv.AppendInt(dst, int64(v.Int32()), 10)
	case parquet.Int64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case parquet.Int96: // nanoseconds of the day, Julian day
		i := v.Int96()
		nanos := int64(uint64(i[1])<<32 | uint64(i[0]))
		return appendString(dst, time.Unix((int64(int32(i[2]))-2440588)*86400, nanos).UTC().Format(time.RFC3339Nano))
	case parquet.Float:
		return appendFloat(dst, float64(v.Float()), 32)
	case parquet.Double:
		return appendFloat(dst, v.Double(), 64)
	}
	return appendBytes(dst, v.ByteArray())
}

func stamp(n int64, unit *format.TimeUnit, utc bool) string {
	var t time.Time
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		t = time.UnixMilli(n)
	case *format.MicroSeconds:
		t = time.UnixMicro(n)
	default:
		t = time.Unix(0, n)
	}
	if utc {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999999")
}

func decimalText(v parquet.Value, scale int) string {
	n := new(big.Int)
	switch v.Kind() {
	case parquet.Int32:
		n.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		n.SetInt64(v.Int64())
	default:
		b := v.ByteArray()
		n.SetBytes(b)
		if len(b) > 0 && b[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	return pointed(n, scale)
}

// mostScale is more than any format's decimals have; a damaged file has more.
const mostScale = 100

// pointed puts the decimal point before the last scale digits.
func pointed(n *big.Int, scale int) string {
	digits, sign := n.String(), ""
	if n.Sign() < 0 {
		digits, sign = digits[1:], "-"
	}
	switch {
	case scale == 0:
		return sign + digits
	case scale < 0 || scale > mostScale:
		return sign + digits + "e" + strconv.Itoa(-scale)
	}
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// appendFloat writes a number; JSON has none for infinity and NaN.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return appendString(dst, strconv.FormatFloat(f, 'g', -1, bits))
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

func appendString(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always can
	}
	return append(dst, b...)
}

// appendBytes writes text as it is and anything else in base64.
func appendBytes(dst, b []byte) []byte {
	if utf8.Valid(b) {
		return appendString(dst, string(b))
	}
	return appendString(dst, base64.StdEncoding.EncodeToString(b))
}
