package column_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

// corpusChunk returns records of a corpus of about half a megabyte, as a feed
// delivers them, and their table.
func corpusChunk(t testing.TB, name string) (*buffer.Chunk, *column.Schema) {
	t.Helper()
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for _, record := range corpus.New(name, 1).Records(512 << 10) {
		start := len(c.Data)
		c.Data = append(c.Data, record...)
		c.Append(uint32(start), uint32(len(c.Data)), 0)
	}
	s := &column.Schema{}
	for _, f := range corpus.Columns(name) {
		typ, err := column.ParseType(f.Type)
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: f.Name, Type: typ})
	}
	return c, s
}

// openX are the options of a stream that names none.
var openX = column.Options{CaseInsensitive: true}

func TestCorporaAreParsedWithoutFailures(t *testing.T) {
	for _, name := range corpus.Names() {
		c, s := corpusChunk(t, name)
		var b column.Batch
		newParser(t, s, openX).Parse(c, allRows(c), &b)
		c.Failures(func(row int, err error) { t.Errorf("%s: %v\n%s", name, err, c.Bytes(row)) })
		if b.Rows() != c.Len() {
			t.Errorf("%s: %d rows of %d records", name, b.Rows(), c.Len())
		}
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	for _, name := range corpus.Names() {
		c, s := corpusChunk(t, name)
		p, rows := newParser(t, s, openX), allRows(c)
		var b column.Batch
		p.Parse(c, rows, &b)
		if n := testing.AllocsPerRun(5, func() { p.Parse(c, rows, &b) }); n != 0 {
			t.Errorf("%s: %v allocations for %d records", name, n, c.Len())
		}
	}
}

// TestNoKindAllocates parses random rows of all kinds, with escapes, maps,
// unknown fields and all.
func TestNoKindAllocates(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 6))
		s := columntest.Schema(r, 20)
		root := s.Root()
		c := chunkOf()
		for _, row := range columntest.Random(r, s, 200) {
			c.AppendCopy([]byte(`{"unknown":["\n"],`+string(columntest.JSON(&root, row))[1:]), time.UnixMilli(0))
			if len(row) == 0 {
				c.Drop(c.Len() - 1) // a comma too many
			}
		}
		p, rows := newParser(t, s, openX), allRows(c)
		var b column.Batch
		p.Parse(c, rows, &b)
		if n := testing.AllocsPerRun(5, func() { p.Parse(c, rows, &b) }); n != 0 {
			t.Errorf("seed %d, %v: %v allocations for %d records", seed, root, n, c.Len())
		}
	}
}

// rewritten returns the records of c written otherwise: with white space as
// Python writes it, or with the fields in another order each time.
func rewritten(t testing.TB, c *buffer.Chunk, how string) *buffer.Chunk {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	out := chunkOf()
	for row := range c.Len() {
		var text bytes.Buffer
		switch how {
		case "spaced":
			if err := json.Indent(&text, c.Bytes(row), "", " "); err != nil {
				t.Fatal(err)
			}
		case "shuffled":
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(c.Bytes(row), &fields); err != nil {
				t.Fatal(err)
			}
			names := slices.Sorted(maps.Keys(fields))
			r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			for i, name := range names {
				fmt.Fprintf(&text, "%c%q:%s", "{,"[min(i, 1)], name, fields[name])
			}
			text.WriteByte('}')
		default:
			text.Write(c.Bytes(row))
		}
		out.AppendCopy(text.Bytes(), time.UnixMilli(0))
	}
	return out
}

func BenchmarkParse(b *testing.B) {
	for _, name := range corpus.Names() {
		for _, how := range []string{"as produced", "spaced", "shuffled"} {
			b.Run(name+"/"+how, func(b *testing.B) {
				c, s := corpusChunk(b, name)
				c = rewritten(b, c, how)
				p, rows := newParser(b, s, openX), allRows(c)
				var batch column.Batch
				b.SetBytes(int64(len(c.Data)))
				b.ReportAllocs()
				for b.Loop() {
					p.Parse(c, rows, &batch)
				}
				if batch.Rows() != c.Len() {
					b.Fatalf("%d rows of %d records", batch.Rows(), c.Len())
				}
			})
		}
	}
}

func BenchmarkValid(b *testing.B) {
	for _, name := range corpus.Names() {
		b.Run(name, func(b *testing.B) {
			c, _ := corpusChunk(b, name)
			b.SetBytes(int64(len(c.Data)))
			for b.Loop() {
				for row := range c.Len() {
					if err := column.Valid(c.Bytes(row)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkYardstick is what others need for the same records: encoding/json
// to look at them, and memory to find each quote.
func BenchmarkYardstick(b *testing.B) {
	for _, name := range corpus.Names() {
		c, _ := corpusChunk(b, name)
		b.Run("json.Valid/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(c.Data)))
			for b.Loop() {
				for row := range c.Len() {
					if !json.Valid(c.Bytes(row)) {
						b.Fatal("not valid")
					}
				}
			}
		})
		b.Run("quotes/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(c.Data)))
			for b.Loop() {
				for rest := c.Data; ; {
					i := bytes.IndexByte(rest, '"')
					if i < 0 {
						break
					}
					rest = rest[i+1:]
				}
			}
		})
	}
}
