package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

func updateSum(sum uint32, b []byte) uint32 { return crc32.Update(sum, castagnoli, b) }

// BadFrame says that what stands at an offset is not a valid frame.
type BadFrame struct {
	Offset int64
	Reason string
}

func (e *BadFrame) Error() string { return fmt.Sprintf("bad frame at %d: %s", e.Offset, e.Reason) }

// Scanner walks the frames of a file from header to header. It holds one
// block of at most 128 KiB, whatever the size of the file.
type Scanner struct {
	r     io.ReaderAt
	id    uint64
	off   int64 // where the next frame starts
	end   int64
	block []byte
	at    int64 // offset of block in the file
	buf   []byte
	fill  []byte
}

const scanBlock = 128 << 10

// NewScanner scans the bytes off to end of the file with the given id.
func NewScanner(r io.ReaderAt, id uint64, off, end int64) *Scanner {
	return &Scanner{r: r, id: id, off: off, end: end}
}

// Offset returns where the next frame starts.
func (s *Scanner) Offset() int64 { return s.off }

// Next returns the next frame and its offset. At the end it returns io.EOF;
// at something that is not a frame, a *BadFrame, and stays there.
func (s *Scanner) Next() (Frame, int64, error) {
	if s.off >= s.end {
		return Frame{}, s.off, io.EOF
	}
	b, err := s.view(s.off, FrameHeaderSize)
	if err != nil {
		return Frame{}, s.off, err
	}
	f, err := ParseFrame(b, s.id)
	if err != nil {
		if b, err = s.again(s.off, FrameHeaderSize); err != nil {
			return f, s.off, err
		}
		f, err = ParseFrame(b, s.id)
	}
	if err != nil {
		return f, s.off, &BadFrame{s.off, "not a valid header"}
	}
	if s.off+f.Size() > s.end {
		return f, s.off, &BadFrame{s.off, fmt.Sprintf("%d bytes long, %d left", f.Size(), s.end-s.off)}
	}
	at := s.off
	s.off += f.Size()
	return f, at, nil
}

// Payload returns the payload of the frame at an offset, valid until the next
// call, or a *BadFrame when it fails its checksum.
func (s *Scanner) Payload(f *Frame, off int64) ([]byte, error) {
	b, err := s.view(off+FrameHeaderSize, int(f.Length))
	if err != nil {
		return nil, err
	}
	if !f.Valid(b) {
		if b, err = s.again(off+FrameHeaderSize, int(f.Length)); err != nil {
			return nil, err
		}
	}
	if !f.Valid(b) {
		return nil, &BadFrame{off, "wrong payload checksum"}
	}
	return b, nil
}

// Skip goes to an offset.
func (s *Scanner) Skip(off int64) { s.off = off }

// Resync goes to the next offset after a bad frame where a valid frame header
// stands and reports whether there is one.
func (s *Scanner) Resync() (bool, error) {
	mark := marker(s.id)
	for off := s.off + 8; off+FrameHeaderSize <= s.end; {
		n := int(min(scanBlock, s.end-off))
		b, err := s.view(off, n)
		if err != nil {
			return false, err
		}
		for i := 0; i+FrameHeaderSize <= len(b); i += 8 {
			if binary.LittleEndian.Uint32(b[i:]) != mark {
				continue
			}
			if _, err := ParseFrame(b[i:], s.id); err == nil {
				s.off = off + int64(i)
				return true, nil
			}
		}
		if n < scanBlock {
			break
		}
		off += int64(n) - FrameHeaderSize
	}
	return false, nil
}

// view returns n bytes at off. Bytes past the end of the file are zero: a
// file that is too short is a file with bad frames.
func (s *Scanner) view(off int64, n int) ([]byte, error) {
	if off >= s.at && off+int64(n) <= s.at+int64(len(s.block)) {
		return s.block[off-s.at:][:n], nil
	}
	if s.buf == nil {
		s.buf = make([]byte, max(FrameHeaderSize, min(scanBlock, s.end-off)))
	}
	if n > len(s.buf) {
		if cap(s.fill) < n {
			s.fill = make([]byte, n)
		}
		return s.fill[:n], readFull(s.r, s.fill[:n], off)
	}
	size := int(max(int64(n), min(int64(len(s.buf)), s.end-off)))
	s.block, s.at = s.buf[:size], off
	if err := readFull(s.r, s.block, off); err != nil {
		s.block = nil
		return nil, err
	}
	return s.block[:n], nil
}

// again reads bytes a second time: what fails its checksum may have gone
// wrong on its way from the disk.
func (s *Scanner) again(off int64, n int) ([]byte, error) {
	s.block = nil
	return s.view(off, n)
}

// ReadHeader reads block 0 for ParseHeader, a second time when the first does
// not parse. What a short file lacks is zero.
func ReadHeader(r io.ReaderAt) ([]byte, error) {
	block := make([]byte, HeaderSize)
	for range 2 {
		if err := readFull(r, block, 0); err != nil {
			return nil, err
		}
		if _, err := ParseHeader(block); err == nil {
			break
		}
	}
	return block, nil
}

func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n < len(b) && errors.Is(err, io.EOF) {
		clear(b[n:])
		return nil
	}
	if n == len(b) {
		return nil
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(b), off, err)
}
