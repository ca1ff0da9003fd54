package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
)

var (
	rowsPerSecond = metric{"speed", "rows/s", false}
	cpuPerRow     = metric{"cost", "CPU-µs/row", true}
	// cpuUnparsed is that of rows that were no JSON, or for ours without what
	// the parser and the spool take for the same records.
	cpuUnparsed = metric{"cost without JSON", "CPU-µs/row", true}
)

// copyTable is what is filled: logged, without an index.
const copyTable = `CREATE TABLE clicks (id uuid, ts timestamptz, user_id bigint, event text, path text, country text,
	status int, bytes bigint, ms double precision, bot boolean)`

// copyBatch is how many bytes of records ours puts into one transaction: the
// default. All others have one transaction.
const copyBatch = 16 << 20

// copiesAtOnce is how many of its transactions are under way: fewer than a
// stream may have.
const copiesAtOnce = 2

// copyBenchmark measures clients that fill a table of PostgreSQL, from records
// in memory to the answer to COMMIT. Connecting and, of psql, starting is not
// counted; a turn has a server of its own, with an empty table.
func copyBenchmark(s settings) benchmark {
	d := &copyData{count: s.rows, file: filepath.Join(s.dir, "clicks.bin")}
	turn := func(client copyClient) func(context.Context) (figures, error) {
		return func(ctx context.Context) (figures, error) { return copyTurn(ctx, s, d, client) }
	}
	return benchmark{
		name:  "copy",
		about: "records to rows of 10 columns in PostgreSQL",
		contestants: []contestant{
			{"hydrant", turn(ourCopy)},
			{`psql \copy`, turn(psqlCopy)},
			{"prepared bytes", turn(bytesCopy)},
			{"pgx", turn(pgxCopy(true))},
			{"pgx, no JSON", turn(pgxCopy(false))},
			{"INSERT", turn(insertRows)},
		},
		goals: []goal{
			{rowsPerSecond, `psql \copy`, 0.92, 0.97},
			{rowsPerSecond, "prepared bytes", 0, 0},
			{rowsPerSecond, "pgx", 0, 0},
			{rowsPerSecond, "pgx, no JSON", 0, 0},
			{rowsPerSecond, "INSERT", 5, 6.6},
			{cpuPerRow, "pgx", 0.3, 0.1},
			{cpuUnparsed, "pgx, no JSON", 0.3, 0.1},
			{cpuPerRow, `psql \copy`, 0, 0},
			{cpuPerRow, "INSERT", 0, 0},
		},
	}
}

// copyClient fills the table once and says what that took, without connecting.
type copyClient func(ctx context.Context, s *servers.PostgresServer, d *copyData) (figures, error)

func copyTurn(ctx context.Context, s settings, d *copyData, client copyClient) (figures, error) {
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	var f figures
	err := withCopyServer(ctx, func(server *servers.PostgresServer, conn *pgconn.PgConn) (err error) {
		if f, err = client(ctx, server, d); err != nil {
			return err
		}
		result := conn.ExecParams(ctx, `SELECT count(*)::text FROM clicks`, nil, nil, nil, nil).Read()
		if result.Err != nil {
			return result.Err
		}
		if got := string(result.Rows[0][0]); got != fmt.Sprint(d.count) {
			return fmt.Errorf("the table has %s rows, want %d", got, d.count)
		}
		return nil
	})
	return f, err
}

// withCopyServer starts a server with an empty table. Nothing but the copy is
// to happen: no checkpoints of the server, no vacuum.
func withCopyServer(ctx context.Context, do func(*servers.PostgresServer, *pgconn.PgConn) error) error {
	server, err := servers.StartPostgres("shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off")
	if err != nil {
		return err
	}
	defer server.End()
	conn, err := pgconn.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, copyTable).ReadAll(); err != nil {
		return err
	}
	return do(server, conn)
}

// copyData are the same rows in the forms that the contestants start from.
type copyData struct {
	count int
	file  string // in COPY's binary format

	once    sync.Once
	err     error
	chunks  []buffer.Chunk // JSON
	decoded []click
	binary  []byte // what is in the file
}

func (d *copyData) prepare(ctx context.Context) error {
	d.once.Do(func() { d.err = d.make(ctx) })
	return d.err
}

// make has the server write the file, from rows that ours has delivered.
func (d *copyData) make(ctx context.Context) error {
	clicks := corpus.Clicks(1)
	records := make([][]byte, d.count)
	for i := range records {
		records[i] = clicks.Append(nil)
	}
	d.chunks = inFeed(records)
	d.decoded = make([]click, d.count)
	for i := range records {
		if err := d.decoded[i].decode(records[i]); err != nil {
			return err
		}
	}
	return withCopyServer(ctx, func(server *servers.PostgresServer, conn *pgconn.PgConn) error {
		if _, err := ourCopy(ctx, server, d); err != nil {
			return err
		}
		var out bytes.Buffer
		if _, err := conn.CopyTo(ctx, &out, `COPY clicks TO STDOUT (FORMAT binary)`); err != nil {
			return err
		}
		d.binary = out.Bytes()
		return os.WriteFile(d.file, d.binary, 0o600)
	})
}

