package column_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// The oracle converts records plainly: with encoding/json and math/big, value
// by value. It knows no times; timeless makes a schema it can handle.

var errNoRow = errors.New("no row of the table")

func timeless(t *column.Type) {
	if t.Kind == column.Date || t.Kind == column.Timestamp {
		t.Kind = column.String
	}
	for i := range t.Fields {
		timeless(&t.Fields[i].Type)
	}
}

// oracleRows returns the rows of a record that is valid JSON.
func oracleRows(s *column.Schema, record []byte) ([]map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(record))
	root := s.Root()
	var rows []map[string]any
	for {
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			if len(rows) == 0 {
				return nil, errNoRow
			}
			return rows, nil
		}
		if value[0] != '{' {
			return nil, errNoRow
		}
		row, err := oracle(&root, value)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row.(map[string]any))
	}
}

// members returns the fields of an object, in order.
func members(object []byte) (keys []string, values []json.RawMessage) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.Token()
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			panic(err)
		}
		keys, values = append(keys, key.(string)), append(values, value)
	}
	return keys, values
}

var numeric = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func oracle(t *column.Type, value json.RawMessage) (any, error) {
	text, isString := string(value), value[0] == '"'
	if text == "null" {
		return nil, nil
	}
	if isString {
		if err := json.Unmarshal(value, &text); err != nil {
			panic(err)
		}
	}
	switch t.Kind {
	case column.Struct:
		if value[0] != '{' {
			return nil, errNoRow
		}
		row := map[string]any{}
		keys, values := members(value)
		for i := range t.Fields {
			f := &t.Fields[i]
			for k := range keys {
				if keys[k] != f.Name {
					continue
				}
				// The last counts, but those before it must fit, too.
				v, err := oracle(&f.Type, values[k])
				if err != nil {
					return nil, err
				}
				if delete(row, f.Name); v != nil {
					row[f.Name] = v
				}
			}
			if f.Required && row[f.Name] == nil {
				return nil, errNoRow
			}
		}
		return row, nil
	case column.Map:
		if value[0] != '{' {
			return nil, errNoRow
		}
		keys, values := members(value)
		pairs := columntest.Pairs{}
		for i := range keys {
			text, _ := json.Marshal(keys[i])
			key, err := oracle(&t.Fields[0].Type, text)
			if err != nil {
				return nil, err
			}
			v, err := oracle(&t.Fields[1].Type, values[i])
			if err != nil || v == nil && t.Fields[1].Required {
				return nil, errNoRow
			}
			pairs = slices.DeleteFunc(pairs, func(p columntest.Pair) bool { return fmt.Sprint(p.Key) == fmt.Sprint(key) })
			pairs = append(pairs, columntest.Pair{Key: key, Value: v})
		}
		return pairs, nil
	case column.Array:
		elements := []json.RawMessage{value}
		if value[0] == '[' {
			elements = nil
			if err := json.Unmarshal(value, &elements); err != nil {
				panic(err)
			}
		}
		list := []any{}
		for _, e := range elements {
			v, err := oracle(&t.Fields[0].Type, e)
			if err != nil || v == nil && t.Fields[0].Required {
				return nil, errNoRow
			}
			list = append(list, v)
		}
		return list, nil
	case column.String:
		return text, nil
	case column.Varchar, column.Char:
		if r := []rune(text); len(r) > t.Length {
			text = string(r[:t.Length])
		}
		return text, nil
	case column.Binary:
		text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
		if strings.HasSuffix(text, "==") {
			text = text[:len(text)-2]
		} else {
			text = strings.TrimSuffix(text, "=")
		}
		data, err := base64.RawStdEncoding.DecodeString(text)
		if !isString || err != nil {
			return nil, errNoRow
		}
		return data, nil
	case column.Boolean:
		switch strings.ToLower(text) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, errNoRow
	}
	if !numeric.MatchString(text) {
		return nil, errNoRow
	}
	switch t.Kind {
	case column.Float:
		f, err := strconv.ParseFloat(text, 32)
		return float32(f), err
	case column.Double:
		return strconv.ParseFloat(text, 64)
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, errNoRow
	}
	if t.Kind == column.Decimal {
		return oracleDecimal(t, x)
	}
	bits := map[column.Kind]int{column.TinyInt: 7, column.SmallInt: 15, column.Int: 31, column.BigInt: 63}[t.Kind]
	if !x.IsInt() || !x.Num().IsInt64() || x.Num().Int64()>>bits != x.Num().Int64()>>63 {
		return nil, errNoRow
	}
	return x.Num().Int64(), nil
}

