// Package s3 delivers batches as objects to S3-compatible storage, or to a
// folder of this machine when the bucket is a file URL.
package s3

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/convert/raw"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/file"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Config is what a user writes under destination.s3, in Firehose's words.
type Config struct {
	ConnectionName string `yaml:"connection,omitempty" doc:"Name of an s3 entry under connections; or give its fields here."`
	Connection     `yaml:",inline"`

	Bucket            string          `yaml:"bucket" required:"true" doc:"Name of the bucket, or file:///absolute/path for a folder."`
	Prefix            string          `yaml:"prefix,omitempty" doc:"What object keys begin with; may hold !{timestamp:...} and !{firehose:random-string}; without an expression, yyyy/MM/dd/HH/ is appended."`
	ErrorOutputPrefix string          `yaml:"error_output_prefix,omitempty" doc:"What keys of failed records begin with; needed when prefix has expressions. If it has expressions itself, !{firehose:error-output-type} must be one of them."`
	CustomTimeZone    string          `yaml:"custom_time_zone,omitempty" doc:"IANA time zone of the times in keys."`
	FileExtension     string          `yaml:"file_extension,omitempty" doc:"Replaces the extension that the format and the compression give."`
	CompressionFormat compress.Format `yaml:"compression_format" doc:"UNCOMPRESSED, GZIP, ZIP, Snappy, HADOOP_SNAPPY or ZSTD."`
	RecordDelimiter   raw.Delimiter   `yaml:"record_delimiter" doc:"Newline: each record ends with one; between: one between records; none: bytes only."`
	BufferingHints    BufferingHints  `yaml:"buffering_hints" doc:"A batch is delivered when either is reached."`
	PartSize          field.Size      `yaml:"part_size" doc:"Part of a multipart upload; objects of four parts and more are uploaded in parts."`

	S3BackupMode BackupMode `yaml:"s3_backup_mode" doc:"Enabled keeps every record as it came, beside the objects."`
	S3Backup     Backup     `yaml:"s3_backup,omitempty" doc:"Where records are kept as they came; needed when s3_backup_mode is Enabled."`

	connected  bool // UseConnection was called
	conversion *conversion.Config
}

// BufferingHints say when a batch is delivered.
type BufferingHints struct {
	Size     field.Size     `yaml:"size" doc:"Bytes of records, before compression."`
	Interval field.Duration `yaml:"interval" doc:"Age of the oldest record."`
}

// Default returns a configuration that lacks only a bucket.
func Default() sinks.Config {
	return &Config{
		Connection:        Connection{Region: defaultRegion},
		CustomTimeZone:    "UTC",
		CompressionFormat: compress.Uncompressed,
		RecordDelimiter:   raw.Newline,
		BufferingHints:    BufferingHints{Size: 5 << 20, Interval: field.Duration(time.Minute)},
		PartSize:          16 << 20,
		S3Backup:          DefaultBackup(),
	}
}

// Convert makes objects files of columns. It comes before the fields are
// decoded: the default of the buffering size is another.
func (c *Config) Convert(conv *conversion.Config) {
	c.conversion = conv
	if conv.Enabled {
		c.BufferingHints.Size = conversion.DefaultSize
	}
}

// Conversion returns what Convert was given, or nil.
func (c *Config) Conversion() *conversion.Config { return c.conversion }

// converts reports whether objects are files of columns.
func (c *Config) converts() bool { return c.conversion != nil && c.conversion.Enabled }

// Hints returns when a batch is to be cut.
func (c *Config) Hints() (size int64, interval time.Duration) {
	return int64(c.BufferingHints.Size), c.BufferingHints.Interval.Std()
}

// Location returns where objects go, to find streams that share a place.
func (c *Config) Location() (bucket, prefix string) {
	return c.Endpoint + "/" + c.Bucket, c.Prefix
}

// UseConnection takes the connection that c.ConnectionName names, a
// *Connection. It comes before Validate.
func (c *Config) UseConnection(connection any) error {
	shared, ok := connection.(*Connection)
	if !ok {
		return field.Errorf("connection", "name an entry that has s3:", "connection %q is not an s3 connection", c.ConnectionName)
	}
	own := c.Connection
	own.Region = ""
	if own != (Connection{}) || c.Region != defaultRegion {
		return field.Errorf("connection", "write these fields in the connection, or remove it",
			"connection and fields of a connection cannot be given both")
	}
	c.Connection, c.connected = *shared, true
	return nil
}

const (
	smallestPart = 5 << 20 // Amazon S3's limits
	largestPart  = 5 << 30
)

