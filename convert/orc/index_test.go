package orc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// entry is one of a row index.
type entry struct {
	positions  []uint64
	statistics Statistics
}

func entries(t *testing.T, m []byte) (list []entry) {
	t.Helper()
	err := fields(m, func(v value) error {
		var e entry
		err := fields(v.bytes, func(v value) (err error) {
			if v.field == 1 {
				e.positions, err = v.numbers(nil)
			} else {
				e.statistics, err = parseStatistics(v.bytes)
			}
			return err
		})
		list = append(list, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// parsed is a file of one stripe, opened for a look inside.
type parsed struct {
	file   []byte
	reader *Reader
	layout layout
}

func parse(t *testing.T, file []byte) parsed {
	t.Helper()
	r, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := r.layout(0)
	if err != nil {
		t.Fatal(err)
	}
	return parsed{file, r, l}
}

func (p parsed) raw(id, kind int) []byte {
	for _, s := range p.layout.streams {
		if s.column == uint64(id) && s.kind == uint64(kind) {
			return p.file[s.offset : s.offset+s.size]
		}
	}
	return nil
}

func (p parsed) index(t *testing.T, id int) []entry {
	t.Helper()
	s := source{r: bytes.NewReader(p.raw(id, kindRowIndex)), decoder: p.reader.decoder}
	m, err := s.all(1 << 30)
	if err != nil {
		t.Fatal(err)
	}
	return entries(t, m)
}

// seek returns a stream from a position on.
func (p parsed) seek(t *testing.T, id, kind int, positions *[]uint64) source {
	t.Helper()
	next := func() uint64 {
		v := (*positions)[0]
		*positions = (*positions)[1:]
		return v
	}
	s := source{r: bytes.NewReader(p.raw(id, kind)[next():]), decoder: p.reader.decoder}
	if p.reader.decoder.code != 0 {
		if _, err := s.add(nil, next()); err != nil {
			t.Fatalf("seek in column %d, stream %d: %v", id, kind, err)
		}
	}
	return s
}

// values returns a function that reads the numbers of a stream one by one,
// from a position on.
func (p parsed) values(t *testing.T, id, kind int, packed string, positions *[]uint64) func() (int64, error) {
	t.Helper()
	src := p.seek(t, id, kind, positions)
	next := func() (int64, error) { b, err := src.ReadByte(); return int64(b), err }
	skip := uint64(0)
	take := func() {
		skip = (*positions)[0]
		*positions = (*positions)[1:]
	}
	switch packed {
	case "ints", "unsigned":
		r := &intReader{src: src, signed: packed == "ints", old: p.reader.info.Version == "0.11"}
		next = r.next
		take()
	case "bytes":
		r := &byteReader{src: src}
		next = func() (int64, error) { b, err := r.next(); return int64(b), err }
		take()
	case "bits":
		r := &bitReader{bytes: byteReader{src: src}}
		next = func() (int64, error) {
			b, err := r.next()
			if b {
				return 1, err
			}
			return 0, err
		}
		take()
		whole := skip
		take()
		skip += 8 * whole
	}
	for range skip {
		if _, err := next(); err != nil {
			t.Fatalf("skip in column %d, stream %d: %v", id, kind, err)
		}
	}
	return next
}

// layoutOf says how the streams of a column are packed, in the order of their
// positions.
func layoutOf(k column.Kind, dictionary bool) []struct {
	kind   int
	packed string
} {
	type list = []struct {
		kind   int
		packed string
	}
	switch k {
	case column.Boolean:
		return list{{kindData, "bits"}}
	case column.TinyInt:
		return list{{kindData, "bytes"}}
	case column.SmallInt, column.Int, column.BigInt, column.Date:
		return list{{kindData, "ints"}}
	case column.Timestamp:
		return list{{kindData, "ints"}, {kindSecondary, "unsigned"}}
	case column.Decimal:
		return list{{kindData, ""}, {kindSecondary, "ints"}}
	case column.Float, column.Double:
		return list{{kindData, ""}}
	case column.Array, column.Map:
		return list{{kindLength, "unsigned"}}
	case column.Struct:
		return nil
	}
	if dictionary {
		return list{{kindData, "unsigned"}}
	}
	return list{{kindData, ""}, {kindLength, "unsigned"}}
}

func TestPositionsOfTheIndexLeadToTheirRows(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 8))
		s := columntest.Schema(r, 6)
		const stride, strides = 1000, 4
		rows := columntest.Random(r, s, stride*strides-r.IntN(2)*r.IntN(stride))
		p := parse(t, write(t, randomConfig(r, s), s, rows, len(rows), 1+r.IntN(700)))
		id := 1
		for i := range s.Columns {
			f := &s.Columns[i]
			t.Run(fmt.Sprintf("%d/%s_%v", seed, f.Name, f.Type.Kind), func(t *testing.T) {
				p.checkPositions(t, id, f, rows, stride)
			})
			id += count(&f.Type)
		}
	}
}

func (p parsed) checkPositions(t *testing.T, id int, f *column.Field, rows []map[string]any, stride int) {
	index := p.index(t, id)
	if want := (len(rows) + stride - 1) / stride; len(index) != want {
		t.Fatalf("%d entries, want %d", len(index), want)
	}
	streams := layoutOf(f.Type.Kind, p.layout.encodings[id].kind%2 == 1)
	hasPresent := p.raw(id, kindPresent) != nil
	// Read all strides from their positions: what comes must be what
	// comes when reading goes on from the stride before.
	var before []func() (int64, error)
	for k, e := range index {
		part := rows[k*stride : min((k+1)*stride, len(rows))]
		positions := e.positions
		var now []func() (int64, error)
		if hasPresent {
			now = append(now, p.values(t, id, kindPresent, "bits", &positions))
		}
		for _, s := range streams {
			now = append(now, p.values(t, id, s.kind, s.packed, &positions))
		}
		if len(positions) != 0 {
			t.Fatalf("entry %d has %d positions too many", k, len(positions))
		}
		present := 0
		for _, row := range part {
			if row[f.Name] != nil {
				present++
			}
		}
		if e.statistics.Values != uint64(present) || e.statistics.HasNull != (present < len(part)) {
			t.Errorf("entry %d: %d values, nulls %v; want %d of %d", k, e.statistics.Values, e.statistics.HasNull, present, len(part))
		}
		// Only streams with one number a row or value can be compared so.
		for i, next := range now {
			isPresent := hasPresent && i == 0
			if !isPresent && streams[i-btoi(hasPresent)].packed == "" {
				continue
			}
			n := present
			if isPresent {
				n = len(part)
			}
			for j := range n {
				got, err := next()
				if err != nil {
					t.Fatalf("entry %d, stream %d, value %d: %v", k, i, j, err)
				}
				if before == nil {
					continue
				}
				if want, _ := before[i](); got != want {
					t.Fatalf("entry %d, stream %d, value %d = %d, want %d", k, i, j, got, want)
				}
			}
		}
		before = nil
		// Start again at this stride, and go to its end.
		positions = e.positions
		if hasPresent {
			before = append(before, advance(t, p.values(t, id, kindPresent, "bits", &positions), len(part)))
		}
		for _, s := range streams {
			n := present
			if s.packed == "" {
				n = 0
			}
			before = append(before, advance(t, p.values(t, id, s.kind, s.packed, &positions), n))
		}
	}
}

func advance(t *testing.T, next func() (int64, error), n int) func() (int64, error) {
	t.Helper()
	for range n {
		if _, err := next(); err != nil {
			t.Fatal(err)
		}
	}
	return next
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Readers fail on an index entry without rows at the end.
func TestExactMultiplesOfAStrideHaveNoEmptyEntry(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "a", Type: column.Type{Kind: column.BigInt}}}}
	for _, n := range []int{1, 999, 1000, 1001, 2000, 3000} {
		rows := make([]map[string]any, n)
		for i := range rows {
			rows[i] = map[string]any{"a": int64(i)}
		}
		p := parse(t, write(t, config(nil), s, rows, n, 500))
		for id := range 2 {
			if got, want := len(p.index(t, id)), (n+999)/1000; got != want {
				t.Errorf("%d rows: column %d has %d entries, want %d", n, id, got, want)
			}
		}
	}
}