func oracleDecimal(t *column.Type, x *big.Rat) (any, error) {
	text := x.FloatString(t.Scale) // rounds half away from zero
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
	if len(digits) > t.Precision {
		return nil, errNoRow
	}
	if digits == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return text, nil
}

// largeExponent finds numbers that would keep math/big busy for long.
var largeExponent = regexp.MustCompile(`[eE][+-]?[0-9]{4}`)

// checkAgainstOracle parses records as one chunk.
func checkAgainstOracle(t *testing.T, s *column.Schema, records [][]byte) {
	t.Helper()
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for _, r := range records {
		c.AppendCopy(r, time.UnixMilli(0))
	}
	before := bytes.Clone(c.Data)
	var b column.Batch
	newParser(t, s, column.Options{}).Parse(c, allRows(c), &b)
	if !bytes.Equal(before, c.Data) {
		t.Fatal("Parse changed the records")
	}
	var want []map[string]any
	for i, record := range records {
		var code string
		var rows []map[string]any
		if !valuesBackToBack(record) {
			code = "DataFormatConversion.ParseError"
		} else if r, err := oracleRows(s, record); err != nil {
			code = "DataFormatConversion.MalformedData"
		} else {
			rows = r
		}
		got := ""
		var failure *buffer.Failure
		if errors.As(c.Failure(i), &failure) {
			got = failure.Code
		}
		if got != code {
			t.Fatalf("%v\n%q\nfailed with %v, want %q", s.Root(), record, c.Failure(i), code)
		}
		want = append(want, rows...)
	}
	if diff := cmp.Diff(want, columntest.Rows(s, &b)); diff != "" {
		t.Fatalf("%v\n%q\n%s", s.Root(), records, diff)
	}
}

// valuesBackToBack reports whether a record is JSON, as Valid has it.
func valuesBackToBack(record []byte) bool {
	if column.Valid(record) == nil {
		return true
	}
	rest := bytes.Trim(record, " \t\r\n")
	for len(rest) > 0 {
		end := 0
		for n := 1; n <= len(rest); n++ { // the longest prefix that is a value
			if bytes.IndexByte([]byte(" \t\r\n"), rest[n-1]) < 0 && column.Valid(rest[:n]) == nil {
				end = n
				if rest[0] == '{' || rest[0] == '[' || rest[0] == '"' {
					break
				}
			}
		}
		if end == 0 || end < len(rest) && bytes.IndexByte([]byte("-0123456789"), rest[0]) >= 0 && bytes.IndexByte([]byte("0123456789.eE"), rest[end]) >= 0 {
			return false
		}
		rest = bytes.TrimLeft(rest[end:], " \t\r\n")
	}
	return true
}

func FuzzParse(f *testing.F) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := columntest.Schema(r, 6)
		for i := range s.Columns {
			timeless(&s.Columns[i].Type)
		}
		root := s.Root()
		for _, row := range columntest.Random(r, s, 2) {
			if record := (writer{r}).value(&root, row); len(record) < 2000 {
				f.Add(seed, []byte(record))
			}
		}
	}
	f.Add(uint64(1), []byte(`{"f0":1,"f1":"2","f2":[3],"f3":{"f0":4},"f4":true}{"f0":-1.50,"f1":1e3,"f2":"","f3":null}`))
	f.Fuzz(func(t *testing.T, seed uint64, record []byte) {
		if len(record) > 4000 || largeExponent.Match(record) {
			return
		}
		r := rand.New(rand.NewPCG(seed, 5))
		s := columntest.Schema(r, 6)
		for i := range s.Columns {
			timeless(&s.Columns[i].Type)
		}
		good := columntest.JSON(rootOf(s), columntest.Random(r, s, 1)[0])
		if len(good) > 2000 {
			good = nil
		}
		checkAgainstOracle(t, s, [][]byte{record, good, record, []byte(`"}]}:1}`)})
	})
}

func rootOf(s *column.Schema) *column.Type {
	root := s.Root()
	return &root
}

func FuzzParseType(f *testing.F) {
	f.Add("array<struct<`a b`:decimal(10,2) not null,c:map<int,varchar(3)>>>")
	f.Fuzz(func(t *testing.T, text string) {
		typ, err := column.ParseType(text)
		if err != nil {
			if e := new(column.TypeError); !errors.As(err, &e) || e.Offset > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := column.ParseType(typ.String())
		if diff := cmp.Diff(typ, again); err != nil || diff != "" {
			t.Fatalf("%q: %v %s", text, err, diff)
		}
	})
}
