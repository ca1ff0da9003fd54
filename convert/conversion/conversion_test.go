package conversion_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/sinks"
)

// lines is an output that people can read: a line of JSON for each row.
type lines struct {
	refuse error // of NewFile
	limit  int64 // of a group; 0: 1 MiB
}

func (o lines) Validate() error       { return nil }
func (o lines) Limits() column.Limits { return column.Limits{Bytes: max(o.limit, 1<<20)} }
func (o lines) Extension() string     { return ".lines" }
func (o lines) NewFile(w io.Writer, s *column.Schema) (column.File, error) {
	return &linesFile{w, s}, o.refuse
}

type linesFile struct {
	w io.Writer
	s *column.Schema
}

func (f *linesFile) NewGroup() column.Group { return &linesGroup{s: f.s} }
func (f *linesFile) Append(g column.Group) error {
	_, err := g.(*linesGroup).text.WriteTo(f.w)
	return err
}
func (f *linesFile) Close() error { return nil }

type linesGroup struct {
	s    *column.Schema
	text bytes.Buffer
}

func (g *linesGroup) Buffered() int64 { return int64(g.text.Len()) }
func (g *linesGroup) Write(b *column.Batch) error {
	for _, row := range columntest.Rows(g.s, b) {
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		g.text.Write(append(text, '\n'))
	}
	return nil
}

// memory keeps decisions.
type memory struct {
	mu      sync.Mutex
	kept    map[string][]byte
	decided int   // how often something else was decided
	broken  error // what Revise fails with
}

func (m *memory) Decide(name string, decide func() ([]byte, error)) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if text, ok := m.kept[name]; ok {
		return text, nil
	}
	return m.keep(name, decide)
}

func (m *memory) Revise(name string, revise func([]byte) ([]byte, error)) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil, m.broken
	}
	return m.keep(name, func() ([]byte, error) { return revise(m.kept[name]) })
}

func (m *memory) keep(name string, decide func() ([]byte, error)) ([]byte, error) {
	text, err := decide()
	if err == nil && !bytes.Equal(text, m.kept[name]) {
		m.kept[name] = text
		m.decided++
	}
	return text, err
}

func newMemory() *memory { return &memory{kept: map[string][]byte{}} }

func config(edit func(*conversion.Config)) *conversion.Config {
	c := conversion.Default()
	c.Output, c.OutputName = lines{}, "lines"
	edit(c)
	return c
}

func infers(c *conversion.Config) { c.Schema.Infer = conversion.DefaultInfer() }

func open(t *testing.T, c *conversion.Config, m *memory) convert.Format {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	f, err := c.Format(sinks.Env{Stream: "clicks", Decisions: m})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func chunk(records ...string) (c *buffer.Chunk, rows []int) {
	c = &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for i, r := range records {
		c.AppendCopy([]byte(r), time.UnixMilli(1))
		rows = append(rows, i)
	}
	return c, rows
}

// encode encodes records as the engine does, and returns the rows and how many
// records failed.
func encode(t *testing.T, f convert.Format, records ...string) (text string, failed int) {
	t.Helper()
	text, failed, passes := encodeCounting(t, f, records...)
	if passes > 2 {
		t.Fatalf("the records had to be encoded %d times", passes)
	}
	return text, failed
}

func encodeCounting(t *testing.T, f convert.Format, records ...string) (text string, failed, passes int) {
	t.Helper()
	for passes = 1; passes <= 20; passes++ {
		var out bytes.Buffer
		e, err := f.NewEncoder(&out)
		if err != nil {
			t.Fatal(err)
		}
		c, rows := chunk(records...)
		if err := e.Append(c, rows); err != nil {
			t.Fatal(err)
		}
		err = e.Close()
		if errors.Is(err, convert.ErrAgain) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if !c.Pending(row) {
				failed++
			}
		}
		return out.String(), failed, passes
	}
	t.Fatal("the records are encoded without an end")
	return "", 0, 0
}

