package inspect_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"

	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/internal/inspect"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func object(name string, content []byte) inspect.Object {
	return inspect.Object{Name: name, ReaderAt: bytes.NewReader(content), Size: int64(len(content))}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: run go test ./internal/inspect -update if this is right\n%s", file, diff)
	}
}

// TestReports holds what people and tools are shown to what they were shown.
// The files in testdata/in are from hydrant and from pyarrow 21.
func TestReports(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "in", "*"))
	if err != nil || len(files) < 8 {
		t.Fatalf("found %d files (%v)", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		r, err := inspect.Inspect(object(name, content), 3)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var text, document bytes.Buffer
		if err := errors.Join(r.Text(&text, inspect.Style{}), r.JSON(&document)); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", text.String())
		golden(t, name+".json", document.String())
	}
}

func TestTextFitsTheTerminalAndTakesColour(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "in", "pyarrow.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := inspect.Inspect(object("pyarrow.parquet", content), 3)
	if err != nil {
		t.Fatal(err)
	}
	var narrow, colour bytes.Buffer
	if err := errors.Join(r.Text(&narrow, inspect.Style{Width: 80}), r.Text(&colour, inspect.Style{Colour: true})); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(narrow.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	if !strings.HasPrefix(colour.String(), "\x1b[1mpyarrow.parquet\x1b[0m\n") {
		t.Errorf("no colour in %.40q", colour.String())
	}
}

// Names and values come from outside: they must not steer the terminal.
func TestTextEscapesWhatItShows(t *testing.T) {
	r, err := inspect.Inspect(object("evil\x1b[2J", []byte("{\"a\x1b[31m\":1}\nno \x1b[31m JSON\n{\"b\":1}\n{\"b\":1}\n")), 3)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := r.Text(&text, inspect.Style{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "\x1b") {
		t.Errorf("the text has an escape character:\n%q", text.String())
	}
}

const lines = `{"id":1,"name":"a"}` + "\n" + `{"id":2,"name":"b"}` + "\n"

func containers(t testing.TB, content string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, f := range compress.Formats() {
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
		all[string(f)] = b.Bytes()
	}
	var b bytes.Buffer
	w := snappy.NewBufferedWriter(&b)
	io.WriteString(w, content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	all["framed"] = b.Bytes()
	return all
}

func TestCompressedObjectsAreLookedInto(t *testing.T) {
	for name, content := range containers(t, strings.Repeat(lines, 20_000)) {
		r, err := inspect.Inspect(object(name, content), 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		inside := r
		if name != "UNCOMPRESSED" {
			if inside = r.Content; name == "ZIP" {
				inside = r.Entries[0].Content
			}
			if inside == nil {
				t.Errorf("%s: nothing inside: %+v", name, r)
				continue
			}
		}
		if inside.Kind != "JSON records" || len(inside.First) != 1 || string(inside.First[0]) != `{"id":1,"name":"a"}` {
			t.Errorf("%s: inside is %+v", name, inside)
		}
	}
}

// An entry that cannot be read is no reason to say nothing of the others.
func TestAnArchiveWithEntriesThatCannotBeRead(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(93, func(w io.Writer) (io.WriteCloser, error) { return nopCloser{w}, nil })
	for _, h := range []zip.FileHeader{{Name: "encrypted", Flags: 1}, {Name: "unknown", Method: 93}, {Name: "right"}, {Name: "fourth"}} {
		w, err := z.CreateHeader(&h)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, lines)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := inspect.Inspect(object("a.zip", b.Bytes()), 5)
	if err != nil || len(r.Entries) != 4 {
		t.Fatalf("Inspect = %+v, %v", r, err)
	}
	for i, want := range []string{"it is encrypted", "its compression, zstd, is not known here"} {
		if c := r.Entries[i].Content; c.Kind != "not readable" || !strings.Contains(c.Details[0].Value, want) {
			t.Errorf("entry %d is %+v, want %s", i, c, want)
		}
	}
	if c := r.Entries[2].Content; c.Name != "right" || len(c.First) != 2 {
		t.Errorf("the third entry is %+v", c)
	}
	if c := r.Entries[3].Content; c != nil {
		t.Errorf("the fourth entry is looked into: %+v", c)
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// parquet-go reads other values of LZ4_RAW than there are: better none.
func TestRowsThatWouldBeWrongAreNotShown(t *testing.T) {
	r, err := inspect.Inspect(object("x", file(t, "hydrant-lz4raw.parquet")), 5)
	if err != nil || len(r.First) > 0 || *r.Rows != 1500 {
		t.Errorf("Inspect = %+v, %v", r, err)
	}
	if last := r.Details[len(r.Details)-1]; !strings.Contains(last.Value, "not shown: hydrant inspect cannot decompress LZ4_RAW") {
		t.Errorf("nothing says why: %+v", last)
	}
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "in", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	cut := func(name string) []byte { c := file(t, name); return c[:len(c)*2/3] }
	encrypted := append([]byte("PARE"), file(t, "hydrant.parquet")[4:]...)
	copy(encrypted[len(encrypted)-4:], "PARE")
	huge := bytes.Clone(file(t, "hydrant.parquet"))
	copy(huge[len(huge)-8:], "\xff\xff\xff\x7f")
	packed := containers(t, strings.Repeat(lines, 20_000))
	for want, content := range map[string][]byte{
		"it is empty, 0 bytes":                         nil,
		"it begins with the bytes 00, which are no":    {0},
		"it begins with the bytes 00 01 02 03":         bytes.Repeat([]byte{0, 1, 2, 3}, 100),
		"Parquet file but its footer is missing":       cut("hydrant.parquet"),
		"ends after a few bytes":                       []byte("PAR1"),
		"encrypted footer; hydrant has no keys":        encrypted,
		"its footer is said to have 2147483647 bytes":  huge,
		"it begins as an ORC file, but it was cut off": cut("hydrant.orc"),
		"Arrow IPC file, but it was cut off":           cut("hydrant.arrow"),
		"it is UTF-16 text":                            []byte("\xff\xfe{\x00}\x00"),
		"it is an Avro file":                           []byte("Obj\x01xxxx"),
		"it is gzip but cut off":                       packed["GZIP"][:len(packed["GZIP"])-20],
		"ZIP archive but is damaged":                   packed["ZIP"][:100],
		"it is gzip, and inside it is none of":         containers(t, "\x00\x01\x02\x03")["GZIP"],
	} {
		r, err := inspect.Inspect(object("x", content), 5)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "inspect x: ") {
			t.Errorf("want %q, got %v, %+v", want, err, r)
		}
	}
}

func TestSmallestObjects(t *testing.T) {
	for content, want := range map[string]string{"x": "text", "\n": "text", "{}": "JSON records", "{": "text"} {
		r, err := inspect.Inspect(object("x", []byte(content)), 5)
		if err != nil || r.Kind != want {
			t.Errorf("%q is %+v, %v; want %s", content, r, err, want)
		}
	}
}

// Damaged files are what people inspect: there is a report or an error, soon,
// and no memory is taken because a length is wrong.
func TestDamagedFilesDoNoHarm(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "in", "*"))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range files {
		whole := file(t, filepath.Base(name))
		begun := time.Now()
		for range 300 {
			content := bytes.Clone(whole)
			for range 1 + r.IntN(4) {
				at := r.IntN(len(content))
				if r.IntN(2) == 0 { // footers are at the end
					at = len(content) - 1 - r.IntN(min(len(content), 400))
				}
				content[at] = byte(r.Uint32())
			}
			if r.IntN(4) == 0 {
				content = content[:r.IntN(len(content))]
			}
			report, err := inspect.Inspect(object("x", content), 3)
			if err != nil {
				continue
			}
			if err := errors.Join(report.Text(io.Discard, inspect.Style{Width: 60}), report.JSON(io.Discard)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("%s: 300 damaged files took %v", name, took)
		}
	}
}

// FuzzInspect: whatever the bytes are, there is a report or an error, soon.
func FuzzInspect(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "in", "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		f.Add(file(f, filepath.Base(name)))
	}
	for _, content := range containers(f, lines) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := inspect.Inspect(object("x", content), 2)
		if err != nil {
			return
		}
		if err := errors.Join(r.Text(io.Discard, inspect.Style{Width: 60}), r.JSON(io.Discard)); err != nil {
			t.Fatal(err)
		}
	})
}

// slow counts what is read of an object.
type slow struct {
	inspect.Object
	reads, bytes int
}

func (s *slow) ReadAt(p []byte, at int64) (int, error) {
	s.reads++
	s.bytes += len(p)
	return s.Object.ReadAt(p, at)
}

func TestBlocksReadLittleOfALargeObject(t *testing.T) {
	content := bytes.Repeat([]byte(lines), 1<<20) // 40 MiB
	far := &slow{Object: object("far", content)}
	o := inspect.InBlocks(inspect.Object{Name: "far", ReaderAt: far, Size: far.Size})
	for _, at := range []int64{0, 1, 262143, 262144, 1 << 20, far.Size - 10} {
		for _, n := range []int{1, 10, 300_000} {
			got, want := make([]byte, n), make([]byte, n)
			a, errA := o.ReadAt(got, at)
			b, errB := far.Object.ReadAt(want, at)
			if a != b || !bytes.Equal(got[:a], want[:b]) || (errA == nil) != (errB == nil) {
				t.Errorf("ReadAt(%d bytes, %d) = %d, %v; want %d, %v", n, at, a, errA, b, errB)
			}
		}
	}
	far.reads, far.bytes = 0, 0
	if _, err := inspect.Inspect(inspect.InBlocks(inspect.Object{Name: "far", ReaderAt: far, Size: far.Size}), 5); err != nil {
		t.Fatal(err)
	}
	if far.bytes > 2<<20 || far.reads > 10 {
		t.Errorf("%d reads of %d bytes for the first rows", far.reads, far.bytes)
	}
}
