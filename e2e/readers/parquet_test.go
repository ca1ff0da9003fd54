package readers_test

import (
	"fmt"
	"testing"

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
