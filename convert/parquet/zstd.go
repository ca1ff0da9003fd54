package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/zstd"
)

// Zstandard, too, takes long to search ids and measurements. Such pages are
// written here, as frames whose bytes are only coded by their frequencies. The
// lengths before strings that are all of one length would spoil the
// frequencies, and are copies of the first: with that, UUIDs are written nearly
// four times as fast as by a search, and 5 % smaller.
//
// Source of the format: RFC 8878. What is written here uses a small part of
// it: blocks of literals, and sequences that are all the same.

const (
	mostZstdBlock   = 128 << 10 // of content
	fewestCoded     = 64        // literals that may pay for the code's description
	longestSequence = 2047      // literals before a copy
)

// The types of blocks and of their literals.
const (
	zstdRaw, zstdRLE, zstdCompressed = 0, 1, 2
)

// zstdWriter makes frames of pages.
type zstdWriter struct {
	search   *zstd.Encoder
	codes    huff0.Scratch
	literals []byte // without the lengths of strings
	searched []byte
	coded    []byte
}

// compress returns src as a frame, until the next call. From strings on, src is
// PLAIN byte arrays; -1: it has none.
func (z *zstdWriter) compress(src []byte, e *effort, strings int) (packed []byte, err error) {
	if e.skips() {
		z.coded, err = z.appendCoded(z.coded[:0], src, strings)
		return z.coded, err
	}
	if z.search == nil {
		z.search, err = zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithAllLitEntropyCompression(true),
			zstd.WithEncoderCRC(false), // pages have their own
			zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderConcurrency(1)) // no goroutines, and the same bytes on every machine
		if err != nil {
			return nil, fmt.Errorf("compress page: %w", err)
		}
	}
	z.searched = z.search.EncodeAll(src, z.searched[:0])
	if e.how == repetitions {
		return z.searched, nil
	}
	if z.coded, err = z.appendCoded(z.coded[:0], src, strings); err != nil {
		return nil, err
	}
	e.choose(len(z.searched), len(z.coded), mostLostZstd)
	if len(z.coded) < len(z.searched) {
		return z.coded, nil
	}
	return z.searched, nil
}

// appendCoded appends a frame without a search.
func (z *zstdWriter) appendCoded(dst, src []byte, strings int) ([]byte, error) {
	const fourByteSize, singleSegment = 2 << 6, 1 << 5
	dst = append(dst, 0x28, 0xb5, 0x2f, 0xfd, fourByteSize|singleSegment)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(src)))
	if n := commonLength(src, strings); n > 0 {
		return z.appendStrings(dst, src, strings, n)
	}
	for {
		n := min(len(src), mostZstdBlock)
		var err error
		if dst, err = z.appendBlock(dst, src[:n], src[:n], 0, 0, n == len(src)); err != nil || n == len(src) {
			return dst, err
		}
		src = src[n:]
	}
}

// commonLength returns the length of the byte arrays from strings on, if all
// have one that sequences can have, or 0.
func commonLength(src []byte, strings int) int {
	if strings < 0 || strings+4 > min(len(src), mostZstdBlock) {
		return 0
	}
	n := binary.LittleEndian.Uint32(src[strings:])
	if n == 0 || n > longestSequence || (len(src)-strings)%(int(n)+4) != 0 {
		return 0
	}
	for at := strings; at < len(src); at += int(n) + 4 {
		if binary.LittleEndian.Uint32(src[at:]) != n {
			return 0
		}
	}
	return int(n)
}

// appendStrings appends the blocks of strings of n bytes: what is before the
// first of them, with its length, as it is, then the strings as literals, and
// between them copies of the length.
func (z *zstdWriter) appendStrings(dst, src []byte, strings, n int) ([]byte, error) {
	begin := strings + 4
	dst = appendBlockHeader(dst, zstdRaw, begin, false)
	dst = append(dst, src[:begin]...)
	for src = src[begin:]; ; {
		copies := min((len(src)-n)/(n+4), mostZstdBlock/(n+4))
		content := src[:copies*(n+4)]
		src = src[len(content):]
		last := len(src) == n && len(content)+n <= mostZstdBlock
		z.literals = z.literals[:0]
		for rest := content; len(rest) > 0; rest = rest[n+4:] {
			z.literals = append(z.literals, rest[:n]...)
		}
		if last {
			content = content[:len(content)+n]
			z.literals = append(z.literals, src...)
		}
		var err error
		if dst, err = z.appendBlock(dst, content, z.literals, copies, n, last); err != nil || last {
			return dst, err
		}
	}
}

