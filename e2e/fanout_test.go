package e2e

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

// fan is a stream with producers and two that follow it.
func fan() []testbed.Stream {
	return []testbed.Stream{
		{Name: "all", Shards: 2, Producers: 2, Batch: 100, Pause: 10 * time.Millisecond},
		{Name: "near", Follow: "all", Compression: "GZIP", Interval: "700ms"},
		{Name: "far", Follow: "all", Compression: "ZSTD", Size: "1MiB"},
	}
}

// fanOutKillsEnv says how often the program is killed.
const fanOutKillsEnv = "HYDRANT_FANOUT_KILLS"

const smallSegments = "  buffer: {segment_size: 1MiB, min_free: 1%}\n  log: {level: warn}"

// segments counts the files of the buffer.
func segments(t *testing.T, b *testbed.Bed) (n int) {
	t.Helper()
	err := filepath.WalkDir(b.DataDir(), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".seg") {
			n++
		}
		return nil // one may be deleted while we look
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// line reads a metric of a stream.
func line(t *testing.T, b *testbed.Bed, name, stream string) float64 {
	t.Helper()
	m, err := b.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	return m.Stream(name, stream)
}

func TestEveryFollowerDeliversEveryRecordOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	luck := rand.New(rand.NewPCG(seed, 0))
	b := testbed.New(t, hydrant.Faulty(t), seed, fan()...)
	b.Configure(smallSegments, b.StreamsYAML(""))
	b.Proxy.CutShare.Store(2)
	points := []string{"K3", "K4", "K5", "K6", "K7", "K8", "K8-after", "K9", "K10", "K11", "K12", "K13", "K13-journal", "K13-seal", "K18"}
	kills := 45
	if testing.Short() {
		kills = 8
	}
	if text := os.Getenv(fanOutKillsEnv); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", fanOutKillsEnv, err)
		}
	}
	far := "far"
	stop := b.Produce()
	died := 0
	for i := range kills {
		if i%3 == 2 { // for one of them the destination is away, for a whole life or two
			b.Proxy.Away.Store(&far)
		} else if i%3 == 1 {
			b.Proxy.Away.Store(nil)
		}
		var env []string
		point := points[luck.IntN(len(points))]
		if i%4 != 3 {
			env = append(env, fmt.Sprintf("HYDRANT_KILL=%s:%d", point, 1+luck.IntN(4)))
		}
		p := b.Start(env...)
		if point == "K18" && p.TryReady(10*time.Second) == nil {
			b.Configure(smallSegments, b.StreamsYAML(fmt.Sprintf("%dms", 500+luck.IntN(500))))
			p.Signal(syscall.SIGHUP)
		}
		select {
		case <-p.Exited():
			if code := p.Code(); code != -1 {
				t.Fatalf("hydrant ended by itself with code %d\n%s", code, p.Log())
			}
			died++
		case <-time.After(time.Duration(500+luck.IntN(1500)) * time.Millisecond):
			p.Kill()
		}
	}
	if died < kills/4 {
		t.Errorf("only %d of %d lives ended at a kill point", died, kills)
	}
	b.Proxy.Away.Store(nil)
	b.Proxy.CutShare.Store(0)
	p := b.Start()
	p.Ready(20 * time.Second)
	acked(t, b, 500)
	stop()
	settle(t, b)
	if calls := b.Calls(); calls.Acked < 100*kills {
		t.Errorf("only %d records were acknowledged", calls.Acked)
	}
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