// inFeed puts records into chunks, each with its position.
func inFeed(records [][]byte) (chunks []buffer.Chunk) {
	for i, r := range records {
		last := len(chunks) - 1
		if last < 0 || len(chunks[last].Data) > 512<<10 {
			last++
			chunks = append(chunks, buffer.Chunk{})
			chunks[last].Reset(buffer.Position{Seq: uint64(i + 1)})
		}
		chunks[last].AppendCopy(r, time.Time{})
	}
	return chunks
}

// stopwatch measures this process.
type stopwatch struct {
	start time.Time
	cpu   time.Duration
}

func startWatch() stopwatch { return stopwatch{time.Now(), ownCPU()} }

func (w stopwatch) stop(rows int) figures {
	return copyFigures(rows, time.Since(w.start), ownCPU()-w.cpu)
}

func copyFigures(rows int, wall, cpu time.Duration) figures {
	cost := cpu.Seconds() * 1e6 / float64(rows)
	return figures{rowsPerSecond: float64(rows) / wall.Seconds(), cpuPerRow: cost, cpuUnparsed: cost}
}

// ourCopy is the destination of a stream, with its spool in memory.
func ourCopy(ctx context.Context, server *servers.PostgresServer, d *copyData) (f figures, err error) {
	c := postgres.Default().(*postgres.Config)
	c.DSN, c.CopyCommand.DataTableName, c.S3Backup.Bucket = server.DSN("postgres"), "clicks", "file://"+filepath.Dir(d.file)
	if err := c.Validate(); err != nil {
		return nil, err
	}
	to, err := c.Open(sinks.Env{Stream: "bench", Version: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := to.Destination.(sinks.Prober).Probe(ctx); err != nil {
		return nil, err
	}
	batches := d.batches()
	var spools [copiesAtOnce + 1]bulkSpool
	for i := range spools {
		spools[i].Write(make([]byte, copyBatch+2<<20)) // the memory is not new: a spool is a file
	}
	sending := make([]chan error, len(batches))
	watch := startWatch()
	for i, chunks := range batches { // one is filled while those before are on their way, as in a stream
		p, err := fillBatch(to.Destination, &spools[i%len(spools)], chunks)
		if before := i - copiesAtOnce; before >= 0 {
			err = errors.Join(err, <-sending[before])
		}
		if err != nil {
			return nil, err
		}
		sending[i] = make(chan error, 1)
		go func() { sending[i] <- to.Destination.Send(ctx, p) }()
	}
	for _, last := range sending[max(0, len(sending)-copiesAtOnce):] {
		if err := <-last; err != nil {
			return nil, err
		}
	}
	f = watch.stop(d.count)
	begun := ownCPU()
	for i, chunks := range batches {
		if _, err := fillBatch(to.Destination, &spools[i%len(spools)], chunks); err != nil {
			return nil, err
		}
	}
	filling := ownCPU() - begun
	parsing, err := parseAlone(d.chunks)
	f[cpuUnparsed] -= (filling + parsing).Seconds() * 1e6 / float64(d.count)
	return f, err
}

// batches are the chunks of each transaction. Each has a position of its own,
// as in a feed.
func (d *copyData) batches() (all [][]buffer.Chunk) {
	for from := 0; from < len(d.chunks); {
		end, size := from, 0
		for ; end < len(d.chunks) && size < copyBatch; end++ {
			size += len(d.chunks[end].Data)
		}
		all = append(all, d.chunks[from:end])
		from = end
	}
	return all
}

// fillBatch makes the payload of chunks.
func fillBatch(sink sinks.Sink, spool *bulkSpool, chunks []buffer.Chunk) (*sinks.Payload, error) {
	spool.Reset()
	w := sink.Batch(spool)
	for i := range chunks {
		if err := w.Add(&chunks[i], allRows(&chunks[i])); err != nil {
			return nil, err
		}
	}
	last := &chunks[len(chunks)-1]
	payloads, err := w.Seal(buffer.Plan{First: chunks[0].Position(0), Last: last.Position(last.Len() - 1)})
	if err != nil {
		return nil, err
	}
	payloads[0].Body = bytes.NewReader(spool.Bytes())
	return &payloads[0], nil
}

func allRows(c *buffer.Chunk) []int {
	rows := make([]int, c.Len())
	for row := range rows {
		rows[row] = row
	}
	return rows
}

// parseAlone is the time that the parser takes for the columns of the table.
func parseAlone(chunks []buffer.Chunk) (time.Duration, error) {
	kinds := map[string]column.Kind{"id": column.String, "ts": column.Timestamp, "user_id": column.BigInt, "event": column.String, "path": column.String,
		"country": column.String, "status": column.Int, "bytes": column.BigInt, "ms": column.Double, "bot": column.Boolean}
	var schema column.Schema
	for _, c := range corpus.ClickColumns() {
		if kind, ok := kinds[c.Name]; ok {
			schema.Columns = append(schema.Columns, column.Field{Name: c.Name, Type: column.Type{Kind: kind}})
		}
	}
	parser, err := column.NewParser(&schema, column.Options{CaseInsensitive: true})
	if err != nil {
		return 0, err
	}
	var batch column.Batch
	begun := ownCPU()
	for i := range chunks {
		rows := allRows(&chunks[i])
		parser.Parse(&chunks[i], rows, &batch)
		if batch.Rows() != len(rows) {
			return 0, fmt.Errorf("%d rows of %d records", batch.Rows(), len(rows))
		}
	}
	return ownCPU() - begun, nil
}
