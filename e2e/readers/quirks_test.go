package readers_test

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// quirk is what a format or a reader is known to do to values of a kind.
// Everything else is compared exactly, by type and by bits.
type quirk struct {
	reader, format string // "" for all
	kind           column.Kind
	why            string
	change         func(e eyes, t *column.Type, v columntest.Value) columntest.Value
}

var quirks = []quirk{
	{"", "", column.Timestamp, "the file has the unit that its settings say", cutToUnit},
	{"duckdb", "parquet", column.Timestamp, "TIMESTAMP WITH TIME ZONE has microseconds", duckdbMicros},
	{"", "orc", column.Timestamp, "the last second before 1970, from its second millisecond on, is read as the first second of 1970", orcLastSecond},
	{"pyarrow", "orc", column.Char, "the file has n characters, filled up with blanks; other readers take them away", padded},
}

// eyes are those of a reader on a file.
type eyes struct {
	reader, format string
	timestamps     string // how the file has them
}

// sees returns what a reader has to say of a value.
func sees(e eyes, t *column.Type, v columntest.Value) columntest.Value {
	switch x := v.(type) {
	case nil:
		return nil
	case []any:
		list := make([]any, len(x))
		for i := range x {
			list[i] = sees(e, &t.Fields[0].Type, x[i])
		}
		return list
	case columntest.Pairs:
		pairs := make(columntest.Pairs, len(x))
		for i := range x {
			pairs[i] = columntest.Pair{Key: sees(e, &t.Fields[0].Type, x[i].Key), Value: sees(e, &t.Fields[1].Type, x[i].Value)}
		}
		return pairs
	case map[string]any:
		row := map[string]any{}
		for i := range t.Fields {
			if f, ok := x[t.Fields[i].Name]; ok {
				row[t.Fields[i].Name] = sees(e, &t.Fields[i].Type, f)
			}
		}
		return row
	}
	for _, q := range quirks {
		if (q.reader == "" || q.reader == e.reader) && (q.format == "" || q.format == e.format) && q.kind == t.Kind {
			v = q.change(e, t, v)
		}
	}
	return v
}

func padded(_ eyes, t *column.Type, v columntest.Value) columntest.Value {
	return v.(string) + strings.Repeat(" ", t.Length-utf8.RuneCountInString(v.(string)))
}

func cutToUnit(e eyes, _ *column.Type, v columntest.Value) columntest.Value {
	switch e.timestamps {
	case "millis":
		return cut(v, time.Millisecond)
	case "micros":
		return cut(v, time.Microsecond)
	}
	return v
}

// duckdbMicros cuts INT96 towards the past, as the nanoseconds of a day, but
// int64 nanoseconds towards 1970.
func duckdbMicros(e eyes, _ *column.Type, v columntest.Value) columntest.Value {
	switch e.timestamps {
	case "int96":
		return cut(v, time.Microsecond)
	case "nanos":
		return instant(nanoseconds(v) / 1000 * 1000)
	}
	return v
}

// orcLastSecond is a fault of the format: readers take a second from what is
// before 1970 and has milliseconds, since Java once rounded those towards
// 1970, and the number for the last second is that of the first one after.
func orcLastSecond(_ eyes, _ *column.Type, v columntest.Value) columntest.Value {
	if n := nanoseconds(v); n < 0 && n > -1e9+999_999 {
		return instant(n + 1e9)
	}
	return v
}

// cut cuts a timestamp to a unit, towards the past.
func cut(v columntest.Value, unit time.Duration) columntest.Value {
	n := nanoseconds(v)
	below := n % int64(unit)
	if below < 0 {
		below += int64(unit)
	}
	return time.Unix(0, n).Add(-time.Duration(below)).UTC().Format(time.RFC3339Nano) // as nanoseconds, it may overflow
}

func nanoseconds(v columntest.Value) int64 {
	at, err := time.Parse(time.RFC3339Nano, v.(string))
	if err != nil {
		panic(err) // columntest wrote it
	}
	return at.UnixNano()
}

func instant(nanoseconds int64) columntest.Value {
	return time.Unix(0, nanoseconds).UTC().Format(time.RFC3339Nano)
}
