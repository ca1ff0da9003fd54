package redshift

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
)

// transaction claims a batch, has it loaded, and commits.
//
// Redshift has primary keys, but does not enforce them, and has no ON CONFLICT:
// two transactions could both find that a batch is not there. So each locks the
// table of checkpoints. If the connection of an earlier attempt was lost, its
// COMMIT may still be under way; it has the lock then, and [transaction.wait]
// waits for its end. What a transaction reads may be as old as its BEGIN: that
// is why the wait comes first, in a transaction of its own.
type transaction struct {
	sink    *Sink
	session *postgres.Session
	payload *sinks.Payload
}

// run is done when the batch is loaded, by this transaction or an earlier one.
func (t *transaction) run(ctx context.Context) error {
	if err := t.wait(ctx); err != nil {
		return err
	}
	if err := t.all(ctx, "begin", "BEGIN", t.lockSQL()); err != nil {
		return err
	}
	claimed, err := t.claim(ctx)
	if err != nil || !claimed {
		return err // the session's end rolls back
	}
	fault.Point("K14")
	if _, err := t.session.Exec(ctx, t.copySQL()); err != nil {
		return t.refused(ctx, err)
	}
	if _, err := t.session.Exec(ctx, t.forgetSQL()); err != nil {
		return t.sink.classify("write checkpoint", err)
	}
	fault.Point("K14-commit")
	r, err := t.session.Exec(ctx, "COMMIT")
	if err != nil {
		return t.sink.classify("commit", err)
	}
	if tag := r.CommandTag.String(); tag != "COMMIT" {
		return &sinks.Error{Op: "commit", Reason: "rolled-back", Err: fmt.Errorf("the server answered %q", tag)}
	}
	fault.Point("K14-after")
	t.count(ctx)
	return nil
}

// wait returns when no earlier attempt has the lock. It makes the table of
// checkpoints when it is missing.
func (t *transaction) wait(ctx context.Context) error {
	if err := t.all(ctx, "begin", "BEGIN"); err != nil {
		return err
	}
	_, err := t.session.Exec(ctx, t.lockSQL())
	switch {
	case code(err) == undefinedTable:
		return t.all(ctx, "create checkpoint table", "ROLLBACK", t.checkpointsSQL())
	case err != nil:
		return t.checkpointError("lock checkpoints", err)
	}
	return t.all(ctx, "lock checkpoints", "ROLLBACK")
}

// all runs statements, until one fails.
func (t *transaction) all(ctx context.Context, op string, statements ...string) error {
	for _, sql := range statements {
		if _, err := t.session.Exec(ctx, sql); err != nil {
			return t.checkpointError(op, err)
		}
	}
	return nil
}

func (t *transaction) lockSQL() string { return "LOCK TABLE " + t.sink.checkpoints.SQL() }

// checkpointError is about the table of checkpoints: what helps is the same.
func (t *transaction) checkpointError(op string, err error) error {
	e := t.sink.classify(op, err)
	if e.Kind == sinks.Permanent && code(err) != "" {
		e.Hint = "let the user create " + t.sink.checkpoints.String() + " in its schema, or own it: " + t.checkpointsSQL()
	}
	return e
}

func (t *transaction) checkpointsSQL() string {
	return "CREATE TABLE IF NOT EXISTS " + t.sink.checkpoints.SQL() + " (batch varchar(64) NOT NULL, stream varchar(64) NOT NULL, " +
		"feed varchar(256) NOT NULL, first_seq bigint NOT NULL, last_seq bigint NOT NULL, records bigint NOT NULL, loaded_at timestamp NOT NULL)"
}

// claim writes the checkpoint, and returns false if it was there: then the
// batch is loaded.
func (t *transaction) claim(ctx context.Context) (bool, error) {
	p, checkpoints := t.payload, t.sink.checkpoints.SQL()
	sql := fmt.Sprintf("INSERT INTO %s (batch, stream, feed, first_seq, last_seq, records, loaded_at) "+
		"SELECT %s, %s, %s, %d, %d, %d, CAST(%s AS timestamp) WHERE NOT EXISTS (SELECT 1 FROM %s WHERE batch = %s)",
		checkpoints, varchar(p.ID), varchar(t.sink.stream), varchar(p.Headers[headerFeed]), p.Seqs[0], p.Seqs[len(p.Seqs)-1], len(p.Seqs),
		literal(time.Now().UTC().Format("2006-01-02 15:04:05")), checkpoints, literal(p.ID))
	r, err := t.session.Exec(ctx, sql)
	if err != nil {
		return false, t.checkpointError("write checkpoint", err)
	}
	return r.CommandTag.RowsAffected() > 0, nil
}

// copySQL is the statement that loads the object.
func (t *transaction) copySQL() string {
	s := t.sink
	return "COPY " + s.table.SQL() + s.columns + " FROM " + literal(s.url(t.payload.Name)) + " " + s.options.text + " MANIFEST"
}

// kept is how many checkpoints of a feed are kept. Batches that are on their
// way at the same time are a few.
const kept = 100

// forgetSQL deletes older checkpoints.
func (t *transaction) forgetSQL() string {
	checkpoints := t.sink.checkpoints.SQL()
	of := "stream = " + literal(t.sink.stream) + " AND feed = " + literal(t.payload.Headers[headerFeed])
	return fmt.Sprintf("DELETE FROM %s WHERE %s AND last_seq < (SELECT min(last_seq) FROM (SELECT last_seq FROM %s WHERE %s ORDER BY last_seq DESC LIMIT %d) AS kept)",
		checkpoints, of, checkpoints, of, kept)
}

// refused asks the server what was wrong with the data.
func (t *transaction) refused(ctx context.Context, err error) error {
	e := t.sink.classify("copy", err)
	if e.Reason != reasonData {
		return e
	}
	if _, err := t.session.Exec(ctx, "ROLLBACK"); err != nil {
		return e
	}
	// This is help for people, and no more: that the user may not see it, or
	// that it comes too late, changes nothing.
	r, err := t.session.Exec(ctx, "SELECT line_number, trim(column_name), trim(error_message) FROM sys_load_error_detail WHERE trim(file_name) = "+
		literal(t.sink.url(t.payload.Headers[headerObject]))+" ORDER BY start_time DESC, line_number LIMIT 1")
	if err == nil && len(r.Rows) == 1 {
		row := r.Rows[0]
		e.Err = fmt.Errorf("%w; line %s, column %s: %s", e.Err, row[0], row[1], t.sink.options.redact(string(row[2])))
	}
	return e
}

// count warns of records that COPY left out, as MAXERROR allows it to.
func (t *transaction) count(ctx context.Context) {
	r, err := t.session.Exec(ctx, "SELECT pg_last_copy_count()")
	if err != nil || len(r.Rows) != 1 {
		return // the batch is loaded; how much of it, the server knows
	}
	n, err := strconv.Atoi(string(r.Rows[0][0]))
	if err == nil && n < len(t.payload.Seqs) {
		t.sink.warn(fmt.Sprintf("COPY made %d rows of %d records, as MAXERROR in copy_options allows; see sys_load_error_detail for %s",
			n, len(t.payload.Seqs), t.sink.url(t.payload.Headers[headerObject])))
	}
}

// literal writes a text as it stands in a statement. None that comes here has a
// backslash, which Redshift would read as an escape.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// varchar is a literal whose type is known.
func varchar(text string) string { return "CAST(" + literal(text) + " AS varchar(256))" }

// code returns the SQLSTATE in an error, or "".
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
