package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

// jobKills is how often a job is killed; HYDRANT_JOB_KILLS has another number.
func jobKills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("HYDRANT_JOB_KILLS")
	if text == "" {
		return 12
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HYDRANT_JOB_KILLS: %v", err)
	}
	return n
}

// jobPoints are the places where a job dies, and the most passages to let go
// by first. Those of K17 are the job's own.
var jobPoints = map[string]int{
	"K1": 3, "K2": 3, "K3": 3, "K4": 1, "K5": 4, "K6": 4, "K7": 4, "K8": 4, "K8-after": 4, "K9": 4, "K10": 4, "K11": 4, "K12": 1,
	"K13": 2, "K13-journal": 1, "K13-cut": 1, "K13-seal": 1,
	"K17-created": 1, "K17-appended": 3, "K17-mark": 1, "K17-result": 1, "K17-done": 1,
}

// killed runs a command again and again, killing it at points and at random
// times, until it was killed so often or came to its end. Then it runs it to
// its end, and once more. It returns what the last run wrote.
func killed(t *testing.T, b *testbed.Bed, rng *rand.Rand, kills int, args ...string) (after string) {
	t.Helper()
	args = append(args, "-c", filepath.Join(b.Dir, "hydrant.yaml"), "--yes")
	slowly := append(args, "--rate", strconv.Itoa(max(20, 8400/max(kills, 1)))) // so that there is time to die
	var points []string
	for p := range jobPoints {
		points = append(points, p)
	}
	seen := filepath.Join(b.Dir, "points")
	died := 0
	for n := 0; n < kills; n++ {
		env := []string{"HYDRANT_KILL_SEEN=" + seen}
		patience := time.Duration(rng.IntN(700)) * time.Millisecond
		if rng.IntN(3) > 0 {
			point := points[rng.IntN(len(points))]
			env = append(env, fmt.Sprintf("HYDRANT_KILL=%s:%d", point, 1+rng.IntN(jobPoints[point])))
			patience = 2 * time.Second
		}
		p := b.Exec(env, slowly...)
		select {
		case <-p.Exited():
			if code := p.Code(); code != -1 && code != 0 {
				t.Fatalf("exit code %d\n%s", code, p.Log())
			} else if code == 0 {
				n = kills // there is nothing left to kill
			}
		case <-time.After(patience):
			p.Kill()
		}
		if p.Code() == -1 {
			died++
		}
	}
	t.Logf("killed %d times", died)
	if least := min(kills, 5); died < least {
		t.Errorf("killed %d times only, want %d: give it more to do", died, least)
	}
	for range 2 {
		p := b.Exec(nil, args...)
		if code := p.Wait(2 * time.Minute); code != 0 {
			t.Fatalf("exit code %d\n%s", code, p.Log())
		}
		after = p.Log()
	}
	return after
}

// madeRecords are records of a producer that the oracle knows, all of them
// acknowledged; none is a single byte, which is no JSON.
func madeRecords(seed uint64, producer, count int) (*oracle.Ledger, [][]byte) {
	l := &oracle.Ledger{Seed: seed, Producer: producer}
	var all [][]byte
	for n := l.Take(count); n < count; n++ {
		if record := oracle.Append(nil, seed, producer, n); len(record) > 1 {
			all = append(all, record)
			l.Ack(n)
		}
	}
	return l, all
}

// noJobLeftovers expects that finished jobs keep no buffer, and that nothing
// is half uploaded or in the way.
func noJobLeftovers(t *testing.T, b *testbed.Bed) {
	t.Helper()
	for _, pattern := range []string{
		filepath.Join(b.DataDir(), "jobs", "*", "buffer"),
		filepath.Join(b.Store.Dir, "data", ".minio.sys", "multipart", "*", "*"),
	} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
	for _, key := range b.Keys("") {
		if strings.Contains(key, ".conflict-") {
			t.Errorf("object %s", key)
		}
	}
}

// replayStream has columns that the records of the oracle fit or do not fit.
const replayStream = `streams:
  again:
    source: {direct_put: {}}
    destination:
      s3:
        connection: store
        bucket: %s
        prefix: again/
        error_output_prefix: failed/again/!{firehose:error-output-type}/
        buffering_hints: {size: 512KiB, interval: 1s} # hydrant:allow small-objects
        data_format_conversion:
          output_format: {parquet: {}}
          schema: {columns: [{name: id, type: %s}, {name: size, type: string}, {name: sum, type: string}, {name: pad, type: string}]}
`

