package httpendpoint

import (
	"fmt"
	"net/http"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// Config is what a user writes under destination.http_endpoint: Firehose's
// words, and those for endpoints that do not speak its contract.
type Config struct {
	URL       string       `yaml:"url" required:"true" doc:"Where requests go, used as it is."`
	Name      string       `yaml:"name,omitempty" doc:"What people call the endpoint."`
	AccessKey field.Secret `yaml:"access_key,omitempty" doc:"Sent in X-Amz-Firehose-Access-Key; format firehose only."`

	Format        Format                  `yaml:"format" doc:"firehose: Firehose's contract, in requests and answers; ndjson: a JSON value a line; json_array: one array of JSON values."`
	Method        Method                  `yaml:"method" doc:"POST or PUT; with format firehose it is POST."`
	ContentType   string                  `yaml:"content_type,omitempty" doc:"Replaces the media type of the format."`
	Headers       map[string]string       `yaml:"headers,omitempty" doc:"Further headers of each request."`
	SecretHeaders map[string]field.Secret `yaml:"secret_headers,omitempty" doc:"Further headers whose values are never shown."`
	BearerToken   field.Secret            `yaml:"bearer_token,omitempty" doc:"Sent as Authorization: Bearer."`
	Username      string                  `yaml:"username,omitempty" doc:"For basic authentication, with password."`
	Password      field.Secret            `yaml:"password,omitempty" doc:"The password that belongs to username."`

	RequestConfiguration RequestConfiguration `yaml:"request_configuration" doc:"What requests look like."`
	RequestTimeout       field.Duration       `yaml:"request_timeout" doc:"How long one attempt may take until its answer is there."`
	StatusCodes          StatusCodes          `yaml:"status_codes" doc:"What the status of an answer means: 404, 5xx or 500-504. In no list, 401, 403 and 407 hold the stream, 413 halves a request, 429 slows down, and all others are retried."`
	BufferingHints       s3.BufferingHints    `yaml:"buffering_hints" doc:"A batch is delivered when either is reached."`
	RetryOptions         RetryOptions         `yaml:"retry_options" doc:"When records that are not taken go to the error output."`
	TLS                  outbound.TLS         `yaml:"tls,omitempty" doc:"For https endpoints."`
	Addresses            outbound.Addresses   `yaml:"addresses,omitempty" doc:"Which addresses may be called, beside the usual rules."`

	S3BackupMode s3.BackupMode `yaml:"s3_backup_mode" doc:"FailedDataOnly, or AllData to keep every record as it came."`
	S3Backup     s3.Backup     `yaml:"s3_backup" doc:"Where records go that the endpoint does not take, and all records if asked for."`
}

// RequestConfiguration is what requests look like.
type RequestConfiguration struct {
	ContentEncoding  Encoding          `yaml:"content_encoding" doc:"NONE, or GZIP to compress requests."`
	CommonAttributes map[string]string `yaml:"common_attributes,omitempty" doc:"Sent in X-Amz-Firehose-Common-Attributes, at most 50; format firehose only."`
	MaxRecords       int               `yaml:"max_records" doc:"Records in a request, at most 10000."`
	MaxSize          field.Size        `yaml:"max_size" doc:"Size of a request before compression, at most 64MiB."`
}

// StatusCodes say what the status of an answer means.
type StatusCodes struct {
	Success []Status `yaml:"success" doc:"The records are taken; with format firehose it is 200."`
	Retry   []Status `yaml:"retry,omitempty" doc:"Tried again until retry_options.duration is over."`
	Reject  []Status `yaml:"reject,omitempty" doc:"Some record will never be taken: the request is halved until that one is found."`
	Hold    []Status `yaml:"hold,omitempty" doc:"Nothing is taken until somebody mends it: tried again without an end, and nothing is given up."`
}

// RetryOptions say when a delivery is given up.
type RetryOptions struct {
	Duration field.Duration `yaml:"duration" doc:"From the first attempt on; 0s: one attempt."`
}

// Method is that of a request.
type Method string

// Values lists the methods.
func (Method) Values() []string { return []string{http.MethodPost, http.MethodPut} }

// UnmarshalText reads a method in any letter case.
func (m *Method) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, m.Values()...)
	if err == nil {
		*m = Method(word)
	}
	return err
}

// Encoding is how the body of a request is compressed.
type Encoding string

const (
	none    Encoding = "NONE"
	gzipped Encoding = "GZIP"
)

// Values lists the encodings.
func (Encoding) Values() []string { return []string{string(none), string(gzipped)} }

// UnmarshalText reads an encoding in any letter case.
func (e *Encoding) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, e.Values()...)
	if err == nil {
		*e = Encoding(word)
	}
	return err
}

// Firehose's limits of a request.
const (
	mostRecords   = 10_000
	largestBody   = 64 << 20
	smallestBody  = 1 << 10
	largestRecord = 1000 << 10 // 1,365,336 characters in base64
)

// Default returns a configuration that lacks only a URL and a bucket.
func Default() sinks.Config {
	return &Config{
		Format: Firehose,
		Method: http.MethodPost,
		RequestConfiguration: RequestConfiguration{
			ContentEncoding: none, MaxRecords: mostRecords, MaxSize: largestBody,
		},
		RequestTimeout: field.Duration(3 * time.Minute),
		StatusCodes:    StatusCodes{Success: []Status{{200, 299}}},
		BufferingHints: s3.BufferingHints{Size: 5 << 20, Interval: field.Duration(10 * time.Second)},
		RetryOptions:   RetryOptions{Duration: field.Duration(5 * time.Minute)},
		S3BackupMode:   s3.BackupMode{Noun: "Data"},
		S3Backup:       s3.DefaultBackup(),
	}
}

// Hints returns when a batch is to be cut.
func (c *Config) Hints() (size int64, interval time.Duration) {
	return int64(c.BufferingHints.Size), c.BufferingHints.Interval.Std()
}

// RetryDuration returns after which time records are given up.
func (c *Config) RetryDuration() time.Duration { return c.RetryOptions.Duration.Std() }

// Parts returns what can be given a connection of its own.
func (c *Config) Parts() map[string]any { return map[string]any{"s3_backup": &c.S3Backup} }

// Open makes the sinks. It reads local files (certificates) and talks to
// nobody.
func (c *Config) Open(env sinks.Env) (sinks.Outputs, error) {
	u, err := outbound.CheckEndpoint("url", c.URL)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	config, err := c.TLS.Config()
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	errorOutput, backup, err := c.S3Backup.Open(env, c.S3BackupMode)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	s := &Sink{
		config: *c, url: u, arn: env.ARN, format: c.Format, timeout: c.RequestTimeout.Std(),
		limits:    limits{records: c.RequestConfiguration.MaxRecords, bytes: int64(c.RequestConfiguration.MaxSize) - frame, record: c.largestRecord()},
		transport: c.Addresses.Transport(config),
	}
	s.client = outbound.Client(s.transport)
	if c.RequestConfiguration.ContentEncoding == gzipped {
		s.gzip = compress.NewPool(compress.GZIP)
	}
	return sinks.Outputs{Destination: s, Errors: errorOutput, Backup: backup, FailedType: failedType}, nil
}

// largestRecord is the contract's, or the request's.
func (c *Config) largestRecord() int {
	if c.Format == Firehose {
		return largestRecord
	}
	return int(c.RequestConfiguration.MaxSize)
}
