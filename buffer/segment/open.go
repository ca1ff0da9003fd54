package segment

import (
	"encoding/binary"
	"fmt"
)

// Open is the first frame of a segment: what was known when it came into use.
// The frame's sequence is that of the first record. The integers stand in the
// order of the fields; Settled to Generation are a second copy of the
// checkpoint, for the case that the journal is lost.
type Open struct {
	Previous    uint64 // file id of the segment before, or 0
	PreviousEnd int64  // how far that one is valid, bytes
	Records     uint64 // accepted before this segment
	Bytes       uint64

	SettledEpoch uint64 // position of the last settled record
	SettledSeq   uint64
	Settled      [4][2]uint64 // records and bytes: delivered, failed, dropped, lost
	Generation   uint64       // of the journal
}

// OpenSize is the length of the payload of Open.
const OpenSize = 15 * 8

// Encode returns the payload.
func (o *Open) Encode() []byte {
	b := make([]byte, 0, OpenSize)
	for _, v := range []uint64{o.Previous, uint64(o.PreviousEnd), o.Records, o.Bytes, o.SettledEpoch, o.SettledSeq} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	for _, c := range o.Settled {
		b = binary.LittleEndian.AppendUint64(b, c[0])
		b = binary.LittleEndian.AppendUint64(b, c[1])
	}
	return binary.LittleEndian.AppendUint64(b, o.Generation)
}

// ParseOpen reads the payload of an open frame.
func ParseOpen(b []byte) (Open, error) {
	var o Open
	if len(b) != OpenSize {
		return o, fmt.Errorf("parse open frame: %d bytes, want %d", len(b), OpenSize)
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	o.Previous, o.PreviousEnd, o.Records, o.Bytes = at(0), int64(at(1)), at(2), at(3)
	o.SettledEpoch, o.SettledSeq = at(4), at(5)
	for i := range o.Settled {
		o.Settled[i] = [2]uint64{at(6 + 2*i), at(7 + 2*i)}
	}
	o.Generation = at(14)
	return o, nil
}

// Seal is the last frame of a finished segment.
type Seal struct {
	First   uint64 // sequence of the first record
	Records uint64 // accepted before the end of this segment
	Bytes   uint64
	Frames  uint64 // data frames in this segment
	Sum     uint64 // CRC over the payload CRCs of its data frames, 4 bytes each
}

// SealSize is what a whole seal frame takes in the file.
const SealSize = FrameHeaderSize + 5*8

// Encode returns the payload.
func (s *Seal) Encode() []byte {
	b := make([]byte, 0, 5*8)
	for _, v := range []uint64{s.First, s.Records, s.Bytes, s.Frames, s.Sum} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// ParseSeal reads the payload of a seal frame.
func ParseSeal(b []byte) (Seal, error) {
	if len(b) != 5*8 {
		return Seal{}, fmt.Errorf("parse seal frame: %d bytes, want %d", len(b), 5*8)
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return Seal{First: at(0), Records: at(1), Bytes: at(2), Frames: at(3), Sum: at(4)}, nil
}

// SumFrames adds the payload CRC of a data frame to Seal.Sum.
func SumFrames(sum uint64, payload uint32) uint64 {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], payload)
	return uint64(updateSum(uint32(sum), b[:]))
}