func TestADestinationThatIsAwayHoldsBackNoOther(t *testing.T) {
	t.Parallel()
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), fan()...)
	b.Configure(smallSegments, b.StreamsYAML(""))
	p := b.Start()
	p.Ready(20 * time.Second)
	far := "far"
	b.Proxy.Away.Store(&far)
	held := func(stream string) float64 {
		t.Helper()
		m, err := b.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		return m[fmt.Sprintf("hydrant_log_held_bytes{log=%q,stream=%q}", "all", stream)]
	}
	const backlog = 12 << 20
	stop := b.Produce()
	until(t, "records that wait for the one that is away", time.Minute, func() bool { return held("far") > backlog })
	stop()
	until(t, "the others have everything", 30*time.Second, func() bool {
		return line(t, b, "hydrant_ledger_buffered_records", "all") == 0 && line(t, b, "hydrant_ledger_buffered_records", "near") == 0
	})
	accepted := line(t, b, "hydrant_ledger_accepted_records_total", "all")
	if waits := line(t, b, "hydrant_ledger_buffered_records", "far"); waits < accepted/2 {
		t.Errorf("%v of %v records wait for the stream that is away", waits, accepted)
	}
	if held("far") < backlog || held("near") > backlog/3 {
		t.Errorf("the log is held by far with %v bytes and by near with %v", held("far"), held("near"))
	}
	if n := segments(t, b); n < backlog>>20 {
		t.Errorf("%d segments are left, and one stream has not passed them", n)
	}
	if code, body := b.Get(t.Context(), "/api/v1/streams"); code != http.StatusOK || !strings.Contains(body, `"readers"`) || !strings.Contains(body, `"follows": "all"`) {
		t.Errorf("%d: the admin API says\n%s", code, body)
	}

	b.Proxy.Away.Store(nil)
	settle(t, b)
	until(t, "segments are deleted", 20*time.Second, func() bool { return segments(t, b) <= 2*2+2*3 })
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// TestFollowersComeAndGo adds and removes followers of a stream by reloads and
// by restarts.
func TestFollowersComeAndGo(t *testing.T) {
	t.Parallel()
	streams := fan()
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), streams...)
	configure := func(streams ...testbed.Stream) {
		all := b.Streams
		b.Streams = streams
		b.Configure(smallSegments, b.StreamsYAML(""))
		b.Streams = all
	}
	configure(streams[:2]...) // without far
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	acked(t, b, 300)
	stop()
	stop = b.Produce()

	// One that is new begins with the oldest record on disk: here, all of them.
	configure(streams...)
	p.Signal(syscall.SIGHUP)
	until(t, "far has begun", 20*time.Second, func() bool { return line(t, b, "hydrant_ledger_delivered_records_total", "far") > 0 })
	acked(t, b, 300)

	// A put to one is refused as Firehose refuses it.
	text := put(t, b, "near")
	if !strings.Contains(text, "InvalidArgumentException") || !strings.Contains(text, "This operation is not permitted on KinesisStreamAsSource delivery stream type.") {
		t.Errorf("a put to a stream that follows is answered with %s", text)
	}

	// It is away while it is taken out, and out over a restart: nothing of the
	// log goes, and the log says why.
	far := "far"
	b.Proxy.Away.Store(&far)
	acked(t, b, 2000)
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
	configure(streams[:2]...)
	p = b.Start()
	p.Ready(20 * time.Second)
	if log := p.Log(); !strings.Contains(log, "hydrant buffer release far") {
		t.Errorf("the log does not say that far holds the log back:\n%s", log)
	}
	acked(t, b, 500)

	// Back again, it goes on where it was.
	b.Proxy.Away.Store(nil)
	configure(streams...)
	p.Signal(syscall.SIGHUP)
	acked(t, b, 300)
	stop()
	settle(t, b)
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// put sends one record and returns the answer.
func put(t *testing.T, b *testbed.Bed, stream string) string {
	t.Helper()
	body := fmt.Sprintf(`{"DeliveryStreamName":%q,"Record":{"Data":"eA=="}}`, stream)
	req, err := http.NewRequest(http.MethodPost, "http://"+b.API, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Firehose_20150804.PutRecord")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text := make([]byte, 4096)
	n, _ := resp.Body.Read(text)
	return string(text[:n])
}
