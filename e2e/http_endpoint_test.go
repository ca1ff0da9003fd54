package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
// of a delivery, restarts the endpoint and breaks connections, before and after
// the endpoint has kept a request. The endpoint knows requests by their id:
// what it has kept then is every record, once.
func TestHTTPEndpointHasEachRecordOnceByRequestID(t *testing.T) {
	kills := 10
	if text := os.Getenv(httpKillsEnv); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", httpKillsEnv, err)
		}
	}
	b := newHTTPBed(t)
	points := []string{"K5", "K6", "K7", "K8", "K8-after", "K9", "K10", "K11", "K13"}
	stop := b.produce()
	b.endpoint.Cut(4, 6)
	for i := range kills {
		env := []string{"HYDRANT_KILL=" + points[i%len(points)] + ":" + strconv.Itoa(1+rand.IntN(3))}
		if i%4 == 3 {
			env = nil // any time
		}
		p := b.Start(env...)
		if i%3 == 1 { // the endpoint is away for a while, too
			if p.TryReady(10*time.Second) == nil {
				b.endpoint.Stop()
				time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
				b.endpoint.Start()
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
	b.Start().Ready(20 * time.Second)
	b.more(500)
	stop()
	b.endpoint.Cut(0, 0)
	b.quiesce()
	repeated := b.judge()
	if repeated == 0 || b.endpoint.Cuts() == 0 {
		t.Errorf("%d requests were repeated and %d connections cut: nothing is proved", repeated, b.endpoint.Cuts())
	}
}

// TestRequestsThatAreTooLargeAreHalved, and only records that are too large by
// themselves are given up, with their bytes and the endpoint's answer.
func TestRequestsThatAreTooLargeAreHalved(t *testing.T) {
	b := newHTTPBed(t)
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

// httpBed is a program that delivers to an endpoint of ours.
type httpBed struct {
	*hydrant.Site
	t         *testing.T
	endpoint  *servers.Endpoint
	producers []*load.Producer
	seed      uint64
	backup    string // a folder
}

const httpStream = "posts"

func newHTTPBed(t *testing.T) *httpBed {
	b := &httpBed{
		Site: hydrant.NewSite(t, hydrant.Faulty(t)), t: t, seed: rand.Uint64(),
		endpoint: servers.NewEndpoint(t, "the-access-key"), backup: filepath.Join(t.TempDir(), "backup"),
	}
	for i := range 2 {
		b.producers = append(b.producers, &load.Producer{
			Ledger: &oracle.Ledger{Seed: b.seed, Producer: i + 1},
			Stream: httpStream, Endpoint: "http://" + b.API, Batch: 100, Pause: 5 * time.Millisecond,
		})
	}
	b.Configure(fmt.Sprintf(`streams:
  %s:
    shards: 2
    source: {direct_put: {}}
    destination:
      http_endpoint:
        url: %s
        access_key: the-access-key # hydrant:allow literal-secret
        request_configuration: {content_encoding: GZIP, max_records: 150, common_attributes: {env: test}}
        buffering_hints: {size: 1MiB, interval: 200ms}
        retry_options: {duration: 1h}
        s3_backup_mode: AllData
        s3_backup: {bucket: "file://%s", prefix: all/, error_output_prefix: failed/}
`, httpStream, b.endpoint.URL, b.backup), "  buffer: {segment_size: 1MiB, min_free: 1%}\n  log: {level: warn}")
	return b
}

// produce runs the producers until the function it returns is called.
func (b *httpBed) produce() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, p := range b.producers {
		running.Go(func() { p.Run(ctx) })
	}
	stop = func() { cancel(); running.Wait() }
	b.t.Cleanup(stop)
	return stop
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
// with those that it did not take, and the backup's. It returns how often a
// request came again.
func (b *httpBed) judge() (repeated int) {
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
		repeated += r.Times - 1
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
	b.t.Logf("%d records acknowledged, %d failed; %d requests taken, %d of them again, %d too large; %d connections cut",
		b.acked(), failed.Records, len(b.endpoint.Requests()), repeated, b.endpoint.TooLarge(), b.endpoint.Cuts())
	return repeated
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
