// Package postgres delivers batches to a table of a PostgreSQL database by
// binary COPY, each record exactly once: a row in a table of checkpoints is
// written in the transaction of the COPY.
//
// A batch's way: the [Sink] keeps records as they are in the spool; Send looks
// the table up, and [load] copies them in one transaction, leaving out those
// the table does not take; [rows] turns JSON into vectors and vectors into
// COPY's bytes while the server reads them.
package postgres

import (
	"errors"
	"slices"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// failedType is the error-output-type of records that the table does not take.
const failedType = "postgres-failed"

// Config is what a user writes under destination.postgres. Words that Firehose
// has for Redshift are used where they fit.
type Config struct {
	ConnectionName string `yaml:"connection,omitempty" doc:"Name of a postgres entry under connections; or give its fields here."`
	Connection     `yaml:",inline"`

	CopyCommand      CopyCommand              `yaml:"copy_command" required:"true" doc:"What is copied where."`
	CreateTable      CreateTable              `yaml:"create_table" doc:"never, or if_missing: with columns for the fields of the first batch; the statement is logged."`
	OnConflict       *OnConflict              `yaml:"on_conflict,omitempty" doc:"What happens when there is a row with the same key. Left out: the record goes to the error output."`
	OnBadRow         OnBadRow                 `yaml:"on_bad_row" doc:"dead_letter: a record that the table does not take goes to the error output and the others go in. hold: the batch waits until a person mended the table."`
	TimestampFormats []column.TimestampFormat `yaml:"timestamp_formats,omitempty" doc:"What a timestamp may be, as in data_format_conversion. None: openx."`
	CheckpointTable  string                   `yaml:"checkpoint_table,omitempty" doc:"Table that says which batches are there; made when it is missing. Left out: hydrant_checkpoints in the schema of the data table."`
	MaxConnections   int                      `yaml:"max_connections" doc:"How many batches of the stream are copied at once, at most."`
	BufferingHints   BufferingHints           `yaml:"buffering_hints" doc:"A batch is delivered when either is reached."`
	RetryOptions     RetryOptions             `yaml:"retry_options" doc:"How long a batch is tried."`
	S3BackupMode     s3.BackupMode            `yaml:"s3_backup_mode" doc:"What is kept in S3: only records that could not be delivered, or all."`
	S3Backup         s3.Backup                `yaml:"s3_backup" required:"true" doc:"Where the records that could not be delivered go."`

	connected bool // UseConnection was called
}

// CopyCommand says what is copied where.
type CopyCommand struct {
	DataTableName    string   `yaml:"data_table_name" required:"true" doc:"Table, or schema.table, in its letter case; a name with a dot stands in double quotes."`
	DataTableColumns []string `yaml:"data_table_columns,omitempty" doc:"Columns to fill, from the fields of the same names; the others keep their defaults. Left out: all but generated, identity and serial columns."`
}

// OnConflict says what happens when there is a row with the same key.
type OnConflict struct {
	Keys []string `yaml:"keys" required:"true" doc:"Columns that have a unique index together."`
	Do   Conflict `yaml:"do" required:"true" doc:"update: the record replaces the row; of several records with one key the last wins. nothing: the row stays."`
}

// BufferingHints say when a batch is delivered.
type BufferingHints struct {
	Size     field.Size     `yaml:"size" doc:"Bytes of records."`
	Interval field.Duration `yaml:"interval" doc:"Age of the oldest record."`
}

// RetryOptions say how long a batch is tried.
type RetryOptions struct {
	Duration field.Duration `yaml:"duration" doc:"After it the batch goes to the error output. What a person has to mend is waited for without end."`
}

// Default returns a configuration that lacks a database, a table and a place
// for failed records.
func Default() sinks.Config {
	return &Config{
		Connection:     *DefaultConnection(),
		CreateTable:    Never,
		OnBadRow:       DeadLetter,
		MaxConnections: 4,
		BufferingHints: BufferingHints{Size: 16 << 20, Interval: field.Duration(10 * time.Second)},
		RetryOptions:   RetryOptions{Duration: field.Duration(time.Hour)},
		S3BackupMode:   s3.BackupMode{Noun: "Data"},
		S3Backup:       s3.DefaultBackup(),
	}
}

// Hints returns when a batch is to be cut.
func (c *Config) Hints() (size int64, interval time.Duration) {
	return int64(c.BufferingHints.Size), c.BufferingHints.Interval.Std()
}

// RetryDuration returns how long a batch is tried.
func (c *Config) RetryDuration() time.Duration { return c.RetryOptions.Duration.Std() }

// InOrder reports that batches are to be sent one after another: of two
// records with the same key the later one shall win.
func (c *Config) InOrder() bool { return c.OnConflict != nil && c.OnConflict.Do == Update }

// Parts returns the fields that may have a connection of their own.
func (c *Config) Parts() map[string]any { return map[string]any{"s3_backup": &c.S3Backup} }

// UseConnection takes the connection that c.ConnectionName names, a
// *Connection. It comes before Validate.
func (c *Config) UseConnection(connection any) error {
	shared, ok := connection.(*Connection)
	if !ok {
		return field.Errorf("connection", "name an entry that has postgres:", "connection %q is not a postgres connection", c.ConnectionName)
	}
	if c.Connection != *DefaultConnection() {
		return field.Errorf("connection", "write these fields in the connection, or remove it",
			"connection and fields of a connection cannot be given both")
	}
	c.Connection, c.connected = *shared, true
	return nil
}

const (
	largestBatch    = 1 << 30
	mostConnections = 64
	longestRetry    = 24 * time.Hour
)

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Config) Validate() error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	if c.ConnectionName != "" && !c.connected {
		add(field.Errorf("connection", "add it under connections", "connection %q is not known", c.ConnectionName))
	} else {
		add(c.Connection.Validate())
	}
	if _, err := parseRelation(c.CopyCommand.DataTableName); err != nil {
		add(field.Errorf("copy_command.data_table_name", "write table or schema.table", "%q is not the name of a table: %v", c.CopyCommand.DataTableName, err))
	}
	add(checkColumns("copy_command.data_table_columns", c.CopyCommand.DataTableColumns))
	if c.OnConflict != nil {
		add(c.validateConflict())
	}
	if c.CheckpointTable != "" {
		if _, err := parseRelation(c.CheckpointTable); err != nil {
			add(field.Errorf("checkpoint_table", "write table or schema.table", "%q is not the name of a table: %v", c.CheckpointTable, err))
		}
	}
	if c.MaxConnections < 1 || c.MaxConnections > mostConnections {
		add(field.Errorf("max_connections", "between 1 and 64", "%d is out of range", c.MaxConnections))
	}
	if c.BufferingHints.Size <= 0 || c.BufferingHints.Size > largestBatch {
		add(field.Errorf("buffering_hints.size", "between 1KiB and 1GiB; 16MiB is usual", "%v is out of range", c.BufferingHints.Size))
	}
	if c.BufferingHints.Interval <= 0 || c.BufferingHints.Interval.Std() > 24*time.Hour {
		add(field.Errorf("buffering_hints.interval", "more than 0s and at most 24h", "%v is out of range", c.BufferingHints.Interval))
	}
	if d := c.RetryOptions.Duration.Std(); d < 0 || d > longestRetry {
		add(field.Errorf("retry_options.duration", "at most 24h; Firehose's for Redshift is 3600s", "%v is out of range", c.RetryOptions.Duration))
	}
	add(field.Under("s3_backup", c.S3Backup.Validate(c.S3BackupMode)))
	return errors.Join(problems...)
}