func TestConfiguredColumnsAreConverted(t *testing.T) {
	f := open(t, config(func(c *conversion.Config) {
		c.Schema.Columns = []schema.Column{{Name: "id", Type: "bigint"}, {Name: "tags", Type: "array<string>"}}
	}), nil)
	text, failed := encode(t, f, `{"id":1,"tags":["a"]}`, `{"id":"x"}`, `{"ID":2,"more":true}`, `no`)
	if want := `{"id":1,"tags":["a"]}` + "\n" + `{"id":2}` + "\n"; text != want || failed != 2 {
		t.Errorf("got %s and %d failed, want %s and 2", text, failed, want)
	}
	if f.Extension() != ".lines" {
		t.Errorf("extension %q", f.Extension())
	}
}

func TestFirstBatchDecidesInferredColumns(t *testing.T) {
	m := newMemory()
	c := config(infers)
	f := open(t, c, m)
	text, failed := encode(t, f, `{"id":1}`, `broken`, `{"id":2,"name":"x"}`)
	if want := `{"id":1}` + "\n" + `{"id":2,"name":"x"}` + "\n"; text != want || failed != 1 {
		t.Errorf("got %s and %d failed, want %s and 1", text, failed, want)
	}

	// Another batch, another process: the columns stay as they are.
	for _, f := range []convert.Format{f, open(t, config(infers), m)} {
		text, failed = encode(t, f, `{"id":3,"new":1.5}`)
		if want := `{"id":3}` + "\n"; text != want || failed != 0 {
			t.Errorf("got %s and %d failed, want %s", text, failed, want)
		}
	}
	if m.decided != 1 {
		t.Errorf("decided %d times", m.decided)
	}
}

func TestBatchWithoutUsableRecordsDecidesNothing(t *testing.T) {
	m := newMemory()
	f := open(t, config(infers), m)
	if text, failed := encode(t, f, `broken`, `[1]`, `{}`); text != "" || failed != 3 {
		t.Errorf("got %q and %d failed, want nothing and 3", text, failed)
	}
	if m.decided != 0 {
		t.Error("something was decided")
	}
	if text, _ := encode(t, f, `{"a":true}`); text != `{"a":true}`+"\n" {
		t.Errorf("got %q from the first batch that can be used", text)
	}
}

func TestUnknownFieldsAreKeptInTheExtraColumn(t *testing.T) {
	m := newMemory()
	f := open(t, config(func(c *conversion.Config) {
		infers(c)
		c.Schema.OnUnknownField = column.ToExtraColumn
	}), m)
	encode(t, f, `{"id":1}`)
	text, failed := encode(t, f, `{"id":2,"new":{"x":[1]}}`)
	if want := `{"_extra":"{\"new\":{\"x\":[1]}}","id":2}` + "\n"; text != want || failed != 0 {
		t.Errorf("got %s and %d failed, want %s", text, failed, want)
	}
	if strings.Contains(string(m.kept[conversion.SchemaFile]), "_extra") {
		t.Error("the extra column is a setting and no decision")
	}
}

// The name of the extra column may be that of a field.
func TestFieldNamedLikeTheExtraColumnHarmsNothing(t *testing.T) {
	f := open(t, config(func(c *conversion.Config) {
		infers(c)
		c.Schema.OnUnknownField = column.ToExtraColumn
	}), newMemory())
	text, failed := encode(t, f, `{"id":1,"_extra":5,"_EXTRA":true}`)
	if failed != 0 || !strings.Contains(text, `"id":1`) || !strings.Contains(text, `\":5`) {
		t.Errorf("got %s and %d failed", text, failed)
	}
}

// Several shards may see their first batch at the same time.
func TestConcurrentBatchesAgreeOnColumns(t *testing.T) {
	m := newMemory()
	f := open(t, config(infers), m)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			encode(t, f, fmt.Sprintf(`{"c%d":1}`, i))
		})
	}
	wg.Wait()
	if m.decided != 1 {
		t.Errorf("decided %d times", m.decided)
	}
	decided, err := schema.Unmarshal(m.kept[conversion.SchemaFile])
	if err != nil {
		t.Fatal(err)
	}
	name := decided.Schema.Columns[0].Name
	if text, _ := encode(t, f, `{"c0":0,"c1":0,"c2":0,"c3":0,"c4":0,"c5":0,"c6":0,"c7":0}`); text != fmt.Sprintf("{%q:0}\n", name) {
		t.Errorf("got %s, want column %s alone", text, name)
	}
}

