package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/load"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// splunkKillsEnv is how often the program is killed, for a night's worth.
const splunkKillsEnv = "HYDRANT_E2E_SPLUNK_KILLS"

// TestSplunkHasEveryRecordAndRepeatsWholeBatchesOnly kills the program at the
// points of a delivery, restarts the collector, which then forgets its
// acknowledgments, and breaks connections. Splunk's collector cannot know a
// batch that comes again: then it has the same events in the same order, and
// that happens no more often than batches were on their way.
func TestSplunkHasEveryRecordAndRepeatsWholeBatchesOnly(t *testing.T) {
	kills := 10
	if text := os.Getenv(splunkKillsEnv); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", splunkKillsEnv, err)
		}
	}
	b := newSplunkBed(t, hydrant.Faulty(t))
	points := []string{"K5", "K6", "K7", "K8", "K16", "K16-acknowledged", "K9", "K10", "K11", "K13"}
	stop := b.produce()
	b.door.cutShare.Store(6)
	restarts := 0
	for i := range kills {
		env := []string{"HYDRANT_KILL=" + points[i%len(points)] + ":" + strconv.Itoa(1+rand.IntN(3))}
		if i%4 == 3 {
			env = nil // any time
		}
		p := b.Start(env...)
		if i%3 == 1 && p.TryReady(10*time.Second) == nil {
			b.collector.Kill()
			b.collector.Start()
			restarts++
		}
		select {
		case <-p.Exited():
			if code := p.Code(); code != -1 {
				t.Fatalf("hydrant ended by itself with code %d\n%s", code, p.Log())
			}
		case <-time.After(time.Duration(500+rand.IntN(1500)) * time.Millisecond):
			p.Kill()
		}
	}
	p := b.Start()
	p.Ready(20 * time.Second)
	b.more(500)
	stop()
	b.door.cutShare.Store(0)
	b.quiesce()
	repeated := b.judge()
	// An end repeats at most what was in flight; a connection that broke repeats
	// its batch.
	if most := splunkInFlight*splunkShards*(kills+restarts) + int(b.door.cuts.Load()); repeated > most {
		t.Errorf("%d batches were repeated, at most %d were in flight", repeated, most)
	}
	if repeated == 0 || b.door.cuts.Load() == 0 {
		t.Errorf("%d batches were repeated and %d connections cut: nothing is proved", repeated, b.door.cuts.Load())
	}
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// TestBadAnswersOfSplunkLoseNothing: a collector that is busy, broken or no
// collector at all gets the events again, and has each once: it took none.
func TestBadAnswersOfSplunkLoseNothing(t *testing.T) {
	t.Parallel()
	b := newSplunkBed(t, hydrant.Binary(t))
	p := b.Start()
	p.Ready(20 * time.Second)
	b.door.badShare.Store(50)
	stop := b.produce()
	until(t, "every bad answer was given", time.Minute, func() bool { return b.door.bad.Load() >= int64(len(splunkBadAnswers)) })
	b.more(100)
	b.door.badShare.Store(0)
	stop()
	b.quiesce()
	if repeated := b.judge(); repeated > 0 {
		t.Errorf("%d batches were repeated", repeated)
	}
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// splunkBadAnswers are answers to events that a collector has not taken.
var splunkBadAnswers = []struct {
	status int
	later  string // Retry-After
	body   string
}{
	{503, "", `{"text":"Server is busy","code":9}`},
	{500, "", `{"text":"Internal server error","code":8}`},
	{503, "", `{"text":"Server is shutting down","code":23}`},
	{429, "1", ""},
	{429, "", `{"text":"Queue is full","code":26}`},
	{503, "1", "<html>no backend</html>"},
	{200, "", "<html>welcome</html>"},
	{200, "", `{"text":"Success"}`},
	{200, "", strings.Repeat("x", 2<<20)},
	{307, "", ""},
	{504, "", ""},
}

// TestADisabledSplunkTokenHoldsTheStream, which goes on when it is enabled.
func TestADisabledSplunkTokenHoldsTheStream(t *testing.T) {
	t.Parallel()
	b := newSplunkBed(t, hydrant.Binary(t))
	b.Start().Ready(20 * time.Second)
	stop := b.produce()
	b.more(500)
	inState := func(want string) func() bool {
		return func() bool {
			m, err := b.Metrics()
			return err == nil && m[fmt.Sprintf("hydrant_stream_state{state=%q,stream=%q}", want, splunkStream)] == 1
		}
	}
	b.door.disabled.Store(true)
	until(t, "the stream is held", 30*time.Second, inState("HELD"))
	b.more(500) // held streams accept
	b.door.disabled.Store(false)
	until(t, "the stream is active", 90*time.Second, inState("ACTIVE"))
	stop()
	b.quiesce()
	b.judge()
}

// TestEventsThatSplunkRefusesGoToTheErrorOutput, one by one, with their bytes
// and what Splunk said of them.
func TestEventsThatSplunkRefusesGoToTheErrorOutput(t *testing.T) {
	t.Parallel()
	b := newSplunkBed(t, hydrant.Binary(t))
	b.Start().Ready(20 * time.Second)
	const nested, blank = `{"event":"x","fields":{"a":{"b":1}}}`, `   `
	lines := []string{`{"event":"mine","host":"h"}`, nested, `{"a":1}`, blank, "text", nested, `{"event":"last"}`}
	input := filepath.Join(b.Dir, "input")
	write(t, input, strings.Join(lines, "\n")+"\n")
	client(t, nil, b.Program, "put", splunkStream, input, "--endpoint", "http://"+b.API)
	until(t, "everything is settled", 30*time.Second, func() bool {
		m, err := b.Metrics()
		return err == nil && m.Stream("hydrant_ledger_delivered_records_total", splunkStream) == 4 &&
			m.Stream("hydrant_ledger_failed_records_total", splunkStream) == 3
	})
	got := map[string]int{}
	err := filepath.WalkDir(filepath.Join(b.failed, "failed", "splunk-failed"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range bytes.Lines(text) {
			var record struct {
				ErrorCode, ErrorMessage, EventID string
				RawData                          []byte
			}
			if err := json.Unmarshal(line, &record); err != nil {
				return err
			}
			if record.ErrorCode != "Splunk.InvalidDataFormat" || record.ErrorMessage == "" || !strings.HasSuffix(record.EventID, ".0") {
				t.Errorf("error record %s", line)
			}
			got[string(record.RawData)]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{nested: 2, blank: 1}, got); diff != "" {
		t.Errorf("failed records (-want +got):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, r := range b.requests() {
		for _, id := range r.ids {
			seen[id] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d events arrived, want 4", len(seen))
	}
}

const (
	splunkStream   = "events"
	splunkShards   = 2
	splunkInFlight = 3
)

// splunkBed is a program that delivers to an OpenTelemetry collector, which
// speaks HEC with acknowledgments, and writes each request on a line.
type splunkBed struct {
	*hydrant.Site
	t         *testing.T
	collector *servers.CollectorServer
	door      *splunkDoor
	producers []*load.Producer
	seed      uint64
	failed    string // folder of the error output
}

func newSplunkBed(t *testing.T, program string) *splunkBed {
	b := &splunkBed{Site: hydrant.NewSite(t, program), t: t, seed: rand.Uint64()}
	b.collector = servers.Collector(t, `
receivers:
  splunk_hec: {endpoint: "${env:ADDRESS}", ack: {extension: ack, path: /services/collector/ack}}
extensions: {ack: {}}
exporters:
  file: {path: "${env:OUTPUT}", rotation: {max_megabytes: 100000}} # with rotation it writes at once, and appends
service:
  telemetry: {metrics: {level: none}}
  extensions: [ack]
  pipelines: {logs: {receivers: [splunk_hec], exporters: [file]}}
`)
	b.door = newSplunkDoor(t, b.collector.URL)
	b.failed = filepath.Join(b.Dir, "failed")
	for i := range 2 {
		b.producers = append(b.producers, &load.Producer{
			Ledger: &oracle.Ledger{Seed: b.seed, Producer: i + 1},
			Stream: splunkStream, Endpoint: "http://" + b.API, Batch: 100, Pause: 8 * time.Millisecond,
		})
	}
	b.Configure(fmt.Sprintf(`streams:
  %s:
    shards: %d
    source: {direct_put: {}}
    destination:
      splunk:
        hec_endpoint: %s
        hec_token: the-token # hydrant:allow literal-secret
        hec_acknowledgment_timeout: 1s
        max_in_flight: %d
        event: {index: main, sourcetype: test, id_field: hydrant_id}
        buffering_hints: {size: 512KiB, interval: 200ms}
        s3_backup: {bucket: "file://%s", error_output_prefix: "failed/!{firehose:error-output-type}/"}
`, splunkStream, splunkShards, b.door.URL, splunkInFlight, b.failed), "  buffer: {segment_size: 1MiB, min_free: 1%}\n  log: {level: warn}")
	return b
}

// splunkDoor stands before the collector. It can turn the token off, which the
// collector does not look at, and break connections: before the collector has
// seen the request, while it reads it, and before its answer.
type splunkDoor struct {
	*httptest.Server
	disabled atomic.Bool
	cutShare atomic.Int64 // of the requests, in percent
	cuts     atomic.Int64
	badShare atomic.Int64 // of the requests with events that get bad answers, in turn
	bad      atomic.Int64
}

func newSplunkDoor(t *testing.T, target string) *splunkDoor {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	d := &splunkDoor{}
	type cutKey struct{}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		ModifyResponse: func(r *http.Response) error {
			if r.Request.Context().Value(cutKey{}) != nil {
				return errors.New("the answer is cut off")
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.disabled.Load() {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"text":"Token disabled","code":1}`)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/event") && rand.Int64N(100) < d.badShare.Load() {
			a := splunkBadAnswers[(d.bad.Add(1)-1)%int64(len(splunkBadAnswers))]
			io.Copy(io.Discard, r.Body)
			if a.later != "" {
				w.Header().Set("Retry-After", a.later)
			}
			w.WriteHeader(a.status)
			io.WriteString(w, a.body)
			return
		}
		if rand.Int64N(100) < d.cutShare.Load() {
			d.cuts.Add(1)
			switch rand.IntN(3) {
			case 0:
				panic(http.ErrAbortHandler)
			case 1:
				r.Body = io.NopCloser(io.LimitReader(r.Body, r.ContentLength/2))
			case 2:
				r = r.WithContext(context.WithValue(r.Context(), cutKey{}, true))
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	d.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() { d.CloseClientConnections(); d.Close() })
	return d
}

// produce runs the producers until the function it returns is called.
func (b *splunkBed) produce() (stop func()) {
	return load.Run(b.t, b.producers...)
}

func (b *splunkBed) acked() (n int) {
	b.t.Helper()
	for _, p := range b.producers {
		if wrong := p.Wrong.Load(); wrong != nil {
			b.t.Fatalf("a wrong answer: %v", wrong)
		}
		_, acked := p.Ledger.Counts()
		n += acked
	}
	return n
}

// more waits until the producers have so many more records acknowledged.
func (b *splunkBed) more(n int) {
	b.t.Helper()
	want := b.acked() + n
	until(b.t, "acknowledged records", time.Minute, func() bool { return b.acked() >= want })
}

// quiesce waits until everything that was accepted is settled.
func (b *splunkBed) quiesce() {
	b.t.Helper()
	buffered := func(m hydrant.Metrics) float64 { return m.Stream("hydrant_ledger_buffered_records", splunkStream) }
	if err := b.Until(60*time.Second, buffered, func(m hydrant.Metrics) bool { return buffered(m) == 0 }); err != nil {
		b.t.Fatalf("wait until all is delivered: %v", err)
	}
}

// judge compares what the collector has with the producers' ledgers and with
// the program's. It returns how many batches the collector has again.
func (b *splunkBed) judge() (repeated int) {
	b.t.Helper()
	tally := oracle.NewTally(b.seed)
	first := map[string]int{} // the request that an event came with first, by its identity
	requests := b.requests()
	for i, r := range requests {
		if earlier, again := first[r.ids[0]]; again {
			repeated++
			if !slices.Equal(requests[earlier].ids, r.ids) {
				b.t.Errorf("request %d has events of request %d, and is another one", i, earlier)
			}
			continue
		}
		for _, id := range r.ids {
			if earlier, again := first[id]; again {
				b.t.Errorf("event %s of request %d was in request %d", id, i, earlier)
			}
			first[id] = i
		}
		if err := tally.Object(fmt.Sprint("request ", i), bytes.NewReader(r.records), false); err != nil {
			b.t.Fatal(err)
		}
	}
	var ledgers []*oracle.Ledger
	for _, p := range b.producers {
		ledgers = append(ledgers, p.Ledger)
	}
	expectNone(b.t, oracle.Judge(tally, ledgers))
	metrics, err := b.Metrics()
	if err != nil {
		b.t.Fatal(err)
	}
	for name, want := range map[string]uint64{
		"accepted_records_total": tally.Records, "accepted_bytes_total": tally.Bytes,
		"delivered_records_total": tally.Records, "delivered_bytes_total": tally.Bytes,
		"failed_records_total": 0, "dropped_records_total": 0, "lost_records_total": 0, "gap_records": 0,
	} {
		if got := uint64(metrics.Stream("hydrant_ledger_"+name, splunkStream)); got != want {
			b.t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	if entries, err := os.ReadDir(b.failed); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Errorf("the error output holds %v, %v", entries, err)
	}
	b.t.Logf("%d records acknowledged; %d batches taken, %d of them again; %d connections cut", b.acked(), len(requests), repeated, b.door.cuts.Load())
	return repeated
}

// splunkRequest is a request as the collector understood it.
type splunkRequest struct {
	ids     []string // of its events
	records []byte   // back to back
}

// requests reads the collector's output: OTLP, a request on a line.
func (b *splunkBed) requests() (all []splunkRequest) {
	b.t.Helper()
	f, err := os.Open(b.collector.Output)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 256<<20)
	const head = `{"resourceLogs":`
	for lines.Scan() {
		// Where the collector was killed, a request without an end stands before
		// the next one. It gave no answer to that.
		for i, text := range strings.Split(lines.Text(), head) {
			if i == 0 {
				continue
			}
			if r, err := readSplunkRequest(head + text); err == nil {
				all = append(all, r)
			}
		}
	}
	if err := lines.Err(); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// readSplunkRequest reads OTLP's JSON. The collector has taken the members of
// records, all of them texts, out of their order.
func readSplunkRequest(text string) (r splunkRequest, err error) {
	type member struct {
		Key   string
		Value struct{ StringValue string }
	}
	var request struct {
		ResourceLogs []struct {
			ScopeLogs []struct {
				LogRecords []struct {
					Body struct {
						StringValue string
						KvlistValue struct{ Values []member }
					}
					Attributes []member
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &request); err != nil {
		return r, err
	}
	for _, resource := range request.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			for _, record := range scope.LogRecords {
				members := map[string]string{}
				for _, m := range append(record.Attributes, record.Body.KvlistValue.Values...) {
					members[m.Key] = m.Value.StringValue
				}
				r.ids = append(r.ids, members["hydrant_id"])
				if record.Body.StringValue != "" {
					r.records = append(r.records, record.Body.StringValue...)
				} else {
					r.records = fmt.Appendf(r.records, `{"id":"%s","size":"%s","sum":"%s","pad":"%s"}`, members["id"], members["size"], members["sum"], members["pad"])
				}
			}
		}
	}
	if len(r.ids) == 0 {
		return r, errors.New("a request without events")
	}
	return r, nil
}
