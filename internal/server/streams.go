package server

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/s3"
	"github.com/hydrant-dev/hydrant/source/firehose"
	"github.com/hydrant-dev/hydrant/stream"
)

// objectVersion is Firehose's VersionId in object names. It stays 1: batches
// are told apart by their identity, not by it.
const objectVersion = 1

// inFlight is how many batches of a shard may be on their way at once: while
// one waits for its answer, the next are encoded and sent.
const inFlight = 4

// hinted is a destination with buffering hints: all are.
type hinted interface {
	Hints() (size int64, interval time.Duration)
}

// retrying is a destination that is given up after some time.
type retrying interface {
	RetryDuration() time.Duration
}

// ordered is a destination that may want the batches of a shard one after
// another.
type ordered interface {
	InOrder() bool
}

// waiting is a destination that takes its time: more of its batches than usual
// are on their way at once.
type waiting interface {
	InFlight() int
}

// revision counts how often a stream was configured differently since the
// start of the process.
type revision struct {
	config *configs.Stream
	number int
}

// spec turns the configuration of a stream into what the engine needs.
func (s *Server) spec(c *configs.Stream, server configs.Server) stream.Spec {
	r, known := s.revisions[c.Name]
	if !known || !c.Equal(r.config) {
		r = revision{c, r.number + 1}
		s.revisions[c.Name] = r
	}
	spec := Spec(c, Env{Lookup: s.env, Log: s.log, Memory: &s.memory, Region: server.API.Region, Account: server.API.Account})
	spec.Revision = r.number
	if source, ok := c.Source.Config.(*configs.StreamSource); ok {
		spec.Follow = source.Name
		if source.StartAt == configs.StartNewest {
			spec.Start = buffer.Newest
		}
	}
	return spec
}

// Env is what the streams of a process share.
type Env struct {
	Lookup          func(string) (string, bool) // of variables in the configuration
	Log             *slog.Logger
	Memory          *column.Budget // of all encoders; may be nil
	Region, Account string         // in the ARNs of streams
}

// Spec turns the configuration of a stream into what the engine needs.
func Spec(c *configs.Stream, env Env) stream.Spec {
	spec := stream.Spec{
		Name: c.Name, Shards: c.Shards, InFlight: inFlight,
		Hash: c.Hash, Snapshot: c.Snapshot,
		Open: func(d sinks.Decisions) (sinks.Outputs, error) { return env.open(c, d) },
		OpenSnapshot: func(snapshot []byte, d sinks.Decisions) (sinks.Outputs, error) {
			earlier, err := configs.LoadSnapshot(snapshot, env.Lookup)
			if err != nil {
				return sinks.Outputs{}, err
			}
			return env.open(earlier, d)
		},
	}
	if h, ok := c.Destination.Config.(hinted); ok {
		spec.Hints.Size, spec.Hints.Interval = h.Hints()
	}
	if r, ok := c.Destination.Config.(retrying); ok {
		spec.Retry = max(r.RetryDuration(), 1) // 0 is no second try
	}
	if w, ok := c.Destination.Config.(waiting); ok {
		spec.InFlight = w.InFlight()
	}
	if o, ok := c.Destination.Config.(ordered); ok && o.InOrder() {
		spec.InFlight = 1
	}
	return spec
}

func (e Env) open(c *configs.Stream, d sinks.Decisions) (sinks.Outputs, error) {
	log := e.Log.With("stream", c.Name)
	return c.Destination.Config.Open(sinks.Env{
		Stream: c.Name, ARN: firehose.ARN(e.Region, e.Account, c.Name), Version: objectVersion,
		Warn:      func(text string) { log.Warn(text) },
		Note:      func(text string) { log.Info(text) },
		Decisions: d, Memory: e.Memory,
	})
}

// kinds returns what a stream's source and destination are called.
func (s *Server) kinds(name string) (source, destination string) {
	if c := s.config.Load().Stream(name); c != nil {
		return c.Source.Kind, c.Destination.Kind
	}
	return "", "" // it is draining
}

// streams shows the streams to the Firehose API.
type streams struct{ s *Server }

func (v streams) Stream(name string) (firehose.Stream, bool) {
	st, ok := v.s.set.Stream(name)
	if !ok {
		return nil, false
	}
	return deliveryStream{st, v.s}, true
}

func (v streams) Names() []string {
	var names []string
	for _, st := range v.s.set.Streams() {
		names = append(names, st.Name())
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

// deliveryStream shows one stream to the Firehose API.
type deliveryStream struct {
	stream *stream.Stream
	server *Server
}

func (d deliveryStream) Active() bool { return d.stream.Accepting() }

func (d deliveryStream) Append(ctx context.Context, e *buffer.Entries) (buffer.Position, error) {
	p, err := d.stream.Append(ctx, e)
	if errors.Is(err, stream.ErrNotActive) {
		err = buffer.ErrClosed // it stopped after the door had asked; the client comes again
	}
	return p, err
}

func (d deliveryStream) Describe() firehose.Description {
	status, hints := d.stream.Status(), d.stream.Spec().Hints
	desc := firehose.Description{Status: firehose.Active, Type: firehose.DirectPut, Version: objectVersion}
	if d.stream.Spec().Follow != "" {
		desc.Type = firehose.KinesisStreamAsSource // the API's nearest word for a stream that nobody puts to
	}
	switch status.State {
	case stream.Suspended:
		desc.Status = firehose.Suspended
	case stream.Draining:
		desc.Status = firehose.Deleting
	}
	c := d.server.config.Load().Stream(d.stream.Name())
	if c == nil {
		return desc
	}
	if o, ok := c.Destination.Config.(*s3.Config); ok {
		desc.S3 = firehose.S3{
			Bucket: path.Base(o.Bucket), // of a folder only the name: where it is, is not the clients' business
			Prefix: o.Prefix, ErrorOutputPrefix: o.ErrorOutputPrefix,
			SizeInMBs:         max(1, int(hints.Size>>20)),
			IntervalInSeconds: int(hints.Interval.Seconds()),
			CompressionFormat: string(o.CompressionFormat),
			FileExtension:     o.FileExtension, CustomTimeZone: o.CustomTimeZone,
			Conversion: conversionOf(c),
		}
		if b := o.S3Backup; o.S3BackupMode.All {
			desc.S3.SourceBackup = &firehose.S3{
				Bucket: path.Base(b.Bucket), Prefix: b.Prefix, ErrorOutputPrefix: b.ErrorOutputPrefix,
				SizeInMBs: desc.S3.SizeInMBs, IntervalInSeconds: desc.S3.IntervalInSeconds,
				CompressionFormat: string(b.CompressionFormat),
			}
		}
	}
	return desc
}

// conversionOf describes what the API has words for.
func conversionOf(c *configs.Stream) *firehose.Conversion {
	conv := c.Conversion()
	if conv == nil {
		return nil
	}
	d := &firehose.Conversion{
		Enabled:         conv.Enabled,
		CaseInsensitive: conv.InputFormat.JSON.CaseInsensitive, DotsToUnderscores: conv.InputFormat.JSON.DotsToUnderscores,
	}
	switch o := conv.Output.(type) {
	case *parquet.Config:
		d.Serializer, d.Compression = "ParquetSerDe", string(o.Compression)
	case *orc.Config:
		d.Serializer, d.Compression = "OrcSerDe", string(o.Compression)
	default:
		return nil
	}
	return d
}
