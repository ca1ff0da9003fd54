package object_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/converttest"
	"github.com/hydrant-dev/hydrant/convert/raw"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// memory is a store.
type memory struct {
	objects map[string]*object.Object
	closed  int
}

func (m *memory) Put(_ context.Context, o *object.Object) error {
	m.objects[o.Key] = o
	return nil
}
func (m *memory) Probe(context.Context) (string, error) { return "memory", nil }
func (m *memory) Close() error                          { m.closed++; return nil }

func open(t testing.TB, compression compress.Format) (*memory, *object.Sink, *object.Sink) {
	t.Helper()
	names, err := object.Naming{Prefix: "p/"}.Names("clicks", 2, compression.Extension())
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{objects: map[string]*object.Object{}}
	d, e := object.New(m, object.Layout{Names: names, Format: raw.Format{Delimiter: raw.Newline}, Compression: compression})
	return m, d, e
}

func seal(t testing.TB, s *object.Sink, c *buffer.Chunk, rows []int) []sinks.Payload {
	t.Helper()
	var spool sinktest.Spool
	w := s.Batch(&spool)
	if err := w.Add(c, rows); err != nil {
		t.Fatal(err)
	}
	p, err := w.Seal(sinktest.Plan(c))
	if err != nil {
		t.Fatal(err)
	}
	spool.Load(p)
	return p
}

// TestPayloadGolden fixes names and headers: a batch that an older version
// sealed must meet its object, not make another one.
func TestPayloadGolden(t *testing.T) {
	_, d, _ := open(t, compress.GZIP)
	c := sinktest.Chunk("one", "two")
	p := seal(t, d, c, []int{0, 1})
	want := []sinks.Payload{{
		Content: p[0].Content,
		ID:      "5d05e1dfeaf4b69f2a26fa944c07a752",
		Name:    "p/2024/12/31/23/clicks-2-2024-12-31-23-30-15-5d05e1df-eaf4-869f-aa26-fa944c07a752.gz",
		Count:   buffer.Count{Records: 2, Bytes: 6},
		Headers: map[string]string{"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"},
		Body:    p[0].Body,
	}}
	if diff := cmp.Diff(want, p, cmp.Comparer(func(a, b io.ReaderAt) bool { return a == b })); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	r, err := gzip.NewReader(io.NewSectionReader(p[0].Body, 0, p[0].Size))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "one\ntwo\n" || err != nil {
		t.Errorf("body %q, %v", got, err)
	}
}

func TestZipEntryIsNamedByTheRecords(t *testing.T) {
	_, d, _ := open(t, compress.ZIP)
	c := sinktest.Chunk("one")
	first, second := seal(t, d, c, []int{0}), seal(t, d, c, []int{0})
	if first[0].SHA256 != second[0].SHA256 {
		t.Error("the same record made two different archives")
	}
}

func TestErrorRecordsAreGroupedByType(t *testing.T) {
	m, _, e := open(t, compress.GZIP)
	c := sinktest.Chunk("r0", "r1\xff", "r2", "r3")
	c.Fail(0, &buffer.Failure{Output: "processing-failed", Code: "A", Message: "m0"})
	c.Fail(1, fmt.Errorf("wrapped: %w", &buffer.Failure{Output: "format-conversion-failed", Code: "DataFormatConversion.ParseError", Message: "Encountered malformed JSON.", Attempts: 1}))
	c.Fail(2, errors.New("x\x00\u2028\xfe"))
	payloads := seal(t, e, c, []int{0, 1, 2})
	for i := range payloads {
		if err := e.Send(t.Context(), &payloads[i]); err != nil {
			t.Fatal(err)
		}
	}
	type line struct {
		AttemptsMade                    int
		ArrivalTimestamp                int64
		AttemptEndingTimestamp          int64
		ErrorCode, ErrorMessage         string
		LastErrorCode, LastErrorMessage string
		RawData                         []byte
		SequenceNumber                  string
		SubSequenceNumber               *int
	}
	zero := 0
	got := map[string][]line{}
	for key, o := range m.objects {
		if o.ContentEncoding != "" || strings.HasSuffix(key, ".gz") {
			t.Errorf("error object %s is compressed", key)
		}
		body, err := io.ReadAll(io.NewSectionReader(o.Body, 0, o.Size))
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.Split(key, "/")[1]
		for raw := range bytes.Lines(body) {
			var l line
			if err := json.Unmarshal(raw, &l); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			got[kind] = append(got[kind], l)
		}
	}
	const at = 1735687815000
	want := map[string][]line{
		"processing-failed": {
			{ArrivalTimestamp: at, AttemptEndingTimestamp: at, ErrorCode: "A", ErrorMessage: "m0", RawData: []byte("r0")},
			{ArrivalTimestamp: at, AttemptEndingTimestamp: at, ErrorCode: "ProcessingFailed", ErrorMessage: "x\x00\u2028\ufffd", RawData: []byte("r2")},
		},
		"format-conversion-failed": {
			{AttemptsMade: 1, ArrivalTimestamp: at, AttemptEndingTimestamp: at, LastErrorCode: "DataFormatConversion.ParseError",
				LastErrorMessage: "Encountered malformed JSON.", RawData: []byte("r1\xff"), SequenceNumber: c.Position(1).String(), SubSequenceNumber: &zero},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error records (-want +got):\n%s", diff)
	}
}

func TestLargeErrorRecordsComeBack(t *testing.T) {
	_, _, e := open(t, compress.Uncompressed)
	big := strings.Repeat("x", 1_024_000)
	c := sinktest.Chunk(big, big)
	c.Fail(0, errors.New("a"))
	c.Fail(1, errors.New("b"))
	p := seal(t, e, c, []int{0, 1})
	body, err := io.ReadAll(io.NewSectionReader(p[0].Body, 0, p[0].Size))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(body), base64.StdEncoding.EncodeToString([]byte(big))); n != 2 || len(p) != 1 {
		t.Errorf("%d records in %d objects, want 2 in 1", n, len(p))
	}
}