var extension = regexp.MustCompile(`^\.[0-9A-Za-z!\-_.*'()]+$`)

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Config) Validate() error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	folder, isFolder, err := c.folder()
	switch {
	case err != nil:
		add(err)
	case isFolder && folder == string(filepath.Separator):
		add(field.Errorf("bucket", "", "the root of the file system cannot be a bucket"))
	case !isFolder:
		if err := s3utils.CheckValidBucketNameStrict(c.Bucket); err != nil {
			add(field.Errorf("bucket", "3 to 63 lower-case letters, digits, dots and hyphens; or file:///path for a folder",
				"%q is not a bucket name", c.Bucket))
		}
		if c.ConnectionName != "" && !c.connected {
			add(field.Errorf("connection", "add it under connections", "connection %q is not known", c.ConnectionName))
		}
		add(c.Connection.Validate())
	}
	if c.FileExtension != "" && (!extension.MatchString(c.FileExtension) || len(c.FileExtension) > 128) {
		add(field.Errorf("file_extension", "write something like .json.gz", "%q is not an extension", c.FileExtension))
	}
	if _, err := c.naming().Names("stream", 1, ""); err != nil {
		add(err)
	}
	if c.BufferingHints.Size <= 0 || c.BufferingHints.Size > largestPart {
		add(field.Errorf("buffering_hints.size", "between 1KiB and 5GiB; Firehose's is 5MiB", "%v is out of range", c.BufferingHints.Size))
	}
	if c.BufferingHints.Interval <= 0 || c.BufferingHints.Interval.Std() > 24*time.Hour {
		add(field.Errorf("buffering_hints.interval", "more than 0s and at most 24h", "%v is out of range", c.BufferingHints.Interval))
	}
	if c.converts() {
		add(c.validateConversion())
	}
	if c.PartSize < smallestPart || c.PartSize > largestPart {
		add(field.Errorf("part_size", "between 5MiB and 5GiB", "%v is out of range", c.PartSize))
	}
	add(c.validateBackup())
	return errors.Join(problems...)
}

// validateConversion also refuses what has no meaning for files of columns.
func (c *Config) validateConversion() error {
	var problems []error
	if c.CompressionFormat != compress.Uncompressed {
		problems = append(problems, field.Errorf("compression_format",
			"leave it out: columns are compressed inside the file; see output_format."+c.conversion.OutputName+".compression",
			"must be UNCOMPRESSED together with data_format_conversion, as in Firehose"))
	}
	if c.RecordDelimiter != raw.Newline {
		problems = append(problems, field.Errorf("record_delimiter", "leave it out",
			"has no meaning together with data_format_conversion: a file of columns has rows"))
	}
	problems = append(problems, field.Under("data_format_conversion", c.conversion.Validate()))
	return errors.Join(problems...)
}

// folder returns the path in a file URL: file:///var/lib/x, or file://./x for
// one that is relative to where hydrant was started.
func (c *Config) folder() (path string, is bool, err error) {
	if c.Bucket == "" {
		return "", false, field.Errorf("bucket", "name a bucket, or a folder: file:///var/lib/hydrant/objects", "is missing")
	}
	rest, is := strings.CutPrefix(c.Bucket, "file://")
	if !is {
		return "", false, nil
	}
	path, err = url.PathUnescape(rest)
	if err != nil || !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "./") {
		return "", true, field.Errorf("bucket", "write file:///absolute/path or file://./relative/path", "%q names no folder", c.Bucket)
	}
	return filepath.Clean(path), true, nil
}

func (c *Config) naming() object.Naming {
	return object.Naming{Prefix: c.Prefix, ErrorOutputPrefix: c.ErrorOutputPrefix, CustomTimeZone: c.CustomTimeZone}
}

// Open makes the sinks. It reads local files (certificates) and talks to
// nobody.
func (c *Config) Open(env sinks.Env) (sinks.Outputs, error) {
	format, err := c.format(env)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	suffix := format.Extension() + c.CompressionFormat.Extension()
	if c.FileExtension != "" {
		suffix = c.FileExtension
	}
	names, err := c.naming().Names(env.Stream, env.Version, suffix)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	store, err := c.store(env)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	backup, err := c.openBackup(env)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", errors.Join(err, store.Close()))
	}
	d, e := object.New(store, object.Layout{Names: names, Format: format, Compression: c.CompressionFormat})
	return sinks.Outputs{Destination: d, Errors: e, Backup: backup}, nil
}

// format is that of the objects.
func (c *Config) format(env sinks.Env) (convert.Format, error) {
	if c.converts() {
		return c.conversion.Format(env)
	}
	return raw.Format{Delimiter: c.RecordDelimiter}, nil
}

func (c *Config) store(env sinks.Env) (object.Store, error) {
	folder, isFolder, err := c.folder()
	if err != nil {
		return nil, err
	}
	if isFolder {
		if folder, err = filepath.Abs(folder); err != nil {
			return nil, fmt.Errorf("find folder: %w", err)
		}
		return file.New(folder, env.Warn), nil
	}
	return newStore(c, env.Warn)
}
