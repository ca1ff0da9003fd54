package convert_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/convert/arrow"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/internal/convert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table is what the tests convert to: a number and a text.
func table(t testing.TB) *column.Parsers {
	t.Helper()
	s, err := schema.FromColumns([]schema.Column{{Name: "id", Type: "bigint"}, {Name: "name", Type: "string"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text(name, content string) convert.Input {
	return convert.Input{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

// fileOf returns an input that can be read from the middle on.
func fileOf(t testing.TB, name, content string) convert.Input {
	t.Helper()
	found, err := convert.Find([]string{put(t, t.TempDir(), name, content)}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	found[0].Name = name
	return found[0]
}

// run converts and returns the file, the rows as "id name", and what failed.
func run(t testing.TB, j *convert.Job) (file []byte, rows, bad []string, result convert.Result) {
	t.Helper()
	if j.Parsers == nil {
		j.Parsers = table(t)
	}
	if j.Output == nil {
		j.Output = arrow.Default()
	}
	if j.Cores == 0 {
		j.Cores = 2
	}
	if j.Memory == 0 {
		j.Memory = 1 << 30
	}
	j.Bad = func(b *convert.Bad) error {
		bad = append(bad, fmt.Sprintf("%s:%d", b.Input, b.Line))
		return nil
	}
	var out bytes.Buffer
	result, err := j.Run(context.Background(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if j.Output.Extension() == ".arrow" {
		rows = rowsOf(t, out.Bytes())
		if int64(len(rows)) != result.Rows {
			t.Errorf("%d rows are said to be %d", len(rows), result.Rows)
		}
	}
	if int64(len(bad)) != result.Failed {
		t.Errorf("%d records that failed are said to be %d", len(bad), result.Failed)
	}
	return out.Bytes(), rows, bad, result
}

func rowsOf(t testing.TB, file []byte) (rows []string) {
	t.Helper()
	r, err := ipc.NewFileReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range r.NumRecords() {
		record, err := r.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		ids, names := record.Column(0).(*array.Int64), record.Column(1).(*array.String)
		for i := range ids.Len() {
			rows = append(rows, fmt.Sprintf("%d %s", ids.Value(i), names.Value(i)))
		}
	}
	return rows
}

func TestLinesBecomeRows(t *testing.T) {
	long := strings.Repeat("x", convert.MaxRecord)
	for name, tt := range map[string]struct {
		input []string
		rows  []string
		bad   []string
	}{
		"one":                   {[]string{`{"id":1,"name":"a"}` + "\n"}, []string{"1 a"}, nil},
		"no final newline":      {[]string{`{"id":1,"name":"a"}`, `{"id":2,"name":"b"}`}, []string{"1 a", "2 b"}, nil},
		"nothing":               {[]string{""}, nil, nil},
		"nothing in between":    {[]string{`{"id":1}`, "", `{"id":2}`}, []string{"1 ", "2 "}, nil},
		"a byte":                {[]string{"{"}, nil, []string{"0:1"}},
		"a newline":             {[]string{"\n"}, nil, nil},
		"CRLF and empty lines":  {[]string{"{\"id\":1}\r\n\r\n \t\n{\"id\":2}\r\n"}, []string{"1 ", "2 "}, nil},
		"byte order mark":       {[]string{"\xef\xbb\xbf{\"id\":1}\n", "\xef\xbb\xbf{\"id\":2}"}, []string{"1 ", "2 "}, nil},
		"only a mark":           {[]string{"\xef\xbb\xbf"}, nil, nil},
		"several in a line":     {[]string{`{"id":1}{"id":2} {"id":3}`}, []string{"1 ", "2 ", "3 "}, nil},
		"bad ones in between":   {[]string{"{\"id\":1}\nno\n\n{\"id\":3}\n[]\n", "no\n{\"id\":4}"}, []string{"1 ", "3 ", "4 "}, []string{"0:2", "0:5", "1:1"}},
		"garbage":               {[]string{"\x00\x01\x02\n\xff\xfe\xfd"}, nil, []string{"0:1", "0:2"}},
		"bad before too long":   {[]string{"no\n" + long + "x\nno\n{\"id\":4}"}, []string{"4 "}, []string{"0:1", "0:2", "0:3"}},
		"too long":              {[]string{"{\"id\":1}\n\"" + long + "\"\n{\"id\":3}\nno"}, []string{"1 ", "3 "}, []string{"0:2", "0:4"}},
		"too long at the end":   {[]string{"{\"id\":1}\n" + long + "xyz", `{"id":2}`}, []string{"1 ", "2 "}, []string{"0:2"}},
		"too long at the start": {[]string{long + long + "\n{\"id\":2}\nno\n"}, []string{"2 "}, []string{"0:1", "0:3"}},
	} {
		for _, memory := range []int64{16 << 20, 1 << 30} { // parts of 1 and of 64 MiB
			var streams, files []convert.Input
			for i, content := range tt.input {
				streams = append(streams, text(fmt.Sprint(i), content))
				files = append(files, fileOf(t, fmt.Sprint(i), content))
			}
			for how, inputs := range map[string][]convert.Input{"stream": streams, "file": files} {
				if how == "file" && memory > 16<<20 {
					continue // one part, read as a stream is
				}
				_, rows, bad, _ := run(t, &convert.Job{Inputs: inputs, Memory: memory})
				if diff := cmp.Diff(tt.rows, rows); diff != "" {
					t.Errorf("%s, %s: rows:\n%s", name, how, diff)
				}
				if diff := cmp.Diff(tt.bad, bad); diff != "" {
					t.Errorf("%s, %s: bad records:\n%s", name, how, diff)
				}
			}
		}
	}
}

// records makes lines of different lengths, some of them bad.
func records(seed uint64, bytes int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		switch r.IntN(100) {
		case 0:
			b.WriteString("not JSON\n")
		case 1:
			b.WriteString("\n")
		default:
			fmt.Fprintf(&b, `{"id":%d,"name":"%x-%s"}`+"\n", i, r.Uint64(), strings.Repeat("n", r.IntN(200)))
		}
	}
	return b.String()
}

// The promise of the command: how many cores there are shows in the time only.
func TestTheOutputIsTheSameOnAnyNumberOfCores(t *testing.T) {
	inputs := []convert.Input{fileOf(t, "a", records(1, 3<<20)), fileOf(t, "b", records(2, 100)), fileOf(t, "c", records(3, 2<<20))}
	for name, output := range map[string]func() column.Output{"arrow": arrow.Default, "parquet": parquet.Default, "orc": orc.Default} {
		for _, rows := range []int{0, 1000} {
			want, wantRows, wantBad, result := run(t, &convert.Job{Inputs: inputs, Output: output(), Cores: 1, Memory: 16 << 20, GroupRows: rows})
			if result.Rows < 10000 || result.Failed < 100 || result.Groups < 5 {
				t.Errorf("%s: %+v is no test", name, result)
			}
			for _, cores := range []int{2, 3, 8} {
				// Neither does memory, as long as it is enough for such parts.
				for range 2 {
					got, gotRows, gotBad, _ := run(t, &convert.Job{Inputs: inputs, Output: output(), Cores: cores, Memory: 16 << 20, GroupRows: rows})
					if !bytes.Equal(got, want) {
						t.Fatalf("%s, %d rows a group: %d cores write other bytes (%d, not %d)", name, rows, cores, len(got), len(want))
					}
					if diff := cmp.Diff(wantRows, gotRows); diff != "" {
						t.Fatal(diff)
					}
					if diff := cmp.Diff(wantBad, gotBad); diff != "" {
						t.Fatal(diff)
					}
				}
			}
		}
	}
}

func TestGroupRowsCutsGroups(t *testing.T) {
	var content strings.Builder
	for i := range 1050 {
		fmt.Fprintf(&content, "{\"id\":%d}\n", i)
	}
	_, rows, _, result := run(t, &convert.Job{Inputs: []convert.Input{text("a", content.String()), text("b", "no\n{\"id\":-1}")}, GroupRows: 100})
	if result.Groups != 11 || len(rows) != 1051 {
		t.Errorf("%d rows are in %d groups", len(rows), result.Groups)
	}
}

// A part whose rows take more memory than its share becomes several groups.
func TestMemoryCutsGroups(t *testing.T) {
	s := &column.Schema{}
	for i := range 20 { // most of them null: little to read, much to hold
		s.Columns = append(s.Columns, column.Field{Name: fmt.Sprintf("d%d", i), Type: column.Type{Kind: column.Decimal, Precision: 20}})
	}
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("{\"d3\":1}\n", 500_000)
	output := &arrow.Config{Layout: arrow.IPCStream, Compression: arrow.None, RecordBatchSize: 64 << 20}
	_, _, _, result := run(t, &convert.Job{Inputs: []convert.Input{text("a", content)}, Parsers: parsers, Output: output, Memory: 64 << 20, Cores: 1})
	if result.Rows != 500_000 || result.Groups < 4 {
		t.Errorf("%d rows are in %d groups", result.Rows, result.Groups)
	}
}

func TestErrorsEndTheJob(t *testing.T) {
	broken := convert.Input{Name: "broken", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(records(1, 3<<20)), failing{})), nil
	}}
	job := func() *convert.Job {
		return &convert.Job{Parsers: table(t), Output: arrow.Default(), Cores: 3, Memory: 16 << 20}
	}
	t.Run("of reading", func(t *testing.T) {
		j := job()
		j.Inputs = []convert.Input{broken}
		if _, err := j.Run(context.Background(), io.Discard); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "read broken") {
			t.Errorf("Run = %v", err)
		}
	})
	t.Run("of writing", func(t *testing.T) {
		j := job()
		j.Inputs = []convert.Input{text("a", records(1, 9<<20))}
		if _, err := j.Run(context.Background(), failing{}); !errors.Is(err, errBroken) {
			t.Errorf("Run = %v", err)
		}
	})
	t.Run("of the user", func(t *testing.T) {
		j := job()
		j.Inputs = []convert.Input{text("a", records(1, 9<<20))}
		j.Bad = func(*convert.Bad) error { return errBroken }
		if _, err := j.Run(context.Background(), io.Discard); !errors.Is(err, errBroken) {
			t.Errorf("Run = %v", err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		j := job()
		j.Inputs = []convert.Input{text("a", records(1, 9<<20))}
		j.Bad = func(*convert.Bad) error { cancel(); return nil }
		if _, err := j.Run(ctx, io.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
	for content, want := range map[string]string{
		"PAR1....":                   "it is not JSON but parquet; hydrant inspect shows what is in it",
		"\xff\xfe{\x00":              "it is UTF-16; make it UTF-8 first",
		gzipped(t, "{\"id\":1}")[:9]: "it ends early, as if it was cut off",
	} {
		j := job()
		j.Inputs = []convert.Input{text("x", content)}
		if _, err := j.Run(context.Background(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errBroken }
func (failing) Write([]byte) (int, error) { return 0, errBroken }

func packed(t testing.TB, f compress.Format, content string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := compress.NewPool(f).Writer(&b, "entry.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(t testing.TB, content string) string { return packed(t, compress.GZIP, content) }

func put(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindReadsFilesFoldersPatternsAndArchives(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "in/2.json", `{"id":2}`)
	put(t, dir, "in/1.json.gz", gzipped(t, `{"id":1}`))
	put(t, dir, "in/deep/3.zst", packed(t, compress.ZSTD, `{"id":3}`))
	put(t, dir, "in/deep/4.snappy", packed(t, compress.Snappy, `{"id":4}`))
	put(t, dir, "in/deep/5.snappy", packed(t, compress.HadoopSnappy, `{"id":5}`))
	put(t, dir, "in/_SUCCESS", "no")
	put(t, dir, "in/.hidden/x", "no")
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, content := range []string{`{"id":6}`, `{"id":7}`} {
		w, err := z.Create("e" + content[6:7])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "z.zip", archive.String())
	put(t, dir, "g1", `{"id":8}`)
	put(t, dir, "g2", gzipped(t, `{"id":9}`))
	output := put(t, dir, "in/out.arrow", "old")

	names := []string{filepath.Join(dir, "in"), filepath.Join(dir, "z.zip"), filepath.Join(dir, "g?"), "-"}
	inputs, err := convert.Find(names, strings.NewReader(gzipped(t, `{"id":10}`)), output)
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _, _ := run(t, &convert.Job{Inputs: inputs})
	if got, want := strings.Join(rows, ""), "1 2 3 4 5 6 7 8 9 10 "; got != want {
		t.Errorf("rows = %q, want %q", got, want)
	}
	if convert.Size(inputs) != 0 {
		t.Error("the size of a pipe is known")
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "no"):        "no such file",
		filepath.Join(dir, "no*"):       "nothing matches",
		filepath.Join(dir, "in/.empty"): "no such file",
	} {
		if _, err := convert.Find([]string{name}, nil, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Find(%s) = %v", name, err)
		}
	}
}

// What was read of a pipe to infer columns is converted too.
func TestInferReadsAPipeOnce(t *testing.T) {
	content := records(1, 3<<20) + `{"id":1,"name":"the end"}`
	inputs, err := convert.Find([]string{"-"}, strings.NewReader(content), "")
	if err != nil {
		t.Fatal(err)
	}
	s, inputs, err := convert.Infer(context.Background(), inputs, schema.NewInference(100))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Root().String(), "struct<id:bigint,name:string>"; got != want {
		t.Errorf("columns are %s, want %s", got, want)
	}
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, rows, bad, _ := run(t, &convert.Job{Inputs: inputs, Parsers: parsers})
	_, want, wantBad, _ := run(t, &convert.Job{Inputs: []convert.Input{text("stdin", content)}})
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantBad, bad); diff != "" {
		t.Error(diff)
	}
}
