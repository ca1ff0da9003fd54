package column_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// fakeFile keeps the rows of each group, and can be told to misbehave.
type fakeFile struct {
	schema  *column.Schema
	groups  [][]map[string]any
	closed  bool
	perRow  int64 // what a group says a row takes, in bytes
	failAt  int   // the Append that fails, from 1; 0: none
	onWrite func(*column.Batch)
}

type fakeGroup struct {
	file *fakeFile
	rows []map[string]any
}

func (f *fakeFile) NewGroup() column.Group { return &fakeGroup{file: f} }

var errDisk = errors.New("disk full")

func (f *fakeFile) Append(g column.Group) error {
	if f.failAt--; f.failAt == 0 {
		return errDisk
	}
	group := g.(*fakeGroup)
	if len(group.rows) > 0 {
		f.groups = append(f.groups, group.rows)
	}
	group.rows = nil
	return nil
}

func (f *fakeFile) Close() error { f.closed = true; return nil }

func (g *fakeGroup) Write(b *column.Batch) error {
	if g.file.onWrite != nil {
		g.file.onWrite(b)
	}
	g.rows = append(g.rows, columntest.Rows(g.file.schema, b)...)
	return nil
}

func (g *fakeGroup) Buffered() int64 { return int64(len(g.rows)) * g.file.perRow }

// megabytes returns a chunk of n records of 64 KiB.
func megabytes(n int) *buffer.Chunk {
	var records []string
	for i := range n {
		records = append(records, fmt.Sprintf(`{"a":%d,"filler":"%s"}`, i, strings.Repeat("x", 64<<10)))
	}
	return chunkOf(records...)
}

func newEncoder(t *testing.T, f *fakeFile, limits column.Limits) convert.Encoder {
	t.Helper()
	parsers, err := column.NewParsers(f.schema, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return column.NewEncoder(parsers, f, limits)
}

func sizes(f *fakeFile) (n []int) {
	for _, g := range f.groups {
		n = append(n, len(g))
	}
	return n
}

// TestGroupsEndAtTheLimitsWhateverTheCalls checks that the groups are a
// function of the records.
func TestGroupsEndAtTheLimitsWhateverTheCalls(t *testing.T) {
	s := schemaOf(t, "a int")
	for _, tt := range []struct {
		name   string
		limits column.Limits
		want   []int
	}{
		{"no limit is reached", column.Limits{Bytes: 1 << 40}, []int{100}},
		// The limits are looked at after every MiB: 16 records.
		{"bytes", column.Limits{Bytes: 100 * 20}, []int{32, 32, 32, 4}},
		{"rows", column.Limits{Bytes: 1 << 40, Rows: 40}, []int{48, 48, 4}},
		{"budget", column.Limits{Bytes: 1 << 40, Budget: &column.Budget{Limit: 100 * 40}}, []int{48, 48, 4}},
	} {
		for _, step := range []int{1, 7, 100} {
			f := &fakeFile{schema: s, perRow: 100}
			e := newEncoder(t, f, tt.limits)
			c := megabytes(100)
			rows := allRows(c)
			for len(rows) > 0 {
				n := min(step, len(rows))
				if err := e.Append(c, rows[:n]); err != nil {
					t.Fatal(err)
				}
				rows = rows[n:]
			}
			if tt.limits.Budget != nil && tt.limits.Budget.Held() != 0 {
				t.Errorf("%d bytes held after a group ended", tt.limits.Budget.Held())
			}
			if err := e.Close(); err != nil || !f.closed {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, sizes(f)); diff != "" {
				t.Errorf("%s, %d rows at a time: %s", tt.name, step, diff)
			}
		}
	}
}

// TestBudgetTakesFromTheLarger fills two encoders that share a budget.
func TestBudgetTakesFromTheLarger(t *testing.T) {
	s := schemaOf(t, "a int")
	budget := &column.Budget{Limit: 6000}
	limits := column.Limits{Bytes: 1 << 40, Budget: budget}
	small, large := &fakeFile{schema: s, perRow: 100}, &fakeFile{schema: s, perRow: 100}
	e1, e2 := newEncoder(t, small, limits), newEncoder(t, large, limits)
	c := megabytes(17)
	if err := e1.Append(c, allRows(c)[:16]); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := e2.Append(c, allRows(c)[:16]); err != nil {
			t.Fatal(err)
		}
	}
	if len(small.groups) != 0 || len(large.groups) != 1 || budget.Held() != 1600 {
		t.Errorf("groups %v and %v, %d bytes held", sizes(small), sizes(large), budget.Held())
	}
	if err := errors.Join(e1.Close(), e2.Close()); err != nil || budget.Held() != 0 {
		t.Errorf("%v, %d bytes held", err, budget.Held())
	}
}

