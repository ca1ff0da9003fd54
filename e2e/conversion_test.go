package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/parquet-go/parquet-go"

	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/readers"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

// convertingStreams is a stream to Parquet with columns as they are written,
// and one to ORC that infers them.
const convertingStreams = `streams:
  to-parquet:
    source: {direct_put: {}}
    destination:
      s3:
        connection: store
        bucket: %[1]s
        prefix: to-parquet/
        error_output_prefix: failed/to-parquet/!{firehose:error-output-type}/
        buffering_hints: {size: 64MiB, interval: 2s} # hydrant:allow small-objects
        data_format_conversion:
          output_format: {parquet: {compression: ZSTD}}
          schema:
            columns:
              - {name: id, type: bigint, required: true}
              - {name: price, type: "decimal(12,2)"}
              - {name: at, type: timestamp}
              - {name: tags, type: array<string>}
  to-orc:
    source: {direct_put: {}}
    destination:
      s3:
        connection: store
        bucket: %[1]s
        prefix: to-orc/
        error_output_prefix: failed/to-orc/!{firehose:error-output-type}/
        buffering_hints: {size: 64MiB, interval: 2s} # hydrant:allow small-objects
        data_format_conversion:
          output_format: {orc: {}}
          schema: {infer: {}}
`

func TestRecordsBecomeRowsAndBadOnesErrorOutput(t *testing.T) {
	t.Parallel()
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64())
	b.Configure("", b.StreamsYAML("")[:strings.Index(b.StreamsYAML(""), "streams:")]+fmt.Sprintf(convertingStreams, b.Bucket))
	p := b.Start()
	p.Ready(20 * time.Second)

	const good = 500
	var lines []string
	for n := range good {
		lines = append(lines, fmt.Sprintf(`{"id":%d,"price":%d.25,"at":"2026-11-23T08:00:%02dZ","tags":["a","b"]}`, n, n, n%60))
	}
	noJSON, noNumber := `{"id":1,`, `{"id":"x","price":1,"at":null,"tags":[]}`
	input := filepath.Join(b.Dir, "input")
	write(t, input, strings.Join(append(lines, noJSON, noNumber), "\n")+"\n")
	for _, stream := range []string{"to-parquet", "to-orc"} {
		client(t, nil, b.Program, "put", stream, input, "--endpoint", "http://"+b.API)
	}
	failed := map[string]int{"to-parquet": 2, "to-orc": 1} // an inferred id with "x" is a string
	for stream, n := range failed {
		until(t, stream+" is delivered", 30*time.Second, func() bool {
			m, err := b.Metrics()
			return err == nil && m.Stream("hydrant_ledger_delivered_records_total", stream) == float64(good+2-n) &&
				m.Stream("hydrant_ledger_failed_records_total", stream) == float64(n)
		})
	}

	rows := 0
	for key, body := range objects(t, b, "to-parquet/", ".parquet") {
		f, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		rows += int(f.NumRows())
	}
	if rows != good {
		t.Errorf("%d rows of Parquet, want %d", rows, good)
	}
	rows = 0
	for key, body := range objects(t, b, "to-orc/", ".orc") {
		r, err := orc.Open(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		rows += int(r.Info().Rows)
	}
	if rows != good+1 {
		t.Errorf("%d rows of ORC, want %d", rows, good+1)
	}
	const malformed, broken = "DataFormatConversion.MalformedData", "DataFormatConversion.ParseError"
	wantErrors(t, b, "to-parquet", map[string]string{noJSON: broken, noNumber: malformed})
	wantErrors(t, b, "to-orc", map[string]string{noJSON: broken})

	// The columns are known to whoever asks, and to the next process.
	client(t, nil, b.Program, "explain", "--schema", "to-orc", "-c", filepath.Join(b.Dir, "hydrant.yaml"))
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// growingStream infers its columns and lets them grow.
const growingStream = `streams:
  growing:
    shards: 2
    source: {direct_put: {}}
    destination:
      s3:
        connection: store
        bucket: %s
        prefix: growing/
        error_output_prefix: failed/growing/!{firehose:error-output-type}/
        buffering_hints: {size: 64MiB, interval: 1s} # hydrant:allow small-objects
        data_format_conversion:
          output_format: {parquet: {}}
          schema: {infer: {}, on_unknown_field: add_column, widen: strings}
`

// TestColumnsGrowAcrossCrashes changes columns three times, and kills the
// program before and after that is durable. A program that we did not write
// then reads all objects together.
func TestColumnsGrowAcrossCrashes(t *testing.T) {
	t.Parallel()
	duckdb := readers.DuckDB(t)
	b := testbed.New(t, hydrant.Faulty(t), rand.Uint64())
	b.Configure("", b.StreamsYAML("")[:strings.Index(b.StreamsYAML(""), "streams:")]+fmt.Sprintf(growingStream, b.Bucket))

	const batch = 300
	var want []string
	put := func(format, value string) {
		t.Helper()
		var lines strings.Builder
		for range batch {
			id := len(want)
			fmt.Fprintf(&lines, format+"\n", id)
			want = append(want, fmt.Sprintf(value, id))
		}
		input := filepath.Join(b.Dir, "input")
		write(t, input, lines.String())
		client(t, nil, b.Program, "put", "growing", input, "--endpoint", "http://"+b.API)
	}
	delivered := func() {
		t.Helper()
		until(t, "delivery", 30*time.Second, func() bool {
			m, err := b.Metrics()
			return err == nil && m.Stream("hydrant_ledger_delivered_records_total", "growing") == float64(len(want))
		})
	}
	start := func(env ...string) *hydrant.Process {
		p := b.Start(env...)
		p.Ready(20 * time.Second)
		return p
	}
	dies := func(p *hydrant.Process) {
		t.Helper()
		if code := p.Wait(20 * time.Second); code != -1 {
			t.Fatalf("hydrant ended by itself with code %d\n%s", code, p.Log())
		}
	}

	p := start()
	put(`{"id":%[1]d,"v":%[1]d,"o":[{"x":1}]}`, `%[1]d %[1]d - -`)
	delivered()
	p.Kill()
	p = start("HYDRANT_KILL=K6-change")
	put(`{"id":%[1]d,"v":%[1]d.5,"new":"a","o":[{"x":1,"y":{"z":"c"}}]}`, `%[1]d %[1]d.5 a c`)
	dies(p)
	dies(b.Start("HYDRANT_KILL=K6-changed"))
	p = start()
	put(`{"id":%[1]d,"v":"x%[1]d","new":"b","o":[]}`, `%[1]d x%[1]d b -`)
	delivered()
	if log := p.Log(); !strings.Contains(log, "columns were changed: v was double and is string") {
		t.Errorf("the log does not tell of the change:\n%s", log)
	}

	dir := t.TempDir()
	for key, body := range objects(t, b, "growing/", ".parquet") {
		write(t, filepath.Join(dir, filepath.Base(key)), string(body))
	}
	table, err := duckdb.Query(fmt.Sprintf("SELECT id || ' ' || v || ' ' || coalesce(new, '-') || ' ' || coalesce(o[1].y.z, '-') AS line FROM read_parquet('%s/*.parquet', union_by_name = true) ORDER BY id", dir))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range table.Rows {
		got = append(got, strings.Replace(fmt.Sprint(row["line"]), ".0 ", " ", 1)) // some objects have integers as doubles
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows of all objects (-want +got):\n%s", diff)
	}
	if failed := b.Keys("failed/"); len(failed) > 0 {
		t.Errorf("there is error output: %v", failed)
	}

	out, err := exec.Command(b.Program, "explain", "--schema", "growing", "-c", filepath.Join(b.Dir, "hydrant.yaml")).Output()
	const columns = "columns:\n  - {name: id, type: bigint}\n  - {name: v, type: string}\n  - {name: o, type: \"array<struct<x:bigint,y:struct<z:string>>>\"}\n  - {name: new, type: string}\n"
	if err != nil || !strings.HasSuffix(string(out), "; changes since: 4\n"+columns) {
		t.Errorf("the columns are shown as\n%s%v", out, err)
	}
	if code := p.Stop(20 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// objects returns the objects below a prefix by their keys, which must have
// the extension.
func objects(t *testing.T, b *testbed.Bed, prefix, extension string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, key := range b.Keys(prefix) {
		if !strings.HasSuffix(key, extension) {
			t.Errorf("object %s does not end with %q", key, extension)
		}
		o, err := b.Store.Client().GetObject(context.Background(), b.Bucket, key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(o)
		if err != nil {
			t.Fatal(err)
		}
		info, err := o.Stat()
		if err != nil || info.ContentType != "application/octet-stream" || info.Metadata.Get("Content-Encoding") != "" {
			t.Errorf("object %s: %v, Content-Type %q, Content-Encoding %q", key, err, info.ContentType, info.Metadata.Get("Content-Encoding"))
		}
		found[key] = body
	}
	if len(found) == 0 {
		t.Errorf("there is no object below %s", prefix)
	}
	return found
}

// wantErrors compares the error output of a stream with the codes that are
// expected of its records.
func wantErrors(t *testing.T, b *testbed.Bed, stream string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for key, body := range objects(t, b, "failed/"+stream+"/format-conversion-failed/", "") {
		for line := range bytes.Lines(body) {
			var record struct {
				AttemptsMade     int
				ArrivalTimestamp int64
				LastErrorCode    string
				LastErrorMessage string
				RawData          []byte
				SequenceNumber   string
			}
			if err := json.Unmarshal(line, &record); err != nil {
				t.Fatalf("%s: %s: %v", key, line, err)
			}
			if record.AttemptsMade != 1 || record.ArrivalTimestamp == 0 || record.LastErrorMessage == "" || record.SequenceNumber == "" {
				t.Errorf("%s: something is missing: %s", key, line)
			}
			got[string(record.RawData)] = record.LastErrorCode
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error output of %s (-want +got):\n%s", stream, diff)
	}
}
