package parquet

import (
	"bytes"
	"os"
	"testing"

	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

func TestQDump(t *testing.T) {
	dir := os.Getenv("QDUMP")
	if dir == "" {
		t.Skip()
	}
	for _, name := range corpus.Names() {
		s, batches, _ := corpusBatches(t, name, 64<<20)
		n := 0
		for _, b := range batches {
			n += b.Rows()
		}
		c := corpus.New(name, 1)
		var text []byte
		for range n {
			text = append(c.Append(text), '\n')
		}
		os.WriteFile(dir+"/"+name+".json", text, 0o644)
		for _, codec := range []Compression{Uncompressed, Snappy, ZSTD, GZIP, LZ4Raw} {
			for _, e := range []Encodings{Plain, Modern} {
				c := Default().(*Config)
				c.Compression, c.Encodings = codec, e
				if e == Modern {
					c.WriterVersion = V2
				}
				switch name {
				case "clicks":
					c.BloomFilters = []string{"id", "user_id", "path"}
				case "github":
					c.BloomFilters = []string{"actor.login", "payload.commits.element.sha"}
				}
				var out bytes.Buffer
				f, err := c.NewFile(&out, s)
				if err != nil {
					t.Fatal(err)
				}
				g := f.NewGroup()
				rows := 0
				for _, b := range batches {
					if err := g.Write(b); err != nil {
						t.Fatal(err)
					}
					if rows += b.Rows(); rows >= 122880 {
						f.Append(g)
						rows = 0
					}
				}
				f.Append(g)
				f.Close()
				os.WriteFile(dir+"/"+name+"-"+string(codec)+"-"+string(e)+".parquet", out.Bytes(), 0o644)
			}
		}
	}
}
