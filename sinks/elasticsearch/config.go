package elasticsearch

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// Config is what a user writes under destination.elasticsearch or
// destination.opensearch, in Firehose's words.
type Config struct {
	ConnectionName string `yaml:"connection,omitempty" doc:"Name of an elasticsearch or opensearch entry under connections; or give its fields here."`
	Connection     `yaml:",inline"`

	IndexName           string   `yaml:"index_name,omitempty" doc:"Name of the index or alias; index_rotation_period appends a date."`
	IndexRotationPeriod Rotation `yaml:"index_rotation_period" doc:"How often a new index begins: by the time records arrived, so that a retry writes to the same one."`
	WeekRule            WeekRule `yaml:"week_rule" doc:"How OneWeek counts. US: weeks begin on Sunday and the first has January 1; ISO: on Monday, and the first has the year's first Thursday."`
	CustomTimeZone      string   `yaml:"custom_time_zone,omitempty" doc:"IANA time zone of the dates in index names."`
	DataStream          string   `yaml:"data_stream,omitempty" doc:"Name of a data stream, instead of index_name and index_rotation_period."`
	TypeName            string   `yaml:"type_name,omitempty" doc:"For Elasticsearch 6 and older only."`

	DocumentID string `yaml:"document_id" doc:"FIREHOSE_DEFAULT: made from the record's position, so that nothing is there twice; NO_DOCUMENT_ID: the cluster makes one; .event.id: the field of the record, or as FIREHOSE_DEFAULT where it is missing."`
	OpType     OpType `yaml:"op_type" doc:"create: a document whose id is there already is left alone; index: it is replaced."`
	Routing    string `yaml:"routing,omitempty" doc:"Field of the record that chooses the shard, such as .customer."`
	Pipeline   string `yaml:"pipeline,omitempty" doc:"Ingest pipeline that documents go through."`

	ContentEncoding Encoding          `yaml:"content_encoding" doc:"NONE, or GZIP to compress requests."`
	BufferingHints  s3.BufferingHints `yaml:"buffering_hints" doc:"A batch is delivered when either is reached."`
	RetryOptions    RetryOptions      `yaml:"retry_options" doc:"When documents that are not taken go to the error output."`

	S3BackupMode s3.BackupMode `yaml:"s3_backup_mode" doc:"FailedDocumentsOnly, or AllDocuments to keep every record as it came."`
	S3Backup     s3.Backup     `yaml:"s3_backup" required:"true" doc:"Where records go that the cluster does not take, and all records if asked for."`

	failedType string
	connected  bool // UseConnection was called
}

// RetryOptions say when a delivery is given up.
type RetryOptions struct {
	Duration field.Duration `yaml:"duration" doc:"From the first attempt on; 0s: one attempt. What a person has to mend is waited for without an end."`
}

// The words for document_id that are no path.
const (
	firehoseDefault = "FIREHOSE_DEFAULT"
	noDocumentID    = "NO_DOCUMENT_ID"
)

// Default returns a configuration that lacks URLs, an index and a bucket.
func Default() sinks.Config { return For("elasticsearch-failed") }

// For is Default for a destination with another error-output-type.
func For(failedType string) *Config {
	return &Config{
		Connection:          *DefaultConnection(),
		IndexRotationPeriod: OneDay,
		WeekRule:            US,
		CustomTimeZone:      "UTC",
		DocumentID:          firehoseDefault,
		OpType:              Create,
		ContentEncoding:     None,
		BufferingHints:      s3.BufferingHints{Size: 5 << 20, Interval: field.Duration(10 * time.Second)},
		RetryOptions:        RetryOptions{Duration: field.Duration(5 * time.Minute)},
		S3BackupMode:        s3.BackupMode{Noun: "Documents"},
		S3Backup:            s3.DefaultBackup(),
		failedType:          failedType,
	}
}

// Hints returns when a batch is to be cut.
func (c *Config) Hints() (size int64, interval time.Duration) {
	return int64(c.BufferingHints.Size), c.BufferingHints.Interval.Std()
}

// RetryDuration returns after which time documents are given up.
func (c *Config) RetryDuration() time.Duration { return c.RetryOptions.Duration.Std() }

// Parts returns what can be given a connection of its own.
func (c *Config) Parts() map[string]any { return map[string]any{"s3_backup": &c.S3Backup} }

// UseConnection takes the connection that c.ConnectionName names, a
// *Connection. It comes before Validate.
func (c *Config) UseConnection(connection any) error {
	shared, ok := connection.(*Connection)
	if !ok {
		return field.Errorf("connection", "name an entry that has elasticsearch: or opensearch:",
			"connection %q is not one to a cluster", c.ConnectionName)
	}
	if !c.Connection.empty() {
		return field.Errorf("connection", "write these fields in the connection, or remove it",
			"connection and fields of a connection cannot be given both")
	}
	c.Connection, c.connected = *shared, true
	return nil
}

