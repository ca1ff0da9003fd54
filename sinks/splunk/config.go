// Package splunk delivers batches to Splunk's HTTP Event Collector (HEC) and
// waits until its indexers acknowledge them.
//
// A batch's way: the [writer] turns records into HEC events, or into lines for
// the raw endpoint; [Sink.Send] posts them to one node and polls that node
// until the events are indexed. An acknowledgement that does not come in time
// is a failed attempt: the engine sends the same events again.
//
// Sources: docs.splunk.com, Getting Data In: "Format events for HTTP Event
// Collector", "About HTTP Event Collector Indexer Acknowledgment" and
// "Troubleshoot HTTP Event Collector".
package splunk

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// failedType is the error-output-type of events that Splunk would not take.
const failedType = "splunk-failed"

// Config is what a user writes under destination.splunk, in Firehose's words.
type Config struct {
	HECEndpoint     string       `yaml:"hec_endpoint,omitempty" doc:"URL of Splunk's HTTP Event Collector, such as https://splunk:8088."`
	HECEndpoints    []string     `yaml:"hec_endpoints,omitempty" doc:"URLs of several collectors, instead of hec_endpoint or beside it. Batches go to them in turn, and not to those that failed a moment ago."`
	HECEndpointType EndpointType `yaml:"hec_endpoint_type" doc:"Event: records become events with metadata; Raw: lines that Splunk takes apart itself."`
	HECToken        field.Secret `yaml:"hec_token" required:"true" doc:"Token of the collector."`

	HECAcknowledgments       Acknowledgments `yaml:"hec_acknowledgments" doc:"required: a batch is delivered when the indexer says so; if_available: wait only if the token has acknowledgments; none: never wait."`
	HECAcknowledgmentTimeout field.Duration  `yaml:"hec_acknowledgment_timeout" doc:"How long to wait for an acknowledgment before the batch is sent again."`

	MaxInFlight int `yaml:"max_in_flight" doc:"Batches of a shard that may wait for their acknowledgments at once. After a crash at most so many are sent again."`

	Event           Event    `yaml:"event" doc:"Metadata of the events."`
	ContentEncoding Encoding `yaml:"content_encoding" doc:"GZIP to compress requests, or NONE."`

	BufferingHints s3.BufferingHints  `yaml:"buffering_hints" doc:"A batch is delivered when either is reached."`
	RetryOptions   RetryOptions       `yaml:"retry_options" doc:"When events that are not taken go to the error output."`
	TLS            outbound.TLS       `yaml:"tls,omitempty" doc:"For https endpoints."`
	Addresses      outbound.Addresses `yaml:"addresses,omitempty" doc:"Which addresses may be called, beside the usual rules."`

	S3BackupMode s3.BackupMode `yaml:"s3_backup_mode" doc:"FailedEventsOnly, or AllEvents to keep every record as it came."`
	S3Backup     s3.Backup     `yaml:"s3_backup" required:"true" doc:"Where records go that Splunk does not take, and all records if asked for."`
}

// RetryOptions say when a delivery is given up.
type RetryOptions struct {
	Duration field.Duration `yaml:"duration" doc:"From the first attempt on; 0s: one attempt. What a person has to mend is waited for without an end."`
}

// Default returns a configuration that lacks an endpoint, a token and a bucket.
func Default() sinks.Config {
	return &Config{
		HECEndpointType:          EventEndpoint,
		HECAcknowledgments:       Required,
		HECAcknowledgmentTimeout: field.Duration(3 * time.Minute),
		MaxInFlight:              16,
		Event:                    Event{Wrap: WrapAuto, Time: timeOfArrival},
		ContentEncoding:          gzipped,
		BufferingHints:           s3.BufferingHints{Size: 5 << 20, Interval: field.Duration(5 * time.Second)},
		RetryOptions:             RetryOptions{Duration: field.Duration(time.Hour)},
		S3BackupMode:             s3.BackupMode{Noun: "Events"},
		S3Backup:                 s3.DefaultBackup(),
	}
}

// Hints returns when a batch is to be cut.
func (c *Config) Hints() (size int64, interval time.Duration) {
	return int64(c.BufferingHints.Size), c.BufferingHints.Interval.Std()
}

// RetryDuration returns after which time events are given up.
func (c *Config) RetryDuration() time.Duration { return c.RetryOptions.Duration.Std() }

// InFlight returns how many batches of a shard may be on their way at once.
func (c *Config) InFlight() int { return c.MaxInFlight }

// Parts returns what can be given a connection of its own.
func (c *Config) Parts() map[string]any { return map[string]any{"s3_backup": &c.S3Backup} }

