package postgres_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// cutsEnv has more connections cut, for a night's worth.
const cutsEnv = "HYDRANT_POSTGRES_CUTS"

// behindProxy has a configuration go through a proxy.
func (d *database) behindProxy(c *postgres.Config, decide func(kind byte, body []byte) servers.Moment) *servers.PostgresProxy {
	p := servers.NewPostgresProxy(d, d.server.Address, decide)
	c.DSN = p.DSN(d.name)
	return p
}

func isCommit(kind byte, body []byte) bool {
	return kind == 'Q' && bytes.HasPrefix(body, []byte("COMMIT"))
}

func TestCutConnectionsLoseAndRepeatNothing(t *testing.T) {
	cuts, err := strconv.Atoi(cmp.Or(os.Getenv(cutsEnv), "200"))
	if err != nil {
		t.Fatalf("%s: %v", cutsEnv, err)
	}
	for _, merge := range []bool{false, true} {
		t.Run(fmt.Sprintf("merge=%v", merge), func(t *testing.T) { cutThrough(t, merge, cuts/2) })
	}
}

// cutThrough cuts connections at a commit or at any message, until there were
// enough cuts.
func cutThrough(t *testing.T, merge bool, cuts int) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int PRIMARY KEY, batch int NOT NULL); INSERT INTO numbers VALUES (-1, 0)`)
	var mu sync.Mutex
	var left int // messages until the cut; negative: at the commit
	var moment servers.Moment
	c := d.config("numbers")
	if merge {
		c.OnConflict = onConflict("update", "id")
		d.exec(`CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'row % came again', OLD.id; END$$;
			CREATE TRIGGER once BEFORE UPDATE ON numbers FOR EACH ROW EXECUTE FUNCTION once()`)
	}
	proxy := d.behindProxy(c, func(kind byte, body []byte) servers.Moment {
		mu.Lock()
		defer mu.Unlock()
		if moment == servers.Pass || left < 0 && !isCommit(kind, body) {
			return servers.Pass
		}
		if left--; left > 0 {
			return servers.Pass
		}
		cut := moment
		moment = servers.Pass
		return cut
	})
	out := open(t, c)
	rng := rand.New(rand.NewPCG(1, uint64(cuts)))
	const records = 20
	batches := 0
	for ; proxy.Cuts() < cuts; batches++ {
		list := []string{`{"id":-1,"batch":1}`} // is there already
		for i := range records {
			list = append(list, fmt.Sprintf(`{"id":%d,"batch":%d}`, batches*records+i, batches))
		}
		p := out.batch(uint64(batches)*1000+1, list...)
		for tries := 0; ; tries++ {
			mu.Lock()
			moment = []servers.Moment{servers.CutBefore, servers.CutHalfway, servers.CutSent, servers.CutAnswered}[rng.IntN(4)]
			if left = -1; rng.IntN(2) == 0 {
				left = 1 + rng.IntN(40)
			}
			if tries > 5 {
				moment = servers.Pass
			}
			mu.Unlock()
			err := out.sink.Send(t.Context(), p)
			if e := sinks.AsError(err); err != nil && e.Items == nil {
				if e.Kind != sinks.Retryable {
					t.Fatalf("a cut connection is %v: %v", e.Kind, err)
				}
				continue
			}
			if e := sinks.AsError(err); err == nil || len(e.Items) != 1 || e.Items[0].Row != 0 {
				t.Fatalf("batch %d ended with %v, want its first record refused", batches, err)
			}
			break
		}
	}
	got := d.exec(`SELECT count(*), count(DISTINCT id), min(id), max(id) FROM numbers`)[0]
	want := []string{fmt.Sprint(batches*records + 1), fmt.Sprint(batches*records + 1), "-1", fmt.Sprint(batches*records - 1)}
	if !slices.Equal(got, want) {
		t.Errorf("rows, different, least, most: %v, want %v", got, want)
	}
	if n := d.column(`SELECT count(*) FROM hydrant_checkpoints`)[0]; n != fmt.Sprint(min(batches, 101)) {
		t.Errorf("%s checkpoints are kept of %d", n, batches)
	}
	t.Logf("%d batches, %d cuts", batches, proxy.Cuts())
}

// A backend may live on when its connection is gone. The next attempt must not
// overtake it.
func TestAnAttemptWaitsForTheOneBefore(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int)`)
	c := d.config("numbers")
	out := open(t, c)
	first := out.payload(`{"id":0}`)
	if err := out.sink.Send(t.Context(), first); err != nil { // makes the checkpoint table
		t.Fatal(err)
	}
	p := out.batch(100, `{"id":1}`)
	begun := make(chan error, 1)
	d.exec(`INSERT INTO hydrant_checkpoints SELECT '` + p.ID + `', 's', 'f', 1, 1, 1 WHERE false`)
	go func() { // what a lost attempt does
		begun <- d.server.Run(d.name, `BEGIN; INSERT INTO hydrant_checkpoints VALUES ('`+p.ID+`', 's', 'f', 1, 1, 1);
			INSERT INTO numbers VALUES (1); SELECT pg_sleep(0.7); COMMIT`)
	}()
	d.until("the lost attempt has claimed the batch", `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '`+d.name+`'`)
	if err := out.sink.Send(t.Context(), p); err != nil {
		t.Errorf("Send: %v", err)
	}
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	if got := d.column(`SELECT id FROM numbers ORDER BY id`); !slices.Equal(got, []string{"0", "1"}) {
		t.Errorf("rows %v, want 0 and 1 once", got)
	}
}

