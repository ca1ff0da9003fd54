package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/internal/cgroup"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/server"
	"github.com/hydrant-dev/hydrant/stream"
)

// jobFlags are what replay and backfill have in common.
type jobFlags struct {
	yes, quiet, abandon bool
	rate                float64
}

func (f *jobFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.Float64Var(&f.rate, "rate", 0, "at most so many `records` a second; 0: as fast as it goes")
	flags.BoolVar(&f.abandon, "abandon", false, "end a job that was stopped: deliver what it has taken in, and no more")
}

// jobs are the jobs of one stream, which no other process works at.
type jobs struct {
	*command
	config *configs.Config
	stream *configs.Stream
	spec   stream.Spec
	store  *job.Store
	lock   io.Closer // nil: only to look
	list   []*job.Job
	flags  *jobFlags
}

// openJobs reads the configuration and the jobs of a stream. With change, no
// other process may run one until close.
func (c *command) openJobs(name string, f *jobFlags, change bool) (_ *jobs, err error) {
	config, streams, err := c.streamsNamed([]string{name})
	if err != nil {
		return nil, err
	}
	store, err := job.OpenStore(config.Server.DataDir)
	if err != nil {
		return nil, err
	}
	j := &jobs{command: c, config: config, stream: streams[0], store: store, flags: f}
	cgroup.SetMemoryLimit()
	memory := &column.Budget{Limit: min(int64(config.Server.ConversionMemory), debug.SetMemoryLimit(-1)/2)}
	level := config.Server.Log
	level.Level = "warn"
	j.spec = server.Spec(j.stream, server.Env{Lookup: c.Env, Log: c.logger(level), Memory: memory,
		Region: config.Server.API.Region, Account: config.Server.API.Account})
	if change {
		if j.lock, err = store.Lock(name); err != nil {
			return nil, err
		}
	}
	if err := j.read(); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

func (j *jobs) close() error {
	if j.lock == nil {
		return nil
	}
	return j.lock.Close()
}

// read reads the list again, and removes what finished jobs left behind.
func (j *jobs) read() (err error) {
	if j.list, err = j.store.List(); err != nil || j.lock == nil {
		return err
	}
	for _, one := range j.list {
		if one.Stream == j.stream.Name {
			err = errors.Join(err, one.Tidy())
		}
	}
	return err
}

// opener reads the inputs of a job.
type opener func(context.Context, job.Input, *atomic.Int64) (job.Records, error)

// run works at a job until it is finished or ctx is done.
func (j *jobs) run(ctx context.Context, one *job.Job, open opener, again string) error {
	r := job.NewRun(one, job.Options{
		Spec: j.spec, Open: open, Rate: j.flags.rate, Abandon: j.flags.abandon,
		SegmentSize: int64(j.config.Server.Buffer.SegmentSize), MinFree: float64(j.config.Server.Buffer.MinFree),
		Grace: j.config.Server.ShutdownTimeout.Std(),
	})
	var summary job.Summary
	err := j.watched(ctx, j.flags.quiet, one.ID, r.Status, func(ctx context.Context) (err error) {
		summary, err = r.Do(ctx)
		return err
	})
	fmt.Fprintln(j.stdout, lines(summary.String()))
	bad := int(summary.Ledger.Failed.Records)
	switch {
	case err != nil && ctx.Err() != nil:
		return &exitError{exitPartly, fmt.Errorf("stopped; go on with: %s", again)}
	case err != nil:
		return &exitError{exitPartly, fmt.Errorf("%w; go on with: %s", err, again)}
	case bad > 0:
		return &exitError{exitPartly, fmt.Errorf("%s failed and went to the error output; see: hydrant errors show %s --since %s",
			plural(bad, "record"), j.stream.Name, one.Created.Format(time.RFC3339))}
	case summary.SkippedCount > 0:
		return &exitError{exitPartly, fmt.Errorf("%s could not be read; the rest is delivered", plural(summary.SkippedCount, "part"))}
	}
	return nil
}

// confirmed asks the user, unless --yes answers for them.
func (j *jobs) confirmed(question string) (bool, error) {
	if j.flags.yes {
		return true, nil
	}
	return j.ask(question)
}