func TestErrorsOfTheFileAreReturned(t *testing.T) {
	s := schemaOf(t, "a int")
	e := newEncoder(t, &fakeFile{schema: s, perRow: 1, failAt: 1}, column.Limits{Bytes: 1})
	c := megabytes(16)
	if err := e.Append(c, allRows(c)); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	e = newEncoder(t, &fakeFile{schema: s, perRow: 1, failAt: 1}, column.Limits{Bytes: 1 << 40})
	if err := e.Close(); !errors.Is(err, errDisk) {
		t.Error(err)
	}
}

func TestFailedRecordsAreLeftOut(t *testing.T) {
	s := schemaOf(t, "a int")
	f := &fakeFile{schema: s}
	e := newEncoder(t, f, column.Limits{Bytes: 1 << 40})
	c := chunkOf(`{"a":1}`, `{"a":"x"}`, `{"a":2}`, `no`, `{"a":3}`)
	c.Drop(4)
	if err := errors.Join(e.Append(c, allRows(c)), e.Close()); err != nil {
		t.Fatal(err)
	}
	want := [][]map[string]any{{{"a": int64(1)}, {"a": int64(2)}}}
	if diff := cmp.Diff(want, f.groups); diff != "" {
		t.Error(diff)
	}
	for row, pending := range []bool{true, false, true, false, false} {
		if c.Pending(row) != pending {
			t.Errorf("row %d: %v", row, c.Failure(row))
		}
	}
}

func TestAbandonGivesTheBudgetBack(t *testing.T) {
	budget := &column.Budget{Limit: 1 << 40}
	f := &fakeFile{schema: schemaOf(t, "a int"), perRow: 100}
	e := newEncoder(t, f, column.Limits{Bytes: 1 << 40, Budget: budget})
	c := megabytes(16)
	if err := e.Append(c, allRows(c)); err != nil || budget.Held() != 1600 {
		t.Fatalf("%v, %d bytes held", err, budget.Held())
	}
	e.Abandon()
	e.Abandon()
	if budget.Held() != 0 || f.closed || f.groups != nil {
		t.Errorf("%d bytes held, closed %v, groups %v", budget.Held(), f.closed, sizes(f))
	}
}

// TestEncodersShareParsersAndBudget is for the race detector.
func TestEncodersShareParsersAndBudget(t *testing.T) {
	s := schemaOf(t, "a int")
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	budget := &column.Budget{Limit: 3000}
	var files [4]*fakeFile
	var wg sync.WaitGroup
	for i := range files {
		files[i] = &fakeFile{schema: s, perRow: 100}
		wg.Go(func() {
			c := megabytes(64)
			e := column.NewEncoder(parsers, files[i], column.Limits{Bytes: 1 << 40, Budget: budget})
			if err := errors.Join(e.Append(c, allRows(c)), e.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, f := range files {
		rows := 0
		for _, n := range sizes(f) {
			rows += n
		}
		if rows != 64 {
			t.Errorf("%d rows, want 64", rows)
		}
	}
	if budget.Held() != 0 {
		t.Errorf("%d bytes held", budget.Held())
	}
}
