package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/internal/progress"
	"github.com/hydrant-dev/hydrant/internal/put"
	"github.com/hydrant-dev/hydrant/internal/sample"
)

// putFlags are the flags of put.
type putFlags struct {
	endpoint, caFile, generate string
	wholeFile, quiet           bool
	count                      int64
	seed                       uint64
	rate                       float64
	connections                int
	patience                   time.Duration
}

func (c *command) put() *cobra.Command {
	var f putFlags
	cmd := &cobra.Command{
		Use:     "put STREAM [FILE...|-] [flags]",
		GroupID: "data",
		Short:   "Send records from files, standard input or the sample generator",
		Long: `Send records to a delivery stream: a record for each line, with PutRecordBatch.
What the server could not take is sent again. A request whose answer got lost
is sent again too, so a record may be stored twice then, as with any client.

Requests are signed if AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set.`,
		Example: `  hydrant put clicks clicks.ndjson
  tail -F access.log | hydrant put logs
  hydrant put images --whole-file a.png b.png              a record for each file
  hydrant put demo --generate clicks --count 1000000       as fast as it goes
  hydrant put demo --generate clicks --rate 100            until Ctrl-C`,
		Args: arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.send(cmd.Context(), &f, args[0], args[1:]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the API (default $AWS_ENDPOINT_URL_FIREHOSE, else http://127.0.0.1:4573)")
	flags.StringVar(&f.caFile, "ca", "", "`file` with the certificate to trust, for https")
	flags.BoolVar(&f.wholeFile, "whole-file", false, "one record for each file")
	flags.StringVar(&f.generate, "generate", "", "make records instead of reading them; `kind`: clicks")
	flags.Int64Var(&f.count, "count", 0, "`number` of records to make; 0: until Ctrl-C")
	flags.Uint64Var(&f.seed, "seed", 1, "`number` that decides what is made")
	flags.Float64Var(&f.rate, "rate", 0, "at most so many `records` a second; 0: as fast as it goes")
	flags.IntVar(&f.connections, "connections", 4, "requests at a time; 1 keeps the order of the records")
	flags.DurationVar(&f.patience, "retry", time.Minute, "how long to try again when nothing works")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	return cmd
}

func (c *command) send(ctx context.Context, f *putFlags, stream string, files []string) error {
	client, err := c.client(f)
	if err != nil {
		return err
	}
	from, total, err := c.records(f, files)
	if err != nil {
		return err
	}
	sender := &put.Sender{
		Client: client, Stream: stream, Connections: f.connections,
		Patience: f.patience, Linger: 250 * time.Millisecond,
	}
	display := progress.Display{Out: c.stderr, Terminal: terminal(c.stderr), Name: stream}
	showing, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	if !f.quiet {
		wg.Go(func() {
			display.Run(showing, func(took time.Duration) progress.Status {
				return sender.Progress().Status(took, f.count, total)
			})
		})
	}
	begun := time.Now()
	err = sender.Run(ctx, put.Paced(from, f.rate))
	stop()
	wg.Wait()
	p := sender.Progress()
	fmt.Fprintln(c.stdout, put.Summary(stream, p, time.Since(begun)))
	if ctx.Err() != nil && f.generate != "" && f.count == 0 {
		return nil // Ctrl-C is how it was meant to end
	}
	return putResult(client.Endpoint, p, err)
}

// putResult is the error, with the exit code it deserves.
func putResult(endpoint string, p put.Progress, err error) error {
	var (
		network   *net.OpError
		untrusted *tls.CertificateVerificationError
	)
	switch {
	case err == nil && p.TooLarge == 0:
		return nil
	case err == nil:
		err = fmt.Errorf("%s left out; make them smaller than 1,024,000 bytes", plural(int(p.TooLarge), "record"))
	case errors.As(err, &untrusted):
		err = fmt.Errorf("%w; if it is hydrant's own certificate, trust it with --ca and its ca.pem", err)
	case errors.As(err, &network) && network.Op == "dial" && p.Records == 0:
		return &exitError{exitUnreachable, fmt.Errorf("%w; is hydrant running at %s? name another place with --endpoint", err, endpoint)}
	}
	if p.Records > 0 {
		return &exitError{exitPartly, err}
	}
	return err
}

func (c *command) client(f *putFlags) (*put.Client, error) {
	get := func(names ...string) string {
		for _, name := range names {
			if v, _ := c.Env(name); v != "" {
				return v
			}
		}
		return ""
	}
	endpoint := f.endpoint
	if endpoint == "" {
		endpoint = get("AWS_ENDPOINT_URL_FIREHOSE", "AWS_ENDPOINT_URL")
	}
	if endpoint == "" {
		endpoint = "http://127.0.0.1:4573"
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an endpoint; write one like http://127.0.0.1:4573", endpoint)
	}
	region := get("AWS_REGION", "AWS_DEFAULT_REGION")
	if region == "" {
		region = "us-east-1"
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: f.connections, IdleConnTimeout: time.Minute,
		ResponseHeaderTimeout: time.Minute,
	}
	if f.caFile != "" {
		text, err := os.ReadFile(f.caFile)
		if err != nil {
			return nil, fmt.Errorf("read --ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read --ca: %s has no PEM certificate", f.caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &put.Client{
		Endpoint: endpoint, Region: region,
		AccessKeyID:  get("AWS_ACCESS_KEY_ID"),
		Secret:       field.NewSecret(get("AWS_SECRET_ACCESS_KEY")),
		SessionToken: field.NewSecret(get("AWS_SESSION_TOKEN")),
		HTTP:         &http.Client{Transport: transport},
	}, nil
}

// records returns what to send, and how many bytes that will be if it is known.
func (c *command) records(f *putFlags, files []string) (put.Source, int64, error) {
	switch {
	case f.generate == "clicks" && len(files) == 0:
		return put.Generate(sample.NewClicks(f.seed), f.count), 0, nil
	case f.generate != "" && len(files) > 0:
		return nil, 0, errors.New("--generate makes records and FILE has some; leave one out")
	case f.generate != "":
		return nil, 0, fmt.Errorf("%q cannot be generated; write --generate clicks", f.generate)
	case f.count != 0:
		return nil, 0, errors.New("--count goes with --generate; use head -n to send a part of a file")
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	cut := put.Lines
	if f.wholeFile {
		cut = put.Whole
	}
	var (
		all   []put.Source
		total int64
	)
	for _, name := range files {
		if name == "-" {
			all, total = append(all, cut(c.stdin)), -1<<62
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, 0, fmt.Errorf("open records: %w", err)
		}
		total += info.Size()
		all = append(all, put.Open(func() (io.ReadCloser, error) { return os.Open(name) }, cut))
	}
	return put.Sequence(all...), max(total, 0), nil
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func join(words []string) string { return strings.Join(words, ", ") }
