package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
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

// postgresKills is how many times the program is killed; the environment has
// the last word.
const (
	postgresKills = 12
	postgresEnv   = "HYDRANT_E2E_POSTGRES_KILLS"
)

// postgresTable takes the records of the oracle.
const postgresTable = `CREATE TABLE records (id text NOT NULL, size text NOT NULL, sum text NOT NULL, pad text NOT NULL)`

// postgresBed is a program, a database behind a proxy, and producers. Records
// of one byte, which the oracle's producers also make, are no rows: they belong
// into the error output.
type postgresBed struct {
	*hydrant.Site
	*testing.T
	seed      uint64
	server    *servers.PostgresServer
	proxy     *servers.PostgresProxy
	cutShare  atomic.Int64 // of commits, in percent
	failed    string       // folder of the error output
	producers []*load.Producer
}

// newPostgresBed makes the table by a statement; destination is more of its
// configuration.
func newPostgresBed(t *testing.T, table, destination string) *postgresBed {
	t.Helper()
	b := &postgresBed{Site: hydrant.NewSite(t, hydrant.Faulty(t)), T: t, seed: rand.Uint64(), server: servers.Postgres(t)}
	var moments atomic.Int64
	b.proxy = servers.NewPostgresProxy(t, b.server.Address, func(kind byte, body []byte) servers.Moment {
		if kind != 'Q' || !bytes.HasPrefix(body, []byte("COMMIT")) || rand.Int64N(100) >= b.cutShare.Load() {
			return servers.Pass
		}
		return []servers.Moment{servers.CutBefore, servers.CutSent, servers.CutAnswered}[moments.Add(1)%3]
	})
	b.failed = filepath.Join(b.Dir, "failed")
	b.server.Exec(t, "postgres", table)
	for number := 1; number <= 3; number++ {
		b.producers = append(b.producers, &load.Producer{
			Ledger: &oracle.Ledger{Seed: b.seed, Producer: number},
			Stream: "records", Endpoint: "http://" + b.API, Batch: 200, Pause: 8 * time.Millisecond,
		})
	}
	b.Configure(fmt.Sprintf(`connections:
  db: {postgres: {dsn: %q}}
streams:
  records:
    shards: 2
    source: {direct_put: {}}
    destination:
      postgres:
        connection: db
        copy_command: {data_table_name: records}
%s        buffering_hints: {size: 256KiB, interval: 300ms}
        s3_backup: {bucket: %q, prefix: failed/}
`, b.proxy.DSN("postgres"), destination, "file://"+b.failed), "  log: {level: warn}")
	return b
}

func (b *postgresBed) produce() (stop func()) {
	return load.Run(b.T, b.producers...)
}

// sent counts the records of all producers.
func (b *postgresBed) sent() (sent, acked int) {
	for _, p := range b.producers {
		s, a := p.Ledger.Counts()
		sent, acked = sent+s, acked+a
	}
	return sent, acked
}

// settle waits until all is delivered.
func (b *postgresBed) settle() {
	b.Helper()
	buffered := func(m hydrant.Metrics) float64 { return m.Stream("hydrant_ledger_buffered_records", "records") }
	if err := b.Until(60*time.Second, buffered, func(m hydrant.Metrics) bool { return buffered(m) == 0 }); err != nil {
		b.Fatal(err)
	}
}

// judge compares the table and the error output with the producers' ledgers
// and with the program's account. Failed records of one code, which may be
// empty, were replayed since.
func (b *postgresBed) judge(replayedCode string) {
	b.Helper()
	tally := oracle.NewTally(b.seed)
	rejected, replayed := b.readFailed(tally, replayedCode)
	if replayedCode != "" && replayed == 0 {
		b.Error("there was nothing to replay")
	}
	var lines strings.Builder
	rows := b.server.Exec(b.T, "postgres", `SELECT format('{"id":"%s","size":"%s","sum":"%s","pad":"%s"}', id, size, sum, pad) FROM records`)
	for _, row := range rows {
		lines.WriteString(row[0] + "\n")
	}
	if err := tally.Object("table", strings.NewReader(lines.String()), true); err != nil {
		b.Fatal(err)
	}
	var ledgers []*oracle.Ledger
	for _, p := range b.producers {
		ledgers = append(ledgers, p.Ledger)
		if wrong := p.Wrong.Load(); wrong != nil {
			b.Errorf("a wrong answer: %v", wrong)
		}
	}
	for _, v := range oracle.Judge(tally, ledgers) {
		b.Error(v)
	}
	m, err := b.Metrics()
	if err != nil {
		b.Fatal(err)
	}
	for name, want := range map[string]int{
		"hydrant_ledger_delivered_records_total": len(rows) - replayed,
		"hydrant_ledger_failed_records_total":    rejected + replayed,
		"hydrant_ledger_lost_records_total":      0,
		"hydrant_ledger_gap_records":             0,
	} {
		if got := m.Stream(name, "records"); got != float64(want) {
			b.Errorf("%s is %v, but there are %d", name, got, want)
		}
	}
}

// readFailed reads the error output, and counts its records. Those that were
// replayed are not there any more, as far as the tally is concerned.
func (b *postgresBed) readFailed(tally *oracle.Tally, replayedCode string) (rejected, replayed int) {
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
				ErrorCode, TableName string
				RawData              []byte
			}
			if err := json.Unmarshal(lines.Bytes(), &failed); err != nil || failed.TableName != "records" {
				b.Errorf("%s: %v, %.300s", path, err, lines.Bytes())
			}
			switch failed.ErrorCode {
			case replayedCode:
				replayed++
				continue
			case "22032":
				rejected++
			default:
				b.Errorf("%s: %.300s", path, lines.Bytes())
			}
			records.Write(append(failed.RawData, '\n'))
		}
		return lines.Err()
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := tally.Object("error output", &records, true); err != nil {
		b.Fatal(err)
	}
	return rejected, replayed
}

