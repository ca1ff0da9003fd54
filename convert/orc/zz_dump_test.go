package orc

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

func canon(v any) any {
	switch x := v.(type) {
	case []byte:
		return "b:" + base64.StdEncoding.EncodeToString(x)
	case float32:
		return fmt.Sprintf("f:%08x", math.Float32bits(x))
	case float64:
		return fmt.Sprintf("d:%016x", math.Float64bits(x))
	case int64:
		return strconv.FormatInt(x, 10)
	case []any:
		o := []any{}
		for _, e := range x {
			o = append(o, canon(e))
		}
		return o
	case columntest.Pairs:
		o := []any{}
		for _, e := range x {
			o = append(o, []any{canon(e.Key), canon(e.Value)})
		}
		return o
	case map[string]any:
		o := map[string]any{}
		for k, e := range x {
			o[k] = canon(e)
		}
		return o
	}
	return v
}

func TestDump(t *testing.T) {
	dir := os.Getenv("ORC_OUT")
	if dir == "" {
		t.Skip()
	}
	seeds, _ := strconv.Atoi(os.Getenv("ORC_SEEDS"))
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 77))
		s := columntest.Schema(r, 8)
		n := []int{0, 1, 10, 700, 1000, 2000, 5000, 20000}[r.IntN(8)]
		rows := columntest.Random(r, s, n)
		c := Default().(*Config)
		c.RowIndexStride = []int{1000, 10000}[r.IntN(2)]
		c.Compression = []Compression{None, Zlib, Snappy, Zstd}[r.IntN(4)]
		c.DictionaryKeyThreshold = []float64{0, 0.8, 1}[r.IntN(3)]
		if r.IntN(4) == 0 {
			c.FormatVersion = V0_11
		}
		for _, f := range s.Columns {
			if bloomable(f.Type.Kind) && r.IntN(3) == 0 {
				c.BloomFilterColumns = append(c.BloomFilterColumns, f.Name)
			}
		}
		var buf bytes.Buffer
		f, err := c.NewFile(&buf, s)
		if err != nil {
			t.Fatal(err)
		}
		g := f.NewGroup()
		for rest := rows; len(rest) > 0; {
			k := min(len(rest), 1+r.IntN(3000))
			b := columntest.Build(s, rest[:k])
			if err := g.Write(b); err != nil {
				t.Fatal(err)
			}
			rest = rest[k:]
			if r.IntN(5) == 0 {
				if err := f.Append(g); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.Append(g); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, fmt.Sprintf("r%04d", seed))
		os.WriteFile(name+".orc", buf.Bytes(), 0o644)
		os.WriteFile(name+".schema", []byte(s.Root().String()), 0o644)
		o, _ := os.Create(name + ".json")
		w := bufio.NewWriter(o)
		for _, row := range rows {
			j, _ := json.Marshal(canon(row))
			w.Write(append(j, '\n'))
		}
		w.Flush()
		o.Close()
	}
	_ = column.Boolean
}
