package schema

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// parses checks that each record is a row of the columns inferred from all,
// unless the parser takes it for broken: it is stricter with halves of
// surrogate pairs.
func parses(t *testing.T, inf *Inference, records [][]byte) {
	t.Helper()
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	var rows []int
	for i, r := range records {
		inf.Add(r)
		c.AppendCopy(r, time.Time{})
		rows = append(rows, i)
	}
	s, err := inf.Schema()
	if err != nil {
		return // there is nothing in them
	}
	p, err := column.NewParser(s, column.Options{CaseInsensitive: true, DotsToUnderscores: inf.DotsToUnderscores, Keys: inf.Keys, TimestampFormats: inf.TimestampFormats})
	if err != nil {
		t.Fatalf("%s: %v", row(s), err)
	}
	var b column.Batch
	p.Parse(c, rows, &b)
	for _, i := range rows {
		if err := c.Failure(i); err != nil && !strings.Contains(err.Error(), "ParseError") {
			t.Fatalf("%s\nis no row of %s: %v", c.Bytes(i), row(s), err)
		}
	}
}

func TestRecordsAreRowsOfTheColumnsInferredFromThem(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		s := columntest.Schema(r, 6)
		root := s.Root()
		var records [][]byte
		for _, row := range columntest.Random(r, s, 20) {
			records = append(records, columntest.JSON(&root, row))
		}
		parses(t, NewInference(0), records)
	}
}

func TestOddRecordsAreRowsOfTheColumnsInferredFromThem(t *testing.T) {
	values := []string{`1`, `-0`, `1e3`, `1E-400`, `0.1`, `9223372036854775808`, `123456789012345678901234567890`, `1e400`, `true`, `null`, `""`, `"a\u0000\n"`, `"\ud83d\ude00"`, `"1"`,
		`"2026-11-23"`, `"0001-01-01"`, `"9999-12-31"`, `"2026-11-23T08:00:00Z"`, `"2026-11-23 08:00:00"`, `"2026-11-23T08:00:00.123456789"`,
		`"2026-11-23T08:00:00+01:00"`, `"2026-11-23T08:00:00.5-0230"`, `"2026-11-23 08:00:00+01"`, `"1678-01-01T00:00:00Z"`, `"2261-12-31T23:59:59.999999999Z"`,
		`[]`, `[[]]`, `[1,null]`, `["2026-11-23"]`, `{}`, `{"a":1}`, `{"A":0.5}`, `{"a":{"b":[{}]}}`, `{"x.y":1}`, `{"ſ":1,"s":2}`, `{"a":1,"a":"x"}`}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 8))
		var records [][]byte
		first := r.IntN(len(values))
		for range 1 + r.IntN(3) {
			v := values[first]
			if r.IntN(3) == 0 {
				v = values[r.IntN(len(values))]
			}
			records = append(records, []byte(`{"x":`+v+`,"l":[`+v+`],"y":true}`))
		}
		inf := NewInference(0)
		inf.DotsToUnderscores = r.IntN(2) == 0
		parses(t, inf, records)
	}
}

func TestRealRecordsAreRowsOfTheColumnsInferredFromThem(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join(realnest, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) == 0 {
		t.Skipf("SKIPPED, WITHOUT REAL RECORDS: there are none in %s", realnest)
	}
	for _, dir := range tables {
		parses(t, NewInference(0), records(t, dir))
	}
}

func FuzzInference(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}]}{"a":"2026-11-23T08:00:00Z"}`), []byte(`{"A":1e400}`))
	f.Add([]byte(`{"a":{"b.c":{}}}`), []byte(`{"a":"2026-11-23 08:00:00"}`))
	f.Add([]byte(`{"a":"2026-11-23"}`), []byte(`{"a":[[],{}]}`))
	f.Add([]byte(`{"a":{"b.c":{}}`), []byte{0xff})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		inf := NewInference(0)
		inf.Add(first)
		inf.Add(second)
		s, err := inf.Schema()
		if err != nil {
			return
		}
		if _, err := FromColumns(Columns(s)); err != nil {
			t.Fatalf("%q %q: %v", first, second, err)
		}
		if isRow(first) && isRow(second) {
			parses(t, NewInference(0), [][]byte{first, second})
		}
	})
}
