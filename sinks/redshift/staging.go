package redshift

import (
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// Staging is the bucket from which Redshift loads.
type Staging struct {
	ConnectionName string `yaml:"connection,omitempty" doc:"Name of an s3 entry under connections; or give its fields here."`
	s3.Connection  `yaml:",inline"`

	Bucket            string          `yaml:"bucket" required:"true" doc:"Name of the bucket. Redshift reads it with the role in copy_options."`
	Prefix            string          `yaml:"prefix,omitempty" doc:"What object keys begin with; as in an s3 destination."`
	ErrorOutputPrefix string          `yaml:"error_output_prefix,omitempty" doc:"What keys of failed records begin with; left out: prefix, then the type of the failure."`
	CustomTimeZone    string          `yaml:"custom_time_zone,omitempty" doc:"IANA time zone of the times in keys."`
	CompressionFormat compress.Format `yaml:"compression_format" doc:"UNCOMPRESSED, GZIP or ZSTD; COPY wants the last two as words in copy_options, too."`

	connected bool // UseConnection was called
}

func defaultStaging() Staging {
	return Staging{Connection: *s3.DefaultConnection(), CustomTimeZone: "UTC", CompressionFormat: compress.Uncompressed}
}

// UseConnection takes the connection that s.ConnectionName names, a
// *s3.Connection. It comes before Validate.
func (s *Staging) UseConnection(connection any) error {
	c := s3.Config{ConnectionName: s.ConnectionName, Connection: s.Connection}
	if err := c.UseConnection(connection); err != nil {
		return err
	}
	s.Connection, s.connected = c.Connection, true
	return nil
}

// objects is the S3 destination that makes the objects, the error output and
// the backup.
func (c *Config) objects() *s3.Config {
	o := s3.Default().(*s3.Config)
	if !c.S3.connected {
		o.ConnectionName = c.S3.ConnectionName
	}
	o.Connection, o.Bucket = c.S3.Connection, c.S3.Bucket
	o.Prefix, o.ErrorOutputPrefix, o.CustomTimeZone = c.S3.Prefix, c.S3.ErrorOutputPrefix, c.S3.CustomTimeZone
	o.CompressionFormat = c.S3.CompressionFormat
	o.S3BackupMode, o.S3Backup = c.S3BackupMode, c.S3Backup
	if c.conversion != nil {
		o.Convert(c.conversion)
	}
	o.BufferingHints = c.BufferingHints
	return o
}
