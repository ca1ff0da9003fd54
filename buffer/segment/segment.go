// Package segment is the byte format of the local log: segments, which hold
// records, and journals, which hold plans and checkpoints. It does no I/O of
// its own beyond io.ReaderAt.
//
// # File
//
// Both kinds are the same: one header block of 4096 bytes, then frames. All
// integers are little-endian. A CRC is CRC-32C (Castagnoli).
//
//	offset size
//	     0    8  magic "hydrant\n"
//	     8    4  format version, 1
//	    12    4  kind: 1 segment, 2 journal
//	    16   16  incarnation of the data directory
//	    32   16  stream id
//	    48    4  shard number
//	    52    4  zero
//	    56    8  ordinal: files of a shard are numbered from 1 on
//	    64    8  file id, random and not zero
//	    72    8  creation, milliseconds since 1970
//	    80 4004  zero
//	  4084    8  file id again: without it no frame can be read
//	  4092    4  CRC of the bytes 0 to 4091
//
// The header holds only what is known before the file is used, so that the
// next segment can be made, and made durable, ahead of need. What is known
// only at the roll stands in the first frame (see Open).
//
// # Frame
//
// A frame starts at a multiple of 8 and is a header of 48 bytes, a payload,
// and zeros up to the next multiple of 8.
//
//	offset size
//	     0    4  marker: 0x64796872 xor (id xor id>>32), id being the file id
//	     4    4  payload length, at most 8 MiB
//	     8    8  sequence: of the first record; in a journal, the generation
//	    16    4  number of records
//	    20    1  type: 1 data, 2 pad, 3 seal, 4 open, 16 state
//	    21    1  codec of the payload: 0, as is
//	    22    2  bytes of all records before this frame in this file, modulo 65536
//	    24    8  arrival, milliseconds since 1970
//	    32    8  watermark: the file is known durable up to this offset
//	    40    4  CRC of the payload, xor mix(id, sequence)
//	    44    4  CRC of the bytes 0 to 43, xor mix(id, sequence)
//
// The header has its own CRC so that a damaged payload leaves the reader in
// step. Both CRCs are salted, so zeros, recycled blocks and frames of other
// files never pass:
//
//	mix(id, seq): x = id xor (seq * 0x9e3779b97f4a7c15)
//	              x = (x xor x>>32) * 0xd6e8feb86659fd93
//	              the upper 32 bits of x
//
// # Payloads
//
// Data: for each record, 4 bytes: where it ends, counted from the start of
// the first record; then the records back to back.
//
// Pad: empty. It carries a watermark when there is nothing else to carry it.
//
// Open, the first frame of a segment; see [Open]: 15 integers of 8 bytes.
//
// Seal, the last frame of a finished segment, fixed at 40 bytes, so that it
// is found from the end of the file; see [Seal]: 5 integers of 8 bytes. Its
// sequence is that of the next record.
//
// State, journals only: the complete state of the shard as JSON. The newest
// valid one counts.
package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The fixed sizes of the format, in bytes.
const (
	HeaderSize      = 4096
	FrameHeaderSize = 48
	MaxPayload      = 8 << 20
	Version         = 1
)

// Kind says what a file is.
type Kind uint32

// The kinds of files.
const (
	KindSegment Kind = 1
	KindJournal Kind = 2
)

// Header is block 0 of a file.
type Header struct {
	Kind        Kind
	Incarnation [16]byte
	Stream      [16]byte
	Shard       uint32
	Ordinal     uint64
	ID          uint64
	Created     int64 // milliseconds since 1970
}

// ErrVersion says that a file was written by a newer release.
var ErrVersion = errors.New("the file has a newer format; use the release that wrote it, or a newer one")

var (
	magic      = []byte("hydrant\n")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Sum is the checksum of the format.
func Sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// Encode returns the block of a header.
func (h Header) Encode() []byte {
	b := make([]byte, HeaderSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], Version)
	binary.LittleEndian.PutUint32(b[12:], uint32(h.Kind))
	copy(b[16:], h.Incarnation[:])
	copy(b[32:], h.Stream[:])
	binary.LittleEndian.PutUint32(b[48:], h.Shard)
	binary.LittleEndian.PutUint64(b[56:], h.Ordinal)
	binary.LittleEndian.PutUint64(b[64:], h.ID)
	binary.LittleEndian.PutUint64(b[72:], uint64(h.Created))
	binary.LittleEndian.PutUint64(b[4084:], h.ID)
	binary.LittleEndian.PutUint32(b[4092:], Sum(b[:4092]))
	return b
}

// ParseHeader reads block 0.
func ParseHeader(b []byte) (Header, error) {
	var h Header
	if len(b) < HeaderSize {
		return h, fmt.Errorf("parse header: %d bytes, want %d", len(b), HeaderSize)
	}
	b = b[:HeaderSize]
	if !bytes.Equal(b[:8], magic) {
		return h, errors.New("parse header: no magic")
	}
	if Sum(b[:4092]) != binary.LittleEndian.Uint32(b[4092:]) {
		return h, errors.New("parse header: wrong checksum")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != Version {
		return h, fmt.Errorf("parse header: version %d, this release reads %d: %w", v, Version, ErrVersion)
	}
	h.Kind = Kind(binary.LittleEndian.Uint32(b[12:]))
	copy(h.Incarnation[:], b[16:])
	copy(h.Stream[:], b[32:])
	h.Shard = binary.LittleEndian.Uint32(b[48:])
	h.Ordinal = binary.LittleEndian.Uint64(b[56:])
	h.ID = binary.LittleEndian.Uint64(b[64:])
	h.Created = int64(binary.LittleEndian.Uint64(b[72:]))
	return h, nil
}

// PossibleIDs returns what the file id may be when the header is damaged.
func PossibleIDs(b []byte) []uint64 {
	if len(b) < HeaderSize {
		return nil
	}
	return []uint64{binary.LittleEndian.Uint64(b[64:]), binary.LittleEndian.Uint64(b[4084:])}
}
