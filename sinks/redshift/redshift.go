package redshift

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
)

// Sink delivers batches to a table.
type Sink struct {
	config      *Config
	stream      string
	staging     sinks.Sink // puts objects and manifests into the bucket
	table       postgres.Table
	checkpoints postgres.Table
	columns     string  // " (a, b)", or "" for all
	options     options // as they were checked; a file that is replaced counts after a reload
	warn        func(text string)
	turn        chan struct{} // of one COPY at a time: the table is locked by each
}

var (
	_ sinks.Sink      = (*Sink)(nil)
	_ sinks.Prober    = (*Sink)(nil)
	_ sinks.Describer = (*Sink)(nil)
)

func newSink(c *Config, env sinks.Env, staging sinks.Sink) (*Sink, error) {
	s := &Sink{config: c, stream: env.Stream, staging: staging, warn: env.Warn, turn: make(chan struct{}, 1)}
	var err error
	if s.table, err = postgres.ParseTable(c.CopyCommand.DataTableName); err != nil {
		return nil, fmt.Errorf("read copy_command.data_table_name: %w", err)
	}
	s.checkpoints = s.table.Beside("_hydrant_checkpoints")
	if c.CheckpointTable != "" {
		if s.checkpoints, err = postgres.ParseTable(c.CheckpointTable); err != nil {
			return nil, fmt.Errorf("read checkpoint_table: %w", err)
		}
	}
	if names := c.CopyCommand.DataTableColumns; len(names) > 0 {
		list, err := postgres.Columns(names)
		if err != nil {
			return nil, fmt.Errorf("read copy_command.data_table_columns: %w", err)
		}
		s.columns = " (" + list + ")"
	}
	if s.options, err = parseOptions(c.CopyCommand.CopyOptions.Reveal()); err != nil {
		return nil, fmt.Errorf("read copy_command.copy_options: %w", err)
	}
	if s.warn == nil {
		s.warn = func(string) {}
	}
	return s, nil
}

// scheme is how URLs begin in manifests and COPY statements.
const scheme = "s3://"

func (s *Sink) url(key string) string { return scheme + s.config.S3.Bucket + "/" + key }

// Batch starts a batch.
func (s *Sink) Batch(spool sinks.Spool) sinks.Writer {
	return &writer{Writer: s.staging.Batch(spool), sink: s, spool: spool}
}

// Send puts an object into the bucket; or a manifest, and has its object
// loaded.
func (s *Sink) Send(ctx context.Context, p *sinks.Payload) error {
	if err := s.staging.Send(ctx, p); err != nil || p.Seqs == nil {
		return err
	}
	return s.load(ctx, p)
}

// load runs a transaction over a connection of its own: COPYs are minutes
// apart, and a connection that was idle for minutes may be gone without a word.
func (s *Sink) load(ctx context.Context, p *sinks.Payload) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.classify("copy", ctx.Err())
	}
	session, err := s.config.database().Connect(ctx)
	if err != nil {
		return s.classify("connect", err)
	}
	defer session.Close()
	t := &transaction{sink: s, session: session, payload: p}
	return t.run(ctx)
}

// Describe says in error records which object they are in.
func (s *Sink) Describe(p *sinks.Payload, _ int) string {
	size, _ := strconv.ParseInt(p.Headers[headerSize], 10, 64) // written by Seal
	text, err := json.Marshal(details{s.table.String(), s.url(p.Headers[headerObject]), size})
	if err != nil {
		return "" // texts and a number can always be written
	}
	return string(text[1 : len(text)-1])
}

// Probe looks at the bucket, connects and asks for the right to insert.
func (s *Sink) Probe(ctx context.Context) (string, error) {
	bucket, err := s.staging.(sinks.Prober).Probe(ctx)
	if err != nil {
		return "", err
	}
	session, err := s.config.database().Connect(ctx)
	if err != nil {
		return "", s.classify("connect", err)
	}
	defer session.Close()
	r, err := session.Exec(ctx, "SELECT has_table_privilege("+literal(s.table.SQL())+", 'INSERT')")
	if err != nil {
		return "", s.classify("find table", err)
	}
	if len(r.Rows) != 1 || string(r.Rows[0][0]) != "t" {
		return "", s.refusal("find table", "42501", fmt.Errorf("the user may not insert into table %v", s.table))
	}
	return fmt.Sprintf("table %v is there; %s", s.table, bucket), nil
}

// Close gives up the bucket.
func (s *Sink) Close() error { return s.staging.Close() }
