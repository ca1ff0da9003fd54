package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/load"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// redshiftKillsEnv is how often the program is killed, for a night's worth.
const redshiftKillsEnv = "HYDRANT_E2E_REDSHIFT_KILLS"

// redshiftBed is a program, a bucket, a stand-in for Redshift behind a proxy
// that cuts connections, and a database in it.
type redshiftBed struct {
	*hydrant.Site
	*testing.T
	server   *servers.RedshiftServer
	minio    *servers.MinIOServer
	proxy    *servers.PostgresProxy
	cutShare atomic.Int64 // of COPYs and commits, in percent
	database string
}

const redshiftBucket = "staging"

func newRedshiftBed(t *testing.T, program string) *redshiftBed {
	t.Helper()
	m := servers.MinIO(t)
	m.Bucket(redshiftBucket)
	b := &redshiftBed{Site: hydrant.NewSite(t, program), T: t, minio: m, server: servers.Redshift(t, m)}
	b.database = b.server.Postgres.Database(t)
	var moments atomic.Int64
	b.proxy = servers.NewPostgresProxy(t, b.server.Address, func(kind byte, body []byte) servers.Moment {
		if kind != 'Q' || !bytes.HasPrefix(body, []byte("CO")) || rand.Int64N(100) >= b.cutShare.Load() {
			return servers.Pass
		}
		return []servers.Moment{servers.CutBefore, servers.CutSent, servers.CutAnswered}[moments.Add(1)%3]
	})
	return b
}

// configure writes a configuration with the stream records. rest is what its
// destination has besides.
func (b *redshiftBed) configure(options, rest string) {
	b.Configure(fmt.Sprintf(`connections:
  warehouse: {postgres: {dsn: %q}}
  lake: {s3: {endpoint: %q, path_style: true, access_key_id: %q, secret_access_key: %q}}
streams:
  records:
    shards: 2
    source: {direct_put: {}}
    destination:
      redshift:
        connection: warehouse
        copy_command: {data_table_name: public.records, copy_options: %q}
        s3: {connection: lake, bucket: %s, prefix: records/, error_output_prefix: "failed/!{firehose:error-output-type}/"%s
`, b.proxy.DSN(b.database), b.minio.Endpoint, b.minio.AccessKey, b.minio.SecretKey, b.server.Options(options), redshiftBucket, rest), "  log: {level: warn}")
}

// objects calls f with the objects that begin with a prefix.
func (b *redshiftBed) objects(prefix string, f func(key string, body []byte)) {
	b.Helper()
	client := b.minio.Client()
	for o := range client.ListObjects(context.Background(), redshiftBucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			b.Fatal(o.Err)
		}
		r, err := client.GetObject(context.Background(), redshiftBucket, o.Key, minio.GetObjectOptions{})
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			b.Fatal(err)
		}
		f(o.Key, body)
	}
}

// failed calls f with the records of the error output.
func (b *redshiftBed) failed(f func(key string, raw []byte)) {
	b.Helper()
	b.objects("failed/", func(key string, body []byte) {
		lines := bufio.NewScanner(bytes.NewReader(body))
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			var record struct{ RawData []byte }
			if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
				b.Errorf("%s: %v", key, err)
			}
			f(key, record.RawData)
		}
		if err := lines.Err(); err != nil {
			b.Fatal(err)
		}
	})
}

// judge compares the table and the error output with the producers' ledgers
// and with the program's account.
func (b *redshiftBed) judge(seed uint64, producers []*load.Producer) {
	b.Helper()
	tally := oracle.NewTally(seed)
	var rejected bytes.Buffer
	refused := 0
	b.failed(func(key string, raw []byte) {
		if !strings.HasPrefix(key, "failed/format-conversion-failed/") {
			b.Errorf("%s: only what is no JSON should fail", key)
		}
		rejected.Write(append(raw, '\n'))
		refused++
	})
	if err := tally.Object("error output", &rejected, true); err != nil {
		b.Fatal(err)
	}
	var lines strings.Builder
	rows := b.server.Postgres.Exec(b.T, b.database, `SELECT format('{"id":"%s","size":"%s","sum":"%s","pad":"%s"}', id, size, sum, pad) FROM records`)
	for _, row := range rows {
		lines.WriteString(row[0] + "\n")
	}
	if err := tally.Object("table", strings.NewReader(lines.String()), true); err != nil {
		b.Fatal(err)
	}
	var ledgers []*oracle.Ledger
	for _, p := range producers {
		ledgers = append(ledgers, p.Ledger)
		if wrong := p.Wrong.Load(); wrong != nil {
			b.Errorf("a wrong answer: %v", wrong)
		}
	}
	for _, v := range oracle.Judge(tally, ledgers) {
		b.Error(v)
	}
	b.account(len(rows), refused)
}