func TestRestartedServerIsNoticedByTheNextSend(t *testing.T) {
	s := servers.Postgres(t)
	d := &database{t, s, "postgres"}
	d.exec(`CREATE TABLE numbers (id int)`)
	out := open(t, d.config("numbers"))
	for i := range 5 {
		p := out.batch(uint64(i+1), fmt.Sprintf(`{"id":%d}`, i))
		if err := out.sink.Send(t.Context(), p); err != nil {
			t.Fatalf("Send %d: %v", i, err)
		}
		s.Stop()
		if i == 3 {
			err := out.sink.Send(t.Context(), out.batch(99, `{"id":99}`))
			if e := sinks.AsError(err); err == nil || e.Kind != sinks.Retryable || e.Hint == "" {
				t.Errorf("Send to a server that is down: %v (%v)", err, e.Kind)
			}
		}
		s.Start()
	}
	if got := d.column(`SELECT id FROM numbers ORDER BY id`); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("rows %v", got)
	}
}

func TestSendReturnsSoonWhenItIsCanceled(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int)`)
	for _, kind := range []string{"P", "Q", "d", "c"} {
		t.Run(kind, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var once sync.Once
			c := d.config("numbers")
			proxy := d.behindProxy(c, func(k byte, _ []byte) servers.Moment {
				moment := servers.Pass
				if string(k) == kind {
					once.Do(func() { moment = servers.Hang; cancel() })
				}
				return moment
			})
			out := open(t, c)
			p := out.payload(`{"id":1}`)
			done := make(chan error, 1)
			go func() { done <- out.sink.Send(ctx, p) }()
			select {
			case err := <-done:
				if e := sinks.AsError(err); err == nil || e.Kind != sinks.Retryable {
					t.Errorf("Send = %v", err)
				}
			case <-time.After(5 * time.Second):
				panic("Send did not return")
			}
			if proxy.Cuts() != 1 {
				t.Errorf("%d messages were held up", proxy.Cuts())
			}
		})
	}
	if n := d.column(`SELECT count(*) FROM numbers`)[0]; n != "0" {
		t.Errorf("%s rows are there", n)
	}
}

func TestNothingRunsAfterClose(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int)`)
	ignore := goleak.IgnoreCurrent()
	c := d.config("numbers")
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatal(err)
	}
	out := &delivery{t, to.Destination}
	var running sync.WaitGroup
	for i := range 8 {
		p := out.batch(uint64(i+1), fmt.Sprintf(`{"id":%d}`, i))
		running.Go(func() {
			if err := out.sink.Send(t.Context(), p); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
	}
	running.Wait()
	if n := d.column(`SELECT count(*) FROM pg_stat_activity WHERE datname = '` + d.name + `' AND application_name = 'hydrant'`)[0]; n > "4" || n == "0" {
		t.Errorf("%s connections, want 1 to 4", n)
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, ignore)
}

// What a person has to mend is held with a hint, and works afterwards.
func TestWhatAPersonHasToMendIsHeld(t *testing.T) {
	for _, c := range []struct {
		name, before, mend, reason string
		change                     func(*postgres.Config)
	}{
		{"no table", ``, `CREATE TABLE numbers (id int)`, "42P01", nil},
		{"a column too many", `CREATE TABLE numbers (id int)`, `ALTER TABLE numbers ADD n int`, "columns", func(c *postgres.Config) { c.CopyCommand.DataTableColumns = []string{"id", "n"} }},
		{"a view", `CREATE VIEW numbers AS SELECT 1 AS id`, `DROP VIEW numbers; CREATE TABLE numbers (id int)`, "columns", nil},
		{"a type that cannot be filled", `CREATE TABLE numbers (id int, p point)`, `ALTER TABLE numbers DROP p`, "columns", nil},
		{"no unique index", `CREATE TABLE numbers (id int)`, `ALTER TABLE numbers ADD UNIQUE (id)`, "42P10", func(c *postgres.Config) { c.OnConflict = onConflict("update", "id") }},
		{"no rights", `CREATE TABLE numbers (id int); CREATE USER nobody; GRANT ALL ON SCHEMA public TO nobody`, `GRANT ALL ON numbers TO nobody`, "42501", func(c *postgres.Config) { c.DSN = strings.Replace(c.DSN, "postgres@", "nobody@", 1) }},
		{"no schema", ``, `CREATE SCHEMA s; CREATE TABLE s.numbers (id int); CREATE VIEW numbers AS SELECT * FROM s.numbers`, "42P01", func(c *postgres.Config) { c.CopyCommand.DataTableName = "s.numbers" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDatabase(t)
			nobody := "nobody_" + d.name // users are the server's, not the database's
			c.before, c.mend = strings.ReplaceAll(c.before, "nobody", nobody), strings.ReplaceAll(c.mend, "nobody", nobody)
			if c.before != "" {
				d.exec(c.before)
			}
			config := d.config("numbers")
			if c.change != nil {
				c.change(config)
			}
			config.DSN = strings.ReplaceAll(config.DSN, "nobody", nobody)
			out := open(t, config)
			p := out.payload(`{"id":1}`, `{"id":2}`)
			for range 2 {
				err := out.sink.Send(t.Context(), p)
				e := sinks.AsError(err)
				if err == nil || e.Kind != sinks.Permanent || e.Reason != c.reason || e.Hint == "" && e.Reason != "columns" {
					t.Fatalf("Send = %v (%v, %s), want permanent, %s, with a hint", err, e.Kind, e.Reason, c.reason)
				}
			}
			d.exec(c.mend)
			if bad := out.send(p); bad != nil {
				t.Errorf("refused: %v", bad)
			}
			if n := d.column(`SELECT count(*) FROM numbers`)[0]; n != "2" {
				t.Errorf("%s rows, want 2", n)
			}
		})
	}
}

// until waits for a query to answer something.
func (d *database) until(what, sql string) {
	d.Helper()
	for end := time.Now().Add(20 * time.Second); len(d.exec(sql)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			d.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestTableThatIsReplacedBetweenBatches(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int, x bigint)`)
	out := open(t, d.config("numbers"))
	for i, change := range []string{
		``,
		`ALTER TABLE numbers ALTER x TYPE double precision`, // as long, and all bits mean something else
		`ALTER TABLE numbers ALTER x TYPE text`,
		`ALTER TABLE numbers DROP x, ADD y text, ADD x timestamptz`,
		`DROP TABLE numbers; CREATE TABLE numbers (x numeric, id smallint)`,
		`DROP TABLE hydrant_checkpoints`,
	} {
		if change != "" {
			d.exec(change)
		}
		p := out.batch(uint64(i+1), fmt.Sprintf(`{"id":%d,"x":%d}`, i, 1700000000))
		err := out.sink.Send(t.Context(), p)
		if strings.Contains(change, "checkpoints") {
			if e := sinks.AsError(err); err == nil || e.Kind != sinks.Permanent {
				t.Errorf("without checkpoints: %v", err)
			}
			err = out.sink.Send(t.Context(), p)
		}
		if err != nil {
			t.Fatalf("after %q: %v", change, err)
		}
		if got := d.column(fmt.Sprintf(`SELECT x::text FROM numbers WHERE id = %d`, i)); len(got) != 1 ||
			!slices.Contains([]string{"1700000000", "1.7e+09", "2023-11-14 22:13:20+00"}, got[0]) {
			t.Errorf("after %q: x is %q", change, got)
		}
	}
}

func TestServerThatIsReadOnlyIsRetried(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int); ALTER DATABASE ` + d.name + ` SET default_transaction_read_only = on`)
	out := open(t, d.config("numbers"))
	err := out.sink.Send(t.Context(), out.payload(`{"id":1}`))
	if e := sinks.AsError(err); err == nil || e.Kind != sinks.Retryable || e.Reason != "25006" || e.Hint == "" {
		t.Errorf("Send = %v (%v, %s)", err, e.Kind, e.Reason)
	}
}

func TestClosedSinkSaysSo(t *testing.T) {
	d := newDatabase(t)
	out := open(t, d.config("numbers"))
	p := out.payload(`{"id":1}`)
	if err := out.sink.Close(); err != nil {
		t.Fatal(err)
	}
	var e *sinks.Error
	if err := out.sink.Send(t.Context(), p); !errors.As(err, &e) || e.Reason != "closed" {
		t.Errorf("Send = %v", err)
	}
}