// TestStoreClosesWithItsLastUser: the error output goes on when the
// destination is closed.
func TestStoreClosesWithItsLastUser(t *testing.T) {
	m, d, e := open(t, compress.GZIP)
	for _, s := range []*object.Sink{d, d} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Probe(t.Context()); err == nil {
		t.Error("Probe after Close succeeded")
	}
	if m.closed != 0 {
		t.Error("the store is closed while the error output uses it")
	}
	if line, err := e.Probe(t.Context()); line != "memory" || err != nil {
		t.Errorf("Probe = %q, %v", line, err)
	}
	e.Close()
	e.Close()
	if m.closed != 1 {
		t.Errorf("the store was closed %d times", m.closed)
	}
}

// picky is a format that cannot represent the records "bad".
type picky struct{ raw.Format }

func (p picky) NewEncoder(w io.Writer) (convert.Encoder, error) {
	e, err := p.Format.NewEncoder(w)
	return pickyEncoder{e}, err
}

type pickyEncoder struct{ convert.Encoder }

func (e pickyEncoder) Append(c *buffer.Chunk, rows []int) error {
	var good []int
	for _, row := range rows {
		if string(c.Bytes(row)) == "bad" {
			c.Fail(row, errors.New("bad"))
		} else {
			good = append(good, row)
		}
	}
	return e.Encoder.Append(c, good)
}

func TestRowsTheEncoderFailsAreNotCounted(t *testing.T) {
	names, err := object.Naming{}.Names("clicks", 1, "")
	if err != nil {
		t.Fatal(err)
	}
	d, _ := object.New(&memory{}, object.Layout{Names: names, Format: picky{raw.Format{Delimiter: raw.None}}, Compression: compress.Uncompressed})
	p := seal(t, d, sinktest.Chunk("good", "bad", "fine"), []int{0, 1, 2})
	if want := (buffer.Count{Records: 2, Bytes: 8}); len(p) != 1 || p[0].Count != want || p[0].Size != 8 {
		t.Errorf("payloads %+v, want one that counts %+v", p, want)
	}
	if p := seal(t, d, sinktest.Chunk("bad"), []int{0}); len(p) != 0 {
		t.Errorf("a batch of bad records has payloads %+v", p)
	}
}

func TestSpoolErrorsAreReturned(t *testing.T) {
	_, d, e := open(t, compress.Uncompressed)
	c := sinktest.Chunk("x")
	c.Fail(0, errors.New("y"))
	for _, s := range []*object.Sink{d, e} {
		if err := s.Batch(noSpool{}).Add(c, []int{0}); !errors.Is(err, errSpool) {
			t.Errorf("Add = %v, want the spool's error", err)
		}
	}
}

var errSpool = errors.New("spool is full")

type noSpool struct{}

func (noSpool) Create() (sinks.SpoolFile, error) { return nil, errSpool }

type discard struct{}

func (discard) Create() (sinks.SpoolFile, error) { return discard{}, nil }
func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) Finish() (sinks.Content, error)   { return sinks.Content{}, nil }

// BenchmarkWriter is the whole way from a chunk to the spool: 16 chunks of
// half a megabyte make an object.
func BenchmarkWriter(b *testing.B) {
	c := converttest.Clicks(1300)
	rows := sinktest.AllRows(c)
	p := sinktest.Plan(c)
	for _, f := range []compress.Format{compress.Uncompressed, compress.GZIP, compress.ZSTD} {
		b.Run(string(f), func(b *testing.B) {
			_, d, _ := open(b, f)
			b.SetBytes(16 * int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				w := d.Batch(discard{})
				for range 16 {
					if err := w.Add(c, rows); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := w.Seal(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestErrorRecordsDoNotAllocate: a flood of bad records is a normal day.
func TestErrorRecordsDoNotAllocate(t *testing.T) {
	_, _, e := open(t, compress.Uncompressed)
	c := converttest.Clicks(1000)
	reason := &buffer.Failure{Output: "processing-failed", Code: "C", Message: "the \"message\""}
	for row := range c.Len() {
		c.Fail(row, reason)
	}
	rows := sinktest.AllRows(c)
	w := e.Batch(discard{})
	if err := w.Add(c, rows); err != nil {
		t.Fatal(err)
	}
	got := testing.AllocsPerRun(10, func() {
		if err := w.Add(c, rows); err != nil {
			t.Fatal(err)
		}
	})
	if got/1000 > 0.01 {
		t.Errorf("%.2f allocations a row", got/1000)
	}
}
