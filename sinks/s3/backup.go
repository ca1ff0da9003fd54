package s3

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/raw"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Backup is where a destination keeps all records as they came, if asked to; one
// other than S3 keeps the records there, too, that it would not take. It is a
// bucket or a folder.
type Backup struct {
	ConnectionName string `yaml:"connection,omitempty" doc:"Name of an s3 entry under connections; or give its fields here."`
	Connection     `yaml:",inline"`

	Bucket            string          `yaml:"bucket" required:"true" doc:"Name of the bucket, or file:///absolute/path for a folder."`
	Prefix            string          `yaml:"prefix,omitempty" doc:"What object keys begin with; as in an s3 destination."`
	ErrorOutputPrefix string          `yaml:"error_output_prefix,omitempty" doc:"What keys of failed records begin with; left out: prefix, then the type of the failure."`
	CustomTimeZone    string          `yaml:"custom_time_zone,omitempty" doc:"IANA time zone of the times in keys."`
	CompressionFormat compress.Format `yaml:"compression_format" doc:"Of the records that are backed up; failed records are not compressed."`

	connected bool
}

// DefaultBackup lacks only a bucket.
func DefaultBackup() Backup {
	return Backup{Connection: *DefaultConnection(), CustomTimeZone: "UTC", CompressionFormat: compress.Uncompressed}
}

// UseConnection takes the connection that b.ConnectionName names, a
// *Connection. It comes before Validate.
func (b *Backup) UseConnection(connection any) error {
	c := b.destination()
	if err := c.UseConnection(connection); err != nil {
		return err
	}
	b.Connection, b.connected = c.Connection, true
	return nil
}

// destination is the destination that writes the same objects.
func (b *Backup) destination() *Config {
	c := Default().(*Config)
	c.ConnectionName, c.Connection, c.connected = b.ConnectionName, b.Connection, b.connected
	c.Bucket, c.Prefix, c.ErrorOutputPrefix = b.Bucket, b.Prefix, b.ErrorOutputPrefix
	c.CustomTimeZone, c.CompressionFormat = b.CustomTimeZone, b.CompressionFormat
	if c.ErrorOutputPrefix == "" && strings.Contains(c.Prefix, "!{firehose:error-output-type}") {
		c.ErrorOutputPrefix, c.Prefix = c.Prefix, "" // it says that it is for failed records
	}
	return c
}

// Validate reports everything that is wrong, each as a *field.Error.
func (b *Backup) Validate(mode BackupMode) error {
	c := b.destination()
	err := c.Validate()
	if mode.All && c.Prefix == "" && b.Prefix != "" {
		err = errors.Join(err, field.Errorf("prefix", "write a prefix for the records, and this one as error_output_prefix",
			"!{firehose:error-output-type} has no meaning for records that did not fail"))
	}
	return err
}

// Open makes the sink for failed records and, unless only these are kept, the
// one for all. It talks to nobody.
func (b *Backup) Open(env sinks.Env, mode BackupMode) (errorOutput, backup sinks.Sink, err error) {
	c := b.destination()
	names, err := c.naming().Names(env.Stream, env.Version, c.CompressionFormat.Extension())
	if err != nil {
		return nil, nil, fmt.Errorf("open s3_backup: %w", err)
	}
	store, err := c.store(env)
	if err != nil {
		return nil, nil, fmt.Errorf("open s3_backup: %w", err)
	}
	all, failed := object.New(store, object.Layout{Names: names, Format: raw.Format{Delimiter: raw.Newline}, Compression: c.CompressionFormat})
	if mode.All {
		return failed, all, nil
	}
	return failed, nil, all.Close() // the store is the other's now
}

// BackupMode says what is kept in S3. Firehose has three pairs of words for
// it, and each destination names the noun; an S3 destination, which has none,
// keeps its failed records itself.
type BackupMode struct {
	Noun string // "Documents", "Events" or "Data"; "" for S3
	All  bool
}

func (m BackupMode) String() string { return m.Values()[btoi(m.All)] }

// Values lists the words.
func (m BackupMode) Values() []string {
	if m.Noun == "" {
		return []string{"Disabled", "Enabled"}
	}
	return []string{"Failed" + m.Noun + "Only", "All" + m.Noun}
}

// MarshalText writes the word that UnmarshalText reads.
func (m BackupMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads one of Values.
func (m *BackupMode) UnmarshalText(text []byte) error {
	words := m.Values()
	word, err := field.OneOf(text, words...)
	if err == nil {
		m.All = word == words[1]
	}
	return err
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