// killAgainAndAgain kills the program while records come, at its kill points
// and at random times, and restarts the server. Then it lets it deliver the
// rest.
func (b *postgresBed) killAgainAndAgain() *hydrant.Process {
	b.Helper()
	kills := postgresKills
	if text := os.Getenv(postgresEnv); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			b.Fatalf("%s: %v", postgresEnv, err)
		}
	}
	b.cutShare.Store(20)
	stop := b.produce()
	points := []string{"K14", "K14-commit", "K14-after", "K9", "K10", "K7", ""}
	for kill := range kills {
		var env []string
		if point := points[kill%len(points)]; point != "" {
			env = append(env, fmt.Sprintf("HYDRANT_KILL=%s:%d", point, 1+rand.IntN(4)))
		}
		p := b.Start(env...)
		restart := kill%4 == 3
		select {
		case <-p.Exited():
			if code := p.Code(); code != -1 {
				b.Fatalf("hydrant ended by itself with code %d\n%s", code, p.Log())
			}
		case <-time.After(time.Duration(600+rand.IntN(600)) * time.Millisecond):
			if restart {
				b.server.Stop()
				b.server.Start()
			}
			p.Kill()
		}
	}
	stop()
	b.cutShare.Store(0)
	p := b.Start()
	p.Ready(20 * time.Second)
	b.settle()
	sent, acked := b.sent()
	b.Logf("%d kills, %d cuts at a commit, %d of %d records acknowledged", kills, b.proxy.Cuts(), acked, sent)
	if acked < 100*kills || b.proxy.Cuts() == 0 {
		b.Errorf("this proved little")
	}
	return p
}

func (b *postgresBed) end(p *hydrant.Process) {
	b.Helper()
	if code := p.Stop(20 * time.Second); code != 0 {
		b.Errorf("exit code %d\n%s", code, p.Log())
	}
}

func TestPostgresHasEachRecordOnceWhateverIsKilled(t *testing.T) {
	b := newPostgresBed(t, postgresTable, "")
	p := b.killAgainAndAgain()
	b.judge("")
	b.end(p)
}

// With on_conflict a record that came again would find its row there, which the
// table refuses.
func TestPostgresMergesEachRecordOnceWhateverIsKilled(t *testing.T) {
	b := newPostgresBed(t, postgresTable+`; ALTER TABLE records ADD PRIMARY KEY (id);
		CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'record % came again', OLD.id; END$$;
		CREATE TRIGGER again BEFORE UPDATE ON records FOR EACH ROW EXECUTE FUNCTION again()`,
		"        on_conflict: {keys: [id], do: update}\n")
	p := b.killAgainAndAgain()
	b.judge("")
	b.end(p)
}

// TestAReplayIntoPostgresDeliversOnceAcrossKills refuses a tenth of the records
// until the table is mended, and replays them while the job is killed.
func TestAReplayIntoPostgresDeliversOnceAcrossKills(t *testing.T) {
	b := newPostgresBed(t, postgresTable+`; ALTER TABLE records ADD CONSTRAINT no_sevens CHECK (id NOT LIKE '%7')`, "")
	stop := b.produce()
	p := b.Start()
	p.Ready(20 * time.Second)
	refused := func(m hydrant.Metrics) float64 { return m.Stream("hydrant_ledger_failed_records_total", "records") }
	if err := b.Until(60*time.Second, refused, func(m hydrant.Metrics) bool { return refused(m) > 500 }); err != nil {
		t.Fatal(err)
	}
	stop()
	b.settle()
	b.server.Exec(t, "postgres", `ALTER TABLE records DROP CONSTRAINT no_sevens`)

	b.cutShare.Store(20)
	replay := []string{"errors", "replay", "records", "--code", "23514", "--yes", "-c", filepath.Join(b.Dir, "hydrant.yaml")}
	slowly := append(replay, "--rate", "400")
	killed := 0
	for _, point := range []string{"K17-created", "K17-appended", "K14", "K14-commit", "K14-after", "K17-mark", "K9", "", "K10", "K7", "K14-after", "K17-result", "K17-done"} {
		var env []string
		if point != "" {
			env = append(env, "HYDRANT_KILL="+point+":1")
		}
		job := b.Exec(env, slowly...)
		select {
		case <-job.Exited():
			if code := job.Code(); code > 0 {
				t.Fatalf("exit code %d\n%s", code, job.Log())
			}
		case <-time.After(2 * time.Second):
			job.Kill()
		}
		if job.Code() == -1 {
			killed++
		}
	}
	if killed < 5 {
		t.Errorf("killed %d times only", killed)
	}
	for _, want := range []string{"", "nothing to replay"} {
		job := b.Exec(nil, replay...)
		if code := job.Wait(time.Minute); code != 0 || !strings.Contains(job.Log(), want) {
			t.Errorf("exit code %d, want 0 and %q\n%s", code, want, job.Log())
		}
	}
	t.Logf("killed %d times, %d cuts at a commit", killed, b.proxy.Cuts())
	b.judge("23514")
	b.end(p)
}
