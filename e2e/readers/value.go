package readers

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// value makes a columntest.Value from what a child wrote. The forms say the
// type, as the reader knows it from the file, and lose nothing:
//
//	null, true, false
//	"i-12"              any integer
//	"f3f800000"         float, "d3ff0000000000000" double: their bits
//	"n-12.50"           decimal, with all digits of its scale
//	"stext"             string
//	"xYmFzZTY0"         bytes
//	"D-3"               date: days since 1970-01-01
//	"T1500"             timestamp: nanoseconds since 1970-01-01T00:00:00Z
//	[…]                 array
//	{"m": [[key, value], …]}
//	{"s": {name: value, …}}
func value(v any) (columntest.Value, error) {
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case string:
		return plain(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = value(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		if fields, ok := v["s"].(map[string]any); ok {
			return row(fields)
		}
		if entries, ok := v["m"].([]any); ok {
			return pairs(entries)
		}
	}
	return nil, fmt.Errorf("read answer: %v is no value", v)
}

// row leaves out fields that are null, as columntest does.
func row(fields map[string]any) (map[string]any, error) {
	all := map[string]any{}
	for name, f := range fields {
		x, err := value(f)
		if err != nil {
			return nil, err
		}
		if x != nil {
			all[name] = x
		}
	}
	return all, nil
}

func pairs(entries []any) (columntest.Pairs, error) {
	all := columntest.Pairs{}
	for _, e := range entries {
		pair, ok := e.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("read answer: %v is no entry of a map", e)
		}
		k, err := value(pair[0])
		if err != nil {
			return nil, err
		}
		x, err := value(pair[1])
		if err != nil {
			return nil, err
		}
		all = append(all, columntest.Pair{Key: k, Value: x})
	}
	return all, nil
}

func plain(s string) (columntest.Value, error) {
	if s == "" {
		return nil, fmt.Errorf("read answer: a value without its form")
	}
	form, text := s[0], s[1:]
	switch form {
	case 'i':
		return strconv.ParseInt(text, 10, 64)
	case 'f':
		bits, err := strconv.ParseUint(text, 16, 32)
		return math.Float32frombits(uint32(bits)), err
	case 'd':
		bits, err := strconv.ParseUint(text, 16, 64)
		return math.Float64frombits(bits), err
	case 'n', 's':
		return text, nil
	case 'x':
		return base64.StdEncoding.DecodeString(text)
	case 'D':
		days, err := strconv.ParseInt(text, 10, 32)
		return time.Unix(days*86400, 0).UTC().Format(time.DateOnly), err
	case 'T':
		n, ok := new(big.Int).SetString(text, 10) // a wrong one may be large
		if !ok {
			return nil, fmt.Errorf("read answer: timestamp %s", text)
		}
		seconds, nanos := new(big.Int).DivMod(n, big.NewInt(1e9), new(big.Int))
		return time.Unix(seconds.Int64(), nanos.Int64()).UTC().Format(time.RFC3339Nano), nil
	}
	return nil, fmt.Errorf("read answer: %q has an unknown form", s)
}
