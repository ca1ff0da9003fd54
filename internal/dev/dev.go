// Package dev is hydrant with everything it needs to be tried: a stream, a
// folder that stands for object storage, and somebody who sends records.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/internal/put"
	"github.com/hydrant-dev/hydrant/internal/sample"
	"github.com/hydrant-dev/hydrant/internal/server"
)

// Options are what a user can change.
type Options struct {
	Dir       string // where everything is kept
	Port      int    // of the API; 0: any
	AdminPort int    // 0: any
	Demo      bool   // send sample records
	Rate      float64
	Format    Format // of the objects
	Colour    bool
	Env       func(string) (string, bool)
	Log       *slog.Logger
}

// Stream is the name of the stream to try.
const Stream = "demo"

// Format is what objects are in dev mode.
type Format string

// The formats. Anything may be put into a stream of JSON lines; Parquet needs
// JSON objects.
const (
	Parquet   Format = "parquet"
	JSONLines Format = "json.gz"
)

// Formats lists the formats.
func Formats() []Format { return []Format{Parquet, JSONLines} }

// yaml is the part of the destination that says it.
func (f Format) yaml() string {
	if f == JSONLines {
		return `        compression_format: GZIP
`
	}
	return `        data_format_conversion:
          output_format:
            parquet: {}
          schema: # the columns are inferred from the first batch
            infer: {}
            on_unknown_field: extra_column
`
}

// Config returns the configuration of dev mode in YAML.
func Config(o Options) (string, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return "", fmt.Errorf("find folder: %w", err)
	}
	bucket := url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(dir, bucketFolder))}
	return fmt.Sprintf(`version: 1

server:
  data_dir: %s
  api:
    listen: 127.0.0.1:%d
  admin:
    listen: 127.0.0.1:%d

streams:
  %s:
    description: sample clicks, cut often so that there is something to see
    source:
      direct_put: {}
    destination:
      s3:
        bucket: %s
        prefix: %s
%s        buffering_hints:
          size: 1MiB # hydrant:allow small-objects
          interval: 5s # hydrant:allow small-objects
`, quoted(filepath.Join(dir, "data")), o.Port, o.AdminPort, Stream, quoted(bucket.String()), Stream+"/", o.Format.yaml()), nil
}

// bucketFolder is the bucket "lake".
var bucketFolder = filepath.Join("buckets", "lake")

// quoted writes a text so that YAML and the variables leave it as it is.
func quoted(s string) string { return strconv.Quote(strings.ReplaceAll(s, "${", "$${")) }

// Run serves until ctx is done and tells out what happens.
func Run(ctx context.Context, out io.Writer, o Options) error {
	text, err := Config(o)
	if err != nil {
		return err
	}
	config, problems := configs.Parse("dev mode", ".", []byte(text), o.Env)
	if err := problems.Err(); err != nil {
		return err
	}
	// A bucket is something that exists before the first delivery.
	if err := os.MkdirAll(filepath.Join(o.Dir, bucketFolder), 0o755); err != nil {
		return fmt.Errorf("create folder for objects: %w; choose another with --dir", err)
	}
	show := &deliveries{out: out, folder: filepath.Join(o.Dir, bucketFolder), format: o.Format, colour: o.Colour}
	s, err := server.Start(ctx, config, server.Options{Env: o.Env, Log: o.Log, Events: show.events(), TLSDir: o.Dir})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w, for instance: hydrant dev --port 4583 --admin-port 4584", err)
	}
	if err != nil {
		return err
	}
	show.begin(banner(s, o))

	sending, cancel := context.WithCancel(ctx)
	var g errgroup.Group
	if o.Demo {
		g.Go(func() error { return send(sending, s.API(), o) })
	}
	s.Wait(ctx)
	cancel()
	err = g.Wait()
	stopping, done := context.WithTimeout(context.WithoutCancel(ctx), config.Server.ShutdownTimeout.Std())
	defer done()
	return errors.Join(err, s.Stop(stopping))
}

// send puts sample records through the API, as any client would.
func send(ctx context.Context, api net.Addr, o Options) error {
	sender := put.Sender{
		Client:   &put.Client{Endpoint: "http://" + api.String(), HTTP: http.DefaultClient},
		Stream:   Stream,
		Patience: time.Minute,
		Linger:   250 * time.Millisecond,
	}
	for ctx.Err() == nil {
		clicks := put.Generate(sample.NewClicks(uint64(time.Now().UnixNano())), 0)
		err := sender.Run(ctx, put.Paced(clicks, o.Rate))
		if ctx.Err() == nil {
			o.Log.Warn("sample records are not taken; trying on", "err", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
	return nil
}
