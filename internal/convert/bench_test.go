package convert_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/arrow"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/converttest"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/internal/convert"
)

// clicks writes a file of click events and returns it as the only input, with
// parsers for its columns.
func clicks(b *testing.B, size int) ([]convert.Input, *column.Parsers) {
	c := converttest.Clicks(50_000)
	inf := schema.NewInference(1000)
	var block []byte
	for i := range c.Len() {
		inf.Add(c.Bytes(i))
		block = append(append(block, c.Bytes(i)...), '\n')
	}
	name := filepath.Join(b.TempDir(), "clicks.ndjson")
	if err := os.WriteFile(name, bytes.Repeat(block, size/len(block)), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := inf.Schema()
	if err != nil {
		b.Fatal(err)
	}
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		b.Fatal(err)
	}
	inputs, err := convert.Find([]string{name}, nil, "")
	if err != nil {
		b.Fatal(err)
	}
	return inputs, parsers
}

// BenchmarkFileToFile: two cores shall take little more than half the time of
// one. "cpu-MB/s" does not count what others do on the machine.
func BenchmarkFileToFile(b *testing.B) {
	inputs, parsers := clicks(b, 512<<20)
	for name, output := range map[string]func() column.Output{"parquet": parquet.Default, "orc": orc.Default, "arrow": arrow.Default} {
		for _, cores := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/cores=%d", name, cores), func(b *testing.B) {
				b.SetBytes(convert.Size(inputs))
				before := convert.CPU()
				for b.Loop() {
					f, err := os.Create(filepath.Join(b.TempDir(), "out"))
					if err != nil {
						b.Fatal(err)
					}
					j := &convert.Job{Parsers: parsers, Output: output(), Inputs: inputs, Cores: cores, Memory: 1 << 30}
					if _, err := j.Run(context.Background(), f); err != nil {
						b.Fatal(err)
					}
					if err := f.Close(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(convert.Size(inputs))*float64(b.N)/1e6/(convert.CPU()-before).Seconds(), "cpu-MB/s")
			})
		}
	}
}

// Memory stays in its bounds however much there is to convert: what is held is
// a function of the settings.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("converts 200 MB")
	}
	var wide []schema.Column
	var line strings.Builder
	for i := range 500 {
		name := fmt.Sprintf("c%d", i)
		wide = append(wide, schema.Column{Name: name, Type: "string"})
		fmt.Fprintf(&line, `,"%s":"%x"`, name, i*7919)
	}
	s, err := schema.FromColumns(wide)
	if err != nil {
		t.Fatal(err)
	}
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	record := "{" + line.String()[1:] + "}\n"
	input := convert.Input{Name: "wide", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(&repeated{record: record, left: 200 << 20 / len(record)}), nil
	}}
	for name, output := range map[string]func() column.Output{"parquet": parquet.Default, "orc": orc.Default, "arrow": arrow.Default} {
		const memory = 128 << 20
		var most int64
		j := &convert.Job{Parsers: parsers, Output: output(), Inputs: []convert.Input{input}, Cores: 4, Memory: memory}
		watched := &watch{Writer: io.Discard, most: &most}
		result, err := j.Run(context.Background(), watched)
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(200 << 20 / len(record)); result.Rows != want {
			t.Errorf("%s: %d rows, want %d", name, result.Rows, want)
		}
		if allowed := int64(memory + memory/5); most > allowed {
			t.Errorf("%s: %d MiB are in use, %d are allowed", name, most>>20, allowed>>20)
		}
	}
}

// watch looks at the memory in use whenever something is written.
type watch struct {
	io.Writer
	most *int64
	n    int
}

func (w *watch) Write(p []byte) (int, error) {
	if w.n++; w.n%100 == 1 {
		*w.most = max(*w.most, inUse())
	}
	return w.Writer.Write(p)
}

// repeated is the same record many times.
type repeated struct {
	record string
	at     int
	left   int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) && r.left > 0 {
		copied := copy(p[n:], r.record[r.at:])
		n, r.at = n+copied, r.at+copied
		if r.at == len(r.record) {
			r.at, r.left = 0, r.left-1
		}
	}
	if n == 0 && r.left == 0 {
		return 0, io.EOF
	}
	return n, nil
}
