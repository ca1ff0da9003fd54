package elasticsearch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// clicks is a chunk of documents as they often are.
func clicks(records int) *buffer.Chunk {
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 1, Seq: 1})
	for n := range records {
		c.AppendCopy(fmt.Appendf(nil, `{"event_id":"%026d","ts":"2026-11-23T09:41:%02d.123Z","customer":{"id":"c-%06d","plan":"pro"},`+
			`"page":"/products/%d?ref=newsletter","referrer":"https://www.example.com/search?q=hydrant","agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",`+
			`"duration_ms":%d,"status":200,"bytes":%d,"country":"DE","tags":["web","eu","beta"],"amount":%d.%02d}`,
			n, n%60, n%5000, n%977, n%3000, n*37%90000, n%500, n%100), time.Unix(1735687815, 0))
	}
	return c
}

// discard is a spool that keeps nothing and allocates nothing.
type discard struct{}

func (discard) Create() (sinks.SpoolFile, error) { return discard{}, nil }
func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) Finish() (sinks.Content, error)   { return sinks.Content{}, nil }

func TestAddStaysUnderTheAllocationCeiling(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"ids from positions": func(*Config) {},
		"ids from a field":   func(c *Config) { c.DocumentID, c.Routing = ".event_id", ".customer.id" },
	} {
		config := good() // no server, whose allocations would count
		config.S3Backup.Bucket = "file://" + t.TempDir()
		change(config)
		s, c := open(t, config), clicks(500)
		rows := sinktest.AllRows(c)
		w := s.Batch(discard{}).(*writer)
		add := func() {
			if err := w.Add(c, rows); err != nil {
				t.Fatal(err)
			}
			w.current.ends, w.current.seqs = w.current.ends[:0], w.current.seqs[:0]
		}
		add()
		if got := testing.AllocsPerRun(20, add); got > 0 {
			t.Errorf("%s: Add allocates %v times for 500 records, want 0", name, got)
		}
	}
}

// answering is a client that answers at once: what Send costs is ours.
type answering []byte

func (a answering) Perform(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// created answers that all documents of a payload are there.
func created(s *Sink, p *sinks.Payload) answering {
	text, sent := []byte(`{"errors":false,"items":[`), s.sentIDs(p)
	for row := range p.Seqs {
		if row > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"create":{"_id":"%s","status":201}}`, sent.of(row))
	}
	return answering(append(text, "]}"...))
}

func TestSendAllocatesNothingForADocument(t *testing.T) {
	config := good()
	config.S3Backup.Bucket = "file://" + t.TempDir()
	s := open(t, config)
	costs := func(documents int) float64 {
		p := payloads(t, s, clicks(documents))
		s.client = created(s, &p[0])
		if !s.allTaken(&p[0], s.client.(answering)) {
			t.Fatal("the usual answer takes the long way")
		}
		return testing.AllocsPerRun(10, func() {
			if err := s.Send(t.Context(), &p[0]); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := costs(10), costs(5000); many > few+50 { // a longer answer is read in more pieces
		t.Errorf("Send allocates %v times for 10 documents and %v times for 5000", few, many)
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, way := range []struct {
		name   string
		change func(*Config)
	}{
		{"position", func(*Config) {}},
		{"field", func(c *Config) { c.DocumentID = ".event_id" }},
		{"field-routing", func(c *Config) { c.DocumentID, c.Routing = ".event_id", ".customer.id" }},
	} {
		b.Run(way.name, func(b *testing.B) {
			config := newCluster(b).config()
			way.change(config)
			s, c := open(b, config), clicks(1000)
			rows := sinktest.AllRows(c)
			w := s.Batch(discard{}).(*writer)
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Add(c, rows); err != nil {
					b.Fatal(err)
				}
				w.current.ends, w.current.seqs = w.current.ends[:0], w.current.seqs[:0]
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/record")
		})
	}
}

func BenchmarkSend(b *testing.B) {
	const documents = 10_000
	s := open(b, newCluster(b).config())
	p := payloads(b, s, clicks(documents))
	s.client = created(s, &p[0])
	b.SetBytes(p[0].Size)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Send(context.Background(), &p[0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*documents), "ns/record")
}
