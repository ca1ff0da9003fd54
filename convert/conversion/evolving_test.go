package conversion_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/sinks"
)

func evolves(w schema.Widening, u column.UnknownFields) *conversion.Config {
	return config(func(c *conversion.Config) {
		infers(c)
		c.Schema.Widen, c.Schema.OnUnknownField = w, u
	})
}

// columnsOf returns what is written down.
func columnsOf(t *testing.T, m *memory) string {
	t.Helper()
	d, err := schema.Unmarshal(m.kept[conversion.SchemaFile])
	if err != nil {
		t.Fatal(err)
	}
	root := d.Schema.Root()
	return root.String()
}

// Each batch is encoded by a format that stays and by one that starts with it,
// as after a restart.
func TestColumnsBecomeWiderByTheUsersLeave(t *testing.T) {
	type batch struct {
		records string // one a line
		rows    string // one a line
		failed  int
		passes  int
		columns string
	}
	first := batch{`{"n":1}`, `{"n":1}`, 0, 2, "n:bigint"}
	for _, tt := range []struct {
		widen   schema.Widening
		unknown column.UnknownFields
		batches []batch
	}{
		{schema.WidenNothing, column.Ignore, []batch{first,
			{"{\"n\":3.5}\n{\"n\":2,\"new\":1}", `{"n":2}`, 1, 1, "n:bigint"},
		}},
		{schema.WidenNumbers, column.Ignore, []batch{first,
			{"{\"n\":3.5}\n{\"n\":2,\"new\":1}", "{\"n\":3.5}\n{\"n\":2}", 0, 2, "n:double"},
			{"{\"n\":\"abc\"}\n{\"n\":4}", `{"n":4}`, 1, 1, "n:double"},
			{"{\"n\":1e400}\n{\"n\":\"0.25\"}", `{"n":0.25}`, 1, 1, "n:double"},
		}},
		{schema.WidenToString, column.Ignore, []batch{first,
			{`{"n":3.5}`, `{"n":3.5}`, 0, 2, "n:double"},
			{"{\"n\":\"abc\"}\n{\"n\":[4]}", "{\"n\":\"abc\"}\n{\"n\":\"[4]\"}", 0, 2, "n:string"},
			{"broken\n{\"n\":5}", `{"n":"5"}`, 1, 1, "n:string"},
		}},
		{schema.WidenNothing, column.AddColumn, []batch{first,
			{"{\"n\":2,\"new\":{\"x\":1}}\n{\"n\":3,\"new\":{\"y\":true}}", "{\"n\":2,\"new\":{\"x\":1}}\n{\"n\":3,\"new\":{\"y\":true}}", 0, 2, "n:bigint,new:struct<x:bigint,y:boolean>"},
			{`{"n":2.5,"more":1}`, ``, 1, 1, "n:bigint,new:struct<x:bigint,y:boolean>"},                      // what fails adds nothing
			{`{"a.b":1,"":2,"null":null,"N":4}`, `{"n":4}`, 0, 1, "n:bigint,new:struct<x:bigint,y:boolean>"}, // what cannot be added is left out
		}},
		{schema.WidenNothing, column.AddColumn, []batch{
			{`{"s":{"a":1}}`, `{"s":{"a":1}}`, 0, 2, "s:struct<a:bigint>"},
			{"{\"s\":{\"a\":2}}\n{\"s\":{\"b\":\"x\"}}", "{\"s\":{\"a\":2}}\n{\"s\":{\"b\":\"x\"}}", 0, 2, "s:struct<a:bigint,b:string>"},
		}},
		{schema.WidenNumbers, column.AddColumn, []batch{first,
			{"{\"n\":2.5,\"a\":1}\n{\"b\":\"x\",\"a\":0.5}\n{\"n\":\"x\",\"c\":1}", "{\"a\":1,\"n\":2.5}\n{\"a\":0.5,\"b\":\"x\"}", 1, 2, "n:double,a:double,b:string"},
		}},
		{schema.WidenNumbers, column.ToExtraColumn, []batch{
			{`{"n":1}`, `{"n":1}`, 0, 2, "n:bigint"},
			{`{"n":2.5,"a":1}`, `{"_extra":"{\"a\":1}","n":2.5}`, 0, 2, "n:double"},
		}},
		{schema.WidenNumbers, column.DeadLetter, []batch{first,
			{`{"n":2.5,"a":1}`, ``, 1, 1, "n:bigint"},
			{"{\"n\":2.5,\"a\":1}\n{\"n\":2.5}", `{"n":2.5}`, 1, 2, "n:double"},
		}},
	} {
		t.Run(fmt.Sprint(tt.widen, " ", tt.unknown), func(t *testing.T) {
			m := newMemory()
			f := open(t, evolves(tt.widen, tt.unknown), m)
			for _, b := range tt.batches {
				before := m.kept[conversion.SchemaFile]
				records := strings.Split(b.records, "\n")
				text, failed, passes := encodeCounting(t, f, records...)
				if diff := cmp.Diff(b.rows, strings.TrimSuffix(text, "\n")); diff != "" || failed != b.failed || passes != b.passes {
					t.Errorf("%s: %d failed, want %d; encoded %d times, want %d; rows (-want +got):\n%s", b.records, failed, b.failed, passes, b.passes, diff)
				}
				if got := columnsOf(t, m); got != "struct<"+b.columns+">" {
					t.Errorf("%s: columns %s, want %s", b.records, got, b.columns)
				}
				// A crash before the columns were written down, and one after.
				for _, there := range [][]byte{before, m.kept[conversion.SchemaFile]} {
					again := newMemory()
					if there != nil {
						again.kept[conversion.SchemaFile] = there
					}
					if after, _, _ := encodeCounting(t, open(t, evolves(tt.widen, tt.unknown), again), records...); after != text {
						t.Errorf("%s: %s, and after a crash %s", b.records, text, after)
					}
				}
			}
		})
	}
}

