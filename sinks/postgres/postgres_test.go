package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// The tests share a server; each has a database of its own.
var server = sync.OnceValues(func() (*servers.PostgresServer, error) { return servers.StartPostgres() })

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); err == nil {
		s.End()
	}
	os.Exit(code)
}

// database is one of a test.
type database struct {
	testing.TB
	server *servers.PostgresServer
	name   string
}

func newDatabase(t testing.TB) *database {
	t.Helper()
	s, err := server()
	if errors.Is(err, servers.ErrNoPostgres) {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &database{t, s, s.Database(t)}
}

func (d *database) exec(sql string) [][]string {
	d.Helper()
	return d.server.Exec(d, d.name, sql)
}

// column returns the first column of what a query answers.
func (d *database) column(sql string) []string {
	d.Helper()
	var all []string
	for _, row := range d.exec(sql) {
		all = append(all, row[0])
	}
	return all
}

// config fills a table.
func (d *database) config(table string, columns ...string) *postgres.Config {
	c := postgres.Default().(*postgres.Config)
	c.DSN = d.server.DSN(d.name)
	c.CopyCommand.DataTableName, c.CopyCommand.DataTableColumns = table, columns
	c.S3Backup.Bucket = "file://" + d.TempDir()
	return c
}

// delivery is a sink that is filled by a test.
type delivery struct {
	testing.TB
	sink sinks.Sink
}

func open(t testing.TB, c *postgres.Config) *delivery {
	t.Helper()
	return openIn(t, c, sinktest.Env(t))
}

func openIn(t testing.TB, c *postgres.Config, env sinks.Env) *delivery {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	to, err := c.Open(env)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := to.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &delivery{t, to.Destination}
}

// openNoted is open with what the sink notes.
func openNoted(t testing.TB, c *postgres.Config) (d *delivery, notes func() string) {
	t.Helper()
	var mu sync.Mutex
	var text string
	env := sinktest.Env(t)
	env.Note = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		text += line + "\n"
	}
	return openIn(t, c, env), func() string {
		mu.Lock()
		defer mu.Unlock()
		return text
	}
}

// payload seals records.
func (d *delivery) payload(records ...string) *sinks.Payload {
	d.Helper()
	return d.batch(1, records...)
}

// batch seals records that begin at a position of their feed.
func (d *delivery) batch(seq uint64, records ...string) *sinks.Payload {
	d.Helper()
	c := sinktest.Chunk(records...)
	p := sinktest.Plan(c)
	p.First.Seq, p.Last.Seq = seq, seq+uint64(len(records))-1
	var spool sinktest.Spool
	w := d.sink.Batch(&spool)
	if err := w.Add(c, sinktest.AllRows(c)); err != nil {
		d.Fatalf("Add: %v", err)
	}
	payloads, err := w.Seal(p)
	if err != nil || len(payloads) != 1 {
		d.Fatalf("Seal: %v, %d payloads", err, len(payloads))
	}
	spool.Load(payloads)
	return &payloads[0]
}

// send delivers a payload and returns what was refused: "row code message".
func (d *delivery) send(p *sinks.Payload) []string {
	d.Helper()
	err := d.sink.Send(d.Context(), p)
	if err == nil {
		return nil
	}
	e := sinks.AsError(err)
	if e.Items == nil {
		d.Fatalf("Send: %v (%v)", err, e.Kind)
	}
	return refusals(e)
}

func refusals(e *sinks.Error) []string {
	var all []string
	for _, it := range e.Items {
		all = append(all, fmt.Sprintf("%d %s %s", it.Row, it.Code, it.Message))
	}
	return all
}

// asError is nil when there is none.
func asError(err error) *sinks.Error {
	if err == nil {
		return nil
	}
	return sinks.AsError(err)
}

func secret(s string) field.Secret { return field.NewSecret(s) }

func onConflict(do postgres.Conflict, keys ...string) *postgres.OnConflict {
	return &postgres.OnConflict{Keys: keys, Do: do}
}
