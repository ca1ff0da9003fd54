package s3

import (
	"errors"
	"path/filepath"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Parts returns what can be given a connection of its own.
func (c *Config) Parts() map[string]any { return map[string]any{"s3_backup": &c.S3Backup} }

// validateBackup also refuses a backup that stands where the objects of the
// destination do: whoever reads them could not tell the two apart.
func (c *Config) validateBackup() error {
	if !c.S3BackupMode.All {
		return nil
	}
	if c.S3Backup.ErrorOutputPrefix != "" {
		return field.Errorf("s3_backup.error_output_prefix", "take it away", "has no meaning: failed records go to the destination's error_output_prefix")
	}
	b := c.sourceBackup()
	if err := b.Validate(c.S3BackupMode); err != nil {
		return field.Under("s3_backup", err)
	}
	if own, ok := c.where(); ok {
		if other, ok := b.destination().where(); ok && other == own {
			return field.Errorf("s3_backup.prefix", "write another one, such as source/", "is where the destination puts its own objects")
		}
	}
	return nil
}

// sourceBackup is the backup with a prefix for failed records, which it never
// gets: one would be asked for when its prefix has expressions.
func (c *Config) sourceBackup() Backup {
	b := c.S3Backup
	b.ErrorOutputPrefix = "!{firehose:error-output-type}/"
	return b
}

// where returns the place of the objects, with the prefix as it is at some
// time. It is false if that cannot be said, which has been reported then.
func (c *Config) where() (string, bool) {
	names, err := c.naming().Names("stream", 1, "")
	if err != nil {
		return "", false
	}
	folder, isFolder, err := c.folder()
	if err != nil {
		return "", false
	}
	if isFolder {
		folder, err = filepath.Abs(folder)
		return filepath.Join(folder, names.Sample()), err == nil
	}
	u, err := c.endpoint()
	if err != nil {
		return "", false
	}
	return u.Host + "/" + c.Bucket + "/" + names.Sample(), true
}

// openBackup makes the sink for all records as they came, or returns nil.
func (c *Config) openBackup(env sinks.Env) (sinks.Sink, error) {
	if !c.S3BackupMode.All {
		return nil, nil
	}
	b := c.sourceBackup()
	unused, backup, err := b.Open(env, c.S3BackupMode)
	if err != nil {
		return nil, err
	}
	// Failed records go to the destination's own error output.
	if err := unused.Close(); err != nil {
		return nil, errors.Join(err, backup.Close())
	}
	return backup, nil
}
