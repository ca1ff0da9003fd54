package httpendpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/converttest"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// discard is a spool that keeps nothing.
type discard struct{}

func (discard) Create() (sinks.SpoolFile, error) { return discard{}, nil }
func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) Finish() (sinks.Content, error)   { return sinks.Content{}, nil }

// BenchmarkWriter is the whole way from a chunk to the spool: 8 chunks of half
// a megabyte make a request.
func BenchmarkWriter(b *testing.B) {
	c := converttest.Clicks(1200)
	rows, plan := sinktest.AllRows(c), sinktest.Plan(c)
	for _, f := range []Format{Firehose, NDJSON, JSONArray} {
		b.Run(string(f), func(b *testing.B) {
			s := &Sink{format: f, limits: limits{records: mostRecords, bytes: largestBody - frame, record: largestRecord}}
			b.SetBytes(8 * int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				w := s.Batch(discard{})
				for range 8 {
					if err := w.Add(c, rows); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := w.Seal(plan); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGzip compresses the body of a request.
func BenchmarkGzip(b *testing.B) {
	config := newBenchConfig(b)
	s, _ := open(b, config)
	p := seal(b, s, converttest.Clicks(9600))
	b.SetBytes(p[0].Size)
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.request(b.Context(), &p[0], requestID(&p[0]))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func newBenchConfig(b *testing.B) *Config {
	c := Default().(*Config)
	c.URL = "http://endpoint.test"
	c.RequestConfiguration.ContentEncoding = gzipped
	c.S3Backup.Bucket = "file://" + b.TempDir()
	return c
}

// TestAddDoesNotAllocate: the lists of a request grow, nothing else does.
func TestAddDoesNotAllocate(t *testing.T) {
	c := converttest.Clicks(1000)
	rows := sinktest.AllRows(c)
	for _, f := range []Format{Firehose, NDJSON, JSONArray} {
		s := &Sink{format: f, limits: limits{records: mostRecords, bytes: largestBody - frame, record: largestRecord}}
		w := s.Batch(discard{})
		got := testing.AllocsPerRun(20, func() {
			if err := w.Add(c, rows); err != nil {
				t.Fatal(err)
			}
		})
		if got/1000 > 0.02 {
			t.Errorf("%s: %.3f allocations a record", f, got/1000)
		}
	}
}

// FuzzFragments: whatever is in a record, its fragment is one value in the
// body, and gives the record back.
func FuzzFragments(f *testing.F) {
	for _, record := range []string{`{"a":1}`, "\"},{\"data\":\"", "]", "1,2", "[1,\r\n2]", "\x00\xff", " 1 ", "", "\"\\u2028\""} {
		f.Add([]byte(record))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		for _, format := range []Format{Firehose, NDJSON, JSONArray} {
			one := []byte("7")
			body := format.appendHead(nil, testID, 1)
			body, err := format.appendFragment(body, one)
			if err != nil {
				t.Fatal(err)
			}
			before := len(body)
			if body, err = format.appendFragment(body, record); err != nil {
				if format == Firehose || len(body) != before {
					t.Fatalf("%s: %q: %v, and %d bytes more", format, record, err, len(body)-before)
				}
				continue
			}
			if body, err = format.appendFragment(body, one); err != nil {
				t.Fatal(err)
			}
			tail, cut := format.tail()
			body = append(body[:len(body)-int(cut)], tail...)
			if len(body)-before > len(record)*2+64 {
				t.Fatalf("%s: %d bytes became %d", format, len(record), len(body)-before)
			}
			switch format {
			case Firehose:
				var got struct{ Records []struct{ Data string } }
				if err := json.Unmarshal(body, &got); err != nil || len(got.Records) != 3 || got.Records[1].Data != base64.StdEncoding.EncodeToString(record) {
					t.Fatalf("%q: %v, %+v", body, err, got)
				}
			case NDJSON:
				lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
				if len(lines) != 3 || !sameJSON(lines[1], record) {
					t.Fatalf("%q from %q", lines, record)
				}
			case JSONArray:
				var got []json.RawMessage
				if err := json.Unmarshal(body, &got); err != nil || len(got) != 3 || !sameJSON(got[1], record) {
					t.Fatalf("%q: %v", body, err)
				}
			}
		}
	})
}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
