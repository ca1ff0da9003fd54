package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

	cutShare atomic.Int64 // of bulk requests, and of answers, that are broken off, in percent
	cuts     atomic.Int64
	index    string
}

// newOpenSearchBed writes a configuration with further settings of the
// destination, a line each.
func newOpenSearchBed(t *testing.T, program string, settings ...string) *openSearchBed {
	t.Helper()
	b := &openSearchBed{Site: hydrant.NewSite(t, program), T: t, seed: rand.Uint64(), server: servers.OpenSearch(t)}
	b.index = fmt.Sprintf("bed-%08x", rand.Uint32())
	b.failed = filepath.Join(b.Dir, "failed")
	for number := 1; number <= 2; number++ {
		b.producers = append(b.producers, &load.Producer{
			Ledger: &oracle.Ledger{Seed: b.seed, Producer: number},
			Stream: "records", Endpoint: "http://" + b.API, Batch: 20, Pause: 60 * time.Millisecond, // as much as a small node takes
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
        %s
`, b.proxy(), b.index, "file://"+b.failed, strings.Join(settings, "\n        ")), "  log: {level: warn}")
	return b
}

// proxy starts one before the cluster that breaks off a share of the bulk
// requests: before the cluster has them, in the middle, when the work is done,
// and in the middle of the answer.
func (b *openSearchBed) proxy() string {
	target, err := url.Parse(b.server.URL)
	if err != nil {
		b.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		ModifyResponse: func(r *http.Response) error {
			if !b.cut(r.Request) {
				return nil
			}
			if rand.IntN(2) == 0 {
				return errCutOff
			}
			r.Body = &cutOff{r.Body, r.ContentLength / 2}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.cut(r) {
			if rand.IntN(2) == 0 {
				panic(http.ErrAbortHandler)
			}
			r.Body = &cutOff{r.Body, r.ContentLength / 2}
		}
		forward.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// cut draws whether to break a request off.
func (b *openSearchBed) cut(r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/_bulk") || rand.Int64N(100) >= b.cutShare.Load() {
		return false
	}
	b.cuts.Add(1)
	return true
}

var errCutOff = errors.New("the connection is cut off")

// cutOff is a body that breaks off.
type cutOff struct {
	io.ReadCloser
	left int64
}

func (c *cutOff) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errCutOff
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

func (b *openSearchBed) produce() (stop func()) {
	return load.Run(b.T, b.producers...)
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
func (b *openSearchBed) judge() (found []oracle.Violation) {
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
		found = append(found, oracle.Violation{Kind: oracle.Repeated, Detail: fmt.Sprintf("%d documents have %d ids", len(documents), len(ids))})
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
	found = append(found, oracle.Judge(tally, ledgers)...)
	m, err := b.Metrics()
	if err != nil {
		b.Fatal(err)
	}
	for name, want := range map[string]int{
		"hydrant_ledger_delivered_records_total": b.server.Count(b.T, b.index+"-*"),
		"hydrant_ledger_failed_records_total":    rejected,
		"hydrant_ledger_dropped_records_total":   0,
		"hydrant_ledger_lost_records_total":      0,
		"hydrant_ledger_gap_records":             0,
	} {
		if got := m.Stream(name, "records"); got != float64(want) {
			found = append(found, oracle.Violation{Kind: oracle.Account, Detail: fmt.Sprintf("%s is %v, but there are %d", name, got, want)})
		}
	}
	return found
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
	b.cutShare.Store(10)
	stop := b.produce()
	points := []string{"K15", "K15-after", "K9", "K10", "K7", "K15", ""}
	var killedItself int
	for kill := range kills {
		var env []string
		if point := points[kill%len(points)]; point != "" {
			env = append(env, fmt.Sprintf("HYDRANT_KILL=%s:%d", point, 1+rand.IntN(4)))
		}
		p := b.Start(env...)
		if kill%12 == 5 { // the node dies, too, while it is written to
			b.restartNode()
		}
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
	b.restartNode()
	stop()
	b.cutShare.Store(0)
	b.settle()
	expectNone(t, b.judge())
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
	t.Logf("%d kills, %d at their point, %d requests broken off, %d records acknowledged", kills, killedItself, b.cuts.Load(), b.acked())
	if b.acked() < 50*kills || b.cuts.Load() == 0 || killedItself == 0 {
		t.Errorf("this proved little")
	}
}

// restartNode kills the cluster's node and starts it again.
func (b *openSearchBed) restartNode() {
	b.Helper()
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // somewhere in the work
	b.server.Kill()
	b.server.Start(b.T)
}

// Without ids of ours a request that is made again makes documents again. If
// that were not seen, the test above would prove nothing.
func TestDocumentsThatAreThereTwiceAreFound(t *testing.T) {
	b := newOpenSearchBed(t, hydrant.Binary(t), "document_id: NO_DOCUMENT_ID")
	b.cutShare.Store(30)
	stop := b.produce()
	p := b.Start()
	p.Ready(20 * time.Second)
	until(t, "records and broken requests", time.Minute, func() bool { return b.acked() > 300 && b.cuts.Load() > 20 })
	stop()
	b.cutShare.Store(0)
	b.settle()
	kinds := map[oracle.Kind]bool{}
	for _, v := range b.judge() {
		kinds[v.Kind] = true
	}
	if want := map[oracle.Kind]bool{oracle.Repeated: true, oracle.Account: true}; !maps.Equal(kinds, want) {
		t.Errorf("found %v, want %v", kinds, want)
	}
}

// TestAReplayIntoOpenSearchDeliversWhatFailed mends the mapping that refused
// documents.
func TestAReplayIntoOpenSearchDeliversWhatFailed(t *testing.T) {
	const records, refused = 1000, 100
	server := servers.OpenSearch(t)
	index := fmt.Sprintf("replayed-%08x", rand.Uint32())
	server.Call(t, http.MethodPut, "/"+index, `{"mappings":{"dynamic":"strict","properties":{"n":{"type":"long"}}}}`)
	s := hydrant.NewSite(t, hydrant.Binary(t))
	s.Configure(fmt.Sprintf(`streams:
  records:
    source: {direct_put: {}}
    destination:
      opensearch:
        urls: [%q]
        index_name: %s
        index_rotation_period: NoRotation
        buffering_hints: {size: 64KiB, interval: 300ms}
        s3_backup: {bucket: %q}
`, server.URL, index, "file://"+filepath.Join(s.Dir, "failed")), "")
	p := s.Start()
	p.Ready(20 * time.Second)
	var input strings.Builder
	for n := range records {
		if n%(records/refused) == 0 {
			fmt.Fprintf(&input, `{"n":%d,"extra":"x"}`+"\n", n)
		} else {
			fmt.Fprintf(&input, `{"n":%d}`+"\n", n)
		}
	}
	write(t, filepath.Join(s.Dir, "input"), input.String())
	client(t, nil, s.Program, "put", "records", filepath.Join(s.Dir, "input"), "--endpoint", "http://"+s.API, "-q")
	until(t, "every record to be somewhere", time.Minute, func() bool {
		m, err := s.Metrics()
		return err == nil && m.Stream("hydrant_ledger_delivered_records_total", "records") == records-refused &&
			m.Stream("hydrant_ledger_failed_records_total", "records") == refused
	})
	if got := server.Count(t, index); got != records-refused {
		t.Errorf("%d documents before the replay, want %d", got, records-refused)
	}
	replay := func() string {
		r := s.Exec(nil, "errors", "replay", "records", "-c", filepath.Join(s.Dir, "hydrant.yaml"), "--yes")
		if code := r.Wait(time.Minute); code != 0 {
			t.Fatalf("exit code %d\n%s", code, r.Log())
		}
		return r.Log()
	}
	server.Call(t, http.MethodPut, "/"+index+"/_mapping", `{"properties":{"extra":{"type":"keyword"}}}`)
	replay()
	if again := replay(); !strings.Contains(again, "nothing to replay") || !strings.Contains(again, fmt.Sprintf("%d  replayed before", refused)) {
		t.Errorf("another replay says\n%s", again)
	}
	seen := map[int]int{}
	for _, d := range server.Documents(t, index) {
		var r struct{ N int }
		if err := json.Unmarshal(d.Source, &r); err != nil {
			t.Fatal(err)
		}
		seen[r.N]++
	}
	if got := server.Count(t, index); got != records || len(seen) != records {
		t.Errorf("%d documents of %d records, want %d", got, len(seen), records)
	}
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}
