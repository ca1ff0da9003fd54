package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hydrant-dev/hydrant/internal/inspect"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// inspectFlags are the flags of inspect.
type inspectFlags struct {
	rows             int
	asJSON           bool
	output           outputFlag
	endpoint, region string
}

func (c *command) inspect() *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use:     "inspect FILE|URL [flags]",
		GroupID: "data",
		Short:   "What is in a Parquet, ORC, Arrow, gzip or JSON object, here or in S3",
		Long: `Say what is in an object: its kind, columns, row groups, encodings, sizes,
statistics, and the first rows. It knows Parquet, ORC and Arrow IPC files; JSON
records and Firehose's error records, plain or in gzip, ZIP, Snappy, Zstandard
or bzip2. Of an object in S3 only the parts that are needed are read, with the
credentials that the environment, the shared credentials file or the machine's
role give.`,
		Example: `  hydrant inspect clicks.parquet
  hydrant inspect s3://lake/clicks/2026/11/23/08/clicks-1.parquet -n 20
  hydrant inspect s3://lake/errors/clicks-2.gz --endpoint http://minio:9000
  hydrant inspect clicks.orc -o json | jq .columns`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.asJSON {
				f.output = "json"
			}
			return c.runInspect(cmd.Context(), &f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&f.rows, "rows", "n", 5, "how many `rows` to show")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the storage (default $AWS_ENDPOINT_URL_S3, else Amazon S3)")
	flags.StringVar(&f.region, "region", "", "`region` to sign for (default $AWS_REGION, else us-east-1)")
	f.output.add(cmd)
	flags.BoolVar(&f.asJSON, "json", false, "the same as -o json")
	completeWith(cmd, "output", "text", "json")
	return cmd
}

func (c *command) runInspect(ctx context.Context, f *inspectFlags, name string) error {
	if f.rows < 0 {
		return errors.New("-n needs a number from 0 on")
	}
	object, closer, err := c.openObject(ctx, f, name)
	if err != nil {
		return err
	}
	defer closer.Close() // nothing was written
	report, err := inspect.Inspect(object, f.rows)
	if err != nil {
		return err
	}
	if f.output == "json" {
		return report.JSON(c.stdout)
	}
	style := inspect.Style{Colour: c.coloured(c.stdout)}
	if file, ok := c.stdout.(*os.File); ok && terminal(file) {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			style.Width = width
		}
	}
	return report.Text(c.stdout, style)
}

// openObject opens a file of this machine or an object in S3.
func (c *command) openObject(ctx context.Context, f *inspectFlags, name string) (inspect.Object, io.Closer, error) {
	rest, ok := strings.CutPrefix(name, "s3://")
	if !ok {
		if scheme, _, ok := strings.Cut(name, "://"); ok && scheme != "file" {
			return inspect.Object{}, nil, fmt.Errorf("open %s: %s:// is not known; name a file, file:///path or s3://bucket/key", name, scheme)
		}
		return inspect.OpenFile(name)
	}
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" || key == "" {
		return inspect.Object{}, nil, fmt.Errorf("open %s: write s3://bucket/key", name)
	}
	object, err := c.storage(f.endpoint, f.region).Open(ctx, bucket, key)
	if err != nil {
		return inspect.Object{}, nil, err
	}
	return inspect.InBlocks(inspect.Object{Name: name, ReaderAt: object, Size: object.Size()}), object, nil
}

// storage is how to reach S3 by flags and the environment.
func (c *command) storage(endpoint, region string) *s3.Connection {
	env := func(name string) string { v, _ := c.Env(name); return v }
	connection := s3.DefaultConnection()
	connection.Endpoint = cmp.Or(endpoint, env("AWS_ENDPOINT_URL_S3"), env("AWS_ENDPOINT_URL"))
	connection.Region = cmp.Or(region, env("AWS_REGION"), env("AWS_DEFAULT_REGION"), connection.Region)
	return connection
}
