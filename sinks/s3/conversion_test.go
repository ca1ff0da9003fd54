package s3

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	ourparquet "github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/convert/raw"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// toParquet is a destination in a folder that converts.
func toParquet(t *testing.T) *Config {
	t.Helper()
	conv := conversion.Default()
	conv.Output, conv.OutputName = ourparquet.Default(), "parquet"
	conv.Schema.Columns = []schema.Column{{Name: "id", Type: "bigint", Required: true}}
	c := Default().(*Config)
	c.Convert(conv)
	c.Bucket = "file://" + t.TempDir()
	return c
}

// deliver sends a batch of records and returns the payloads.
func deliver(t *testing.T, c *Config, records ...string) []sinks.Payload {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	}()
	var spool sinktest.Spool
	chunk := sinktest.Chunk(records...)
	w := to.Destination.Batch(&spool)
	if err := w.Add(chunk, []int{0, 1, 2}[:len(records)]); err != nil {
		t.Fatal(err)
	}
	payloads, err := w.Seal(sinktest.Plan(chunk))
	if err != nil {
		t.Fatal(err)
	}
	spool.Load(payloads)
	for i := range payloads {
		if err := to.Destination.Send(t.Context(), &payloads[i]); err != nil {
			t.Fatal(err)
		}
	}
	return payloads
}

func TestConvertedRecordsBecomeAnObject(t *testing.T) {
	c := toParquet(t)
	good, bad := `{"id":1}`, `{"id":"x"}`
	payloads := deliver(t, c, good, bad, good+good)
	if len(payloads) != 1 {
		t.Fatalf("%d payloads, want 1", len(payloads))
	}
	p := payloads[0]
	// A record with two objects is two rows and one record.
	if want := (buffer.Count{Records: 2, Bytes: uint64(3 * len(good))}); p.Count != want {
		t.Errorf("count %+v, want %+v", p.Count, want)
	}
	if diff := cmp.Diff(map[string]string{"Content-Type": "application/octet-stream"}, p.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(p.Name, ".parquet") {
		t.Errorf("name %q", p.Name)
	}
	f, err := os.Open(filepath.Join(strings.TrimPrefix(c.Bucket, "file://"), p.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(f, size)
	if err != nil {
		t.Fatal(err)
	}
	if n := file.NumRows(); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}

	c.FileExtension = ".pq"
	if p := deliver(t, c, good); !strings.HasSuffix(p[0].Name, ".pq") {
		t.Errorf("name %q with an extension of its own", p[0].Name)
	}
	if p := deliver(t, c, bad, "{"); len(p) != 0 {
		t.Errorf("an object without rows: %+v", p)
	}
	c.Conversion().Enabled = false
	if p := deliver(t, c, good); p[0].Size != int64(len(good)+1) {
		t.Errorf("disabled: object of %d bytes, want the record and a newline", p[0].Size)
	}
}

func TestConversionRefusesWhatIsForRecords(t *testing.T) {
	c := toParquet(t)
	c.CompressionFormat, c.RecordDelimiter = compress.GZIP, raw.None
	c.Conversion().Schema.Columns[0].Type = "int8"
	var paths []string
	for _, e := range field.Errors(c.Validate()) {
		paths = append(paths, e.Path)
		if e.Hint == "" {
			t.Errorf("%s: no hint", e.Path)
		}
	}
	slices.Sort(paths)
	want := []string{"compression_format", "data_format_conversion.schema.columns[0].type", "record_delimiter"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}
