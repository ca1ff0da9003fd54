// Package testbed puts the program between producers with ledgers and a real
// object store, and judges what arrived.
package testbed

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/load"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// Stream is what a test wants of a delivery stream.
type Stream struct {
	Name        string
	Follow      string // the stream whose records these are; "": it has producers
	Shards      int    // 0: 1
	Compression string // 0: UNCOMPRESSED
	Delimiter   string // newline or none; 0: newline
	Size        string // buffering hints; 0: 256KiB
	Interval    string // 0: 1s
	Convert     string // output format; 0: records as they are. Columns are inferred
	Backup      bool   // all records are kept as they came, too
	Producers   int
	Batch       int           // see load.Producer
	Pause       time.Duration // see load.Producer
}

// Bed is a program, its store and its producers.
type Bed struct {
	*hydrant.Site
	Seed    uint64
	Store   *servers.MinIOServer
	Proxy   *Proxy
	Bucket  string
	Streams []Stream

	t         testing.TB
	producers map[string][]*load.Producer
}

// New prepares a bed with an empty bucket. Nothing runs yet but the store.
func New(t testing.TB, program string, seed uint64, streams ...Stream) *Bed {
	t.Helper()
	store := servers.MinIO(t)
	b := &Bed{
		Site:      hydrant.NewSite(t, program),
		Seed:      seed,
		Store:     store,
		Proxy:     newProxy(t, store.Endpoint),
		Bucket:    fmt.Sprintf("bed-%08x", rand.Uint32()),
		Streams:   streams,
		t:         t,
		producers: map[string][]*load.Producer{},
	}
	if err := store.Client().MakeBucket(context.Background(), b.Bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	number := 0
	for _, s := range streams {
		for range s.Producers {
			number++
			b.producers[s.Name] = append(b.producers[s.Name], &load.Producer{
				Ledger:   &oracle.Ledger{Seed: seed, Producer: number},
				Stream:   s.Name,
				Endpoint: "http://" + b.API,
				Batch:    s.Batch,
				Pause:    s.Pause,
			})
		}
	}
	b.Configure("", b.StreamsYAML(""))
	return b
}

// Configure writes the program's configuration; see StreamsYAML. server has
// more settings of the server section, indented by two spaces.
func (b *Bed) Configure(server, streams string) { b.Site.Configure(streams, server) }

// StreamsYAML returns the configuration of the bed's connection and streams.
// interval replaces that of every stream unless it is empty.
func (b *Bed) StreamsYAML(interval string) string {
	return b.connection(b.Proxy.URL, b.Store.AccessKey, b.Store.SecretKey) + b.streams(interval)
}

func (b *Bed) connection(endpoint, key, secret string) string {
	return fmt.Sprintf("connections:\n  store: {s3: {endpoint: %q, path_style: true, access_key_id: %q, secret_access_key: %q}} # hydrant:allow literal-secret\n",
		endpoint, key, secret)
}

func (b *Bed) streams(interval string) string {
	var y strings.Builder
	y.WriteString("streams:\n")
	for _, s := range b.Streams {
		fmt.Fprintf(&y, `  %[1]s:
%[2]s
    destination:
      s3:
        connection: store
        bucket: %[3]s
        prefix: %[1]s/
        error_output_prefix: failed/%[1]s/
        buffering_hints: {size: %[6]s, interval: %[7]s} # hydrant:allow small-objects
        part_size: 5MiB
%[8]s%[9]s        record_delimiter: %[4]s
        compression_format: %[5]s
`, s.Name, s.source(), b.Bucket, cmp.Or(s.Delimiter, "newline"), cmp.Or(s.Compression, "UNCOMPRESSED"),
			cmp.Or(s.Size, "256KiB"), cmp.Or(interval, s.Interval, "1s"), s.conversion(), s.backup(b.Bucket))
	}
	return y.String()
}

func (s Stream) source() string {
	if s.Follow != "" {
		return "    source: {stream: " + s.Follow + "}"
	}
	return fmt.Sprintf("    shards: %d\n    source: {direct_put: {}}", max(s.Shards, 1))
}

func (s Stream) conversion() string {
	if s.Convert == "" {
		return ""
	}
	return "        data_format_conversion:\n          output_format: {" + s.Convert + ": {}}\n          schema: {infer: {}}\n"
}

func (s Stream) backup(bucket string) string {
	if !s.Backup {
		return ""
	}
	return fmt.Sprintf("        s3_backup_mode: Enabled\n        s3_backup: {connection: store, bucket: %s, prefix: source/%s/, compression_format: GZIP}\n", bucket, s.Name)
}

// WithKeys is StreamsYAML with other credentials, given as YAML scalars.
func (b *Bed) WithKeys(key, secret string) string {
	return b.connection(b.Proxy.URL, key, secret) + b.streams("")
}

// Produce runs all producers until the function it returns is called, which
// waits for their last answers.
func (b *Bed) Produce() (stop func()) { return load.Run(b.t, b.Producers()...) }

// Producers returns the producers of all streams.
func (b *Bed) Producers() []*load.Producer {
	var all []*load.Producer
	for _, s := range b.Streams {
		all = append(all, b.producers[s.Name]...)
	}
	return all
}

// Calls is what became of the calls of all producers.
type Calls struct {
	Accepted, Refused, Lost int64
	Sent, Acked             int // records
}

// Calls counts the producers' calls so far. An answer that the API must not
// give fails the test.
func (b *Bed) Calls() Calls {
	b.t.Helper()
	var c Calls
	for _, p := range b.Producers() {
		c.Accepted += p.Accepted.Load()
		c.Refused += p.Refused.Load()
		c.Lost += p.Lost.Load()
		sent, acked := p.Ledger.Counts()
		c.Sent += sent
		c.Acked += acked
		if wrong := p.Wrong.Load(); wrong != nil {
			b.t.Errorf("stream %s: a wrong answer: %v", p.Stream, wrong)
		}
	}
	return c
}

// Quiesce waits until everything that was accepted is settled.
func (b *Bed) Quiesce(patience time.Duration) error {
	buffered := func(m hydrant.Metrics) float64 {
		sum := 0.0
		for _, s := range b.Streams {
			sum += m.Stream("hydrant_ledger_buffered_records", s.Name)
		}
		return sum
	}
	err := b.Until(patience, buffered, func(m hydrant.Metrics) bool { return buffered(m) == 0 })
	if err != nil {
		return fmt.Errorf("wait until all is delivered: %w", err)
	}
	return nil
}

// Ledgers returns the ledgers of those who produce a stream's records.
func (b *Bed) Ledgers(stream string) []*oracle.Ledger {
	for _, s := range b.Streams {
		if s.Name == stream && s.Follow != "" {
			stream = s.Follow
			break
		}
	}
	var all []*oracle.Ledger
	for _, p := range b.producers[stream] {
		all = append(all, p.Ledger)
	}
	return all
}