// TestMemoryIsShared encodes into two files with room for one: the larger ends
// its group, and whoever is closed or abandoned holds nothing.
func TestMemoryIsShared(t *testing.T) {
	budget := &column.Budget{Limit: 3 << 20}
	c := config(func(c *conversion.Config) {
		c.Schema.Columns = []schema.Column{{Name: "a", Type: "string"}}
		c.Output = lines{limit: 1 << 30}
	})
	f, err := c.Format(sinks.Env{Memory: budget})
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	large, err := f.NewEncoder(&first)
	if err != nil {
		t.Fatal(err)
	}
	small, err := f.NewEncoder(&second)
	if err != nil {
		t.Fatal(err)
	}
	record := fmt.Sprintf(`{"a":%q}`, strings.Repeat("x", 600<<10))
	add := func(e convert.Encoder, n int) {
		t.Helper()
		for range n {
			c, rows := chunk(record)
			if err := e.Append(c, rows); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(large, 4)
	add(small, 2)
	if held := budget.Held(); held < 3<<20 || first.Len() > 0 {
		t.Errorf("%d bytes held, %d written, want all held", held, first.Len())
	}
	add(large, 2)
	if held := budget.Held(); held > 2<<20 || first.Len() == 0 || second.Len() > 0 {
		t.Errorf("over budget: %d bytes held, %d and %d written; want the larger written", held, first.Len(), second.Len())
	}
	if err := large.Close(); err != nil {
		t.Fatal(err)
	}
	large.Abandon() // does nothing
	small.Abandon()
	if held := budget.Held(); held != 0 {
		t.Errorf("%d bytes held by nobody", held)
	}
}

func TestDamagedDecisionNamesTheRemedy(t *testing.T) {
	m := newMemory()
	m.kept[conversion.SchemaFile] = []byte("{")
	_, err := open(t, config(infers), m).NewEncoder(io.Discard)
	if err == nil || !strings.Contains(err.Error(), "remove it to infer them again") {
		t.Errorf("err = %v", err)
	}
}

func TestValidateFindsWhatCannotWork(t *testing.T) {
	columns := []schema.Column{{Name: "id", Type: "bigint"}}
	for want, edit := range map[string]func(*conversion.Config){
		"schema.columns":         func(c *conversion.Config) {},
		"schema.infer":           func(c *conversion.Config) { infers(c); c.Schema.Columns = columns },
		"schema.infer.sample":    func(c *conversion.Config) { c.Schema.Infer = &conversion.Infer{} },
		"schema.columns[0].type": func(c *conversion.Config) { c.Schema.Columns = []schema.Column{{Name: "id", Type: "int8"}} },
		"input_format.json.column_to_json_key_mappings": func(c *conversion.Config) {
			infers(c)
			c.InputFormat.JSON.KeyMappings = map[string]string{"a": "b"}
		},
		"input_format.json.timestamp_formats": func(c *conversion.Config) {
			infers(c)
			c.InputFormat.JSON.TimestampFormats = make([]column.TimestampFormat, 1)
		},
		"schema.extra_column": func(c *conversion.Config) { infers(c); c.Schema.ExtraColumn = "rest" },
		"schema.widen":        func(c *conversion.Config) { c.Schema.Columns, c.Schema.Widen = columns, schema.WidenNumbers },
		"schema.on_unknown_field": func(c *conversion.Config) {
			c.Schema.Columns, c.Schema.OnUnknownField = columns, column.AddColumn
		},
		"schema.file": func(c *conversion.Config) { c.Schema.File = "columns.avsc" },
		"output_format.lines": func(c *conversion.Config) {
			c.Schema.Columns = columns
			c.Output = lines{refuse: errors.New("not this column")}
		},
	} {
		var paths []string
		for _, e := range field.Errors(config(edit).Validate()) {
			paths = append(paths, e.Path)
		}
		if diff := cmp.Diff([]string{want}, paths); diff != "" {
			t.Errorf("paths (-want +got):\n%s", diff)
		}
	}
	off := config(func(c *conversion.Config) { c.Enabled = false })
	if err := off.Validate(); err != nil {
		t.Errorf("disabled: %v", err)
	}
}
