package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
)

const (
	xerialMagic = "\x82SNAPPY\x00"
	// largestBlock bounds what a damaged length can cost. Writers make blocks
	// of 32 to 256 KiB.
	largestBlock = 64 << 20
)

// blocks reads the two streams of Snappy blocks that Java knows:
//
//	xerial:  magic, version, compatible version, then packed length and block, repeated
//	Hadoop:  raw length, then packed length and block until as much is there, repeated
//
// All lengths have 4 bytes, big-endian. Source: SnappyOutputStream.java of
// xerial/snappy-java, BlockCompressorStream.java of apache/hadoop.
type blocks struct {
	r       io.Reader
	java    bool
	packed  []byte
	block   []byte // reused
	content []byte // of the block, not read yet
	left    int    // of a Hadoop run, raw bytes
	err     error
}

func (b *blocks) Read(p []byte) (int, error) {
	for len(b.content) == 0 && b.err == nil {
		b.err = b.next()
	}
	if len(b.content) == 0 {
		return 0, b.err
	}
	n := copy(p, b.content)
	b.content = b.content[n:]
	return n, nil
}

// next decodes a block. It returns io.EOF between blocks only.
func (b *blocks) next() error {
	if !b.java && b.left == 0 {
		raw, err := b.length(io.EOF)
		if err != nil {
			return err
		}
		b.left = raw
		return nil
	}
	end := io.ErrUnexpectedEOF
	if b.java {
		end = io.EOF
	}
	packed, err := b.length(end)
	if err != nil {
		return err
	}
	if packed == 0 {
		return nil // the beginning of another stream
	}
	if cap(b.packed) < packed {
		b.packed = make([]byte, packed)
	}
	b.packed = b.packed[:packed]
	if _, err := io.ReadFull(b.r, b.packed); err != nil {
		return unexpected(err)
	}
	raw, err := s2.DecodedLen(b.packed)
	if err != nil || raw > largestBlock || !b.java && raw > b.left {
		return errDamaged
	}
	if cap(b.block) < raw {
		b.block = make([]byte, raw)
	}
	if b.content, err = s2.Decode(b.block[:raw], b.packed); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	b.left -= raw
	return nil
}

var errDamaged = errors.New("the stream of Snappy blocks is damaged")

// length reads 4 bytes; end is returned if there are none. At the header of a
// xerial stream, which may stand in the middle too, it returns 0.
func (b *blocks) length(end error) (int, error) {
	var four [4]byte
	switch _, err := io.ReadFull(b.r, four[:]); {
	case err == io.EOF:
		return 0, end
	case err != nil:
		return 0, err
	}
	if b.java && string(four[:]) == xerialMagic[:4] {
		_, err := io.CopyN(io.Discard, b.r, 12)
		return 0, unexpected(err)
	}
	n := binary.BigEndian.Uint32(four[:])
	if n > largestBlock+largestBlock/4 {
		return 0, errDamaged
	}
	return int(n), nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
