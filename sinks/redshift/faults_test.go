package redshift_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	parquetformat "github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/redshift"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func cutConnections(t *testing.T, w *warehouse) {
	w.exec(`CREATE TABLE numbers (id int)`)
	var mu sync.Mutex
	moment, left := servers.Pass, 0 // left: messages until the cut; negative: at the commit
	proxy := servers.NewPostgresProxy(t, w.Address, func(kind byte, body []byte) servers.Moment {
		mu.Lock()
		defer mu.Unlock()
		if moment == servers.Pass || left < 0 && !bytes.HasPrefix(body, []byte("COMMIT")) {
			return servers.Pass
		}
		if left--; left > 0 {
			return servers.Pass
		}
		cut := moment
		moment = servers.Pass
		return cut
	})
	c := w.config("numbers")
	c.DSN = proxy.DSN(w.database)
	out := open(t, c)
	const cuts, records = 60, 5
	rng := rand.New(rand.NewPCG(1, cuts))
	batches := 0
	for ; proxy.Cuts() < cuts; batches++ {
		var list []string
		for i := range records {
			list = append(list, fmt.Sprintf(`{"id":%d}`, batches*records+i))
		}
		p := out.batch(uint64(batches*records+1), list...)
		for tries := 0; ; tries++ {
			mu.Lock()
			moment, left = []servers.Moment{servers.CutBefore, servers.CutHalfway, servers.CutSent, servers.CutAnswered}[rng.IntN(4)], -1
			if rng.IntN(2) == 0 {
				left = 1 + rng.IntN(7)
			}
			if tries > 3 {
				moment = servers.Pass
			}
			mu.Unlock()
			err := out.Destination.Send(t.Context(), p)
			if err == nil {
				break
			}
			if k := sinks.AsError(err).Kind; k != sinks.Retryable {
				t.Fatalf("a cut connection is %v: %v", k, err)
			}
		}
	}
	want := fmt.Sprintf("%d %d 0 %d", batches*records, batches*records, batches*records-1)
	if got := strings.Join(w.exec(`SELECT count(*), count(DISTINCT id), min(id), max(id) FROM numbers`)[0], " "); got != want {
		t.Errorf("rows, different, least, most: %s, want %s", got, want)
	}
	if got, want := w.column(`SELECT count(*) FROM numbers_hydrant_checkpoints`), fmt.Sprint(min(batches, 100)); got != want {
		t.Errorf("%s checkpoints of %d batches", got, batches)
	}
	t.Logf("%d batches, %d cuts", batches, proxy.Cuts())
}

// A server may go on with a transaction whose connection is gone. The next
// attempt must not overtake it.
func waitForTheOneBefore(t *testing.T, w *warehouse) {
	for _, end := range []string{"COMMIT", "ROLLBACK"} {
		t.Run(end, func(t *testing.T) {
			w.exec(`DROP TABLE IF EXISTS numbers, numbers_hydrant_checkpoints; CREATE TABLE numbers (id int)`)
			out := open(t, w.config("numbers"))
			if err := out.Destination.Send(t.Context(), out.batch(1, `{"id":0}`)); err != nil { // makes the checkpoint table
				t.Fatal(err)
			}
			p := out.batch(2, `{"id":1}`)
			lost := make(chan error, 1)
			go func() {
				lost <- w.Postgres.Run(w.database, `BEGIN; LOCK TABLE numbers_hydrant_checkpoints;
					INSERT INTO numbers_hydrant_checkpoints VALUES ('`+p.ID+`', 's', 'f', 1, 1, 1, now());
					INSERT INTO numbers VALUES (1); SELECT pg_sleep(0.7); `+end)
			}()
			w.until("the lost attempt has claimed the batch", `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '`+w.database+`'`)
			if err := out.Destination.Send(t.Context(), p); err != nil {
				t.Errorf("Send: %v", err)
			}
			if err := <-lost; err != nil {
				t.Fatal(err)
			}
			if got := w.column(`SELECT id FROM numbers ORDER BY id`); got != "0 1" {
				t.Errorf("rows %s, want 0 and 1 once", got)
			}
		})
	}
}

