// Package redshift delivers batches to a table of Amazon Redshift as Firehose
// does: an object in S3, a manifest that names it, and a COPY statement. Each
// record is there once: a row in a table of checkpoints is written in the
// transaction of the COPY.
//
// A batch's way: the [writer] makes two payloads, the object and the manifest.
// [Sink.Send] puts either into the bucket; after the manifest it runs the COPY,
// in a [transaction]. A batch that is given up leaves its manifest under
// errors/manifests/, beside its records in the error output: see [failedSink].
package redshift

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// failedType is the error-output-type of records whose COPY was given up.
const failedType = "redshift-failed"

// Config is what a user writes under destination.redshift, in Firehose's words.
type Config struct {
	ConnectionName      string `yaml:"connection,omitempty" doc:"Name of a postgres entry under connections; or give its fields here."`
	postgres.Connection `yaml:",inline"`

	CopyCommand     CopyCommand       `yaml:"copy_command" required:"true" doc:"What is copied where."`
	CheckpointTable string            `yaml:"checkpoint_table,omitempty" doc:"Table that says which batches are there; made when it is missing. Left out: the data table's name and _hydrant_checkpoints, in its schema."`
	S3              Staging           `yaml:"s3" required:"true" doc:"Where Redshift finds the objects it loads, and where failed records go."`
	BufferingHints  s3.BufferingHints `yaml:"buffering_hints" doc:"A batch is delivered when either is reached."`
	RetryOptions    RetryOptions      `yaml:"retry_options" doc:"How long a COPY is tried."`
	S3BackupMode    s3.BackupMode     `yaml:"s3_backup_mode" doc:"Enabled keeps every record as it came, beside the objects."`
	S3Backup        s3.Backup         `yaml:"s3_backup,omitempty" doc:"Where records are kept as they came; needed when s3_backup_mode is Enabled."`

	connected  bool // UseConnection was called
	conversion *conversion.Config
}

// CopyCommand says what is copied where.
type CopyCommand struct {
	DataTableName    string   `yaml:"data_table_name" required:"true" doc:"Table, or schema.table; it must exist."`
	DataTableColumns []string `yaml:"data_table_columns,omitempty" doc:"Columns to fill. Left out: all, as COPY does."`
	// The options hold credentials, perhaps.
	CopyOptions field.Secret `yaml:"copy_options" required:"true" doc:"Options of COPY, with the role or credentials that read the bucket: JSON 'auto' GZIP IAM_ROLE '...'. They are never shown."`
}

// RetryOptions say how long a COPY is tried.
type RetryOptions struct {
	Duration field.Duration `yaml:"duration" doc:"After it the batch goes to the error output. What a person has to mend is waited for without end."`
}

// Default returns a configuration that lacks a database, a table, options and a
// bucket.
func Default() sinks.Config {
	return &Config{
		Connection:     *postgres.DefaultConnection(),
		S3:             defaultStaging(),
		BufferingHints: s3.BufferingHints{Size: 64 << 20, Interval: field.Duration(5 * time.Minute)},
		RetryOptions:   RetryOptions{Duration: field.Duration(time.Hour)},
		S3Backup:       s3.DefaultBackup(),
	}
}

// Convert makes the objects Parquet files.
func (c *Config) Convert(conv *conversion.Config) { c.conversion = conv }

// Conversion returns what Convert was given, or nil.
func (c *Config) Conversion() *conversion.Config { return c.conversion }

func (c *Config) converts() bool { return c.conversion != nil && c.conversion.Enabled }

// Hints returns when a batch is to be cut.
func (c *Config) Hints() (size int64, interval time.Duration) {
	return int64(c.BufferingHints.Size), c.BufferingHints.Interval.Std()
}

// RetryDuration returns how long a COPY is tried.
func (c *Config) RetryDuration() time.Duration { return c.RetryOptions.Duration.Std() }

// Parts returns the fields that may have a connection of their own.
func (c *Config) Parts() map[string]any {
	return map[string]any{"s3": &c.S3, "s3_backup": &c.S3Backup}
}

