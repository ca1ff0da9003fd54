package readers_test

import (
	"testing"

	"github.com/hydrant-dev/hydrant/convert/arrow"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

func TestArrowIsReadByOthers(t *testing.T) {
	f := &format{name: "arrow", judges: []*readers.Reader{readers.PyArrow(t)}}
	for _, layout := range []arrow.Layout{arrow.IPCFile, arrow.IPCStream} {
		for _, compression := range []arrow.Compression{arrow.None, arrow.LZ4, arrow.ZSTD} {
			c := arrow.Default().(*arrow.Config)
			c.Layout, c.Compression = layout, compression
			f.ways = append(f.ways, way{string(layout) + "," + string(compression), c, "nanos"})
		}
	}
	f.judge(t)
}
