package segment

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

const testID = 0x0123456789abcdef

// golden is a segment with one frame of each type.
func golden() []byte {
	h := Header{Kind: KindSegment, Shard: 2, Ordinal: 3, ID: testID, Created: 1700000000000}
	copy(h.Incarnation[:], "incarnation 1234")
	copy(h.Stream[:], "stream id 123456")
	b := h.Encode()
	open := Open{Previous: 7, PreviousEnd: 5000, Records: 40, Bytes: 400, SettledEpoch: 6, SettledSeq: 30,
		Settled: [4][2]uint64{{20, 200}, {5, 50}, {4, 40}, {1, 10}}, Generation: 12}
	b = Append(b, testID, Frame{Type: OpenType, Seq: 41, Watermark: HeaderSize}, open.Encode())
	ends, data := []uint32{3, 3, 8}, []byte("abcdefgh")
	sum := SumData(ends, data)
	b = AppendData(b, testID, Frame{Seq: 41, Arrival: 1700000000123, Watermark: 4264, Sum: sum}, ends, data)
	b = Append(b, testID, Frame{Type: Pad, Seq: 44, Before: 8, Watermark: int64(len(b))}, nil)
	seal := Seal{First: 41, Records: 43, Bytes: 408, Frames: 1, Sum: SumFrames(0, sum)}
	return Append(b, testID, Frame{Type: SealType, Seq: 44, Before: 8, Watermark: int64(len(b))}, seal.Encode())
}

func TestBytesOfASegment(t *testing.T) {
	got := []byte(hex.Dump(golden()))
	if *update {
		if err := os.WriteFile("testdata/segment.hex", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/segment.hex")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("the format changed (-want +got):\n%s", d)
	}
}

func TestScannerReadsWhatWasWritten(t *testing.T) {
	b := golden()
	h, err := ParseHeader(b)
	if err != nil || h.ID != testID || h.Ordinal != 3 || h.Shard != 2 {
		t.Fatalf("header %+v, %v", h, err)
	}
	sc := NewScanner(bytes.NewReader(b), testID, HeaderSize, int64(len(b)))
	var types []Type
	for {
		f, off, err := sc.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		payload, err := sc.Payload(&f, off)
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, f.Type)
		if f.Type == Data {
			var records []string
			for i := range int(f.Count) {
				from, to, err := Record(payload, f.Count, i)
				if err != nil {
					t.Fatal(err)
				}
				records = append(records, string(payload[from:to]))
			}
			if d := cmp.Diff([]string{"abc", "", "defgh"}, records); d != "" {
				t.Errorf("records (-want +got):\n%s", d)
			}
		}
	}
	if d := cmp.Diff([]Type{OpenType, Data, Pad, SealType}, types); d != "" {
		t.Errorf("frames (-want +got):\n%s", d)
	}
}

func TestFramesOfOtherFilesAndPlacesNeverPass(t *testing.T) {
	frame := Append(nil, testID, Frame{Type: Pad, Seq: 9}, nil)
	if _, err := ParseFrame(frame, testID); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseFrame(frame, testID+1); err == nil {
		t.Error("a frame of another file passed")
	}
	if _, err := ParseFrame(make([]byte, FrameHeaderSize), testID); err == nil {
		t.Error("zeros passed")
	}
	for bit := range 8 * FrameHeaderSize {
		frame[bit/8] ^= 1 << (bit % 8)
		if _, err := ParseFrame(frame, testID); err == nil {
			t.Errorf("bit %d flipped: the frame passed", bit)
		}
		frame[bit/8] ^= 1 << (bit % 8)
	}
}

func TestResyncFindsTheNextFrame(t *testing.T) {
	b := golden()
	data := HeaderSize + FrameHeaderSize + OpenSize
	b[data+9] ^= 4
	sc := NewScanner(bytes.NewReader(b), testID, int64(data), int64(len(b)))
	var bad *BadFrame
	if _, _, err := sc.Next(); !errors.As(err, &bad) || bad.Offset != int64(data) {
		t.Fatalf("damaged frame: %v", err)
	}
	if more, err := sc.Resync(); !more || err != nil {
		t.Fatalf("resync: %v, %v", more, err)
	}
	if f, _, err := sc.Next(); err != nil || f.Type != Pad {
		t.Errorf("after resync: %+v, %v", f, err)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(golden()[HeaderSize:], uint64(testID))
	f.Fuzz(func(t *testing.T, b []byte, id uint64) {
		frame, err := ParseFrame(b, id)
		if err != nil {
			return
		}
		again := AppendHeader(nil, id, &frame)
		if b[21] == 0 && !bytes.Equal(again, b[:FrameHeaderSize]) {
			t.Errorf("read %+v from %x, which is written as %x", frame, b[:FrameHeaderSize], again)
		}
	})
}

func FuzzScanner(f *testing.F) {
	f.Add(golden()[HeaderSize:], uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, flip byte) {
		if len(b) > 0 {
			b[int(at)%len(b)] ^= flip
		}
		sc := NewScanner(bytes.NewReader(b), testID, 0, int64(len(b)))
		for last := int64(-1); ; {
			frame, off, err := sc.Next()
			var bad *BadFrame
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.As(err, &bad):
				if more, err := sc.Resync(); err != nil || !more {
					return
				}
				continue
			case err != nil:
				t.Fatal(err)
			case off <= last:
				t.Fatalf("the scanner went back from %d to %d", last, off)
			}
			last = off
			payload, err := sc.Payload(&frame, off)
			if err != nil || frame.Type != Data {
				continue
			}
			for i := range int(frame.Count) {
				if from, to, err := Record(payload, frame.Count, i); err == nil {
					_ = payload[from:to]
				}
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add(golden()[:HeaderSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := ParseHeader(b); err == nil && h.ID == 0 && h.Kind == 0 {
			t.Log("a header of nothing") // valid bytes, and nobody writes them
		}
		ParseOpen(b)
		ParseSeal(b)
	})
}