// until waits for a query to answer something.
func (w *warehouse) until(what, sql string) {
	w.Helper()
	for end := time.Now().Add(20 * time.Second); len(w.exec(sql)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

// What a person has to mend is held with a hint, and works afterwards.
func heldUntilMended(t *testing.T, w *warehouse) {
	for i, c := range []struct {
		name, before, mend, reason string
		change                     func(*redshift.Config)
		repair                     func()
	}{
		{name: "no table", mend: `CREATE TABLE $ (id int)`, reason: "42P01"},
		{name: "no schema", reason: "3F000", mend: `CREATE SCHEMA s; CREATE TABLE s.$ (id int); CREATE VIEW $ AS SELECT * FROM s.$`,
			change: func(c *redshift.Config) { c.CopyCommand.DataTableName = "s." + c.CopyCommand.DataTableName }},
		{name: "no column", before: `CREATE TABLE $ (id int)`, mend: `ALTER TABLE $ ADD n int`, reason: "42703",
			change: func(c *redshift.Config) { c.CopyCommand.DataTableColumns = []string{"id", "n"} }},
		{name: "no right", before: `CREATE TABLE $ (id int); CREATE ROLE nobody LOGIN; GRANT ALL ON SCHEMA public TO nobody`, mend: `GRANT ALL ON $ TO nobody`, reason: "42501",
			change: func(c *redshift.Config) { c.DSN = strings.Replace(c.DSN, "postgres@", "nobody@", 1) }},
		{name: "wrong password", before: `CREATE TABLE $ (id int)`, mend: `SELECT 1`, reason: "28000",
			change: func(c *redshift.Config) { w.Password = "another" }, repair: func() { w.Password = password }},
		{name: "wrong role", before: `CREATE TABLE $ (id int)`, mend: `SELECT 1`, reason: "iam-role",
			change: func(c *redshift.Config) { w.Role += "2" }, repair: func() { w.Role = strings.TrimSuffix(w.Role, "2") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := fmt.Sprintf("numbers%d", i)
			named := func(sql string) string { return strings.ReplaceAll(sql, "$", table) }
			if c.before != "" {
				w.exec(named(c.before))
			}
			config := w.config(table)
			if c.change != nil {
				c.change(config)
			}
			out := open(t, config)
			p := out.batch(1, `{"id":1}`, `{"id":2}`)
			for range 2 {
				err := out.Destination.Send(t.Context(), p)
				e := sinks.AsError(err)
				if err == nil || e.Kind != sinks.Permanent || e.Reason != c.reason || e.Hint == "" {
					t.Fatalf("Send = %v (%v, %s), want permanent, %s, with a hint", err, e.Kind, e.Reason, c.reason)
				}
			}
			if c.repair != nil {
				c.repair()
			}
			w.exec(named(c.mend))
			for range 2 {
				if err := out.Destination.Send(t.Context(), p); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
			if n := w.column(`SELECT count(*) FROM ` + table); n != "2" {
				t.Errorf("%s rows, want 2", n)
			}
		})
	}
}

func badRecords(t *testing.T, w *warehouse) {
	w.exec(`CREATE TABLE numbers (id int NOT NULL)`)
	c := w.config("numbers")
	records := []string{`{"id":1}`, `{"id":"x'; DROP TABLE numbers; --"}`, `no JSON`, `{"id":4}`}

	out := open(t, c)
	err := out.Destination.Send(t.Context(), out.batch(1, records...))
	e := sinks.AsError(err)
	if err == nil || e.Kind != sinks.Retryable || e.Reason != "load-errors" || e.Items != nil || !strings.Contains(err.Error(), "line 2") ||
		!strings.Contains(err.Error(), "invalid input syntax") {
		t.Errorf("Send = %v (%v, %s), want the line and why", err, e.Kind, e.Reason)
	}
	if n := w.column(`SELECT count(*) FROM numbers`) + w.column(`SELECT count(*) FROM numbers_hydrant_checkpoints`); n != "00" {
		t.Errorf("rows and checkpoints after a COPY that failed: %s", n)
	}

	c.CopyCommand.CopyOptions = field.NewSecret(w.Options("JSON 'auto' MAXERROR 2"))
	out = open(t, c)
	if err := out.Destination.Send(t.Context(), out.batch(1, records...)); err != nil {
		t.Errorf("Send: %v", err)
	}
	if got := w.column(`SELECT id FROM numbers ORDER BY id`); got != "1 4" {
		t.Errorf("rows %s", got)
	}
	if len(out.warnings) != 1 || !strings.Contains(out.warnings[0], "2 rows of 4 records") {
		t.Errorf("warnings %q", out.warnings)
	}
}

// giveUp does what the delivery does when the retry duration is over.
func (d *delivery) giveUp(p *sinks.Payload, records ...string) {
	d.Helper()
	c := sinktest.Chunk(records...)
	for row := range records {
		c.Fail(row, &buffer.Failure{Output: d.FailedType, Code: "load-errors", Message: "m", Details: d.Destination.(sinks.Describer).Describe(p, row)})
	}
	w := d.Errors.Batch(&d.spool)
	for _, row := range sinktest.AllRows(c) {
		if err := w.Add(c, []int{row}); err != nil {
			d.Fatal(err)
		}
	}
	payloads, err := w.Seal(sinktest.Plan(c))
	if err != nil {
		d.Fatal(err)
	}
	d.spool.Load(payloads)
	for i := range payloads {
		if !payloads[i].Failed {
			d.Errorf("%s is not marked as failed", payloads[i].Name)
		}
		for range 2 {
			if err := d.Outputs.Errors.Send(d.Context(), &payloads[i]); err != nil {
				d.Fatal(err)
			}
		}
	}
}

// A batch that is given up is in the error output, and its manifest loads it.
func givenUp(t *testing.T, w *warehouse) {
	w.exec(`CREATE TABLE numbers (id text)`)
	c := w.config("numbers")
	out := open(t, c)
	p := out.batch(1, `{"id":"a"}`, `{"id":"b"}`)
	out.giveUp(p, `{"id":"a"}`, `{"id":"b"}`)
	objects, failed := w.keys(c.S3.Bucket, "data/"), w.keys(c.S3.Bucket, "errors/manifests/")
	if len(objects) != 1 || len(failed) != 1 || failed[0] != "errors/manifests/"+objects[0] {
		t.Fatalf("objects %q, manifests %q", objects, failed)
	}
	lines := w.lines(c.S3.Bucket, "failed/redshift-failed/")
	var first struct {
		ErrorCode, TableName, ObjectURL string
		RawData                         []byte
		ObjectSize                      int
	}
	if len(lines) != 2 {
		t.Fatalf("error records %q", lines)
	}
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || string(first.RawData) != `{"id":"a"}` || first.TableName != "numbers" ||
		first.ObjectURL != "s3://"+c.S3.Bucket+"/"+objects[0] || first.ObjectSize != len(w.read(c.S3.Bucket, objects[0])) {
		t.Errorf("error record %+v, %v", first, err)
	}
	// What a person does.
	session, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, sql := range []string{"BEGIN", "COPY numbers FROM 's3://" + c.S3.Bucket + "/" + failed[0] + "' " + w.Options("JSON 'auto'") + " MANIFEST", "COMMIT"} {
		if _, err := session.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if got := w.column(`SELECT id FROM numbers ORDER BY id`); got != "a b" {
		t.Errorf("rows %s", got)
	}
}

// Records that failed before they were staged have no manifest.
func otherFailures(t *testing.T, w *warehouse) {
	c := w.config("numbers")
	out := open(t, c)
	out.FailedType = "processing-failed"
	out.giveUp(&sinks.Payload{}, "x")
	if got := w.keys(c.S3.Bucket, ""); len(got) != 1 || !strings.HasPrefix(got[0], "failed/processing-failed/") {
		t.Errorf("objects %q", got)
	}
}

// An object that somebody deleted or replaced is not loaded as nothing.
func missingObject(t *testing.T, w *warehouse) {
	w.exec(`CREATE TABLE numbers (id int)`)
	c := w.config("numbers")
	out := open(t, c)
	p := out.batch(1, `{"id":1}`)
	key := w.keys(c.S3.Bucket, "data/")[0]
	if err := w.minio.Client().RemoveObject(context.Background(), c.S3.Bucket, key, minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	err := out.Destination.Send(t.Context(), p)
	if e := sinks.AsError(err); err == nil || e.Kind != sinks.Retryable || e.Reason != "object" || e.Hint == "" {
		t.Errorf("Send = %v (%v, %s)", err, e.Kind, e.Reason)
	}
}

func canceled(t *testing.T, w *warehouse) {
	w.exec(`CREATE TABLE numbers (id int)`)
	for _, statement := range []string{"COPY", "COMMIT"} {
		t.Run(statement, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := w.config("numbers")
			c.DSN = servers.NewPostgresProxy(t, w.Address, func(_ byte, body []byte) servers.Moment {
				if bytes.HasPrefix(body, []byte(statement)) {
					cancel()
					return servers.Hang
				}
				return servers.Pass
			}).DSN(w.database)
			out := open(t, c)
			p := out.batch(1, `{"id":1}`)
			done := make(chan error, 1)
			go func() { done <- out.Destination.Send(ctx, p) }()
			select {
			case err := <-done:
				if e := sinks.AsError(err); err == nil || e.Kind != sinks.Retryable {
					t.Errorf("Send = %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("Send did not return")
			}
		})
	}
	if n := w.column(`SELECT count(*) FROM numbers`); n != "0" {
		t.Errorf("%s rows are there", n)
	}
}

func probe(t *testing.T, w *warehouse) {
	c := w.config("numbers")
	ask := func() (string, error) { return open(t, c).Destination.(sinks.Prober).Probe(t.Context()) }
	if _, err := ask(); err == nil || sinks.AsError(err).Kind != sinks.Permanent || sinks.AsError(err).Reason != "42P01" {
		t.Errorf("without a table: %v", err)
	}
	w.exec(`CREATE TABLE numbers (id int)`)
	if line, err := ask(); err != nil || !strings.Contains(line, "table numbers is there; bucket "+c.S3.Bucket) {
		t.Errorf("Probe = %q, %v", line, err)
	}
	w.exec(`CREATE ROLE guest LOGIN`)
	c.DSN = strings.Replace(c.DSN, "postgres@", "guest@", 1)
	if _, err := ask(); err == nil || sinks.AsError(err).Kind != sinks.Permanent || sinks.AsError(err).Reason != "42501" {
		t.Errorf("without rights: %v", err)
	}
	c.S3.Bucket = "missing"
	if _, err := ask(); err == nil || sinks.AsError(err).Reason != "NoSuchBucket" {
		t.Errorf("without a bucket: %v", err)
	}
}

func parquet(t *testing.T, w *warehouse) {
	w.exec(`CREATE TABLE numbers (id int, name text)`)
	c := w.config("numbers")
	c.CopyCommand.CopyOptions = field.NewSecret(w.Options("FORMAT AS PARQUET"))
	conv := conversion.Default()
	conv.OutputName, conv.Output = "parquet", parquetformat.Default()
	conv.Schema.Columns = []schema.Column{{Name: "id", Type: "bigint"}, {Name: "name", Type: "string"}}
	c.Convert(conv)
	out := open(t, c)
	records := []string{`{"id":1,"name":"a"}`, `{"id":"no number"}`, `{"id":3,"name":"c"}`}
	p := out.batch(1, records...)
	if diff := cmp.Diff([]uint64{1, 3}, p.Seqs); diff != "" || p.Count.Records != 2 {
		t.Errorf("records that are loaded (-want +got):\n%s", diff)
	}
	for range 2 {
		if err := out.Destination.Send(t.Context(), p); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
	if got := w.column(`SELECT id || name FROM numbers ORDER BY id`); got != "1a 3c" {
		t.Errorf("rows %s", got)
	}
}

// The stand-in is as strict as what it stands for.
func standIn(t *testing.T, w *warehouse) {
	w.exec(`CREATE TABLE numbers (id int PRIMARY KEY)`)
	c := w.config("numbers")
	session, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, sql := range []string{
		`INSERT INTO numbers VALUES (1) ON CONFLICT DO NOTHING`, `INSERT INTO numbers VALUES (1) RETURNING id`, `SAVEPOINT a`, `COPY numbers FROM STDIN`,
		`SELECT to_regclass('numbers')`, `COPY numbers FROM 's3://b/k' IAM_ROLE 'r' MANIFEST`,
	} {
		if _, err := session.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s works", sql)
		}
	}
	if n := w.column(`SELECT count(*) FROM numbers`); n != "0" {
		t.Errorf("%s rows", n)
	}
}