// ErrorOutput returns where the failed records of a stream are. It talks to
// nobody.
func (c *Config) ErrorOutput(stream string) (object.ErrorOutput, error) {
	return c.objects().ErrorOutput(stream)
}

// UseConnection takes the connection that c.ConnectionName names, a
// *postgres.Connection. It comes before Validate.
func (c *Config) UseConnection(connection any) error {
	shared, ok := connection.(*postgres.Connection)
	if !ok {
		return field.Errorf("connection", "name an entry that has postgres:", "connection %q is not a postgres connection", c.ConnectionName)
	}
	if c.Connection != *postgres.DefaultConnection() {
		return field.Errorf("connection", "write these fields in the connection, or remove it",
			"connection and fields of a connection cannot be given both")
	}
	c.Connection, c.connected = *shared, true
	return nil
}

// database is the connection, for which Firehose's URL is one of PostgreSQL.
func (c *Config) database() *postgres.Connection {
	p := c.Connection
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(p.DSN, "jdbc:"), "redshift://"); ok {
		p.DSN = "postgres://" + rest
	}
	return &p
}

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Config) Validate() error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	if c.ConnectionName != "" && !c.connected {
		add(field.Errorf("connection", "add it under connections", "connection %q is not known", c.ConnectionName))
	} else {
		add(c.database().Validate())
	}
	if _, err := postgres.ParseTable(c.CopyCommand.DataTableName); err != nil {
		add(field.Errorf("copy_command.data_table_name", "write table or schema.table", "%q is not the name of a table: %v", c.CopyCommand.DataTableName, err))
	}
	if _, err := postgres.Columns(c.CopyCommand.DataTableColumns); err != nil {
		add(field.Under("copy_command.data_table_columns", err))
	}
	if c.CheckpointTable != "" {
		if _, err := postgres.ParseTable(c.CheckpointTable); err != nil {
			add(field.Errorf("checkpoint_table", "write table or schema.table", "%q is not the name of a table: %v", c.CheckpointTable, err))
		}
	}
	add(field.Under("copy_command.copy_options", c.validateOptions()))
	add(c.validateObjects())
	return errors.Join(problems...)
}

// validateObjects has the S3 destination look at what it will do.
func (c *Config) validateObjects() error {
	var problems []error
	for _, e := range field.Errors(c.objects().Validate()) {
		switch name, _, _ := strings.Cut(e.Path, "."); name {
		case "buffering_hints", "s3_backup", "data_format_conversion":
			problems = append(problems, e)
		default:
			problems = append(problems, field.Under("s3", e))
		}
	}
	if strings.HasPrefix(c.S3.Bucket, "file://") {
		problems = append(problems, field.Errorf("s3.bucket", "name a bucket that Redshift can read", "must not be a folder"))
	}
	if strings.ContainsAny(c.S3.Prefix, `'\`) {
		problems = append(problems, field.Errorf("s3.prefix", "take them away", "must not hold quotes or backslashes"))
	}
	if !slices.Contains([]compress.Format{compress.Uncompressed, compress.GZIP, compress.ZSTD}, c.S3.CompressionFormat) {
		problems = append(problems, field.Errorf("s3.compression_format", "write UNCOMPRESSED, GZIP or ZSTD", "must not be %v: COPY cannot read it", c.S3.CompressionFormat))
	}
	if c.converts() && c.conversion.OutputName != "parquet" {
		problems = append(problems, field.Errorf("data_format_conversion.output_format", "write parquet", "must be parquet: that is what COPY is known to read"))
	}
	return errors.Join(problems...)
}

// Open makes the sinks. It reads local files (certificates) and talks to
// nobody.
func (c *Config) Open(env sinks.Env) (sinks.Outputs, error) {
	to, err := c.objects().Open(env)
	if err != nil {
		return sinks.Outputs{}, err
	}
	destination, err := newSink(c, env, to.Destination)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", errors.Join(err, to.Close()))
	}
	to.Destination, to.Errors, to.FailedType = destination, &failedSink{to.Errors}, failedType
	return to, nil
}
