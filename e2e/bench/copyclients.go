package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// click is a row as programs have it.
type click struct {
	ID      pgtype.UUID `json:"id"`
	TS      time.Time   `json:"ts"`
	UserID  int64       `json:"user_id"`
	Event   string      `json:"event"`
	Path    string      `json:"path"`
	Country string      `json:"country"`
	Status  int32       `json:"status"`
	Bytes   int64       `json:"bytes"`
	MS      float64     `json:"ms"`
	Bot     bool        `json:"bot"`
}

func (c *click) decode(record []byte) error { return json.Unmarshal(record, c) }

func (c *click) values(dst []any) []any {
	return append(dst, c.ID, c.TS, c.UserID, c.Event, c.Path, c.Country, c.Status, c.Bytes, c.MS, c.Bot)
}

var clickColumns = []string{"id", "ts", "user_id", "event", "path", "country", "status", "bytes", "ms", "bot"}

const copySQL = `COPY clicks FROM STDIN (FORMAT binary)`

// psqlCopy is psql with the prepared file. What a psql takes that does nothing
// is not counted.
func psqlCopy(ctx context.Context, server *servers.PostgresServer, d *copyData) (figures, error) {
	run := func(command string) (wall, cpu time.Duration, err error) {
		cmd := exec.CommandContext(ctx, server.Program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command, server.DSN("postgres"))
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, 0, fmt.Errorf("psql: %w\n%s", err, out)
		}
		return time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
	}
	idleWall, idleCPU, err := run(`SELECT 1`)
	if err != nil {
		return nil, err
	}
	wall, cpu, err := run(strings.Replace(`\copy`+strings.TrimPrefix(copySQL, "COPY"), "STDIN", "'"+d.file+"'", 1))
	if err != nil {
		return nil, err
	}
	return copyFigures(d.count, wall-idleWall, cpu-idleCPU), nil
}

// bytesCopy sends the prepared bytes: nothing a client does is cheaper.
func bytesCopy(ctx context.Context, server *servers.PostgresServer, d *copyData) (figures, error) {
	conn, err := pgconn.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	watch := startWatch()
	if _, err := conn.CopyFrom(ctx, bytes.NewReader(d.binary), copySQL); err != nil {
		return nil, err
	}
	return watch.stop(d.count), nil
}

// pgxCopy is pgx with rows of any, which encoding/json reads into a struct
// or which were read before.
func pgxCopy(decode bool) copyClient {
	return func(ctx context.Context, server *servers.PostgresServer, d *copyData) (figures, error) {
		conn, err := pgx.Connect(ctx, server.DSN("postgres"))
		if err != nil {
			return nil, err
		}
		defer conn.Close(ctx)
		next := d.rows()
		if decode {
			next = d.records()
		}
		row := make([]any, 0, len(clickColumns))
		watch := startWatch()
		_, err = conn.CopyFrom(ctx, pgx.Identifier{"clicks"}, clickColumns, pgx.CopyFromFunc(func() ([]any, error) {
			c, err := next()
			if c == nil || err != nil {
				return nil, err
			}
			row = c.values(row[:0])
			return row, nil
		}))
		if err != nil {
			return nil, err
		}
		return watch.stop(d.count), nil
	}
}

// rows returns the decoded rows one by one, and nil after the last.
func (d *copyData) rows() func() (*click, error) {
	n := 0
	return func() (*click, error) {
		if n == len(d.decoded) {
			return nil, nil
		}
		n++
		return &d.decoded[n-1], nil
	}
}

// records decodes the records one by one.
func (d *copyData) records() func() (*click, error) {
	chunk, n := 0, 0
	var c click
	return func() (*click, error) {
		if chunk < len(d.chunks) && n == d.chunks[chunk].Len() {
			chunk, n = chunk+1, 0
		}
		if chunk == len(d.chunks) {
			return nil, nil
		}
		n++
		c = click{}
		return &c, c.decode(d.chunks[chunk].Bytes(n - 1))
	}
}

// insertRows is INSERT with 1000 rows of parameters, prepared by pgx, in one
// transaction; the rows were decoded before.
func insertRows(ctx context.Context, server *servers.PostgresServer, d *copyData) (f figures, err error) {
	const most = 1000
	conn, err := pgx.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	statement := func(rows int) string {
		var b strings.Builder
		b.WriteString("INSERT INTO clicks VALUES ")
		for i := range rows * len(clickColumns) {
			switch {
			case i == 0:
				b.WriteString("(")
			case i%len(clickColumns) == 0:
				b.WriteString("),(")
			default:
				b.WriteString(",")
			}
			fmt.Fprintf(&b, "$%d", i+1)
		}
		return b.String() + ")"
	}
	whole := statement(most)
	watch := startWatch()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	var args []any
	for from := 0; from < len(d.decoded); from += most {
		rows := d.decoded[from:min(from+most, len(d.decoded))]
		args = args[:0]
		for i := range rows {
			args = rows[i].values(args)
		}
		sql := whole
		if len(rows) < most {
			sql = statement(len(rows))
		}
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			return nil, errors.Join(err, tx.Rollback(ctx))
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return nil, err
	}
	return watch.stop(d.count), nil
}
