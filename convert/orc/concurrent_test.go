package orc

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

func TestStripesMayBeFilledAtTheSameTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	s := columntest.Schema(r, 6)
	rows := columntest.Random(r, s, 4000)
	c := config(func(c *Config) { c.Compression = Zlib })
	want := write(t, c, s, rows, 1000, 1000)

	var out bytes.Buffer
	f, err := c.NewFile(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	groups := make([]column.Group, 4)
	var filling sync.WaitGroup
	for i := range groups {
		groups[i] = f.NewGroup()
		part := rows[i*1000 : (i+1)*1000]
		filling.Go(func() {
			for at := 0; at < len(part); at += 100 {
				if err := groups[i].Write(columntest.Build(s, part[at:at+100])); err != nil {
					t.Error(err)
				}
			}
		})
	}
	filling.Wait()
	for _, g := range groups {
		if err := f.Append(g); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Error("the file has other bytes than one whose stripes were filled one after the other")
	}
}