// account looks at the program's own.
func (b *redshiftBed) account(delivered, failed int) {
	b.Helper()
	m, err := b.Metrics()
	if err != nil {
		b.Fatal(err)
	}
	for name, want := range map[string]int{
		"hydrant_ledger_delivered_records_total": delivered,
		"hydrant_ledger_failed_records_total":    failed,
		"hydrant_ledger_lost_records_total":      0,
		"hydrant_ledger_gap_records":             0,
	} {
		if got := m.Stream(name, "records"); got != float64(want) {
			b.Errorf("%s is %v, but there are %d", name, got, want)
		}
	}
}

// settle waits until all is delivered.
func (b *redshiftBed) settle() {
	b.Helper()
	buffered := func(m hydrant.Metrics) float64 { return m.Stream("hydrant_ledger_buffered_records", "records") }
	if err := b.Until(60*time.Second, buffered, func(m hydrant.Metrics) bool { return buffered(m) == 0 }); err != nil {
		b.Fatal(err)
	}
}

// restart ends the server and all its connections, as a crash does.
func (b *redshiftBed) restart() {
	b.server.Stop()
	b.server.Postgres.Stop()
	b.server.Postgres.Start()
	b.server.Start()
}

// Records of one byte, which the oracle's producers also make, are no rows:
// they belong into the error output.
func TestRedshiftHasEachRecordOnceWhateverIsKilled(t *testing.T) {
	kills, err := strconv.Atoi(cmp.Or(os.Getenv(redshiftKillsEnv), "10"))
	if err != nil {
		t.Fatalf("%s: %v", redshiftKillsEnv, err)
	}
	b := newRedshiftBed(t, hydrant.Faulty(t))
	b.server.Postgres.Exec(t, b.database, `CREATE TABLE records (id text NOT NULL, size text NOT NULL, sum text NOT NULL, pad text NOT NULL)`)
	b.configure("FORMAT AS PARQUET", `}
        buffering_hints: {size: 256KiB, interval: 300ms}
        data_format_conversion:
          output_format: {parquet: {}}
          schema: {columns: [{name: id, type: string}, {name: size, type: string}, {name: sum, type: string}, {name: pad, type: string}]}`)
	seed := rand.Uint64()
	var producers []*load.Producer
	for number := 1; number <= 3; number++ {
		p := &load.Producer{Ledger: &oracle.Ledger{Seed: seed, Producer: number}, Stream: "records", Endpoint: "http://" + b.API, Batch: 100, Pause: 20 * time.Millisecond}
		producers = append(producers, p)
	}
	stop := load.Run(t, producers...)
	b.cutShare.Store(30)
	points := []string{"K14", "K14-commit", "K14-after", "K8", "K8-after", "K9", "K10", "K7"}
	restarts := 0
	for kill := range kills {
		restart := kill%4 == 2
		var env []string
		if !restart {
			env = append(env, fmt.Sprintf("HYDRANT_KILL=%s:%d", points[(kill-restarts)%len(points)], 1+rand.IntN(4)))
		}
		p := b.Start(env...)
		if restart { // while it delivers, and kill it at any time
			p.Ready(20 * time.Second)
			b.restart()
			restarts++
		}
		select {
		case <-p.Exited():
			if code := p.Code(); code != -1 {
				t.Fatalf("hydrant ended by itself with code %d\n%s", code, p.Log())
			}
		case <-time.After(time.Duration(700+rand.IntN(700)) * time.Millisecond):
			p.Kill()
		}
	}
	stop()
	b.cutShare.Store(0)
	p := b.Start()
	p.Ready(20 * time.Second)
	b.settle()
	b.judge(seed, producers)
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
	sent, acked := 0, 0
	for _, p := range producers {
		s, a := p.Ledger.Counts()
		sent, acked = sent+s, acked+a
	}
	t.Logf("%d kills, %d restarts of the server, %d cuts at a COPY or commit, %d of %d records acknowledged", kills, restarts, b.proxy.Cuts(), acked, sent)
	if acked < 50*kills || b.proxy.Cuts() == 0 || restarts == 0 {
		t.Errorf("this proved little")
	}
}