// A record beyond the sample may change the columns, too.
func TestFirstBatchMayGrowTheColumnsItDecided(t *testing.T) {
	c := evolves(schema.WidenNumbers, column.AddColumn)
	c.Schema.Infer.Sample = 1
	m := newMemory()
	text, failed, passes := encodeCounting(t, open(t, c, m), `{"n":1}`, `{"n":2.5}`, `{"a":1}`, `{"b":1}`)
	if want := "{\"n\":1}\n{\"n\":2.5}\n{\"a\":1}\n{\"b\":1}\n"; text != want || failed != 0 || passes != 4 {
		t.Errorf("got %s and %d failed after %d passes, want %s", text, failed, passes, want)
	}
}

// Batches of several shards change the columns at the same time: none takes
// back what another did, and all end.
func TestConcurrentBatchesGrowColumnsTogether(t *testing.T) {
	m := newMemory()
	f := open(t, evolves(schema.WidenToString, column.AddColumn), m)
	encode(t, f, `{"n":1}`)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			n := []string{`2`, `2.5`, `"x"`, `true`}[i%4]
			if text, failed, _ := encodeCounting(t, f, fmt.Sprintf(`{"n":%s,"c%d":1}`, n, i)); failed > 0 || !strings.Contains(text, fmt.Sprintf(`"c%d":1`, i)) {
				t.Errorf("got %s and %d failed", text, failed)
			}
		})
	}
	wg.Wait()
	columns := columnsOf(t, m)
	for i := range 8 {
		if !strings.Contains(columns, fmt.Sprintf("c%d:bigint", i)) {
			t.Errorf("column c%d is missing in %s", i, columns)
		}
	}
	if !strings.HasPrefix(columns, "struct<n:string,") {
		t.Errorf("columns %s", columns)
	}
}

// An encoder that began before the columns changed ends with its own if they do
// for its records, and else begins again with the new ones.
func TestEncoderKeepsTheColumnsItBeganWith(t *testing.T) {
	m := newMemory()
	f := open(t, evolves(schema.WidenNumbers, column.AddColumn), m)
	encode(t, f, `{"n":1}`)
	begin := func(record string) (*bytes.Buffer, convert.Encoder) {
		out := &bytes.Buffer{}
		e, err := f.NewEncoder(out)
		if err != nil {
			t.Fatal(err)
		}
		c, rows := chunk(record)
		if err := e.Append(c, rows); err != nil {
			t.Fatal(err)
		}
		return out, e
	}
	out, content := begin(`{"n":2}`)
	_, late := begin(`{"n":0.5,"late":1}`)
	encode(t, f, `{"n":3.5,"new":1}`)
	decided := m.decided
	if err := content.Close(); err != nil || out.String() != "{\"n\":2}\n" {
		t.Errorf("got %s, %v", out, err)
	}
	if err := late.Close(); !errors.Is(err, convert.ErrAgain) || m.decided != decided {
		t.Errorf("%v, decided %d times more", err, m.decided-decided)
	}
	if text, _ := encode(t, f, `{"n":0.5,"late":1}`); text != "{\"late\":1,\"n\":0.5}\n" {
		t.Errorf("got %s", text)
	}
	if got := columnsOf(t, m); got != "struct<n:double,new:bigint,late:bigint>" {
		t.Errorf("columns %s", got)
	}
}

