package orc_test

import (
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

// chunks returns records of a corpus of about so many bytes, in chunks of half
// a megabyte, as a feed delivers them.
func chunks(name string, size int) (list []*buffer.Chunk) {
	records := corpus.New(name, 1)
	for ; size > 0; size -= 512 << 10 {
		c := &buffer.Chunk{}
		c.Reset(buffer.Position{Epoch: 1, Seq: 1})
		for _, record := range records.Records(512 << 10) {
			start := len(c.Data)
			c.Data = append(c.Data, record...)
			c.Append(uint32(start), uint32(len(c.Data)), 0)
		}
		list = append(list, c)
	}
	return list
}

func schema(t testing.TB, name string) *column.Schema {
	t.Helper()
	s := &column.Schema{}
	for _, f := range corpus.Columns(name) {
		typ, err := column.ParseType(f.Type)
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: f.Name, Type: typ})
	}
	return s
}

func rows(c *buffer.Chunk) []int {
	r := make([]int, c.Len())
	for i := range r {
		r[i] = i
	}
	return r
}

// batches returns what is parsed from chunks.
func batches(t testing.TB, s *column.Schema, list []*buffer.Chunk) (parsed []*column.Batch) {
	t.Helper()
	p, err := column.NewParser(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		var b column.Batch
		p.Parse(c, rows(c), &b)
		if b.Rows() != c.Len() {
			t.Fatalf("%d rows of %d records", b.Rows(), c.Len())
		}
		parsed = append(parsed, &b)
	}
	return parsed
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func settings(compression orc.Compression) *orc.Config {
	c := orc.Default().(*orc.Config)
	c.Compression = compression
	return c
}

// perSecond reports speed by the time of the processor: that of the clock
// says little on a machine that does other things.
func perSecond(b *testing.B, size int64, before time.Duration) {
	spent := processor(b) - before
	b.SetBytes(size)
	b.ReportMetric(float64(size)*float64(b.N)/1e6/spent.Seconds(), "MB/cpu-s")
}

// processor returns the time this process has had.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkConvert converts JSON to files, one of all chunks each time.
func BenchmarkConvert(b *testing.B) {
	for _, name := range corpus.Names() {
		for _, compression := range []orc.Compression{orc.None, orc.Snappy, orc.Zlib, orc.Zstd} {
			b.Run(fmt.Sprintf("%s/%s", name, compression), func(b *testing.B) {
				s, list := schema(b, name), chunks(name, 32<<20)
				parsers, err := column.NewParsers(s, column.Options{})
				if err != nil {
					b.Fatal(err)
				}
				format := column.Format{Parsers: parsers, Output: settings(compression)}
				var size, out int64
				before := processor(b)
				for b.Loop() {
					var w counter
					e, err := format.NewEncoder(&w)
					if err != nil {
						b.Fatal(err)
					}
					size = 0
					for _, c := range list {
						size += int64(len(c.Data))
						if err := e.Append(c, rows(c)); err != nil {
							b.Fatal(err)
						}
					}
					if err := e.Close(); err != nil {
						b.Fatal(err)
					}
					out = w.n
				}
				perSecond(b, size, before)
				b.ReportMetric(float64(size)/float64(out), "ratio")
			})
		}
	}
}

// BenchmarkWrite is the part of BenchmarkConvert that is not parsing.
func BenchmarkWrite(b *testing.B) {
	for _, name := range corpus.Names() {
		for _, compression := range []orc.Compression{orc.None, orc.Snappy, orc.Zlib, orc.Zstd} {
			b.Run(fmt.Sprintf("%s/%s", name, compression), func(b *testing.B) {
				s, list := schema(b, name), chunks(name, 32<<20)
				parsed := batches(b, s, list)
				var size int64
				for _, c := range list {
					size += int64(len(c.Data))
				}
				f, err := settings(compression).NewFile(io.Discard, s)
				if err != nil {
					b.Fatal(err)
				}
				g := f.NewGroup()
				before := processor(b)
				for b.Loop() {
					for _, p := range parsed {
						if err := g.Write(p); err != nil {
							b.Fatal(err)
						}
					}
					if err := f.Append(g); err != nil {
						b.Fatal(err)
					}
				}
				perSecond(b, size, before)
			})
		}
	}
}