// A COPY that fails for its data is given up after the retry duration: its
// records are in the error output and can be replayed, and its manifest is kept.
func TestRedshiftGivesUpABatchAsFirehoseDoes(t *testing.T) {
	b := newRedshiftBed(t, hydrant.Binary(t))
	b.server.Postgres.Exec(t, b.database, `CREATE TABLE records (n int)`)
	b.configure("GZIP JSON 'auto'", `, compression_format: GZIP}
        buffering_hints: {size: 64KiB, interval: 200ms}
        retry_options: {duration: 1s}
        s3_backup_mode: Enabled
        s3_backup: {connection: lake, bucket: `+redshiftBucket+`, prefix: source/}`)
	p := b.Start()
	p.Ready(20 * time.Second)
	put := func(name string, records ...string) {
		write(t, filepath.Join(b.Dir, name), strings.Join(records, "\n")+"\n")
		client(t, nil, b.Program, "put", "records", filepath.Join(b.Dir, name), "--endpoint", "http://"+b.API, "-q")
	}
	ledger := func(delivered, failed float64) {
		t.Helper()
		until(t, "every record to be somewhere", time.Minute, func() bool {
			m, err := b.Metrics()
			return err == nil && m.Stream("hydrant_ledger_delivered_records_total", "records") == delivered &&
				m.Stream("hydrant_ledger_failed_records_total", "records") == failed
		})
	}
	put("good", `{"n":1}`, `{"n":2}`)
	ledger(2, 0)
	put("bad", `{"n":"three"}`)
	ledger(2, 1)
	var failed []string
	b.failed(func(key string, raw []byte) { failed = append(failed, key+" "+string(raw)) })
	if len(failed) != 1 || !strings.HasPrefix(failed[0], "failed/redshift-failed/") || !strings.HasSuffix(failed[0], ` {"n":"three"}`) {
		t.Errorf("error output %q", failed)
	}
	var manifests []string
	b.objects("errors/manifests/records/", func(key string, body []byte) { manifests = append(manifests, string(body)) })
	if len(manifests) != 1 || !strings.Contains(manifests[0], "s3://"+redshiftBucket+"/records/") {
		t.Errorf("manifests %q", manifests)
	}
	b.server.Postgres.Exec(t, b.database, `ALTER TABLE records ALTER n TYPE text`)
	replay := b.Exec(nil, "errors", "replay", "records", "-c", filepath.Join(b.Dir, "hydrant.yaml"), "--yes")
	if code := replay.Wait(time.Minute); code != 0 {
		t.Fatalf("exit code %d\n%s", code, replay.Log())
	}
	var rows []string
	for _, row := range b.server.Postgres.Exec(t, b.database, `SELECT n FROM records ORDER BY n`) {
		rows = append(rows, row[0])
	}
	if got := strings.Join(rows, " "); got != "1 2 three" {
		t.Errorf("rows %s", got)
	}
	var source strings.Builder
	b.objects("source/", func(_ string, body []byte) { source.Write(body) })
	if got := strings.Count(source.String(), `{"n":"three"}`); got != 1 { // as it came; the replay takes it from the error output
		t.Errorf("the source backup holds %q", source.String())
	}
	if text := p.Log(); strings.Contains(text, b.server.Role) {
		t.Errorf("the log shows copy_options:\n%s", text)
	}
}