func TestStatistics(t *testing.T) {
	kind := func(k column.Kind) column.Type { return column.Type{Kind: k} }
	rows := []map[string]any{
		{"b": true, "i": int64(-3), "d": 1.5, "s": "m", "dec": "-1.50", "wide": "12.00", "date": "1969-12-31", "ts": "1969-12-31T23:59:59.9995Z", "bin": []byte{1, 2}, "list": []any{}},
		{"b": false, "i": int64(9), "d": -0.25, "s": "a", "dec": "3.25", "wide": "-5.00", "date": "2026-11-23", "ts": "2026-11-23T01:02:03.123456789Z", "bin": []byte{}, "list": []any{int64(1)}},
		{},
		{"b": true, "i": int64(0), "d": 0.0, "s": "zz", "dec": "0.00", "wide": "0.10", "date": "1970-01-01", "ts": "1970-01-01T00:00:00Z", "bin": []byte{3}, "list": []any{nil}},
	}
	s := &column.Schema{Columns: []column.Field{
		{Name: "b", Type: kind(column.Boolean)}, {Name: "i", Type: kind(column.Int)}, {Name: "d", Type: kind(column.Double)}, {Name: "s", Type: kind(column.String)},
		{Name: "dec", Type: column.Type{Kind: column.Decimal, Precision: 5, Scale: 2}}, {Name: "wide", Type: column.Type{Kind: column.Decimal, Precision: 30, Scale: 2}},
		{Name: "date", Type: kind(column.Date)}, {Name: "ts", Type: kind(column.Timestamp)}, {Name: "bin", Type: kind(column.Binary)}, {Name: "list", Type: column.ArrayOf(kind(column.Int))},
	}}
	want := []Statistics{
		{Values: 4},
		{Values: 3, HasNull: true, Sum: "2"},
		{Values: 3, HasNull: true, Min: "-3", Max: "9", Sum: "6"},
		{Values: 3, HasNull: true, Min: "-0.25", Max: "1.5", Sum: "1.25"},
		{Values: 3, HasNull: true, Min: "a", Max: "zz", Sum: "4"},
		{Values: 3, HasNull: true, Min: "-1.50", Max: "3.25", Sum: "1.75"},
		{Values: 3, HasNull: true, Min: "-5.00", Max: "12.00", Sum: "7.10"},
		{Values: 3, HasNull: true, Min: "1969-12-31", Max: "2026-11-23"},
		{Values: 3, HasNull: true, Min: "1969-12-31T23:59:59.999Z", Max: "2026-11-23T01:02:03.123Z"},
		{Values: 3, HasNull: true, Sum: "3"},
		{Values: 3, HasNull: true},
		{Values: 1, HasNull: true, Min: "1", Max: "1", Sum: "1"},
	}
	p := parse(t, write(t, config(nil), s, rows, 4, 4))
	stripe, err := p.reader.Stripe(0)
	if err != nil {
		t.Fatal(err)
	}
	for id := range want {
		info := p.reader.Info().Columns[id]
		if diff := cmp.Diff(want[id], info.Statistics); diff != "" {
			t.Errorf("file, column %d (%s): %s", id, info.Name, diff)
		}
		if diff := cmp.Diff(want[id], stripe.Statistics[id]); diff != "" {
			t.Errorf("stripe, column %d (%s): %s", id, info.Name, diff)
		}
		if diff := cmp.Diff(want[id], p.index(t, id)[0].statistics); diff != "" {
			t.Errorf("index, column %d (%s): %s", id, info.Name, diff)
		}
	}
	// In two stripes the file comes to the same.
	again := parse(t, write(t, config(nil), s, rows, 2, 1))
	if diff := cmp.Diff(p.reader.Info().Columns, again.reader.Info().Columns); diff != "" {
		t.Errorf("in two stripes: %s", diff)
	}
}