// A batch is at most the largest request that servers take by default.
const (
	smallestBatch = 1 << 10
	largestBatch  = 100 << 20
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
	add(c.validateIndex())
	add(c.validateDocuments())
	if c.BufferingHints.Size < smallestBatch || c.BufferingHints.Size > largestBatch {
		add(field.Errorf("buffering_hints.size", "between 1KiB and 100MiB; Firehose's is 5MiB", "%v is out of range", c.BufferingHints.Size))
	}
	if c.BufferingHints.Interval <= 0 || c.BufferingHints.Interval.Std() > 24*time.Hour {
		add(field.Errorf("buffering_hints.interval", "more than 0s and at most 24h", "%v is out of range", c.BufferingHints.Interval))
	}
	if c.RetryOptions.Duration.Std() > 2*time.Hour {
		add(field.Errorf("retry_options.duration", "at most 2h, as in Firehose", "%v is out of range", c.RetryOptions.Duration))
	}
	add(field.Under("s3_backup", c.S3Backup.Validate(c.S3BackupMode)))
	return errors.Join(problems...)
}

func (c *Config) validateIndex() error {
	var problems []error
	add := func(path, hint, format string, args ...any) {
		problems = append(problems, field.Errorf(path, hint, format, args...))
	}
	switch {
	case c.IndexName == "" && c.DataStream == "":
		add("index_name", "name an index, or a data_stream", "is missing")
	case c.IndexName != "" && c.DataStream != "":
		add("data_stream", "remove one of them", "index_name and data_stream cannot be given both")
	case c.DataStream != "":
		if wrong := checkIndexName(c.DataStream, false); wrong != "" {
			add("data_stream", "see the rules for index names of your cluster", "%q %s", c.DataStream, wrong)
		}
		if r := c.IndexRotationPeriod; r != OneDay && r != NoRotation { // OneDay is the default
			add("index_rotation_period", "leave it out: the cluster rolls a data stream over", "has no meaning together with data_stream")
		}
		if c.OpType != Create {
			add("op_type", "leave it out", "must be create: a data stream takes nothing else")
		}
	default:
		if wrong := checkIndexName(c.IndexName, c.IndexRotationPeriod != NoRotation); wrong != "" {
			add("index_name", "see the rules for index names of your cluster", "%q %s", c.IndexName, wrong)
		}
	}
	if strings.ContainsAny(c.TypeName, "/ ,#?*") || strings.HasPrefix(c.TypeName, "_") && c.TypeName != "_doc" {
		add("type_name", "leave it out, unless the cluster is Elasticsearch 6 or older", "%q is not the name of a type", c.TypeName)
	}
	if _, err := time.LoadLocation(c.CustomTimeZone); err != nil || c.CustomTimeZone == "Local" {
		add("custom_time_zone", "write a name like Europe/Berlin", "%q is not a time zone", c.CustomTimeZone)
	}
	return errors.Join(problems...)
}

func (c *Config) validateDocuments() error {
	var problems []error
	if _, _, err := c.documentID(); err != nil {
		problems = append(problems, err)
	}
	if c.Routing != "" {
		if _, err := parsePath(c.Routing); err != nil {
			problems = append(problems, field.Errorf("routing", "", "%v", err))
		}
	}
	return errors.Join(problems...)
}

// documentID reads document_id: the path to a field, if it is one, and whether
// records without that get an id from their position.
func (c *Config) documentID() (from path, own bool, err error) {
	if strings.HasPrefix(c.DocumentID, ".") {
		from, err := parsePath(c.DocumentID)
		if err != nil {
			return nil, false, field.Errorf("document_id", "", "%v", err)
		}
		return from, true, nil
	}
	word, err := field.OneOf([]byte(c.DocumentID), firehoseDefault, noDocumentID)
	if err != nil {
		return nil, false, field.Errorf("document_id", "write FIREHOSE_DEFAULT, NO_DOCUMENT_ID or a path like .event_id", "%q is not known", c.DocumentID)
	}
	return nil, word == firehoseDefault, nil
}

// Open makes the sinks. It reads local files (certificates) and talks to
// nobody.
func (c *Config) Open(env sinks.Env) (sinks.Outputs, error) {
	s, err := c.sink()
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	errorOutput, backup, err := c.S3Backup.Open(env, c.S3BackupMode)
	if err != nil {
		return sinks.Outputs{}, errors.Join(fmt.Errorf("open destination: %w", err), s.Close())
	}
	return sinks.Outputs{Destination: s, Errors: errorOutput, Backup: backup, FailedType: c.failedType}, nil
}

func (c *Config) sink() (*Sink, error) {
	zone, err := time.LoadLocation(c.CustomTimeZone)
	if err != nil {
		return nil, err
	}
	s := &Sink{
		failedType: c.failedType,
		typeName:   c.TypeName,
		naming:     naming{base: c.IndexName, rotation: c.IndexRotationPeriod, weeks: c.WeekRule, zone: zone},
		op:         c.OpType,
		action:     []byte(`{"` + c.OpType + `":{`),
		query:      filter,
	}
	if c.DataStream != "" {
		s.naming = naming{base: c.DataStream, rotation: NoRotation, zone: zone}
	}
	if s.id, s.ownIDs, err = c.documentID(); err != nil {
		return nil, err
	}
	if s.ownIDs {
		s.query = filterIDs
	}
	if c.Routing != "" {
		if s.routing, err = parsePath(c.Routing); err != nil {
			return nil, err
		}
	}
	if c.Pipeline != "" {
		s.query += "&pipeline=" + url.QueryEscape(c.Pipeline)
	}
	if c.ContentEncoding == GZIP {
		s.gzip = compress.NewPool(compress.GZIP)
	}
	s.client, s.transport, err = c.Connection.open()
	return s, err
}
