// Package converttest is the conformance suite of formats, and the records
// their benchmarks run on.
package converttest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert"
)

// Harness adapts the suite to one format.
type Harness struct {
	Format convert.Format
	// Decode reads a file back to records.
	Decode func(file []byte) ([]string, error)
	// AllocsPerRow is the ceiling for Encoder.Append.
	AllocsPerRow float64
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("RecordsComeBack", h.comeBack)
	t.Run("BytesDoNotDependOnTheCalls", h.divided)
	t.Run("OnlyTheGivenRowsAreWritten", h.someRows)
	t.Run("ErrorsOfTheWriterAreReturned", h.writerFails)
	t.Run("AppendStaysUnderTheAllocationCeiling", h.allocations)
}

func rows(from, to int) []int {
	var r []int
	for i := from; i < to; i++ {
		r = append(r, i)
	}
	return r
}

// encode writes a chunk in steps of so many rows and overwrites the memory of
// what was written.
func (h Harness) encode(t *testing.T, n, step int) []byte {
	t.Helper()
	var file bytes.Buffer
	e, err := h.Format.NewEncoder(&file)
	if err != nil {
		t.Fatalf("NewEncoder: %v", err)
	}
	for at := 0; at < n; at += step {
		c := Clicks(n)
		if err := e.Append(c, rows(at, min(at+step, n))); err != nil {
			t.Fatalf("Append: %v", err)
		}
		clear(c.Data)
	}
	if err := e.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return file.Bytes()
}

func (h Harness) wantRecords(t *testing.T, file []byte, c *buffer.Chunk, want []int) {
	t.Helper()
	got, err := h.Decode(file)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d records came back, want %d", len(got), len(want))
	}
	for i, row := range want {
		if got[i] != string(c.Bytes(row)) {
			t.Fatalf("record %d = %q, want %q", i, got[i], c.Bytes(row))
		}
	}
}

func (h Harness) comeBack(t *testing.T) {
	h.wantRecords(t, h.encode(t, 700, 700), Clicks(700), rows(0, 700))
}

func (h Harness) divided(t *testing.T) {
	want := h.encode(t, 300, 300)
	for _, step := range []int{1, 7, 100} {
		if got := h.encode(t, 300, step); !bytes.Equal(got, want) {
			t.Errorf("in steps of %d rows the file has other bytes", step)
		}
	}
}

func (h Harness) someRows(t *testing.T) {
	c := Clicks(50)
	want := []int{3, 4, 5, 9, 49}
	var file bytes.Buffer
	e, err := h.Format.NewEncoder(&file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Append(c, want), e.Append(c, nil), e.Close()); err != nil {
		t.Fatal(err)
	}
	h.wantRecords(t, file.Bytes(), c, want)
	for row := range c.Len() {
		if !c.Pending(row) {
			t.Errorf("row %d was settled by the encoder", row)
		}
	}
}

var errFull = errors.New("full")

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func (h Harness) writerFails(t *testing.T) {
	c := Clicks(700)
	e, err := h.Format.NewEncoder(&failing{left: 100 << 10})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Append(c, rows(0, 700))
	if err == nil {
		err = e.Close()
	}
	if !errors.Is(err, errFull) {
		t.Errorf("the writer's error became %v", err)
	}
}

func (h Harness) allocations(t *testing.T) {
	c := Clicks(1000)
	all := rows(0, 1000)
	e, err := h.Format.NewEncoder(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Append(c, all); err != nil {
		t.Fatal(err)
	}
	got := testing.AllocsPerRun(20, func() {
		if err := e.Append(c, all); err != nil {
			t.Fatal(err)
		}
	})
	if got/1000 > h.AllocsPerRow {
		t.Errorf("Append allocates %.4f times a row, want at most %.4f", got/1000, h.AllocsPerRow)
	}
}
