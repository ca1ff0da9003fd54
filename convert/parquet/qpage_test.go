package parquet

import (
	"fmt"
	"testing"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

func BenchmarkQPage(b *testing.B) {
	for _, name := range corpus.Names() {
		s, batches, size := corpusBatches(b, name, 32<<20)
		for _, codec := range []Compression{Snappy, ZSTD} {
			for _, p := range []int{64, 128, 256, 512, 1024} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, codec, p), func(b *testing.B) {
					c := Default().(*Config)
					c.Compression, c.PageSize = codec, field.Size(p<<10)
					benchmarkWrite(b, c, s, batches, size)
				})
			}
		}
	}
}