func (c *Config) validateConflict() error {
	if len(c.OnConflict.Keys) == 0 {
		return field.Errorf("on_conflict.keys", "name the columns of a unique index", "is missing")
	}
	problems := []error{checkColumns("on_conflict.keys", c.OnConflict.Keys)}
	if c.OnConflict.Do == "" {
		problems = append(problems, field.Errorf("on_conflict.do", "write update or nothing", "is missing"))
	}
	for _, key := range c.OnConflict.Keys {
		if columns := c.CopyCommand.DataTableColumns; len(columns) > 0 && !slices.Contains(columns, key) {
			problems = append(problems, field.Errorf("on_conflict.keys", "add it to copy_command.data_table_columns", "column %q is not filled", key))
		}
	}
	return errors.Join(problems...)
}

func checkColumns(path string, names []string) error {
	var problems []error
	for i, name := range names {
		if err := checkName(name); err != nil {
			problems = append(problems, field.Errorf(path, "", "%v", err))
		} else if name == orderColumn {
			problems = append(problems, field.Errorf(path, "", "%q is a name that hydrant uses itself", name))
		} else if slices.Contains(names[:i], name) {
			problems = append(problems, field.Errorf(path, "remove one", "%q is there twice", name))
		}
	}
	return errors.Join(problems...)
}

// Open makes the sinks. It reads local files (certificates) and talks to
// nobody.
func (c *Config) Open(env sinks.Env) (sinks.Outputs, error) {
	destination, err := newSink(c, env)
	if err != nil {
		return sinks.Outputs{}, err
	}
	failed, backup, err := c.S3Backup.Open(env, c.S3BackupMode)
	if err != nil {
		return sinks.Outputs{}, errors.Join(err, destination.Close())
	}
	return sinks.Outputs{Destination: destination, Errors: failed, Backup: backup, FailedType: failedType}, nil
}
