package redshift_test

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/redshift"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

const password = "canary-password"

// The tests share a stand-in for Redshift and a MinIO; each has a database of
// its own.
func TestRedshift(t *testing.T) {
	m := servers.MinIO(t)
	r := servers.Redshift(t, m)
	r.Password = password
	for name, test := range map[string]func(*testing.T, *warehouse){
		"Conformance":                                 conformance,
		"CutConnectionsLoseAndRepeatNothing":          cutConnections,
		"AnAttemptWaitsForTheOneBefore":               waitForTheOneBefore,
		"WhatAPersonHasToMendIsHeld":                  heldUntilMended,
		"BadRecordsAreForMAXERROR":                    badRecords,
		"ManifestOfABatchThatWasGivenUpLoadsIt":       givenUp,
		"OtherFailedRecordsHaveNoManifest":            otherFailures,
		"AMissingObjectIsNotLoadedAsNothing":          missingObject,
		"ConvertedRecordsAreLoadedFromParquet":        parquet,
		"SendReturnsSoonWhenItIsCanceled":             canceled,
		"ProbeLooksAtTableAndBucket":                  probe,
		"StatementsRedshiftDoesNotHaveAreNotAccepted": standIn,
	} {
		t.Run(name, func(t *testing.T) { test(t, &warehouse{t, r, m, r.Postgres.Database(t)}) })
	}
}

// warehouse is a database of a stand-in for Redshift, and the storage it loads
// from.
type warehouse struct {
	testing.TB
	*servers.RedshiftServer
	minio    *servers.MinIOServer
	database string
}

func (w *warehouse) exec(sql string) [][]string {
	w.Helper()
	return w.Postgres.Exec(w, w.database, sql)
}

// column returns the first column of what a query answers.
func (w *warehouse) column(sql string) string {
	w.Helper()
	var all []string
	for _, row := range w.exec(sql) {
		all = append(all, row[0])
	}
	return strings.Join(all, " ")
}

// config loads a table from a new bucket.
func (w *warehouse) config(table string) *redshift.Config {
	w.Helper()
	bucket := "staging-" + strings.ToLower(rand.Text())
	w.minio.Bucket(bucket)
	c := redshift.Default().(*redshift.Config)
	c.DSN = w.DSN(w.database)
	c.Password = field.NewSecret(password)
	c.CopyCommand = redshift.CopyCommand{DataTableName: table, CopyOptions: field.NewSecret(w.Options("JSON 'auto'"))}
	c.S3.Endpoint, c.S3.PathStyle = w.minio.Endpoint, true
	c.S3.AccessKeyID, c.S3.SecretAccessKey = w.minio.AccessKey, field.NewSecret(w.minio.SecretKey)
	c.S3.Bucket, c.S3.Prefix, c.S3.ErrorOutputPrefix = bucket, "data/", "failed/!{firehose:error-output-type}/"
	return c
}

// keys are the keys in a bucket that begin with a prefix.
func (w *warehouse) keys(bucket, prefix string) (keys []string) {
	w.Helper()
	for o := range w.minio.Client().ListObjects(context.Background(), bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			w.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func (w *warehouse) read(bucket, key string) string {
	w.Helper()
	o, err := w.minio.Client().GetObject(context.Background(), bucket, key, minio.GetObjectOptions{})
	if err != nil {
		w.Fatal(err)
	}
	defer o.Close()
	text, err := io.ReadAll(o)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// lines are those of the objects that begin with a prefix.
func (w *warehouse) lines(bucket, prefix string) (lines []string) {
	w.Helper()
	for _, key := range w.keys(bucket, prefix) {
		lines = append(lines, strings.Split(strings.TrimSuffix(w.read(bucket, key), "\n"), "\n")...)
	}
	return lines
}

// delivery is a sink that a test fills.
type delivery struct {
	testing.TB
	sinks.Outputs
	warnings []string
	spool    sinktest.Spool
}

func open(t testing.TB, c *redshift.Config) *delivery {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	d := &delivery{TB: t}
	env := sinktest.Env(t)
	env.Warn = func(text string) { d.warnings = append(d.warnings, text) }
	var err error
	if d.Outputs, err = c.Open(env); err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

// batch seals records that begin at a position of their feed, and stages them.
// It returns what has them loaded.
func (d *delivery) batch(seq uint64, records ...string) *sinks.Payload {
	d.Helper()
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 0x9f0c31aa52e07b44, Seq: seq})
	for _, r := range records {
		c.AppendCopy([]byte(r), time.UnixMilli(1735687815000))
	}
	w := d.Destination.Batch(&d.spool)
	if err := w.Add(c, sinktest.AllRows(c)); err != nil {
		d.Fatalf("Add: %v", err)
	}
	payloads, err := w.Seal(sinktest.Plan(c))
	if err != nil || len(payloads) != 2 {
		d.Fatalf("Seal: %v, %d payloads", err, len(payloads))
	}
	d.spool.Load(payloads)
	if err := d.Destination.Send(d.Context(), &payloads[0]); err != nil {
		d.Fatalf("stage: %v", err)
	}
	return &payloads[1]
}

func conformance(t *testing.T, w *warehouse) {
	for name, change := range map[string]func(*redshift.Config){
		"plain": func(*redshift.Config) {},
		"gzip": func(c *redshift.Config) {
			c.S3.CompressionFormat = compress.GZIP
			c.CopyCommand.CopyOptions = field.NewSecret(w.Options("GZIP JSON 'auto'"))
		},
		"zstd, columns": func(c *redshift.Config) {
			c.S3.CompressionFormat = compress.ZSTD
			c.CopyCommand.CopyOptions = field.NewSecret(w.Options("ZSTD JSON 'auto'"))
			c.CopyCommand.DataTableColumns = []string{"text", "event_id", "page"}
			c.CheckpointTable = "other_checkpoints"
		},
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
					table := "events_" + strings.ToLower(rand.Text())
					w.exec(`CREATE TABLE ` + table + ` (event_id text, page text, text text)`)
					c := w.config(table)
					change(c)
					proxy := sinktest.NewProxy(t, w.minio.Endpoint)
					c.S3.Endpoint = proxy.URL
					return c, &destination{w, proxy, table, c.S3.Bucket}
				},
				Faults:       true, // of the bucket; those of the database are in faults_test.go
				Secrets:      []string{w.minio.SecretKey, password},
				AllocsPerRow: 0.02,
			})
		})
	}
}

// destination is a table and a bucket.
type destination struct {
	*warehouse
	*sinktest.Proxy
	table, bucket string
}

// Misbehave spoils requests that carry an object, not the probe.
func (d *destination) Misbehave(f sinktest.Fault) {
	if f.Request == nil {
		f.Request = func(r *http.Request) bool {
			return r.Method == http.MethodPut && !strings.Contains(r.URL.Path, ".hydrant-probe-")
		}
	}
	d.Proxy.Misbehave(f)
}

// A table has no order of its own.
func (d *destination) Rows(t *testing.T) (rows []string) {
	for _, row := range d.exec(`SELECT format('{"event_id":"%s","page":"%s","text":"%s"}', event_id, page, text) FROM ` + d.table + ` ORDER BY event_id`) {
		rows = append(rows, row[0])
	}
	return rows
}

func (d *destination) Errors(t *testing.T) []string { return d.lines(d.bucket, "failed/") }
