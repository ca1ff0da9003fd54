package metrics

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/stream"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.md")

func TestReferenceIsUpToDate(t *testing.T) {
	m := New()
	m.Watch(Sources{Streams: func() []*stream.Stream { return nil }})
	file := filepath.Join("..", "..", "docs", "metrics.md")
	if *update {
		if err := os.WriteFile(file, []byte(m.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), m.Reference()); diff != "" {
		t.Errorf("docs/metrics.md is out of date; run go test ./internal/metrics -update\n%s", diff)
	}
}

// scraped returns the lines of our own metrics.
func scraped(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("GET /metrics: %d %s", w.Code, w.Body)
	}
	var b strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "hydrant_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

func TestEventsAreCounted(t *testing.T) {
	m := New()
	e := m.Stream()
	e.Cut("a", buffer.Plan{Cause: buffer.CutSize, Count: buffer.Count{Records: 3, Bytes: 2000}})
	e.Retry("a", stream.Retry{Err: &sinks.Error{Reason: "SlowDown", Err: errors.New("x")}})
	e.Retry("a", stream.Retry{Err: &sinks.Error{Reason: "made up by a destination", Err: errors.New("x")}})
	e.Delivered("a", stream.Delivered{Payload: &sinks.Payload{Content: sinks.Content{Size: 700}, Count: buffer.Count{Records: 3}}, Took: time.Second})
	e.Delivered("a", stream.Delivered{Payload: &sinks.Payload{Failed: true, Count: buffer.Count{Records: 9}}})
	m.Put("a", "PutRecord", "", 1, 10, time.Millisecond)
	m.Put("a", "PutRecordBatch", "ServiceUnavailableException", 5, 50, time.Millisecond)
	m.AuthFailed("AccessDeniedException")
	m.ReloadFailed()
	m.Buffer().SegmentFailed("a", io.ErrShortWrite)
	has(t, scraped(t, m),
		`hydrant_batches_cut_total{reason="size",stream="a"} 1`,
		`hydrant_batch_bytes_sum{stage="raw",stream="a"} 2000`,
		`hydrant_batch_bytes_sum{stage="stored",stream="a"} 700`,
		`hydrant_delivery_retries_total{reason="SlowDown",stream="a"} 1`,
		`hydrant_delivery_retries_total{reason="other",stream="a"} 1`,
		`hydrant_deliveries_total{result="failed",stream="a"} 2`,
		`hydrant_deliveries_total{result="ok",stream="a"} 2`,
		`hydrant_delivered_records_total{stream="a"} 3`,
		`hydrant_put_requests_total{code="OK",operation="PutRecord",stream="a"} 1`,
		`hydrant_put_requests_total{code="ServiceUnavailableException",operation="PutRecordBatch",stream="a"} 1`,
		`hydrant_records_received_total{source="direct_put",stream="a"} 1`,
		`hydrant_bytes_received_total{source="direct_put",stream="a"} 10`,
		`hydrant_records_throttled_total{stream="a"} 5`,
		`hydrant_auth_failures_total{code="AccessDeniedException"} 1`,
		`hydrant_config_reload_failures_total 1`,
		`hydrant_buffer_write_failures_total{stream="a"} 1`,
	)
}

func TestLedgerIsReadAtScrapeAndSurvivesARestart(t *testing.T) {
	fsys, err := vfs.OS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for round := 1; round <= 2; round++ {
		dir, err := buffer.OpenDir(fsys, buffer.DirOptions{MinFree: -1})
		if err != nil {
			t.Fatal(err)
		}
		set := stream.NewSet(dir, fsys, stream.Events{})
		set.Apply(t.Context(), []stream.Spec{{
			Name: "a", Hash: "h", Hints: stream.Hints{Size: 1 << 20, Interval: time.Hour},
			Open: func(sinks.Decisions) (sinks.Outputs, error) { return sinks.Outputs{}, errors.New("not today") },
		}})
		m := New()
		m.Watch(Sources{
			Streams: set.Streams, Free: func() (int64, int64, error) { return 5, 10, nil },
			Kinds: func(string) (string, string) { return "direct_put", "s3" }, MaxSize: func() int64 { return 99 },
			Memory: &column.Budget{Limit: 77},
		})
		has(t, scraped(t, m),
			`hydrant_ledger_gap_records{stream="a"} 0`,
			`hydrant_stream_state{state="SUSPENDED",stream="a"} 1`,
			`hydrant_stream_state{state="ACTIVE",stream="a"} 0`,
			`hydrant_stream_info{destination="s3",source="direct_put",stream="a"} 1`,
			`hydrant_delivery_freshness_target_seconds{stream="a"} 3600`,
			`hydrant_buffer_limit_bytes 99`, `hydrant_conversion_memory_bytes 0`, `hydrant_conversion_memory_limit_bytes 77`, `hydrant_disk_free_bytes 5`, `hydrant_disk_size_bytes 10`,
		)
		if round == 2 {
			has(t, scraped(t, m),
				`hydrant_ledger_accepted_records_total{stream="a"} 2`,
				`hydrant_ledger_accepted_bytes_total{stream="a"} 5`,
				`hydrant_ledger_buffered_records{stream="a"} 2`,
				`hydrant_buffer_records{stream="a"} 2`)
		}
		if err := set.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if round == 1 { // behind the suspended stream's back, which takes no records
			log, err := dir.OpenLog("a", buffer.LogOptions{Shards: 1})
			if err != nil {
				t.Fatal(err)
			}
			var e buffer.Entries
			e.Add([]byte("ab"))
			e.Add([]byte("cde"))
			if _, err := log.Append(t.Context(), &e); err != nil {
				t.Fatal(err)
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := dir.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// others are names in documents that are no metrics.
var others = map[string]bool{"hydrant_batch": true, "hydrant_checkpoints": true, "hydrant_checkpoints_feed": true, "hydrant_id": true}

func TestDocumentsNameMetricsThatExist(t *testing.T) {
	m := New()
	m.Watch(Sources{Streams: func() []*stream.Stream { return nil }})
	names := map[string]bool{}
	for _, f := range m.registry.families {
		names[f.name] = true
	}
	top := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range append(files, filepath.Join(top, "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bhydrant_[a-z_]+[a-z]\b`).FindAllString(string(text), -1) {
			if !names[name] && !others[name] {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

func BenchmarkPut(b *testing.B) {
	m := New()
	b.ReportAllocs()
	for b.Loop() {
		m.Put("clicks", "PutRecordBatch", "", 500, 500_000, time.Millisecond)
	}
}

func TestWordsFromOutsideAreFew(t *testing.T) {
	var w words
	for _, word := range []string{"", "two words", "a\nb", "é", strings.Repeat("a", longestWord+1)} {
		if got := w.bounded(word); got != "other" {
			t.Errorf("%q is counted as %q", word, got)
		}
	}
	for i := range 2 * mostWords {
		word := fmt.Sprintf("Code.%d", i)
		want := word
		if i >= mostWords {
			want = "other"
		}
		if got := w.bounded(word); got != want {
			t.Errorf("%q is counted as %q, want %q", word, got, want)
		}
	}
	if got := w.bounded("Code.0"); got != "Code.0" {
		t.Errorf("the first word became %q", got)
	}
}
