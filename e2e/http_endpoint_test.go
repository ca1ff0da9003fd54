package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/load"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// httpKillsEnv is how often the program is killed, for a night's worth.
const httpKillsEnv = "HYDRANT_E2E_HTTP_KILLS"

// TestHTTPEndpointHasEachRecordOnceByRequestID kills the program at the points
// of a delivery, restarts the endpoint and breaks connections, before, within
// and after a request. The endpoint knows requests by their id: what it has kept
// then is every record, once. What comes again is the same to the last byte, and
// a crash repeats at most what was in flight.
func TestHTTPEndpointHasEachRecordOnceByRequestID(t *testing.T) {
	b := newHTTPBed(t, hydrant.Faulty(t), "1m")
	b.crashes(10, b.endpoint.Stop, b.endpoint.Start)
}

// TestFirehoseReceiverHasEveryRecord is the same with the receiver of the
// OpenTelemetry collector, which does not know what comes again: it has each
// record as often as its request came, at most.
func TestFirehoseReceiverHasEveryRecord(t *testing.T) {
	b := newHTTPBed(t, hydrant.Faulty(t), "1m")
	collector := servers.Collector(t, `
receivers:
  awsfirehose: {endpoint: "${env:ADDRESS}", access_key: the-access-key, encoding: records}
extensions: {records: {}}
exporters:
  file: {path: "${env:OUTPUT}", rotation: {max_megabytes: 100000}} # with rotation it writes at once, and appends
service:
  telemetry: {metrics: {level: none}}
  extensions: [records]
  pipelines: {logs: {receivers: [awsfirehose], exporters: [file]}}
`)
	b.endpoint.Before(collector.URL)
	b.crashes(6, collector.Kill, collector.Start)

	least, most := map[string]int{}, map[string]int{}
	for _, r := range b.endpoint.Requests() {
		for _, record := range r.Records {
			least[string(record)]++
			most[string(record)] += r.Times()
		}
	}
	got := collected(t, collector.Output)
	for record, n := range got {
		if n > most[record] {
			t.Errorf("record %.80q is there %d times, and was sent %d times", record, n, most[record])
		}
	}
	for record, n := range least {
		if got[record] < n {
			t.Errorf("record %.80q is there %d times, want %d", record, got[record], n)
		}
	}
}

// collected counts the records in a collector's output: OTLP, a record on a
// line. Where the collector was killed a line may be torn; it gave no answer to
// that request.
func collected(t *testing.T, name string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]int{}
	for _, m := range regexp.MustCompile(`"bytesValue":"([A-Za-z0-9+/=]*)"`).FindAllSubmatch(text, -1) {
		record, err := base64.StdEncoding.DecodeString(string(m[1]))
		if err != nil {
			t.Errorf("%.100s: %v", m[1], err)
		}
		records[string(record)]++
	}
	return records
}

