package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Sink delivers batches to a table.
type Sink struct {
	config *Config
	stream string
	table  relation // as it is configured
	pool   *pool
	note   func(text string)

	mu     sync.Mutex
	places *places // nil until they were looked for
	seen   string  // the description that target was made from
	target *target
}

// places are the tables of a destination, with their schemas.
type places struct {
	data, checkpoints relation
}

var (
	_ sinks.Sink      = (*Sink)(nil)
	_ sinks.Prober    = (*Sink)(nil)
	_ sinks.Describer = (*Sink)(nil)
)

func newSink(c *Config, env sinks.Env) (*Sink, error) {
	table, err := parseRelation(c.CopyCommand.DataTableName)
	if err != nil {
		return nil, fmt.Errorf("open destination: read copy_command.data_table_name: %w", err)
	}
	if _, err := c.Connection.config(); err != nil {
		return nil, fmt.Errorf("open destination: %w", err)
	}
	note := env.Note
	if note == nil {
		note = func(string) {}
	}
	return &Sink{config: c, stream: env.Stream, table: table, pool: newPool(&c.Connection, c.MaxConnections), note: note}, nil
}

// Batch starts a batch.
func (s *Sink) Batch(spool sinks.Spool) sinks.Writer { return &writer{sink: s, spool: spool} }

// Send copies the payload in one transaction, or finds that it was copied. It
// never asks for a part of a payload to be sent again, so that a payload is
// there as a whole or not at all.
func (s *Sink) Send(ctx context.Context, p *sinks.Payload) error {
	for {
		c, err := s.pool.get(ctx)
		if err != nil {
			return classify("connect", s.table, err)
		}
		err = s.load(ctx, c, p)
		broken := c.used && c.IsClosed() && ctx.Err() == nil
		s.pool.put(c)
		if err == nil || !broken || sinks.AsError(err).Kind != sinks.Retryable {
			return err
		}
		// Perhaps the server ended it while it was idle. Another one will do.
	}
}

// load copies the payload over a connection.
func (s *Sink) load(ctx context.Context, c *conn, p *sinks.Payload) error {
	at, err := s.find(ctx, c, p)
	if err != nil {
		return err
	}
	l := &load{sink: s, conn: c, payload: p, at: at}
	if err := l.run(ctx); err != nil {
		return err
	}
	return l.outcome()
}

// find looks for the tables, and makes them if they are missing and may be
// made.
func (s *Sink) find(ctx context.Context, c *conn, p *sinks.Payload) (*places, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places != nil {
		return s.places, nil
	}
	data, err := s.findData(ctx, c, p)
	if err != nil {
		return nil, err
	}
	checkpoints, err := s.findCheckpoints(ctx, c, data)
	if err != nil {
		return nil, err
	}
	s.places = &places{data, checkpoints}
	return s.places, nil
}

// forget has the tables looked for again.
func (s *Sink) forget() {
	s.mu.Lock()
	s.places = nil
	s.mu.Unlock()
}

// targetOf returns the columns to fill by the server's answer to describeSQL.
// As long as that is the same, so is the target.
func (s *Sink) targetOf(answer [][][]byte) (*target, error) {
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target != nil && s.seen == string(text) {
		return s.target, nil
	}
	all, err := scanAll(answer)
	if err != nil {
		return nil, err
	}
	t, err := newTarget(all, s.config.CopyCommand.DataTableColumns, column.Options{TimestampFormats: s.config.TimestampFormats})
	if err != nil {
		return nil, err
	}
	if k := s.config.OnConflict; k != nil {
		for _, key := range k.Keys {
			i := slices.Index(t.names, key)
			if i < 0 {
				return nil, fmt.Errorf("column %s of on_conflict.keys is not filled", key)
			}
			t.need[i] = true // two records without a key would count as one
		}
	}
	s.target, s.seen = t, string(text)
	return t, nil
}

// Describe adds the table to error records.
func (s *Sink) Describe(*sinks.Payload, int) string {
	return `"tableName":` + string(appendString(nil, []byte(s.table.String())))
}

// Probe connects and looks at the table.
func (s *Sink) Probe(ctx context.Context) (string, error) {
	c, err := s.pool.get(ctx)
	if err != nil {
		return "", classify("connect", s.table, err)
	}
	defer s.pool.put(c)
	version := c.ParameterStatus("server_version")
	data, err := s.resolve(ctx, c, s.table)
	if err != nil {
		return "", err
	}
	if data == (relation{}) {
		if s.config.CreateTable == IfMissing {
			return fmt.Sprintf("PostgreSQL %s; table %v will be made by the first batch", version, s.table), nil
		}
		return "", missing(s.table)
	}
	answer, err := c.one(ctx, describeSQL, data.sql())
	if err != nil {
		return "", classify("describe table", data, err)
	}
	t, err := s.targetOf(answer)
	if err != nil {
		return "", unfit(data, err)
	}
	return fmt.Sprintf("PostgreSQL %s; table %v, %d columns to fill", version, data, len(t.names)), nil
}

// Close ends the connections.
func (s *Sink) Close() error {
	s.pool.close()
	return nil
}

// unfit is a table that cannot be filled as it is configured.
func unfit(table relation, err error) *sinks.Error {
	return &sinks.Error{Kind: sinks.Permanent, Op: "copy", Reason: "columns", Err: fmt.Errorf("table %v: %w", table, err)}
}

// missing is a table that is not there.
func missing(table relation) *sinks.Error {
	return &sinks.Error{Kind: sinks.Permanent, Op: "copy", Reason: "42P01", Err: fmt.Errorf("table %v does not exist", table),
		Hint: "create it, correct copy_command.data_table_name, or write create_table: if_missing"}
}

var errNoTable = errors.New("it is no table")
