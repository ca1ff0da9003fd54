package parquet

import (
	"fmt"

	"github.com/klauspost/compress/gzip"
	"github.com/pierrec/lz4/v4"
)

// gzipLevel is the effort of GZIP where there are repetitions to find.
const gzipLevel = 2

// effort is how the pages of a column are compressed. Ids and measurements
// have no repetitions; looking for some takes time, and with GZIP hides what the
// frequencies of bytes give. So the first page of a column is compressed both
// ways.
type effort struct {
	how   way
	pages int // since the last that was compressed both ways
}

type way uint8

const (
	untried way = iota
	repetitions
	frequencies // of GZIP
	literals    // of SNAPPY and ZSTD
)

const (
	mostLost     = 1.10 // how much larger than with a search pages of literals may be
	mostLostZstd = 1.02
	searchOne    = 32 // of so many pages, because the first may not have been like the rest
)

// skips reports whether the page is to be written without a search.
func (e *effort) skips() bool {
	if e.how != literals || e.pages%searchOne == 0 {
		return false
	}
	e.pages++
	return true
}

// choose takes the sizes of a page that was compressed both ways.
func (e *effort) choose(searched, plain int, most float64) {
	if e.how = repetitions; float64(plain) <= most*float64(searched) {
		e.how = literals
	}
	e.pages = 1
}

// compressor compresses the pages of a row group.
type compressor struct {
	codec  Compression
	out    []byte
	other  []byte
	zstd   zstdWriter
	gzip   [frequencies + 1]*gzip.Writer
	lz4    lz4.Compressor
	buffer writeBuffer
}

// writeBuffer is an io.Writer that appends.
type writeBuffer struct{ b []byte }

func (w *writeBuffer) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// compress returns src in the codec's form, until the next call. From strings
// on, src is PLAIN byte arrays; -1: it has none.
func (c *compressor) compress(src []byte, e *effort, strings int) (packed []byte, err error) {
	switch c.codec {
	case Snappy:
		return c.snappy(src, e, strings), nil
	case ZSTD:
		return c.zstd.compress(src, e, strings)
	case GZIP:
		return c.deflate(src, e)
	case LZ4Raw:
		if n := lz4.CompressBlockBound(len(src)); cap(c.out) < n {
			c.out = make([]byte, n)
		}
		n, err := c.lz4.CompressBlock(src, c.out[:cap(c.out)])
		if err != nil {
			return nil, fmt.Errorf("compress page: %w", err)
		}
		return c.out[:n], nil
	}
	return src, nil
}

func (c *compressor) deflate(src []byte, e *effort) (packed []byte, err error) {
	if e.how != untried {
		c.out, err = c.deflateWith(c.out[:0], src, e.how)
		return c.out, err
	}
	if c.out, err = c.deflateWith(c.out[:0], src, repetitions); err != nil {
		return nil, err
	}
	if c.other, err = c.deflateWith(c.other[:0], src, frequencies); err != nil {
		return nil, err
	}
	if e.how = repetitions; len(c.other) < len(c.out) {
		e.how = frequencies
		return c.other, nil
	}
	return c.out, nil
}

func (c *compressor) deflateWith(dst, src []byte, e way) ([]byte, error) {
	if c.gzip[e] == nil {
		level := gzipLevel
		if e == frequencies {
			level = gzip.HuffmanOnly
		}
		w, err := gzip.NewWriterLevel(nil, level)
		if err != nil {
			return nil, fmt.Errorf("compress page: %w", err)
		}
		c.gzip[e] = w
	}
	w := c.gzip[e]
	c.buffer.b = dst
	w.Reset(&c.buffer)
	if _, err := w.Write(src); err != nil {
		return nil, fmt.Errorf("compress page: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress page: %w", err)
	}
	return c.buffer.b, nil
}
