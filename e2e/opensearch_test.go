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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/load"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// openSearchKills is how many times the program is killed; the environment has
// the last word.
const (
	openSearchKills = 12
	openSearchEnv   = "HYDRANT_E2E_OPENSEARCH_KILLS"
)

// openSearchBed is a program, a cluster of one node behind a proxy, and
// producers. Records of one byte, which the oracle's producers also make, are
// no documents: they belong into the error output.
type openSearchBed struct {
	*hydrant.Site
	*testing.T
	seed      uint64
	server    *servers.OpenSearchServer
	failed    string // folder of the error output
	producers []*load.Producer

	cutShare atomic.Int64 // of the answers to bulk requests, in percent
	cuts     atomic.Int64
	index    string
}

func newOpenSearchBed(t *testing.T, program string) *openSearchBed {
	t.Helper()
	b := &openSearchBed{Site: hydrant.NewSite(t, program), T: t, seed: rand.Uint64(), server: servers.OpenSearch(t)}
	b.index = fmt.Sprintf("bed-%08x", rand.Uint32())
	b.failed = filepath.Join(b.Dir, "failed")
	for number := 1; number <= 2; number++ {
		b.producers = append(b.producers, &load.Producer{
			Ledger: &oracle.Ledger{Seed: b.seed, Producer: number},
			Stream: "records", Endpoint: "http://" + b.API, Batch: 30, Pause: 30 * time.Millisecond, // as much as a small node takes
		})
	}
	b.Configure(fmt.Sprintf(`streams:
  records:
    shards: 2
    source: {direct_put: {}}
    destination:
      opensearch:
        urls: [%q]
        index_name: %s
        index_rotation_period: OneHour
        content_encoding: GZIP
        retry_options: {duration: 10m}
        buffering_hints: {size: 256KiB, interval: 300ms}
        s3_backup: {bucket: %q, prefix: failed/}
`, b.proxy(), b.index, "file://"+b.failed), "  log: {level: warn}")
	return b
}

// proxy starts one before the cluster that cuts answers off after the work was
// done.
func (b *openSearchBed) proxy() string {
	target, err := url.Parse(b.server.URL)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		ModifyResponse: func(r *http.Response) error {
			if strings.HasSuffix(r.Request.URL.Path, "/_bulk") && rand.Int64N(100) < b.cutShare.Load() {
				b.cuts.Add(1)
				return errors.New("the answer is cut off")
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	})
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

func (b *openSearchBed) produce() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, p := range b.producers {
		running.Go(func() { p.Run(ctx) })
	}
	stop = func() { cancel(); running.Wait() }
	b.Cleanup(stop)
	return stop
}

// acked counts the records that were answered with success.
func (b *openSearchBed) acked() (n int) {
	for _, p := range b.producers {
		_, acked := p.Ledger.Counts()
		n += acked
	}
	return n
}

// settle waits until all is delivered.
func (b *openSearchBed) settle() {
	b.Helper()
	buffered := func(m hydrant.Metrics) float64 { return m.Stream("hydrant_ledger_buffered_records", "records") }
	if err := b.Until(90*time.Second, buffered, func(m hydrant.Metrics) bool { return buffered(m) == 0 }); err != nil {
		b.Fatal(err)
	}
}

// judge compares the indices and the error output with the producers' ledgers
// and with the program's account.
func (b *openSearchBed) judge() {
	b.Helper()
	tally := oracle.NewTally(b.seed)
	rejected := b.readFailed(tally)
	var sources bytes.Buffer
	documents := b.server.Documents(b.T, b.index+"-*")
	ids := map[string]bool{}
	for _, d := range documents {
		sources.Write(append(d.Source, '\n'))
		ids[d.ID] = true
	}
	if len(ids) != len(documents) {
		b.Errorf("%d documents have %d ids: the same record is in two indices", len(documents), len(ids))
	}
	if err := tally.Object("indices", &sources, true); err != nil {
		b.Fatal(err)
	}
	var ledgers []*oracle.Ledger
	for _, p := range b.producers {
		ledgers = append(ledgers, p.Ledger)
		if wrong := p.Wrong.Load(); wrong != nil {
			b.Errorf("a wrong answer: %v", wrong)
		}
	}
	expectNone(b.T, oracle.Judge(tally, ledgers))
	m, err := b.Metrics()
	if err != nil {
		b.Fatal(err)
	}
	for name, want := range map[string]int{
		"hydrant_ledger_delivered_records_total": len(documents),
		"hydrant_ledger_failed_records_total":    rejected,
		"hydrant_ledger_dropped_records_total":   0,
		"hydrant_ledger_lost_records_total":      0,
		"hydrant_ledger_gap_records":             0,
	} {
		if got := m.Stream(name, "records"); got != float64(want) {
			b.Errorf("%s is %v, but there are %d", name, got, want)
		}
	}
}

// readFailed reads the error output, and counts its records.
func (b *openSearchBed) readFailed(tally *oracle.Tally) (n int) {
	b.Helper()
	var records bytes.Buffer
	err := filepath.WalkDir(b.failed, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			var failed struct {
				ErrorCode   string
				EsIndexName string
				RawData     []byte
			}
			if err := json.Unmarshal(lines.Bytes(), &failed); err != nil || failed.ErrorCode != "OS.MalformedData" || !strings.HasPrefix(failed.EsIndexName, b.index+"-") {
				b.Errorf("%s: %v, %.300s", path, err, lines.Bytes())
			}
			records.Write(append(failed.RawData, '\n'))
			n++
		}
		return lines.Err()
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := tally.Object("error output", &records, true); err != nil {
		b.Fatal(err)
	}
	return n
}

func TestOpenSearchHasEachRecordOnceWhateverIsKilled(t *testing.T) {
	kills := openSearchKills
	if text := os.Getenv(openSearchEnv); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", openSearchEnv, err)
		}
	}
	b := newOpenSearchBed(t, hydrant.Faulty(t))
	b.cutShare.Store(20)
	stop := b.produce()
	points := []string{"K15", "K15-after", "K9", "K10", "K7", "K15", ""}
	var killedItself int
	for kill := range kills {
		var env []string
		if point := points[kill%len(points)]; point != "" {
			env = append(env, fmt.Sprintf("HYDRANT_KILL=%s:%d", point, 1+rand.IntN(4)))
		}
		p := b.Start(env...)
		select {
		case <-p.Exited():
			if code := p.Code(); code != -1 {
				t.Fatalf("hydrant ended by itself with code %d\n%s", code, p.Log())
			}
			killedItself++
		case <-time.After(time.Duration(500+rand.IntN(700)) * time.Millisecond):
			p.Kill()
		}
	}
	p := b.Start()
	p.Ready(20 * time.Second)
	b.server.Kill() // the node dies, too, while it is written to
	b.server.Start(t)
	stop()
	b.cutShare.Store(0)
	b.settle()
	b.judge()
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
	t.Logf("%d kills, %d at their point, %d answers cut off, %d records acknowledged", kills, killedItself, b.cuts.Load(), b.acked())
	if b.acked() < 100*kills || b.cuts.Load() == 0 || killedItself == 0 {
		t.Errorf("this proved little")
	}
}
