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

// TestPanicOfTheParserFailsOneRecord has parsers with a defect: one field makes
// them panic.
func TestPanicOfTheParserFailsOneRecord(t *testing.T) {
	schema := &Schema{Columns: []Field{{Name: "a", Type: Type{Kind: Int}}}}
	parsers, err := NewParsers(schema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	parsers.idle.New = func() any {
		p, err := NewParser(schema, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p.root.keys.fields["bomb"] = &node{} // without a vector
		return &worker{parser: p}
	}
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for _, r := range []string{`{"a":1}`, `{"a":"x"}`, `{"a":2,"bomb":true}`, `{"a":3}`} {
		c.AppendCopy([]byte(r), time.UnixMilli(0))
	}
	f := &countingFile{}
	e := newEncoder(parsers, f, Limits{Bytes: 1})
	var watched []string
	e.watch = func(record []byte) { watched = append(watched, string(record)) }
	if err := e.Append(c, []int{0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if f.rows != 2 || c.Failure(0) != nil || c.Failure(3) != nil ||
		!strings.Contains(c.Failure(1).Error(), `"x" is not an int`) || !strings.Contains(c.Failure(2).Error(), "the converter panicked, which is a defect") {
		t.Errorf("%d rows; %v; %v", f.rows, c.Failure(1), c.Failure(2))
	}
	if len(watched) != 1 || watched[0] != `{"a":"x"}` {
		t.Errorf("told about %q; what makes the parser panic is nobody's business", watched)
	}
}
