package readers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

func parquetWay(change func(c *parquet.Config)) way {
	c := parquet.Default().(*parquet.Config)
	change(c)
	name := fmt.Sprintf("%s,%s,%s,%s", c.Compression, c.WriterVersion, c.Encodings, c.Timestamps)
	if !c.Dictionary {
		name += ",nodict"
	}
	return way{name, c, string(c.Timestamps)}
}

func parquetWays() []way {
	var all []way
	for i, compression := range []parquet.Compression{parquet.Snappy, parquet.Uncompressed, parquet.GZIP, parquet.ZSTD, parquet.LZ4Raw} {
		for j, version := range []parquet.WriterVersion{parquet.V1, parquet.V2} {
			all = append(all, parquetWay(func(c *parquet.Config) {
				c.Compression, c.WriterVersion = compression, version
				c.Encodings = []parquet.Encodings{parquet.Plain, parquet.Modern}[(i+j)%2]
				c.Timestamps = []parquet.Timestamps{parquet.Nanos, parquet.Int96, parquet.Micros, parquet.Millis}[(i+2*j)%4]
				c.Dictionary = i%3 != 1
				if i%2 == 1 {
					c.PageSize = 4 << 10 // many pages
				}
			}))
		}
	}
	return all
}

func TestParquetIsReadByOthers(t *testing.T) {
	f := &format{name: "parquet", ways: parquetWays(), judges: []*readers.Reader{readers.DuckDB(t), readers.PyArrow(t)}}
	f.judge(t)
}

// TestPagesWithoutASearchAreReadByOthers has columns whose pages are compressed
// in ways of our own: nothing in them repeats, or only the lengths.
func TestPagesWithoutASearchAreReadByOthers(t *testing.T) {
	f := &format{name: "parquet", judges: []*readers.Reader{readers.DuckDB(t), readers.PyArrow(t)}}
	text := column.Type{Kind: column.String}
	s := &column.Schema{Columns: []column.Field{{Name: "id", Type: text}, {Name: "half", Type: text}, {Name: "name", Type: text},
		{Name: "number", Type: column.Type{Kind: column.BigInt}}}}
	r := rand.New(rand.NewPCG(5, 6))
	c := &buffer.Chunk{}
	var want []map[string]any
	var all []int
	for i := range 20_000 {
		row := map[string]any{
			"id":     fmt.Sprintf("%08x-%04x-%016x", r.Uint32(), r.Uint32()>>16, r.Uint64()),
			"name":   fmt.Sprintf("%x", r.Uint64()>>r.IntN(40)),
			"number": int64(r.Uint64()),
		}
		if i%2 == 0 {
			row["half"] = fmt.Sprintf("%016x", r.Uint64())
		}
		record, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		c.AppendCopy(record, time.UnixMilli(0))
		want, all = append(want, row), append(all, i)
	}
	p, err := column.NewParser(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b column.Batch
	p.Parse(c, all, &b)
	for _, compression := range []parquet.Compression{parquet.ZSTD, parquet.Snappy} {
		for _, version := range []parquet.WriterVersion{parquet.V1, parquet.V2} {
			w := parquetWay(func(c *parquet.Config) { c.Compression, c.WriterVersion = compression, version })
			f.expect(t, w, w.written(t, w.name, s, []*column.Batch{&b}), s, want)
		}
	}
}
