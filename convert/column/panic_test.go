package column

import (
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// countingFile counts rows.
type countingFile struct{ rows int }

func (f *countingFile) NewGroup() Group      { return f }
func (f *countingFile) Append(Group) error   { return nil }
func (f *countingFile) Close() error         { return nil }
func (f *countingFile) Write(b *Batch) error { f.rows += b.Rows(); return nil }
func (f *countingFile) Buffered() int64      { return 0 }

// TestPanicOfTheParserFailsOneRecord breaks a parser so that one field makes
// it panic.
func TestPanicOfTheParserFailsOneRecord(t *testing.T) {
	typ, err := ParseType("int")
	if err != nil {
		t.Fatal(err)
	}
	parsers, err := NewParsers(&Schema{Columns: []Field{{Name: "a", Type: typ}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	broken := func() *worker {
		w := parsers.get()
		w.parser.root.keys.fields["bomb"] = &node{typ: typ} // without a vector
		return w
	}
	f := &countingFile{}
	e := NewEncoder(parsers, f, Limits{Bytes: 1}).(*encoder)
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for _, r := range []string{`{"a":1}`, `{"a":"x"}`, `{"a":2,"bomb":0}`, `{"a":3}`} {
		c.AppendCopy([]byte(r), time.UnixMilli(0))
	}
	// A worker that panics is given up, and the next is a good one: break each.
	rows := []int{0, 1, 2, 3}
	w := broken()
	if e.parse(&w, c, rows) {
		t.Fatal("the parser did not panic")
	}
	for i := range rows {
		w = broken()
		if e.parse(&w, c, rows[i:i+1]) {
			if err := e.write(&w.batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	if f.rows != 2 || c.Failure(0) != nil || c.Failure(3) != nil ||
		!strings.Contains(c.Failure(1).Error(), `"x" is not an int`) || !strings.Contains(c.Failure(2).Error(), "the converter panicked, which is a defect") {
		t.Errorf("%d rows; %v; %v", f.rows, c.Failure(1), c.Failure(2))
	}
}
