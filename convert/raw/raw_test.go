package raw_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/converttest"
	"github.com/hydrant-dev/hydrant/convert/raw"
)

func TestConformance(t *testing.T) {
	for delimiter, decode := range map[raw.Delimiter]func([]byte) ([]string, error){
		raw.Newline: func(file []byte) ([]string, error) {
			return strings.Split(strings.TrimSuffix(string(file), "\n"), "\n"), nil
		},
		raw.Between: func(file []byte) ([]string, error) { return strings.Split(string(file), "\n"), nil },
		raw.None: func(file []byte) ([]string, error) {
			return strings.Split(strings.ReplaceAll(string(file), "}{", "}\n{"), "\n"), nil
		},
	} {
		t.Run(string(delimiter), func(t *testing.T) {
			converttest.Run(t, converttest.Harness{Format: raw.Format{Delimiter: delimiter}, Decode: decode})
		})
	}
}

func encode(t *testing.T, d raw.Delimiter, records ...string) string {
	t.Helper()
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{})
	var rows []int
	for i, r := range records {
		c.AppendCopy([]byte(r), time.Time{})
		rows = append(rows, i)
	}
	var file bytes.Buffer
	e, err := raw.Format{Delimiter: d}.NewEncoder(&file)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Append(c, rows); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

// TestDelimiters has Firehose's acceptance vectors among its rows.
func TestDelimiters(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for _, test := range []struct {
		delimiter raw.Delimiter
		records   []string
		want      string
	}{
		{raw.None, []string{"abc", "abc", "abc"}, "abcabcabc"},
		{raw.Between, []string{"abc", "abc", "abc"}, "abc\nabc\nabc"},
		{raw.Newline, []string{"abc", "abc", "abc"}, "abc\nabc\nabc\n"},
		{raw.Newline, []string{"has one\n", "crlf\r\n", "none"}, "has one\ncrlf\r\nnone\n"},
		{raw.Newline, []string{"", "\n", "x"}, "\n\nx\n"},
		{raw.Between, []string{"", "", "x\n"}, "\n\nx\n"},
		{raw.None, nil, ""},
		{raw.Newline, nil, ""},
		{raw.Newline, []string{"a", long, long + "\n", "b"}, "a\n" + long + "\n" + long + "\nb\n"},
		{raw.Between, []string{"a", long, "b", long}, "a\n" + long + "\nb\n" + long},
		{raw.None, []string{"\x00\xff", long}, "\x00\xff" + long},
	} {
		if got := encode(t, test.delimiter, test.records...); got != test.want {
			t.Errorf("%s of %.40q:\n got %.60q\nwant %.60q", test.delimiter, test.records, got, test.want)
		}
	}
}

type counter struct{ calls int }

func (c *counter) Write(p []byte) (int, error) { c.calls++; return len(p), nil }

func TestNeighboursAreWrittenInOneGo(t *testing.T) {
	c := converttest.Clicks(100)
	var w counter
	e, err := raw.Format{Delimiter: raw.None}.NewEncoder(&w)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Append(c, []int{0, 1, 2, 3, 7, 8, 50}); err != nil {
		t.Fatal(err)
	}
	if w.calls != 3 {
		t.Errorf("%d writes for three runs of records", w.calls)
	}
}

func TestDelimiterNames(t *testing.T) {
	for in, want := range map[string]raw.Delimiter{"newline": raw.Newline, "None": raw.None, "BETWEEN": raw.Between} {
		var d raw.Delimiter
		if err := d.UnmarshalText([]byte(in)); err != nil || d != want {
			t.Errorf("UnmarshalText(%q) = %q, %v", in, d, err)
		}
	}
	var d raw.Delimiter
	if err := d.UnmarshalText([]byte("comma")); err == nil || !strings.Contains(err.Error(), "newline, none or between") {
		t.Errorf("UnmarshalText(comma) = %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	c := converttest.Clicks(1300) // half a megabyte
	rows := make([]int, c.Len())
	for i := range rows {
		rows[i] = i
	}
	for _, d := range []raw.Delimiter{raw.Newline, raw.None} {
		b.Run(fmt.Sprint(d), func(b *testing.B) {
			e, err := raw.Format{Delimiter: d}.NewEncoder(io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Append(c, rows); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
