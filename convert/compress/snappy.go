package compress

import (
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/s2"
)

// xerialHeader starts a stream of snappy-java: magic, version 1, oldest
// compatible version 1. Source: xerial/snappy-java, SnappyCodec.java.
const xerialHeader = "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"

// blockSize is the input of one block, snappy-java's default.
const blockSize = 32 << 10

// blocks writes the two block streams around raw Snappy. Each block is its
// compressed length, big-endian, and the Snappy bytes; in Hadoop's stream
// (BlockCompressorStream.java) the uncompressed length comes before, and
// there is no header.
type blocks struct {
	w       io.Writer
	header  string
	hadoop  bool
	started bool
	in      []byte // less than a block
	out     []byte // lengths and one compressed block
}

func newBlocks(header string, hadoop bool) *blocks {
	return &blocks{
		header: header,
		hadoop: hadoop,
		in:     make([]byte, 0, blockSize),
		out:    make([]byte, 8+s2.MaxEncodedLen(blockSize)),
	}
}

func (b *blocks) Reset(w io.Writer) { b.w, b.started, b.in = w, false, b.in[:0] }

func (b *blocks) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(b.in) == 0 && len(p) >= blockSize {
			if err := b.block(p[:blockSize]); err != nil {
				return 0, err
			}
			p = p[blockSize:]
			continue
		}
		k := min(len(p), blockSize-len(b.in))
		b.in = append(b.in, p[:k]...)
		p = p[k:]
		if len(b.in) == blockSize {
			if err := b.block(b.in); err != nil {
				return 0, err
			}
			b.in = b.in[:0]
		}
	}
	return n, nil
}

func (b *blocks) Close() error {
	if len(b.in) == 0 {
		return b.start() // an empty stream still has its header
	}
	return b.block(b.in)
}

func (b *blocks) start() error {
	if b.started || b.header == "" {
		return nil
	}
	b.started = true
	_, err := io.WriteString(b.w, b.header)
	return err
}

func (b *blocks) block(p []byte) error {
	if err := b.start(); err != nil {
		return err
	}
	compressed := s2.EncodeSnappy(b.out[8:], p)
	binary.BigEndian.PutUint32(b.out[0:], uint32(len(p)))
	binary.BigEndian.PutUint32(b.out[4:], uint32(len(compressed)))
	from := 4
	if b.hadoop {
		from = 0
	}
	_, err := b.w.Write(b.out[from : 8+len(compressed)])
	return err
}
