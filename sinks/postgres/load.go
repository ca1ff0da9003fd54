package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/sinks"
)

// load is one transaction: it claims the batch, copies what the table takes,
// notes what it did not take, and commits.
//
// The claim is the insertion of the checkpoint. If the connection of an earlier
// attempt was lost, its transaction may still be running: then the insertion
// waits for its end, so that there are never two of them, and we know how it
// ended.
type load struct {
	sink    *Sink
	conn    *conn
	payload *sinks.Payload
	at      *places
	items   []sinks.Item // the records that were not taken
}

// rejected is a record that was not taken, in the checkpoint: if we die after
// the commit, the next attempt has to know.
type rejected struct {
	Seq     uint64 `json:"seq"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// kept is how many checkpoints of a feed are kept. Batches that are on their
// way at the same time are a few.
const kept = 100

// savepoint is where a copy starts over.
const savepoint = "hydrant"

func (l *load) run(ctx context.Context) error {
	p, data := l.payload, l.at.data
	claim := stmt(`INSERT INTO `+l.at.checkpoints.sql()+` (batch, stream, feed, first_seq, last_seq, records)
		VALUES ($1, $2, $3, $4::bigint, $5::bigint, $6::bigint) ON CONFLICT (batch) DO NOTHING RETURNING batch`,
		p.ID, l.sink.stream, p.Headers[headerFeed], l.seq(0), l.seq(len(p.Seqs)-1), strconv.Itoa(len(p.Seqs)))
	results, err := l.conn.run(ctx,
		stmt(`BEGIN ISOLATION LEVEL READ COMMITTED`), // the claim is to see what was committed while it waited
		stmt(`SELECT pg_catalog.set_config('synchronous_commit', 'on', true) WHERE pg_catalog.current_setting('synchronous_commit') = 'off'`),
		stmt(`SET CONSTRAINTS ALL IMMEDIATE`), // or a bad row would be found by the commit
		claim,
		stmt(`LOCK TABLE `+data.sql()+` IN ROW EXCLUSIVE MODE`), // COPY takes it, too: the columns stay as they are now
		stmt(describeSQL, data.sql()),
		stmt(`SAVEPOINT `+savepoint),
	)
	if err != nil {
		if code(err) == "42P01" {
			l.sink.forget()
		}
		return classify("begin", data, err)
	}
	if len(results[3].Rows) == 0 {
		return l.recall(ctx)
	}
	t, err := l.sink.targetOf(results[5].Rows)
	if err != nil {
		return unfit(data, err)
	}
	l.conn.rows.prepare(t, p, l.sink.config.OnConflict != nil)
	fault.Point("K14")
	if err := l.copyAll(ctx, t); err != nil {
		return err
	}
	l.items = slices.Clone(l.conn.rows.items)
	slices.SortFunc(l.items, func(a, b sinks.Item) int { return a.Row - b.Row })
	if l.sink.config.OnBadRow == Hold && len(l.items) > 0 {
		return l.hold()
	}
	return l.commit(ctx)
}

func (l *load) seq(row int) string { return strconv.FormatInt(int64(l.payload.Seqs[row]), 10) }

// recall reads how the batch ended that was committed before.
func (l *load) recall(ctx context.Context) error {
	rows, err := l.conn.one(ctx, `SELECT coalesce(rejected::text, '[]') FROM `+l.at.checkpoints.sql()+` WHERE batch = $1`, l.payload.ID)
	if err != nil {
		return classify("read checkpoint", l.at.checkpoints, err)
	}
	if len(rows) == 0 {
		return &sinks.Error{Op: "read checkpoint", Reason: "checkpoint", Err: errors.New("it vanished while it was read")}
	}
	var list []rejected
	if err := json.Unmarshal(rows[0][0], &list); err != nil {
		return &sinks.Error{Kind: sinks.Permanent, Op: "read checkpoint", Reason: "checkpoint", Err: err,
			Hint: fmt.Sprintf("see what is in %v; it is written by hydrant only", l.at.checkpoints)}
	}
	for _, r := range list {
		if row, ok := slices.BinarySearch(l.payload.Seqs, r.Seq); ok {
			l.items = append(l.items, sinks.Item{Row: row, Kind: sinks.BadRecord, Code: r.Code, Message: r.Message})
		}
	}
	if _, err := l.conn.one(ctx, `ROLLBACK`); err != nil {
		return classify("roll back", l.at.data, err)
	}
	return nil
}

// growth is how many times more records are copied after some went in.
const growth = 4

// copyAll copies all records but those that the table does not take. These are
// found by halving, until one fails alone; where the server says which row it
// was, that is the next to be tried alone.
func (l *load) copyAll(ctx context.Context, t *target) error {
	n := len(l.payload.Seqs)
	bad := 0 // if it is more than from, a record between them fails
	for from, size := 0, n; from < n; {
		end := min(from+size, n)
		err := l.copy(ctx, t, from, end)
		if err == nil {
			if from = end; from == n {
				break
			}
			if size = min(growth*size, n); from < bad {
				size = max((bad-from)/2, 1)
			}
			if err := l.savepoint(ctx, `RELEASE SAVEPOINT `, `SAVEPOINT `); err != nil {
				return err
			}
			continue
		}
		e := classify("copy", l.at.data, err)
		if e.Kind != sinks.BadRecord {
			return e
		}
		if err := l.savepoint(ctx, `ROLLBACK TO SAVEPOINT `); err != nil {
			return err
		}
		bad = end
		switch at := l.named(err); {
		case end-from == 1:
			l.conn.rows.refuse(from, e.Reason, said(err))
			from = end
		case at == from:
			size = 1
		case at > from && at < end:
			size, bad = at-from, at+1
		default:
			size = (end - from) / 2
		}
	}
	return nil
}

func (l *load) savepoint(ctx context.Context, commands ...string) error {
	var list []statement
	for _, c := range commands {
		list = append(list, stmt(c+savepoint))
	}
	if _, err := l.conn.run(ctx, list...); err != nil {
		return classify("copy", l.at.data, err)
	}
	return nil
}

// copy copies the records from to end, or none of them.
func (l *load) copy(ctx context.Context, t *target, from, end int) error {
	if l.sink.config.OnConflict != nil {
		return l.merge(ctx, t, from, end)
	}
	return l.stream(ctx, l.at.data.sql(), t.names, from, end)
}

// stream sends the records from to end to a table.
func (l *load) stream(ctx context.Context, table string, columns []string, from, end int) error {
	r := &l.conn.rows
	r.start(from, end)
	_, err := l.conn.CopyFrom(ctx, r, `COPY `+table+` (`+quoteAll(columns)+`) FROM STDIN (FORMAT binary)`)
	r.stop()
	return err
}

// orderColumn is the column of the temporary table that says which row came
// first, and the table's name.
const orderColumn = "hydrant_batch"

// merge copies to a temporary table, and from there what has a new key, or all
// with the rows that are there.
func (l *load) merge(ctx context.Context, t *target, from, end int) error {
	const table = `pg_temp."` + orderColumn + `"`
	conflict := l.sink.config.OnConflict
	columns, keys := quoteAll(t.names), quoteAll(conflict.Keys)
	_, err := l.conn.run(ctx, stmt(`CREATE TEMPORARY TABLE "`+orderColumn+`" ON COMMIT DROP AS SELECT `+columns+`, 0::bigint AS "`+orderColumn+`" FROM `+
		l.at.data.sql()+` WITH NO DATA`))
	if err != nil {
		return err
	}
	if err := l.stream(ctx, table, append(slices.Clone(t.names), orderColumn), from, end); err != nil {
		return err
	}
	// Rows are locked in the order of their keys, so that batches do not wait
	// for each other in a circle. A statement may touch a row once.
	order, do := ``, `NOTHING`
	if conflict.Do == Update {
		order = ` DESC`
		var set []string
		for _, name := range t.names {
			if !slices.Contains(conflict.Keys, name) {
				set = append(set, quote(name)+` = EXCLUDED.`+quote(name))
			}
		}
		if len(set) > 0 {
			do = `UPDATE SET ` + strings.Join(set, `, `)
		}
	}
	_, err = l.conn.run(ctx,
		stmt(`INSERT INTO `+l.at.data.sql()+` (`+columns+`) OVERRIDING SYSTEM VALUE SELECT DISTINCT ON (`+keys+`) `+columns+` FROM `+table+
			` ORDER BY `+keys+`, "`+orderColumn+`"`+order+` ON CONFLICT (`+keys+`) DO `+do),
		stmt(`DROP TABLE `+table))
	return err
}

// line finds the row in the context of an error of COPY.
var line = regexp.MustCompile(`(?m)^COPY .*, line ([0-9]+)`)

// named returns the record that an error is about, or -1.
func (l *load) named(err error) int {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return -1
	}
	m := line.FindStringSubmatch(e.Where)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if sent := l.conn.rows.sent; err == nil && n >= 1 && n <= len(sent) {
		return int(sent[n-1])
	}
	return -1
}

// said is the server's message about a row.
func said(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Message
	if e.ColumnName != "" {
		text = "column " + e.ColumnName + ": " + text
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	const most = 1000
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// hold leaves everything as it was.
func (l *load) hold() error {
	first := l.items[0]
	return &sinks.Error{Kind: sinks.Permanent, Op: "copy", Reason: first.Code,
		Err:  fmt.Errorf("table %v does not take %d of %d records; the first: %s", l.at.data, len(l.items), len(l.payload.Seqs), first.Message),
		Hint: "change the table, or write on_bad_row: dead_letter"}
}

// commit writes down what was not taken, forgets old checkpoints and commits.
func (l *load) commit(ctx context.Context) error {
	checkpoints := l.at.checkpoints.sql()
	var list []statement
	if len(l.items) > 0 {
		var all []rejected
		for _, it := range l.items {
			all = append(all, rejected{l.payload.Seqs[it.Row], it.Code, it.Message})
		}
		text, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("write checkpoint: %w", err)
		}
		list = append(list, stmt(`UPDATE `+checkpoints+` SET rejected = $2::jsonb WHERE batch = $1`, l.payload.ID, string(text)))
	}
	// Another batch may be at it: what it has locked, it deletes.
	list = append(list, stmt(`DELETE FROM `+checkpoints+` WHERE batch IN (SELECT batch FROM `+checkpoints+
		` WHERE stream = $1 AND feed = $2 ORDER BY last_seq DESC OFFSET $3::int FOR UPDATE SKIP LOCKED)`,
		l.sink.stream, l.payload.Headers[headerFeed], strconv.Itoa(kept)))
	if _, err := l.conn.run(ctx, list...); err != nil {
		return classify("write checkpoint", l.at.checkpoints, err)
	}
	fault.Point("K14-commit")
	results, err := l.conn.Exec(ctx, `COMMIT`).ReadAll()
	if err != nil {
		return classify("commit", l.at.data, err)
	}
	if tag := results[0].CommandTag.String(); tag != "COMMIT" {
		return &sinks.Error{Op: "commit", Reason: "rolled-back", Err: fmt.Errorf("the server answered %q", tag)}
	}
	fault.Point("K14-after")
	return nil
}

// outcome says which records were not taken, or nil.
func (l *load) outcome() error {
	if len(l.items) == 0 {
		return nil
	}
	return &sinks.Error{Kind: sinks.BadRecord, Op: "copy", Reason: "bad-rows", Items: l.items,
		Err: fmt.Errorf("table %v does not take %d of %d records", l.at.data, len(l.items), len(l.payload.Seqs))}
}