const (
	largestBatch     = 64 << 20
	shortestAckWait  = time.Second
	longestAckWait   = 10 * time.Minute // Firehose's
	mostInFlight     = 256
	longestRetry     = 24 * time.Hour
	longestInterval  = 24 * time.Hour
	collectorService = "/services/collector"
)

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Config) Validate() error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	for _, e := range c.endpoints() {
		add(e.check())
	}
	if c.HECEndpoint == "" && len(c.HECEndpoints) == 0 {
		add(field.Errorf("hec_endpoint", "write the URL of the collector, such as https://splunk:8088", "is missing"))
	}
	if c.HECToken.Empty() {
		add(field.Errorf("hec_token", "make a token in Splunk: Settings, Data inputs, HTTP Event Collector", "is missing"))
	}
	if t := c.HECAcknowledgmentTimeout.Std(); t < shortestAckWait || t > longestAckWait {
		add(field.Errorf("hec_acknowledgment_timeout", "between 1s and 10m; Firehose's is 180s", "%v is out of range", c.HECAcknowledgmentTimeout))
	}
	if c.MaxInFlight < 1 || c.MaxInFlight > mostInFlight {
		add(field.Errorf("max_in_flight", fmt.Sprintf("between 1 and %d", mostInFlight), "%d is out of range", c.MaxInFlight))
	}
	if c.BufferingHints.Size <= 0 || c.BufferingHints.Size > largestBatch {
		add(field.Errorf("buffering_hints.size", "between 1KiB and 64MiB; Firehose's is 5MiB", "%v is out of range", c.BufferingHints.Size))
	}
	if i := c.BufferingHints.Interval.Std(); i <= 0 || i > longestInterval {
		add(field.Errorf("buffering_hints.interval", "more than 0s and at most 24h", "%v is out of range", c.BufferingHints.Interval))
	}
	if c.RetryOptions.Duration.Std() > longestRetry {
		add(field.Errorf("retry_options.duration", "at most 24h; Firehose's is 3600s", "%v is out of range", c.RetryOptions.Duration))
	}
	add(field.Under("event", c.Event.validate(c.HECEndpointType)))
	add(field.Under("tls", c.TLS.Validate()))
	add(field.Under("s3_backup", c.S3Backup.Validate(c.S3BackupMode)))
	return errors.Join(problems...)
}

// endpoint is a collector with the name of its field.
type endpoint struct{ path, url string }

func (c *Config) endpoints() (all []endpoint) {
	if c.HECEndpoint != "" {
		all = append(all, endpoint{"hec_endpoint", c.HECEndpoint})
	}
	for i, text := range c.HECEndpoints {
		all = append(all, endpoint{fmt.Sprintf("hec_endpoints[%d]", i), text})
	}
	return all
}

func (e endpoint) check() error {
	u, err := outbound.CheckURL(e.path, e.url)
	if err != nil {
		return err
	}
	if before, _, found := strings.Cut(u.Path, collectorService); found {
		return field.Errorf(e.path, fmt.Sprintf("write %s://%s%s", u.Scheme, u.Host, before), "the path is chosen by hec_endpoint_type")
	}
	return nil
}

// Open makes the sinks. It reads local files (certificates) and talks to
// nobody.
func (c *Config) Open(env sinks.Env) (sinks.Outputs, error) {
	config, err := c.TLS.Config()
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	form, err := c.form()
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	errorOutput, backup, err := c.S3Backup.Open(env, c.S3BackupMode)
	if err != nil {
		return sinks.Outputs{}, fmt.Errorf("open destination: %w", err)
	}
	transport := c.Addresses.Transport(config)
	s := &Sink{
		form:       form,
		nodes:      c.nodes(),
		client:     outbound.Client(transport),
		token:      c.HECToken,
		stream:     env.Stream,
		note:       env.Note,
		acks:       c.HECAcknowledgments,
		ackTimeout: c.HECAcknowledgmentTimeout.Std(),
	}
	if s.note == nil {
		s.note = func(string) {}
	}
	if c.ContentEncoding == gzipped {
		s.gzip = compress.NewPool(compress.GZIP)
	}
	return sinks.Outputs{Destination: s, Errors: errorOutput, Backup: backup, FailedType: failedType}, nil
}

func (c *Config) nodes() *nodes {
	var list []*node
	for _, e := range c.endpoints() {
		list = append(list, &node{url: strings.TrimSuffix(e.url, "/")})
	}
	return &nodes{list: list}
}

// form is how the records of the stream go into a request.
func (c *Config) form() (form, error) {
	if c.HECEndpointType == RawEndpoint {
		return form{path: collectorService + "/raw" + c.Event.query(), encode: appendLine, raw: true}, nil
	}
	e, err := c.Event.encoder()
	if err != nil {
		return form{}, err
	}
	return form{path: collectorService + "/event", encode: e.append, head: e.head, index: e.texts[indexText].literal}, nil
}
