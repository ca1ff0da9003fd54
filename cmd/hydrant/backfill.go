package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/internal/backfill"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/progress"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// backfillFlags are the flags of backfill.
type backfillFlags struct {
	jobFlags
	from, connection, endpoint, region string
	again                              bool
}

func (c *command) backfill() *cobra.Command {
	var f backfillFlags
	cmd := &cobra.Command{
		Use:     "backfill STREAM --from PATH|s3://BUCKET/PREFIX [flags]",
		GroupID: "data",
		Short:   "Send files or objects of old records through a stream",
		Long: `Send the records of files or objects through a stream's delivery, each once: a
record for each line, or for each row of a Parquet file, as JSON. gzip,
Zstandard, Snappy and bzip2 are recognised by their content.

--from is a file, a folder, s3://bucket/prefix, or a pattern of either. What it
stands for is listed once, at the start. After a crash or Ctrl-C the same command
goes on where it was stopped, and objects that an earlier backfill delivered are
left out. hydrant may run meanwhile: run it on the same machine, as the same
user.`,
		Example: `  hydrant backfill clicks --from /archive/clicks/2026/
  hydrant backfill clicks --from 's3://archive/clicks/2026/11/*.gz' --connection minio
  hydrant backfill clicks --from old.parquet --yes --rate 20000`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.from == "" && !f.abandon {
				return &exitError{exitUsage, errors.New("where are the records? write --from PATH or --from s3://bucket/prefix")}
			}
			all, err := c.openJobs(args[0], &f.jobFlags, true)
			if err != nil {
				return err
			}
			return errors.Join(all.backfill(cmd.Context(), &f), all.close())
		},
	}
	c.configFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "a file, a folder, `s3://bucket/prefix`, or a pattern")
	flags.StringVar(&f.connection, "connection", "", "`name` of the s3 connection in the configuration to read with")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the storage to read from (default $AWS_ENDPOINT_URL_S3, else Amazon S3)")
	flags.StringVar(&f.region, "region", "", "`region` to sign for (default $AWS_REGION, else us-east-1)")
	flags.BoolVar(&f.again, "again", false, "send objects that an earlier backfill delivered once more")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	f.add(cmd)
	return cmd
}

// backfill finishes the backfill that was stopped, or begins one.
func (j *jobs) backfill(ctx context.Context, f *backfillFlags) (err error) {
	one := job.Unfinished(j.list, job.Backfill, j.stream.Name)
	switch {
	case f.abandon && one == nil:
		return fmt.Errorf("no backfill of stream %s was stopped", j.stream.Name)
	case f.abandon:
		if yes, err := j.confirmed(fmt.Sprintf("Give up what %s has not taken in from %s?", one.ID, one.Source)); !yes {
			return err
		}
		return j.run(ctx, one, nil, j.again(one.Source))
	case one != nil && one.Source != f.from:
		return fmt.Errorf("a backfill from %s was stopped; finish it first: %s; or end it with --abandon", one.Source, j.again(one.Source))
	}
	connection, err := j.connection(f)
	if err != nil {
		return err
	}
	source, err := backfill.Open(f.from, connection)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if one != nil {
		fmt.Fprintf(j.stdout, "%s was stopped; it goes on: %s from %s\n", one.ID,
			progress.Counted(int64(len(one.Inputs)), "object", "objects"), lines(one.Source))
		if source.Place.String() != one.From {
			return fmt.Errorf("%s is %s now, and was %s; end the job with --abandon", f.from, source.Place, one.From)
		}
	} else if one, err = j.newBackfill(ctx, f, source); one == nil {
		return err
	}
	return j.run(ctx, one, backfill.Records(source), j.again(one.Source))
}

// newBackfill lists the objects, asks, and makes the job. It returns nil if
// there is nothing to do.
func (j *jobs) newBackfill(ctx context.Context, f *backfillFlags, source *backfill.Source) (*job.Job, error) {
	list := j.list
	if f.again {
		list = nil
	}
	var plan *backfill.Plan
	listing := func(time.Duration) progress.Status { return progress.Status{Text: "listing " + source.Name()} }
	err := j.watched(ctx, f.quiet, j.stream.Name, listing, func(ctx context.Context) (err error) {
		plan, err = source.Find(ctx, job.Take(list, job.Backfill, j.stream.Name, source.Place.String()))
		return err
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(j.stdout, "%s <- %s  %s  %s\n", j.stream.Name, lines(source.Name()),
		progress.Counted(int64(len(plan.Inputs)), "object", "objects"), progress.Size(plan.Bytes))
	if plan.Delivered > 0 {
		fmt.Fprintf(j.stdout, "%s left out: an earlier backfill delivered them; --again sends them once more\n",
			progress.Counted(int64(plan.Delivered), "object", "objects"))
	}
	if len(plan.Inputs) == 0 {
		fmt.Fprintln(j.stdout, "nothing to send")
		return nil, nil
	}
	if yes, err := j.confirmed("Start?"); !yes {
		return nil, err
	}
	decisions, err := j.store.Decisions(j.stream.Name)
	if err != nil {
		return nil, err
	}
	return j.store.Create(job.Manifest{
		Kind: job.Backfill, Stream: j.stream.Name, From: source.Place.String(), Source: source.Name(),
		Inputs: plan.Inputs, Decisions: decisions,
	})
}

// again is the command that goes on.
func (j *jobs) again(source string) string {
	return fmt.Sprintf("hydrant backfill %s --from '%s'", j.stream.Name, source)
}

// connection is how to reach the storage that is read.
func (j *jobs) connection(f *backfillFlags) (*s3.Connection, error) {
	if f.connection == "" {
		return j.storage(f.endpoint, f.region), nil
	}
	if f.endpoint != "" || f.region != "" {
		return nil, errors.New("--connection says where the storage is; leave out --endpoint and --region")
	}
	for _, named := range j.config.Connections {
		if c, ok := named.Config.(*s3.Connection); ok && named.Name == f.connection {
			return c, nil
		}
	}
	return nil, fmt.Errorf("there is no s3 connection %q in the configuration", f.connection)
}
