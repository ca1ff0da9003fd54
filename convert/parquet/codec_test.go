package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

func unpackPage(codec Compression, packed []byte, size int) ([]byte, error) {
	switch codec {
	case Snappy:
		return snappy.Decode(nil, packed)
	case ZSTD:
		d, err := zstd.NewReader(nil)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return d.DecodeAll(packed, nil)
	case GZIP:
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case LZ4Raw:
		out := make([]byte, size)
		n, err := lz4.UncompressBlock(packed, out)
		return out[:n], err
	}
	return packed, nil
}

func TestCompressedPagesComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	pages := [][]byte{{7}, bytes.Repeat([]byte("hydrant "), 10000), make([]byte, 1<<20)}
	noise := make([]byte, 100000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	pages = append(pages, noise, noise[:3])
	for _, name := range Compression("").Values() {
		c := compressor{codec: Compression(name)}
		e := effort{}
		for i, page := range pages {
			packed, err := c.compress(page, &e, -1)
			if err != nil {
				t.Fatal(err)
			}
			got, err := unpackPage(c.codec, packed, len(page))
			if err != nil || !bytes.Equal(got, page) {
				t.Errorf("%s: page %d of %d bytes became %d bytes, %v", name, i, len(page), len(got), err)
			}
		}
	}
}

func TestGZIPLooksForRepetitionsOnlyWhereThereAreSome(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var ids []byte
	for range 5000 {
		ids = fmt.Appendf(ids, "%016x", r.Uint64())
	}
	c := compressor{codec: GZIP}
	for _, x := range []struct {
		name string
		page []byte
		want way
	}{{"ids", ids, frequencies}, {"words", bytes.Repeat([]byte("hydrant "), 10000), repetitions}} {
		e := effort{}
		if _, err := c.compress(x.page, &e, -1); err != nil || e.how != x.want {
			t.Errorf("%s: %d, %v, want %d", x.name, e.how, err, x.want)
		}
	}
}

func TestLiteralsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		page := make([]byte, r.IntN(50)) // levels
		strings := len(page)
		length := []int{0, 1, 16, 36, 2043, 2044, 70000}[r.IntN(7)]
		for range r.IntN(20) {
			if r.IntN(3) == 0 {
				length = r.IntN(300)
			}
			page = binary.LittleEndian.AppendUint32(page, uint32(length))
			for range length {
				page = append(page, byte(r.Uint32()))
			}
		}
		for _, from := range []int{strings, -1} {
			got, err := snappy.Decode(nil, appendLiterals(nil, page, from))
			if err != nil || !bytes.Equal(got, page) {
				t.Fatalf("%d bytes with strings from %d became %d bytes, %v", len(page), from, len(got), err)
			}
		}
	}
}

func TestSnappyDoesNotSearchIds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var ids, words []byte
	for range 5000 {
		ids = binary.LittleEndian.AppendUint32(ids, 32)
		ids = fmt.Appendf(ids, "%016x%016x", r.Uint64(), r.Uint64())
		words = append(words, "\x07\x00\x00\x00hydrant"...)
	}
	c := compressor{codec: Snappy}
	for _, x := range []struct {
		name string
		page []byte
		want way
	}{{"ids", ids, literals}, {"words", words, repetitions}} {
		e := effort{}
		for range 2 * searchOne {
			packed, err := c.compress(x.page, &e, 0)
			if err != nil || e.how != x.want {
				t.Fatalf("%s: %d, %v, want %d", x.name, e.how, err, x.want)
			}
			if got, err := snappy.Decode(nil, packed); err != nil || !bytes.Equal(got, x.page) {
				t.Fatalf("%s: %v", x.name, err)
			}
		}
	}
	// A column that changes is searched again.
	e := effort{}
	for i := range 3 * searchOne {
		page := ids
		if i > 0 {
			page = words
		}
		if _, err := c.compress(page, &e, 0); err != nil {
			t.Fatal(err)
		}
	}
	if e.how != repetitions {
		t.Error("words after ids are not searched")
	}
}