// crashes kills the program so often, if the environment does not say otherwise,
// and takes the endpoint away at times; then it judges.
func (b *httpBed) crashes(kills int, stop, start func()) {
	t := b.t
	t.Helper()
	if text := os.Getenv(httpKillsEnv); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", httpKillsEnv, err)
		}
	}
	points := []string{"K5", "K6", "K7", "K8", "K8-after", "K9", "K10", "K11", "K13"}
	produced := b.produce()
	b.endpoint.Disturb(20, servers.EndpointCuts())
	for i := range kills {
		env := []string{"HYDRANT_KILL=" + points[i%len(points)] + ":" + strconv.Itoa(1+rand.IntN(3))}
		if i%4 == 3 {
			env = nil // any time
		}
		b.endpoint.NewLife()
		p := b.Start(env...)
		if i%3 == 1 { // the endpoint is away for a while, too
			if p.TryReady(10*time.Second) == nil {
				stop()
				time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
				start()
				b.stops++
			}
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
	b.endpoint.NewLife()
	b.Start().Ready(20 * time.Second)
	b.more(500)
	produced()
	b.endpoint.Disturb(0, nil)
	b.quiesce()
	b.judge()
	if b.acrossLives == 0 || len(b.endpoint.Disturbed()) == 0 {
		t.Errorf("%d batches were repeated after a crash, connections cut: %v: nothing is proved", b.acrossLives, b.endpoint.Disturbed())
	}
}

// TestBadAnswersLoseNothingAndRepeatWholeRequests: an endpoint that says no, or
// seems to say yes, gets the same request again, and each record counts once.
func TestBadAnswersLoseNothingAndRepeatWholeRequests(t *testing.T) {
	t.Parallel()
	b := newHTTPBed(t, hydrant.Binary(t), "3s")
	p := b.Start()
	p.Ready(20 * time.Second)
	tricks := servers.EndpointBadAnswers()
	b.endpoint.Disturb(50, tricks)
	stop := b.produce()
	until(t, "every bad answer was given", 60*time.Second, func() bool { return len(b.endpoint.Disturbed()) == len(tricks) })
	b.more(100)
	b.endpoint.Disturb(0, nil)
	stop()
	b.quiesce()
	b.judge()
	if b.withinLives == 0 {
		t.Error("no request was repeated: nothing is proved")
	}
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// TestAReplacedKeyIsUsedWithoutAReload: the endpoint wants another key, the
// stream is held, and goes on when the key's file is replaced.
func TestAReplacedKeyIsUsedWithoutAReload(t *testing.T) {
	t.Parallel()
	b := newHTTPBed(t, hydrant.Binary(t), "1m")
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.produce()
	b.more(500)
	inState := func(want string) func() bool {
		return func() bool {
			m, err := b.Metrics()
			return err == nil && m[fmt.Sprintf("hydrant_stream_state{state=%q,stream=%q}", want, httpStream)] == 1
		}
	}
	b.endpoint.SetAccessKey("another-access-key")
	until(t, "the stream is held", 30*time.Second, inState("HELD"))
	b.more(500) // held streams accept
	write(t, filepath.Join(b.Dir, "key.new"), "another-access-key\n")
	if err := os.Rename(filepath.Join(b.Dir, "key.new"), filepath.Join(b.Dir, "key")); err != nil {
		t.Fatal(err)
	}
	until(t, "the stream is active", 90*time.Second, inState("ACTIVE"))
	stop()
	b.quiesce()
	b.judge()
	if code := p.Stop(20 * time.Second); code != 0 || strings.Contains(p.Log(), "access-key") {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// TestRequestsThatAreTooLargeAreHalved, and only records that are too large by
// themselves are given up, with their bytes and the endpoint's answer.
func TestRequestsThatAreTooLargeAreHalved(t *testing.T) {
	b := newHTTPBed(t, hydrant.Binary(t), "1m")
	b.endpoint.Limit(64 << 10)
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.produce()
	b.more(3000)
	stop()
	b.quiesce()
	b.judge()
	if failed := b.read("failed", true); failed.Records == 0 || b.endpoint.TooLarge() < 2*int(failed.Records) {
		t.Errorf("%d records failed and %d requests were too large: nothing is proved", failed.Records, b.endpoint.TooLarge())
	}
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// TestAReplayDeliversToAnEndpointOnce: what was too large arrives once when the
// endpoint takes more, and another replay has nothing to do.
func TestAReplayDeliversToAnEndpointOnce(t *testing.T) {
	t.Parallel()
	b := newHTTPBed(t, hydrant.Binary(t), "1m")
	b.endpoint.Limit(64 << 10)
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.produce()
	b.more(2000)
	stop()
	b.quiesce()
	b.judge()
	failed, before := b.read("failed", true), len(b.endpoint.Requests())
	if failed.Records == 0 {
		t.Fatal("no record failed: nothing is proved")
	}
	b.endpoint.Limit(0)
	replay := func() string {
		p := b.Exec(nil, "errors", "replay", httpStream, "-c", filepath.Join(b.Dir, "hydrant.yaml"), "--yes")
		if code := p.Wait(time.Minute); code != 0 {
			t.Fatalf("exit code %d\n%s", code, p.Log())
		}
		return p.Log()
	}
	replay()
	replayed := oracle.NewTally(b.seed)
	for _, r := range b.endpoint.Requests()[before:] {
		if err := replayed.Object(r.ID, bytes.NewReader(bytes.Join(r.Records, nil)), false); err != nil {
			t.Fatal(err)
		}
	}
	if replayed.Records != failed.Records || replayed.Bytes != failed.Bytes {
		t.Errorf("%d records of %d bytes were replayed, want %d of %d", replayed.Records, replayed.Bytes, failed.Records, failed.Bytes)
	}
	after := len(b.endpoint.Requests())
	if said := replay(); !strings.Contains(said, "nothing to replay") || len(b.endpoint.Requests()) != after {
		t.Errorf("another replay made %d requests and said\n%s", len(b.endpoint.Requests())-after, said)
	}
	// All that was accepted is at the endpoint now, each record once.
	whole := oracle.NewTally(b.seed)
	var ledgers []*oracle.Ledger
	for _, p := range b.producers {
		ledgers = append(ledgers, p.Ledger)
	}
	for _, r := range b.endpoint.Requests() {
		if err := whole.Object(r.ID, bytes.NewReader(bytes.Join(r.Records, nil)), false); err != nil {
			t.Fatal(err)
		}
	}
	expectNone(t, oracle.Judge(whole, ledgers))
	if found := b.endpoint.Violations(); len(found) > 0 {
		t.Errorf("the contract was broken: %v", found)
	}
}

// httpBed is a program that delivers to an endpoint of ours.
type httpBed struct {
	*hydrant.Site
	t         *testing.T
	endpoint  *servers.Endpoint
	producers []*load.Producer
	seed      uint64
	backup    string // a folder

	stops int // of the endpoint

	// Found by judge:
	acrossLives int // batches that came again after a crash, each time
	withinLives int // requests that came again otherwise, each time
}

const (
	httpStream   = "posts"
	httpShards   = 2
	httpInFlight = 4 // batches of a shard
)

func newHTTPBed(t *testing.T, program, requestTimeout string) *httpBed {
	b := &httpBed{
		Site: hydrant.NewSite(t, program), t: t, seed: rand.Uint64(),
		endpoint: servers.NewEndpoint(t, "the-access-key"), backup: filepath.Join(t.TempDir(), "backup"),
	}
	write(t, filepath.Join(b.Dir, "key"), b.endpoint.AccessKey+"\n")
	for i := range 2 {
		b.producers = append(b.producers, &load.Producer{
			Ledger: &oracle.Ledger{Seed: b.seed, Producer: i + 1},
			Stream: httpStream, Endpoint: "http://" + b.API, Batch: 100, Pause: 5 * time.Millisecond,
		})
	}
	b.Configure(fmt.Sprintf(`streams:
  %s:
    shards: %d
    source: {direct_put: {}}
    destination:
      http_endpoint:
        url: %s
        access_key: ${file:%s/key}
        request_timeout: %s
        request_configuration: {content_encoding: GZIP, max_records: 150, common_attributes: {env: test}}
        buffering_hints: {size: 1MiB, interval: 200ms}
        retry_options: {duration: 1h}
        s3_backup_mode: AllData
        s3_backup: {bucket: "file://%s", prefix: all/, error_output_prefix: failed/}
`, httpStream, httpShards, b.endpoint.URL, b.Dir, requestTimeout, b.backup), "  buffer: {segment_size: 1MiB, min_free: 1%}\n  log: {level: warn}")
	return b
}

// produce runs the producers until the function it returns is called.
func (b *httpBed) produce() (stop func()) {
	return load.Run(b.t, b.producers...)
}

func (b *httpBed) acked() (n int) {
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
func (b *httpBed) more(n int) {
	b.t.Helper()
	want := b.acked() + n
	until(b.t, "acknowledged records", time.Minute, func() bool { return b.acked() >= want })
}

// quiesce waits until everything that was accepted is settled.
func (b *httpBed) quiesce() {
	b.t.Helper()
	buffered := func(m hydrant.Metrics) float64 { return m.Stream("hydrant_ledger_buffered_records", httpStream) }
	if err := b.Until(60*time.Second, buffered, func(m hydrant.Metrics) bool { return buffered(m) == 0 }); err != nil {
		b.t.Fatalf("wait until all is delivered: %v", err)
	}
}

// judge compares the producers' ledgers, the program's, the endpoint's records
// with those that it did not take, and the backup's. What came again did so for
// a reason: a crash, with at most what was in flight, a cut or a bad answer.
func (b *httpBed) judge() {
	b.t.Helper()
	var ledgers []*oracle.Ledger
	for _, p := range b.producers {
		ledgers = append(ledgers, p.Ledger)
	}
	metrics, err := b.Metrics()
	if err != nil {
		b.t.Fatal(err)
	}
	settled := b.read("failed", true)
	failed := buffer.Count{Records: settled.Records, Bytes: settled.Bytes}
	for _, r := range b.endpoint.Requests() {
		if err := settled.Object(r.ID, bytes.NewReader(bytes.Join(r.Records, nil)), false); err != nil {
			b.t.Fatal(err)
		}
	}
	for what, tally := range map[string]*oracle.Tally{"endpoint and error output": settled, "backup": b.read("all", false)} {
		for _, v := range oracle.Judge(tally, ledgers) {
			b.t.Errorf("%s: %v", what, v)
		}
		for name, want := range map[string]uint64{
			"accepted_records_total": tally.Records, "accepted_bytes_total": tally.Bytes,
			"delivered_records_total": tally.Records - failed.Records, "delivered_bytes_total": tally.Bytes - failed.Bytes,
			"failed_records_total": failed.Records, "failed_bytes_total": failed.Bytes,
			"dropped_records_total": 0, "lost_records_total": 0, "gap_records": 0,
		} {
			if got := uint64(metrics.Stream("hydrant_ledger_"+name, httpStream)); got != want {
				b.t.Errorf("%s: %s is %d, want %d", what, name, got, want)
			}
		}
	}
	for _, v := range b.endpoint.Violations() {
		b.t.Errorf("the contract was broken: %s", v)
	}
	b.judgeRepeats()
	b.t.Logf("%d records acknowledged, %d failed; %d requests taken, %d too large; %d batches again after crashes, %d requests again otherwise; disturbed by %v",
		b.acked(), failed.Records, len(b.endpoint.Requests()), b.endpoint.TooLarge(), b.acrossLives, b.withinLives, b.endpoint.Disturbed())
}

// judgeRepeats holds against the limits what came again.
func (b *httpBed) judgeRepeats() {
	b.t.Helper()
	inFlight := map[int]map[int64]bool{} // batches that came again, by life; when they were cut names them
	for _, r := range b.endpoint.Requests() {
		for i, life := range r.Lives[1:] {
			if life == r.Lives[i] {
				b.withinLives++
				continue
			}
			if inFlight[life] == nil {
				inFlight[life] = map[int64]bool{}
			}
			inFlight[life][r.Timestamp] = true
		}
	}
	for life, batches := range inFlight {
		b.acrossLives += len(batches)
		if most := httpShards * httpInFlight; len(batches) > most {
			b.t.Errorf("crash %d repeated %d batches, at most %d were in flight", life-1, len(batches), most)
		}
	}
	reasons := b.stops * httpShards * httpInFlight
	for _, n := range b.endpoint.Disturbed() {
		reasons += n
	}
	if b.withinLives > reasons {
		b.t.Errorf("%d requests came again without a crash, with %d reasons to", b.withinLives, reasons)
	}
}

// read reads the records in a folder of the backup: as they are, or the error
// records of what the endpoint found too large.
func (b *httpBed) read(folder string, failed bool) *oracle.Tally {
	b.t.Helper()
	tally := oracle.NewTally(b.seed)
	err := filepath.WalkDir(filepath.Join(b.backup, folder), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !failed {
			return errors.Join(err, tally.Object(path, bytes.NewReader(text), true))
		}
		for line := range bytes.Lines(text) {
			var record struct {
				ErrorCode, ErrorMessage, DataID string
				RawData                         []byte
			}
			if err := json.Unmarshal(line, &record); err != nil {
				return fmt.Errorf("%s: %.200s: %w", path, line, err)
			}
			if record.ErrorCode != "HttpEndpoint.DestinationException" || !strings.Contains(record.ErrorMessage, "413: {") ||
				!strings.HasSuffix(record.DataID, ".0") || len(record.RawData) < 40<<10 {
				b.t.Errorf("error record %.300s", line)
			}
			if err := tally.Object(path, bytes.NewReader(record.RawData), false); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return tally
}
