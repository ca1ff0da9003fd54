package oracle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Tally counts what arrived of one stream. The zero value is not usable; see
// NewTally. It is not safe for concurrent use.
type Tally struct {
	Records uint64
	Bytes   uint64 // of the records, delimiters left out

	seed    uint64
	arrived map[int][]uint8 // by producer: how often each record arrived, at most 255
	tiny    map[byte]int    // records of one byte, by their byte
	faults  []Violation
	scratch []byte
}

// NewTally returns an empty tally for records made from a seed.
func NewTally(seed uint64) *Tally {
	return &Tally{seed: seed, arrived: map[int][]uint8{}, tiny: map[byte]int{}}
}

// Object reads the records of one object. delimited tells that each record is
// followed by a line feed; otherwise they stand back to back. What is in the
// object and was never sent like this becomes a violation; an error is the
// reader's.
func (t *Tally) Object(name string, r io.Reader, delimited bool) error {
	in := bufio.NewReaderSize(r, MaxRecord+64)
	for {
		first, err := in.Peek(1)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read object %s: %w", name, err)
		}
		size, err := t.record(in, first[0])
		if errors.Is(err, errForeign) {
			t.faults = append(t.faults, Violation{Altered, fmt.Sprintf("object %s: %v", name, err)})
			return nil // where the next record starts is anyone's guess
		}
		if err != nil {
			return fmt.Errorf("read object %s: %w", name, err)
		}
		t.Records++
		t.Bytes += uint64(size)
		if !delimited {
			continue
		}
		if b, err := in.ReadByte(); err != nil || b != '\n' {
			t.faults = append(t.faults, Violation{Altered, fmt.Sprintf("object %s: a record is not followed by a line feed", name)})
			return nil
		}
	}
}

// errForeign tells that bytes are not a record that Append made.
var errForeign = errors.New("bytes that nobody sent")

// record takes one record from in.
func (t *Tally) record(in *bufio.Reader, first byte) (int, error) {
	if first != '{' {
		if first < 'a' || first > 'z' {
			return 0, fmt.Errorf("%w: %q", errForeign, first)
		}
		t.tiny[first]++
		return in.Discard(1)
	}
	head, err := in.Peek(headSize)
	if err != nil {
		return 0, fmt.Errorf("%w: %d bytes of a record: %q", errForeign, len(head), head)
	}
	producer, n, ok := parseHead(head)
	if !ok || Size(t.seed, producer, n) == 1 {
		return 0, fmt.Errorf("%w: %q", errForeign, head)
	}
	t.scratch = Append(t.scratch[:0], t.seed, producer, n)
	got, err := in.Peek(len(t.scratch))
	if err != nil && err != io.EOF {
		return 0, err
	}
	if !bytes.Equal(got, t.scratch) {
		return 0, fmt.Errorf("%w: record %d of producer %d is not as it was sent", errForeign, n, producer)
	}
	t.count(producer, n)
	return in.Discard(len(t.scratch))
}

// parseHead takes the producer and the number from a record's head. The rest
// is checked by making the record again.
func parseHead(head []byte) (producer, n int, ok bool) {
	producer, err1 := strconv.Atoi(string(head[7:10]))
	n, err2 := strconv.Atoi(string(head[11:20]))
	return producer, n, err1 == nil && err2 == nil
}

func (t *Tally) count(producer, n int) {
	seen := t.arrived[producer]
	for n >= len(seen) {
		seen = append(seen, make([]uint8, max(1024, len(seen)))...)
	}
	if seen[n] < 255 {
		seen[n]++
	}
	t.arrived[producer] = seen
}
