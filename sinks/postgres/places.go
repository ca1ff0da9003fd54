package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/sinks"
)

// resolve returns the name of a table with its schema, or the zero value if
// there is none.
func (s *Sink) resolve(ctx context.Context, c *conn, r relation) (relation, error) {
	rows, err := c.one(ctx, `SELECT n.nspname, c.relname, c.relkind IN ('r', 'p') FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)`, r.sql())
	if err != nil {
		return relation{}, classify("find table", r, err)
	}
	if len(rows) == 0 {
		return relation{}, nil
	}
	if !isTrue(rows[0][2]) {
		return relation{}, unfit(r, errNoTable)
	}
	return relation{string(rows[0][0]), string(rows[0][1])}, nil
}

// findData finds the table that is filled.
func (s *Sink) findData(ctx context.Context, c *conn, p *sinks.Payload) (relation, error) {
	data, err := s.resolve(ctx, c, s.table)
	if err != nil || data != (relation{}) {
		return data, err
	}
	if s.config.CreateTable != IfMissing {
		return data, missing(s.table)
	}
	sql, left, err := s.createSQL(p)
	if err != nil {
		return data, err
	}
	text := "creating the table, with columns for the first batch:\n" + sql
	if len(left) > 0 {
		text += "\nwithout columns for these fields: " + strings.Join(left, ", ")
	}
	s.note(text)
	if _, err := c.one(ctx, sql); err != nil && !made(err) {
		return data, classify("create table", s.table, err)
	}
	data, err = s.resolve(ctx, c, s.table)
	if err == nil && data == (relation{}) {
		err = missing(s.table)
	}
	return data, err
}

// made reports that somebody else made the table at the same time.
func made(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "42P07" || e.Code == "42710" || e.Code == "23505")
}

// checkpointsName is the table of checkpoints unless it is configured.
const checkpointsName = "hydrant_checkpoints"

// findCheckpoints finds the table of checkpoints, or makes it.
func (s *Sink) findCheckpoints(ctx context.Context, c *conn, data relation) (relation, error) {
	wanted := relation{data.schema, checkpointsName}
	if s.config.CheckpointTable != "" {
		var err error
		if wanted, err = parseRelation(s.config.CheckpointTable); err != nil {
			return wanted, fmt.Errorf("read checkpoint_table: %w", err)
		}
		if wanted.schema == "" {
			wanted.schema = data.schema
		}
	}
	there, err := s.resolve(ctx, c, wanted)
	if err != nil || there != (relation{}) {
		return there, err
	}
	sql := checkpointsSQL(wanted)
	if _, err := c.run(ctx, stmt(sql[0]), stmt(sql[1])); err != nil && !made(err) {
		e := classify("create checkpoint table", wanted, err)
		if e.Kind == sinks.Permanent {
			e.Hint = "allow the user to create it, or create it: " + strings.Join(sql, "; ")
		}
		return wanted, e
	}
	return wanted, nil
}

func checkpointsSQL(r relation) []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS ` + r.sql() + ` (batch text PRIMARY KEY, stream text NOT NULL, feed text NOT NULL, first_seq bigint NOT NULL, ` +
			`last_seq bigint NOT NULL, records bigint NOT NULL, rejected jsonb, committed_at timestamptz NOT NULL DEFAULT now())`,
		`CREATE INDEX IF NOT EXISTS ` + quote(r.name[:min(len(r.name), longestName-5)]+"_feed") + ` ON ` + r.sql() + ` (stream, feed, last_seq)`,
	}
}

// sample is how many records are looked at for columns.
const sample = 10_000

// createSQL writes the statement that makes the table, with columns for the
// records of a payload but for the fields left, which cannot be columns. If no
// record has any, perhaps those of the next payload do.
func (s *Sink) createSQL(p *sinks.Payload) (sql string, left []string, err error) {
	inference := schema.NewInference(sample)
	inference.TimestampFormats = s.config.TimestampFormats
	var record []byte
	at := int64(0)
	for _, end := range p.Ends {
		record = slices.Grow(record[:0], int(end-at))[:end-at]
		if n, err := p.Body.ReadAt(record, at); n < len(record) {
			return "", nil, fmt.Errorf("read spool file: %w", err)
		}
		at = end
		if inference.Add(record) {
			break
		}
	}
	inferred, err := inference.Schema()
	if err == nil {
		left = inference.Left()
		inferred.Columns = slices.DeleteFunc(inferred.Columns, func(f column.Field) bool {
			unfit := checkName(f.Name) != nil || f.Name == orderColumn
			if unfit {
				left = append(left, f.Name)
			}
			return unfit
		})
	}
	if err != nil || len(inferred.Columns) == 0 {
		e := &sinks.Error{Kind: sinks.BadRecord, Op: "create table", Reason: "columns", Err: errNoColumns}
		if s.config.OnBadRow == Hold {
			e.Kind, e.Hint = sinks.Permanent, "create the table yourself"
		}
		return "", nil, e
	}
	return tableSQL(s.table, inferred.Columns, s.config), left, nil
}

var errNoColumns = errors.New("no record has a field that can be a column")

// tableSQL writes the statement for columns of which some may be wanted.
func tableSQL(table relation, columns []column.Field, c *Config) string {
	if wanted := c.CopyCommand.DataTableColumns; len(wanted) > 0 {
		var chosen []column.Field
		for _, name := range wanted {
			f := column.Field{Name: name, Type: column.Type{Kind: column.String}} // of a field that did not come yet
			if i := slices.IndexFunc(columns, func(f column.Field) bool { return strings.EqualFold(f.Name, name) }); i >= 0 {
				f.Type = columns[i].Type
			}
			chosen = append(chosen, f)
		}
		columns = chosen
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (", table.sql())
	for i := range columns {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  %s %s", quote(columns[i].Name), sqlType(&columns[i].Type))
	}
	if k := c.OnConflict; k != nil {
		fmt.Fprintf(&b, ",\n  PRIMARY KEY (%s)", quoteAll(k.Keys))
	}
	b.WriteString("\n)")
	return b.String()
}

// sqlType is the type of a column for values of a Hive type.
func sqlType(t *column.Type) string {
	switch t.Kind {
	case column.Boolean:
		return "boolean"
	case column.TinyInt, column.SmallInt:
		return "smallint"
	case column.Int:
		return "integer"
	case column.BigInt:
		return "bigint"
	case column.Float:
		return "real"
	case column.Double:
		return "double precision"
	case column.Decimal:
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	case column.Binary:
		return "bytea"
	case column.Date:
		return "date"
	case column.Timestamp:
		return "timestamptz"
	case column.Array:
		if !t.Fields[0].Type.Kind.Nested() {
			return sqlType(&t.Fields[0].Type) + "[]"
		}
		return "jsonb"
	case column.Map, column.Struct:
		return "jsonb"
	}
	return "text"
}
