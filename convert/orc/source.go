package orc

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codes of compressions that only others write.
const (
	codeLZO = 3
	codeLZ4 = 4
)

// compressionNames are the names by their codes.
var compressionNames = [...]string{"NONE", "ZLIB", "SNAPPY", "LZO", "LZ4", "ZSTD"}

// largestBlock is the most that the header of a chunk can say.
const largestBlock = 1<<23 - 1

// decoder undoes a compression.
type decoder struct {
	code  int
	block int // the largest chunk, as it was
	zstd  *zstd.Decoder
}

func newDecoder(code, block uint64) (*decoder, error) {
	switch {
	case code >= uint64(len(compressionNames)):
		return nil, fmt.Errorf("compression %d is not known", code)
	case code == codeLZO:
		return nil, errors.New("compression LZO is not supported: write the file again with ZLIB, SNAPPY, LZ4 or ZSTD")
	case code != 0 && (block == 0 || block > largestBlock):
		return nil, fmt.Errorf("a compression block of %d bytes is out of range", block)
	}
	d := &decoder{code: int(code), block: int(block)}
	if code == compressionCodes[Zstd] {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(largestBlock+1))
		if err != nil {
			return nil, fmt.Errorf("open decompressor: %w", err)
		}
	}
	return d, nil
}

// chunk returns what a chunk was, in dst's memory if possible.
func (d *decoder) chunk(dst, p []byte) (out []byte, err error) {
	switch d.code {
	case 1:
		r := flate.NewReader(bytes.NewReader(p))
		b := bytes.NewBuffer(dst[:0])
		_, err = io.Copy(b, io.LimitReader(r, int64(d.block)+1))
		out = b.Bytes()
	case 2:
		n, e := s2.DecodedLen(p)
		if e != nil || n > d.block {
			return nil, errors.New("damaged chunk")
		}
		out, err = s2.Decode(dst[:cap(dst)], p)
	case codeLZ4:
		out, err = lz4(dst[:0], p, d.block)
	default:
		out, err = d.zstd.DecodeAll(p, dst[:0])
	}
	if err != nil {
		return nil, fmt.Errorf("decompress chunk: %w", err)
	}
	if len(out) > d.block {
		return nil, fmt.Errorf("decompress chunk: it is larger than %d bytes", d.block)
	}
	return out, nil
}

var errLZ4 = errors.New("damaged LZ4 block")

// lz4 decompresses a block of the format in
// https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md.
func lz4(dst, p []byte, most int) ([]byte, error) {
	for len(p) > 0 {
		token := p[0]
		p = p[1:]
		n, rest := lz4Length(int(token>>4), p)
		if p = rest; n > len(p) || len(dst)+n > most {
			return nil, errLZ4
		}
		dst = append(dst, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			break // the last sequence has only literals
		}
		if len(p) < 2 {
			return nil, errLZ4
		}
		back := int(p[0]) | int(p[1])<<8
		n, p = lz4Length(int(token&15), p[2:])
		n += 4
		if back == 0 || back > len(dst) || len(dst)+n > most {
			return nil, errLZ4
		}
		for range n { // byte by byte: a match may overlap itself
			dst = append(dst, dst[len(dst)-back])
		}
	}
	return dst, nil
}

// lz4Length continues a length in the bytes behind it.
func lz4Length(n int, p []byte) (int, []byte) {
	if n < 15 {
		return n, p
	}
	for i, b := range p {
		if n += int(b); b < 255 {
			return n, p[i+1:]
		}
	}
	return n, nil
}

// source reads a stream.
type source struct {
	r       io.Reader
	decoder *decoder
	rest    []byte // of what was read and decompressed
	raw     []byte
	plain   []byte
}

// fill gets the next chunk. At the end of the stream it returns io.EOF.
func (s *source) fill() error {
	if s.decoder.code == 0 {
		if s.raw == nil {
			s.raw = make([]byte, 8<<10)
		}
		n, err := io.ReadAtLeast(s.r, s.raw, 1)
		s.rest = s.raw[:n]
		return err
	}
	var header [headerSize]byte
	if _, err := io.ReadFull(s.r, header[:]); err != nil {
		return err
	}
	h := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	n := h >> 1
	if n > s.decoder.block+s.decoder.block/4+64 {
		return fmt.Errorf("a chunk of %d bytes is larger than a block", n)
	}
	if cap(s.raw) < n {
		s.raw = make([]byte, n)
	}
	s.raw = s.raw[:n]
	if _, err := io.ReadFull(s.r, s.raw); err != nil {
		return fmt.Errorf("read chunk: %w", io.ErrUnexpectedEOF)
	}
	if h&1 == 1 {
		s.rest = s.raw
		return nil
	}
	var err error
	s.plain, err = s.decoder.chunk(s.plain, s.raw)
	s.rest = s.plain
	return err
}

// ReadByte makes source an io.ByteReader. The end of the stream is an error.
func (s *source) ReadByte() (byte, error) {
	for len(s.rest) == 0 {
		if err := s.fill(); err != nil {
			return 0, unexpected(err)
		}
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b, nil
}

// full fills p.
func (s *source) full(p []byte) error {
	for len(p) > 0 {
		if len(s.rest) == 0 {
			if err := s.fill(); err != nil {
				return unexpected(err)
			}
		}
		n := copy(p, s.rest)
		p, s.rest = p[n:], s.rest[n:]
	}
	return nil
}

// add appends n bytes to dst, which grows only as they come.
func (s *source) add(dst []byte, n uint64) ([]byte, error) {
	for n > 0 {
		if len(s.rest) == 0 {
			if err := s.fill(); err != nil {
				return nil, unexpected(err)
			}
		}
		k := min(n, uint64(len(s.rest)))
		dst = append(dst, s.rest[:k]...)
		s.rest = s.rest[k:]
		n -= k
	}
	return dst, nil
}

// all returns the whole stream, at most limit bytes.
func (s *source) all(limit int) ([]byte, error) {
	var out []byte
	for {
		switch err := s.fill(); {
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, err
		case len(out)+len(s.rest) > limit:
			return nil, fmt.Errorf("it is larger than %d bytes", limit)
		}
		out = append(out, s.rest...)
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
