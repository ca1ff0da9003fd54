package column_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// chunkOf makes a chunk of records.
func chunkOf(records ...string) *buffer.Chunk {
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for _, r := range records {
		c.AppendCopy([]byte(r), time.UnixMilli(0))
	}
	return c
}

func allRows(c *buffer.Chunk) []int {
	rows := make([]int, c.Len())
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func newParser(t testing.TB, s *column.Schema, o column.Options) *column.Parser {
	t.Helper()
	p, err := column.NewParser(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// schemaOf makes a schema from "name type" pairs.
func schemaOf(t testing.TB, columns ...string) *column.Schema {
	t.Helper()
	s := &column.Schema{}
	for _, c := range columns {
		name, text, _ := strings.Cut(c, " ")
		text, required := strings.CutSuffix(text, " not null")
		typ, err := column.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: name, Type: typ, Required: required})
	}
	return s
}

// parse returns the rows of records, and why records failed.
func parse(t testing.TB, s *column.Schema, o column.Options, records ...string) (rows []map[string]any, failures []string) {
	t.Helper()
	p := newParser(t, s, o)
	c := chunkOf(records...)
	var b column.Batch
	p.Parse(c, allRows(c), &b)
	c.Failures(func(_ int, err error) { failures = append(failures, err.Error()) })
	return columntest.Rows(s, &b), failures
}

// member is a field of an object, as text.
type member struct{ key, value string }

// writer writes values as JSON in unusual ways.
type writer struct{ r *rand.Rand }

func (w writer) space() string {
	if w.r.IntN(8) > 0 {
		return ""
	}
	return []string{" ", "\n", "\t", "\r\n", "  "}[w.r.IntN(5)]
}

// value writes a value: fields in any order, white space, unknown fields.
func (w writer) value(t *column.Type, value any) string {
	switch x := value.(type) {
	case map[string]any:
		var members []member
		for _, f := range t.Fields {
			if v, ok := x[f.Name]; ok {
				if w.r.IntN(20) == 0 { // an earlier one that is replaced
					members = append(members, member{f.Name, w.value(&f.Type, columntest.Random(w.r, &column.Schema{Columns: []column.Field{{Name: "x", Type: f.Type, Required: true}}}, 1)[0]["x"])})
				}
				members = append(members, member{f.Name, w.value(&f.Type, v)})
			} else if w.r.IntN(2) == 0 {
				members = append(members, member{f.Name, "null"})
			}
		}
		if w.r.IntN(3) == 0 {
			w.shuffle(members)
		}
		for range w.r.IntN(3) {
			at := w.r.IntN(len(members) + 1)
			unknown := member{fmt.Sprintf("unknown%d", w.r.IntN(5)), []string{`1`, `"x\n"`, `[{"f0":1}]`, `{"f0":[]}`, `null`}[w.r.IntN(5)]}
			members = append(members[:at], append([]member{unknown}, members[at:]...)...)
		}
		parts := make([]string, len(members))
		for i, m := range members {
			key, _ := json.Marshal(m.key)
			if w.r.IntN(20) == 0 {
				key = fmt.Appendf(nil, `"\u%04x%s"`, m.key[0], m.key[1:])
			}
			parts[i] = w.space() + string(key) + w.space() + ":" + w.space() + m.value + w.space()
		}
		return "{" + w.space() + strings.Join(parts, ",") + "}"
	case []any:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = w.space() + w.value(&t.Fields[0].Type, x[i]) + w.space()
		}
		return "[" + w.space() + strings.Join(parts, ",") + "]"
	case columntest.Pairs:
		parts := make([]string, len(x))
		for i := range x {
			key := string(columntest.JSON(&t.Fields[0].Type, x[i].Key))
			if !strings.HasPrefix(key, `"`) {
				key = `"` + key + `"`
			}
			parts[i] = key + w.space() + ":" + w.value(&t.Fields[1].Type, x[i].Value)
		}
		return "{" + w.space() + strings.Join(parts, ",") + "}"
	}
	return string(columntest.JSON(t, value))
}

// shuffle keeps the order of fields of the same name.
func (w writer) shuffle(members []member) {
	w.r.Shuffle(len(members), func(i, j int) {
		if i > j {
			i, j = j, i
		}
		for _, m := range members[i:j] {
			if m.key == members[j].key {
				return
			}
		}
		for _, m := range members[i+1 : j+1] {
			if m.key == members[i].key {
				return
			}
		}
		members[i], members[j] = members[j], members[i]
	})
}

// bad are records that are no rows of any schema.
var bad = []string{"", " ", "[]", "1", `"x"`, "null", `{"f0"`, `{"f0":`, `{"f0":1`, `{"f0":[1,{"f1":`, `{"f1":"x`, `{}x`, `{},{}`, "{\"f0\":\"\xff\"}", `{"f2":"\`}

func TestParsedRowsAreThoseWritten(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 4))
		s := columntest.Schema(r, 6)
		root := s.Root()
		want := columntest.Random(r, s, 1+r.IntN(60))
		w := writer{r}
		c := &buffer.Chunk{}
		c.Reset(buffer.Position{Epoch: 1, Seq: 1})
		wantFailed := 0
		for i := 0; i < len(want); {
			if r.IntN(5) == 0 {
				record := bad[r.IntN(len(bad))]
				if r.IntN(2) == 0 { // good objects before it
					record = w.value(&root, want[i]) + record + "?"
				}
				c.AppendCopy([]byte(record), time.UnixMilli(0))
				wantFailed++
				continue
			}
			var record strings.Builder
			for n := 1 + r.IntN(2)*r.IntN(3); n > 0 && i < len(want); n-- {
				record.WriteString(w.space() + w.value(&root, want[i]) + w.space())
				i++
			}
			c.AppendCopy([]byte(record.String()), time.UnixMilli(0))
		}
		p := newParser(t, s, column.Options{})
		var got []map[string]any
		rows := allRows(c)
		var b column.Batch
		for len(rows) > 0 {
			n := 1 + r.IntN(len(rows))
			p.Parse(c, rows[:n], &b)
			got = append(got, columntest.Rows(s, &b)...)
			rows = rows[n:]
		}
		failed := 0
		c.Failures(func(row int, err error) { failed++ })
		if diff := cmp.Diff(want, got); diff != "" || failed != wantFailed {
			c.Failures(func(row int, err error) { t.Logf("%d: %v %q", row, err, c.Bytes(row)) })
			t.Fatalf("seed %d, %v: %d failed, want %d\n%s", seed, root, failed, wantFailed, diff)
		}
	}
}
