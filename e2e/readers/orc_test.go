package readers_test

import (
	"fmt"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

func orcWays() []way {
	var all []way
	for i, compression := range []orc.Compression{orc.Snappy, orc.None, orc.Zlib, orc.Zstd} {
		for j, version := range []orc.Version{orc.V0_12, orc.V0_11} {
			c := orc.Default().(*orc.Config)
			c.Compression, c.FormatVersion = compression, version
			c.DictionaryKeyThreshold = []float64{0.8, 0, 1}[(i+j)%3]
			c.RowIndexStride = []int{10_000, 1000}[i%2]
			all = append(all, way{fmt.Sprintf("%s,%s,%v", compression, version, c.DictionaryKeyThreshold), c, "nanos"})
		}
	}
	return all
}

func TestORCIsReadByOthers(t *testing.T) {
	f := &format{name: "orc", ways: orcWays(), judges: []*readers.Reader{readers.PyArrow(t), readers.JavaORC(t)}}
	f.judge(t)
}
