package replay

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/internal/failed"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/server"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a stream whose error output holds these records.
func site(t *testing.T, schema string, records ...string) (dir string, c *configs.Stream, spec stream.Spec) {
	t.Helper()
	dir = t.TempDir()
	key := filepath.Join(dir, "lake", "e", "clicks-1-2026-11-23-09-40-01-01234567-89ab-8def-8123-456789abcdef")
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, r := range records {
		text = object.AppendErrorLine(text, &buffer.Failure{Output: "processing-failed", Code: "Old", Message: "as it was"}, buffer.Position{Seq: 1}, time.Now().UnixMilli(), []byte(r))
	}
	if err := os.WriteFile(key, text, 0o600); err != nil {
		t.Fatal(err)
	}
	config, problems := configs.Parse("t.yaml", dir, []byte(fmt.Sprintf(`
version: 1
streams:
  clicks:
    source: {direct_put: {}}
    destination:
      s3:
        bucket: "file://%s/lake"
        prefix: clicks/
        error_output_prefix: e/
        data_format_conversion: {output_format: {parquet: {}}, schema: %s}
`, dir, schema)), func(string) (string, bool) { return "", false })
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	c = config.Streams[0]
	return dir, c, server.Spec(c, server.Env{Log: slog.New(slog.DiscardHandler), Lookup: os.LookupEnv})
}

func plan(t *testing.T, c *configs.Stream, spec stream.Spec, decisions map[string][]byte) (*Plan, *failed.Output) {
	t.Helper()
	o, err := failed.Open(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	var p failed.Progress
	made, err := New(t.Context(), o, Options{
		Spec: spec, Decisions: decisions, Filter: &failed.Filter{}, Progress: &p, Garbage: func(g failed.Garbage) { t.Error(g) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return made, o
}

// TestWhatPassesTheTrialIsWhatIsDelivered: with columns that are fixed, that
// the records decide, and that they change.
func TestWhatPassesTheTrialIsWhatIsDelivered(t *testing.T) {
	records := []string{`{"id":1}`, `{"id":"x"}`, `broken`, `{"id":2,"new":[1]}`, `{"id":2.5}`, `{}`, `{"id":3}`, `{"new":"text"}`}
	_, first, firstSpec := site(t, "{infer: {}}", `{"id":1}`)
	number, _ := plan(t, first, firstSpec, nil)
	for schema, tt := range map[string]struct {
		from    map[string][]byte
		passing int64
	}{
		"{columns: [{name: id, type: bigint}]}":                                {nil, 5},
		"{columns: [{name: id, type: bigint, required: true}]}":                {nil, 3},
		"{columns: [{name: id, type: string}], on_unknown_field: dead_letter}": {nil, 5},
		"{infer: {}}":                           {nil, 7},              // id is a text, since one of the records has one
		"{infer: {}, on_unknown_field: ignore}": {number.Decisions, 5}, // id is a number for the stream
		"{infer: {}, widen: strings, on_unknown_field: add_column}": {number.Decisions, 7},
	} {
		t.Run(schema, func(t *testing.T) {
			dir, c, spec := site(t, schema, records...)
			made, o := plan(t, c, spec, tt.from)
			store, err := job.OpenStore(filepath.Join(dir, "data"))
			if err != nil {
				t.Fatal(err)
			}
			lock, err := store.Lock("clicks")
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			one, err := store.Create(made.Manifest())
			if err != nil {
				t.Fatal(err)
			}
			summary, err := job.NewRun(one, job.Options{Spec: spec, Open: Open(o), SegmentSize: 1 << 20, MinFree: -1, Grace: 5 * time.Second}).Do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if l := summary.Ledger; l.Failed.Records != 0 || int64(l.Delivered.Records) != made.Records() {
				t.Errorf("planned %d, delivered %d, failed %d", made.Records(), l.Delivered.Records, l.Failed.Records)
			}
			if made.Records() != tt.passing {
				t.Errorf("%d pass, want %d\n%s", made.Records(), tt.passing, made)
			}
			if n := count(made.Failing.List()); n+made.Records() != int64(len(records)) {
				t.Errorf("%d pass and %d fail of %d", made.Records(), n, len(records))
			}
		})
	}
}

func TestAPlanSendsNothing(t *testing.T) {
	dir, c, spec := site(t, "{infer: {}}", `{"id":1}`)
	if made, _ := plan(t, c, spec, nil); made.Records() != 1 || !strings.Contains(made.String(), "1  would pass now") {
		t.Errorf("plan\n%s", made)
	}
	for _, name := range []string{"data", "lake/clicks"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("there is %s", name)
		}
	}
}

// TestAPlanStartsFromTheStreamsColumns: a stream that inferred a number does
// not take a text, whatever the failed records alone would say.
func TestAPlanStartsFromTheStreamsColumns(t *testing.T) {
	_, c, spec := site(t, "{infer: {}}", `{"id":"x"}`)
	alone, _ := plan(t, c, spec, nil)
	_, c2, spec2 := site(t, "{infer: {}}", `{"id":1}`)
	decided, _ := plan(t, c2, spec2, nil)
	made, _ := plan(t, c, spec, decided.Decisions)
	if alone.Records() != 1 || made.Records() != 0 {
		t.Errorf("%d pass alone, %d with the stream's columns", alone.Records(), made.Records())
	}
	if g := made.Failing.List(); len(g) != 1 || g[0].Type != "format-conversion-failed" || g[0].Code == "Old" {
		t.Errorf("the reason is %+v, want today's", g)
	}
}