func TestColumnsThatCannotBeWrittenDownChangeNothing(t *testing.T) {
	m := newMemory()
	f := open(t, evolves(schema.WidenNumbers, column.Ignore), m)
	encode(t, f, `{"n":1}`)
	m.broken = errors.New("the disk is full")
	e, err := f.NewEncoder(&bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	c, rows := chunk(`{"n":2.5}`)
	if err := e.Append(c, rows); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); !errors.Is(err, m.broken) || err.Error() != "change columns: the disk is full" {
		t.Errorf("err = %v", err)
	}
	m.broken = nil
	if text, _ := encode(t, f, `{"n":2.5}`); text != "{\"n\":2.5}\n" {
		t.Errorf("got %s once there is room", text)
	}
}

func TestChangedColumnsAreTold(t *testing.T) {
	var told []string
	tell := func(text string) { told = append(told, text) }
	f, err := evolves(schema.WidenToString, column.AddColumn).Format(sinks.Env{Stream: "clicks", Decisions: newMemory(), Note: tell, Warn: tell})
	if err != nil {
		t.Fatal(err)
	}
	encode(t, f, `{"n":1,"s":{"a":[1]}}`)
	encode(t, f, `{"n":0.5,"s":{"a":["x"]},"new":true}`)
	var many strings.Builder
	for i := range 3_000 {
		fmt.Fprintf(&many, `{"c%d":1}`, i)
	}
	encode(t, f, many.String())
	const see = "; see them with: hydrant explain --schema clicks"
	want := []string{
		"columns were decided and change only as allowed: 2 columns" + see,
		"columns were changed: n was bigint and is double, s.a[] was bigint and is string, new is new: boolean; objects of before keep theirs" + see,
		"columns were changed: c0 is new: bigint, c1 is new: bigint, c2 is new: bigint, c3 is new: bigint, c4 is new: bigint, " +
			"c5 is new: bigint, c6 is new: bigint, c7 is new: bigint, c8 is new: bigint, c9 is new: bigint, and 1987 more; objects of before keep theirs" + see,
		"no more columns are added, there are 2000: further fields are left out; are their names values? write columns, with a map for them, in place of infer",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncodingAgainHoldsNoMemory(t *testing.T) {
	budget := &column.Budget{}
	c := evolves(schema.WidenNumbers, column.Ignore)
	c.Output = lines{limit: 1 << 30}
	f, err := c.Format(sinks.Env{Decisions: newMemory(), Memory: budget})
	if err != nil {
		t.Fatal(err)
	}
	encode(t, f, `{"n":1,"text":""}`)
	e, err := f.NewEncoder(&bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	chunk, rows := chunk(fmt.Sprintf(`{"n":1,"text":%q}`, strings.Repeat("x", 2<<20)), `{"n":0.5}`)
	if err := e.Append(chunk, rows); err != nil {
		t.Fatal(err)
	}
	held := budget.Held()
	if err := e.Close(); !errors.Is(err, convert.ErrAgain) || held == 0 || budget.Held() != 0 {
		t.Errorf("%v; %d bytes were held, and then %d", err, held, budget.Held())
	}
}

// noDoubles is an output with a setting that doubles do not suit.
type noDoubles struct{ lines }

func (o noDoubles) NewFile(w io.Writer, s *column.Schema) (column.File, error) {
	for _, c := range s.Columns {
		if c.Type.Kind == column.Double {
			return nil, fmt.Errorf("%s is no column for a filter; remove it", c.Name)
		}
	}
	return o.lines.NewFile(w, s)
}

func TestColumnsThatTheOutputCannotHaveAreNotDecided(t *testing.T) {
	c := evolves(schema.WidenNumbers, column.Ignore)
	c.Output = noDoubles{}
	m := newMemory()
	var warned []string
	f, err := c.Format(sinks.Env{Decisions: m, Warn: func(text string) { warned = append(warned, text) }})
	if err != nil {
		t.Fatal(err)
	}
	encode(t, f, `{"n":1}`)
	text, failed, passes := encodeCounting(t, f, `{"n":2.5}`, `{"n":2}`)
	if text != "{\"n\":2}\n" || failed != 1 || passes != 1 || columnsOf(t, m) != "struct<n:bigint>" {
		t.Errorf("got %s and %d failed after %d passes; columns %s", text, failed, passes, columnsOf(t, m))
	}
	want := []string{"columns stay as they are, although records ask for others: output_format.lines: n is no column for a filter; remove it"}
	if diff := cmp.Diff(want, warned); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