// TestAReplayDeliversOnceAcrossKills lets all records fail, mends the
// configuration, and replays them while the process is killed all the time and
// the server runs beside it.
func TestAReplayDeliversOnceAcrossKills(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	stream := testbed.Stream{Name: "again", Convert: "parquet"}
	b := testbed.New(t, hydrant.Faulty(t), seed, stream)
	configure := func(idType string) {
		head, _, _ := strings.Cut(b.StreamsYAML(""), "streams:")
		b.Configure("", head+fmt.Sprintf(replayStream, b.Bucket, idType))
	}
	configure("bigint")
	p := b.Start()
	p.Ready(20 * time.Second)
	ledger, records := madeRecords(seed, 1, 6000)
	// Some will never pass.
	broken := [][]byte{[]byte(`{"id":`), []byte("x\x00\xff")}
	input := filepath.Join(b.Dir, "input")
	write(t, input, string(bytes.Join(append(records, broken...), []byte("\n"))))
	client(t, nil, b.Program, "put", "again", input, "--endpoint", "http://"+b.API, "-q")
	until(t, "all records failed", time.Minute, func() bool {
		m, err := b.Metrics()
		return err == nil && m.Stream("hydrant_ledger_failed_records_total", "again") == float64(len(records)+len(broken))
	})
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
	configure("string")
	// Lines that are no error records are passed over.
	const garbage = "failed/again/format-conversion-failed/again-1-2026-11-23-09-40-01-01234567-89ab-8def-8123-456789abcdef"
	if _, err := b.Store.Client().PutObject(context.Background(), b.Bucket, garbage, strings.NewReader("no error record\n\n{\n"), -1,
		minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	p = b.Start()
	p.Ready(20 * time.Second)
	b.Proxy.CutShare.Store(2)

	after := killed(t, b, rng, jobKills(t), "errors", "replay", "again")
	b.Proxy.CutShare.Store(0)
	for _, want := range []string{"2  would fail again", "nothing to replay", fmt.Sprintf("%d  replayed before", len(records)), garbage + ":1: it is no JSON object"} {
		if !strings.Contains(after, want) {
			t.Errorf("another replay does not say %q:\n%s", want, after)
		}
	}
	expectNone(t, oracle.Judge(b.Delivered(stream), []*oracle.Ledger{ledger}))
	noJobLeftovers(t, b)
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// TestABackfillDeliversOnceAcrossKills sends files and objects of all kinds.
func TestABackfillDeliversOnceAcrossKills(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	files := testbed.Stream{Name: "files", Shards: 2, Compression: "GZIP", Size: "512KiB"}
	objects := testbed.Stream{Name: "objects", Size: "512KiB"}
	b := testbed.New(t, hydrant.Faulty(t), seed, files, objects)
	b.Proxy.CutShare.Store(2)

	folder := filepath.Join(b.Dir, "old")
	if err := os.MkdirAll(filepath.Join(folder, "2025"), 0o700); err != nil {
		t.Fatal(err)
	}
	pack := map[string]func([]byte) []byte{"a.ndjson": plainly, "2025/b.gz": gzipped, "c.zst": zstandard, "2025/d": plainly}
	var ledgers []*oracle.Ledger
	for name, packed := range pack {
		ledger, records := madeRecords(seed, len(ledgers)+1, 1500)
		ledgers = append(ledgers, ledger)
		content := packed(bytes.Join(records, []byte("\n")))
		write(t, filepath.Join(folder, name), string(content))
		if _, err := b.Store.Client().PutObject(context.Background(), b.Bucket, "old/"+name, bytes.NewReader(content), int64(len(content)),
			minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for stream, from := range map[testbed.Stream][]string{
		files:   {folder},
		objects: {"s3://" + b.Bucket + "/old/", "--connection", "store"},
	} {
		args := append([]string{"backfill", stream.Name, "--from"}, from...)
		if after := killed(t, b, rng, jobKills(t), args...); !strings.Contains(after, "nothing to send") {
			t.Errorf("%s: another backfill wrote\n%s", stream.Name, after)
		}
		expectNone(t, oracle.Judge(b.Delivered(stream), ledgers))
	}
	noJobLeftovers(t, b)
}

func plainly(b []byte) []byte { return b }

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b) // to memory
	w.Close()
	return out.Bytes()
}

func zstandard(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}