// appendBlock appends a block of literals. After each n of them, as often as
// copies says, the four bytes are repeated that were before them. All that is
// content.
func (z *zstdWriter) appendBlock(dst, content, literals []byte, copies, n int, last bool) ([]byte, error) {
	start := len(dst)
	dst = appendBlockHeader(dst, zstdCompressed, 0, last)
	dst, err := z.appendLiteralsSection(dst, literals)
	if err != nil {
		return nil, err
	}
	dst = appendSequences(dst, copies, n)
	if size := len(dst) - start - 3; size < len(content) {
		appendBlockHeader(dst[:start], zstdCompressed, size, last)
		return dst, nil
	}
	return append(appendBlockHeader(dst[:start], zstdRaw, len(content), last), content...), nil
}

func appendBlockHeader(dst []byte, kind, size int, last bool) []byte {
	h := size<<3 | kind<<1
	if last {
		h |= 1
	}
	return append(dst, byte(h), byte(h>>8), byte(h>>16))
}

// appendLiteralsSection appends literals by a code of their own, where that is
// shorter.
func (z *zstdWriter) appendLiteralsSection(dst, literals []byte) ([]byte, error) {
	const size18, size20 = 3 << 2, 3 << 2
	n := uint64(len(literals))
	coded, err := []byte(nil), huff0.ErrIncompressible
	if n >= fewestCoded {
		z.codes.Reuse = huff0.ReusePolicyNone
		coded, _, err = huff0.Compress4X(literals, &z.codes)
	}
	switch {
	case errors.Is(err, huff0.ErrIncompressible):
		h := n<<4 | size20 | zstdRaw
		dst = append(dst, byte(h), byte(h>>8), byte(h>>16))
		return append(dst, literals...), nil
	case errors.Is(err, huff0.ErrUseRLE):
		h := n<<4 | size20 | zstdRLE
		return append(dst, byte(h), byte(h>>8), byte(h>>16), literals[0]), nil
	case err != nil:
		return nil, fmt.Errorf("compress page: %w", err)
	}
	h := uint64(len(coded))<<22 | n<<4 | size18 | zstdCompressed
	dst = append(dst, byte(h), byte(h>>8), byte(h>>16), byte(h>>24), byte(h>>32))
	return append(dst, coded...), nil
}

// literalLengths are the least lengths of the codes from 16 on, and how many
// bits are added to them. Below, a code is the length.
var literalLengths = [...]struct{ least, bits int }{{16, 1}, {18, 1}, {20, 1}, {22, 1}, {24, 2}, {28, 2}, {32, 3},
	{40, 3}, {48, 4}, {64, 6}, {128, 7}, {256, 8}, {512, 9}, {1024, 10}}

// appendSequences appends so many times the sequence of n literals and a copy
// of four bytes from n+4 bytes before.
func appendSequences(dst []byte, copies, n int) []byte {
	if copies == 0 {
		return append(dst, 0)
	}
	if copies < 128 {
		dst = append(dst, byte(copies))
	} else {
		dst = append(dst, byte(copies>>8|128), byte(copies))
	}
	literalCode, literalBits, literalRest := n, 0, 0
	for i, l := range literalLengths {
		if n >= l.least {
			literalCode, literalBits, literalRest = 16+i, l.bits, n-l.least
		}
	}
	distance := n + 4 + 3 // three codes are for repeated distances
	distanceBits := bits.Len(uint(distance)) - 1
	const oneSymbolEach, copyOfFour = 1<<6 | 1<<4 | 1<<2, 1
	dst = append(dst, oneSymbolEach, byte(literalCode), byte(distanceBits), copyOfFour)

	// The bits are read from the end, which a 1 marks.
	p := packer{out: dst}
	sequence := uint64((distance-1<<distanceBits)<<literalBits | literalRest)
	for range copies {
		p.add(sequence, distanceBits+literalBits)
	}
	p.add(1, 1)
	p.flush()
	return p.out
}
