package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/hydrant-dev/hydrant/buffer/fault"
)

// Type says what a frame holds.
type Type uint8

// The types of frames.
const (
	Data     Type = 1
	Pad      Type = 2
	SealType Type = 3
	OpenType Type = 4
	State    Type = 16
)

// Frame is the header of a frame, without what is derived.
type Frame struct {
	Type      Type
	Length    uint32 // of the payload
	Seq       uint64
	Count     uint32
	Before    uint16 // bytes of the records before it, modulo 65536
	Arrival   int64  // milliseconds since 1970
	Watermark int64
	Sum       uint32 // CRC of the payload, not salted
}

// Size returns the bytes the frame takes in the file.
func (f *Frame) Size() int64 { return align(FrameHeaderSize + int64(f.Length)) }

// DataBytes returns the bytes of the records in a data frame.
func (f *Frame) DataBytes() uint64 { return uint64(f.Length) - 4*uint64(f.Count) }

var errFrame = errors.New("parse frame: not a valid header")

func align(n int64) int64 { return (n + 7) &^ 7 }

func marker(id uint64) uint32 { return 0x64796872 ^ uint32(id^id>>32) }

func mix(id, seq uint64) uint32 {
	if fault.Bug("no-crc-seed") {
		return 0
	}
	x := id ^ seq*0x9e3779b97f4a7c15
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return uint32(x >> 32)
}

// AppendHeader appends the 48 bytes of a frame's header. The caller appends
// the payload and then calls Align.
func AppendHeader(dst []byte, id uint64, f *Frame) []byte {
	at := len(dst)
	var b [FrameHeaderSize]byte
	salt := mix(id, f.Seq)
	binary.LittleEndian.PutUint32(b[0:], marker(id))
	binary.LittleEndian.PutUint32(b[4:], f.Length)
	binary.LittleEndian.PutUint64(b[8:], f.Seq)
	binary.LittleEndian.PutUint32(b[16:], f.Count)
	b[20] = byte(f.Type)
	binary.LittleEndian.PutUint16(b[22:], f.Before)
	binary.LittleEndian.PutUint64(b[24:], uint64(f.Arrival))
	binary.LittleEndian.PutUint64(b[32:], uint64(f.Watermark))
	binary.LittleEndian.PutUint32(b[40:], f.Sum^salt)
	dst = append(dst, b[:]...)
	binary.LittleEndian.PutUint32(dst[at+44:], Sum(dst[at:at+44])^salt)
	return dst
}

// Align appends zeros up to the next multiple of 8. It must be called with
// the slice that starts at a multiple of 8 of the file.
func Align(dst []byte) []byte {
	var zeros [7]byte
	return append(dst, zeros[:align(int64(len(dst)))-int64(len(dst))]...)
}

// Append appends a whole frame; f.Length and f.Sum are set from the payload.
func Append(dst []byte, id uint64, f Frame, payload []byte) []byte {
	f.Length, f.Sum = uint32(len(payload)), Sum(payload)
	return Align(append(AppendHeader(dst, id, &f), payload...))
}

// SumData returns the CRC of a data payload that is not put together yet.
func SumData(ends []uint32, data []byte) uint32 {
	var block [256]byte
	sum, n := uint32(0), 0
	for _, e := range ends {
		if n == len(block) {
			sum, n = crc32.Update(sum, castagnoli, block[:]), 0
		}
		binary.LittleEndian.PutUint32(block[n:], e)
		n += 4
	}
	sum = crc32.Update(sum, castagnoli, block[:n])
	return crc32.Update(sum, castagnoli, data)
}

// AppendData appends a data frame. f.Sum comes from SumData, so that it can
// be computed before the sequence is known; f.Length and f.Count are set here.
func AppendData(dst []byte, id uint64, f Frame, ends []uint32, data []byte) []byte {
	f.Type, f.Count = Data, uint32(len(ends))
	f.Length = uint32(4*len(ends) + len(data))
	dst = slices.Grow(dst, FrameHeaderSize+int(f.Length)+8)
	dst = AppendHeader(dst, id, &f)
	for _, e := range ends {
		dst = binary.LittleEndian.AppendUint32(dst, e)
	}
	return Align(append(dst, data...))
}

// ParseFrame reads the header of a frame of the file with the given id.
func ParseFrame(b []byte, id uint64) (Frame, error) {
	var f Frame
	if len(b) < FrameHeaderSize || binary.LittleEndian.Uint32(b) != marker(id) {
		return f, errFrame
	}
	f.Seq = binary.LittleEndian.Uint64(b[8:])
	salt := mix(id, f.Seq)
	if Sum(b[:44])^salt != binary.LittleEndian.Uint32(b[44:]) {
		return f, errFrame
	}
	f.Type = Type(b[20])
	f.Length = binary.LittleEndian.Uint32(b[4:])
	f.Count = binary.LittleEndian.Uint32(b[16:])
	f.Before = binary.LittleEndian.Uint16(b[22:])
	f.Arrival = int64(binary.LittleEndian.Uint64(b[24:]))
	f.Watermark = int64(binary.LittleEndian.Uint64(b[32:]))
	f.Sum = binary.LittleEndian.Uint32(b[40:]) ^ salt
	if f.Length > MaxPayload || f.Type == Data && uint64(f.Count)*4 > uint64(f.Length) {
		return f, errFrame
	}
	return f, nil
}

// Valid reports whether payload is what the frame was written with.
func (f *Frame) Valid(payload []byte) bool {
	return len(payload) == int(f.Length) && Sum(payload) == f.Sum
}

// Record returns where record i of a valid data payload starts and ends.
func Record(payload []byte, count uint32, i int) (start, end uint32, err error) {
	base := 4 * count
	if i > 0 {
		start = binary.LittleEndian.Uint32(payload[4*i-4:])
	}
	end = binary.LittleEndian.Uint32(payload[4*i:])
	if start > end || uint64(base)+uint64(end) > uint64(len(payload)) {
		return 0, 0, fmt.Errorf("read record %d of %d: it ends at %d before it starts at %d, or after the frame", i, count, end, start)
	}
	return base + start, base + end, nil
}
