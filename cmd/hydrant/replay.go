package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/internal/failed"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/progress"
	"github.com/hydrant-dev/hydrant/internal/replay"
)

func (c *command) errorsReplay() *cobra.Command {
	var (
		f      errorFlags
		j      jobFlags
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "replay STREAM [flags]",
		Short: "Deliver failed records again: those that would pass now",
		Long: `Deliver failed records of a stream again. First they run through the stream's
conversion as it is configured now, and nothing is sent: what would pass is
counted and shown, with the reasons for the rest. Then those that pass are
delivered, each once, and remembered in the data directory: a second replay
leaves them out. The objects of the error output stay as they are.

hydrant may run meanwhile. Run it on the same machine, as the same user. After
a crash or Ctrl-C the same command goes on where it was stopped.`,
		Example: `  hydrant errors replay clicks --dry-run
  hydrant errors replay clicks --type format-conversion-failed --since 7d
  hydrant errors replay clicks --yes --rate 5000`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			j.quiet = f.quiet
			all, err := c.openJobs(args[0], &j, !dryRun)
			if err != nil {
				return err
			}
			return errors.Join(all.replay(cmd.Context(), filter, dryRun), all.close())
		},
	}
	c.configFlag(cmd)
	f.add(cmd)
	j.add(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would pass")
	return cmd
}

// replay finishes the replay that was stopped, if there is one, and then makes
// a new one.
func (j *jobs) replay(ctx context.Context, filter *failed.Filter, dryRun bool) error {
	again := "hydrant errors replay " + j.stream.Name
	if one := job.Unfinished(j.list, job.Replay, j.stream.Name); one != nil {
		if err := j.finish(ctx, one, again, dryRun); err != nil || dryRun || j.flags.abandon {
			return err
		}
	} else if j.flags.abandon {
		return fmt.Errorf("no replay of stream %s was stopped", j.stream.Name)
	}
	plan, err := j.planReplay(ctx, filter)
	if err != nil {
		return err
	}
	fmt.Fprintln(j.stdout, lines(plan.String()))
	if plan.Records() == 0 {
		fmt.Fprintln(j.stdout, "nothing to replay")
		return nil
	}
	if dryRun {
		return nil
	}
	question := fmt.Sprintf("Replay %s, %s, to stream %s?", progress.Counted(plan.Records(), "record", "records"),
		progress.Size(plan.Bytes), j.stream.Name)
	if yes, err := j.confirmed(question); !yes {
		return err
	}
	one, err := j.store.Create(plan.Manifest())
	if err != nil {
		return err
	}
	return j.runReplay(ctx, one, again)
}

// finish works at a replay that was stopped.
func (j *jobs) finish(ctx context.Context, one *job.Job, again string, dryRun bool) error {
	fmt.Fprintf(j.stdout, "%s was stopped before its %s were delivered; it goes on first\n", one.ID,
		progress.Counted(one.Records, "record", "records"))
	if dryRun {
		fmt.Fprintf(j.stdout, "without --dry-run: %s\n", again)
		return nil
	}
	question := "Go on?"
	if j.flags.abandon {
		question = "Deliver what it has taken in, and give up the rest?"
	}
	yes, err := j.confirmed(question)
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("it is not finished; go on later, or end it with --abandon")
	}
	if err := j.runReplay(ctx, one, again); err != nil {
		return err
	}
	return j.read()
}

func (j *jobs) runReplay(ctx context.Context, one *job.Job, again string) error {
	o, err := failed.Open(j.stream, j.list)
	if err != nil {
		return err
	}
	if o.Place.String() != one.From {
		err = fmt.Errorf("job %s reads %s, but the configuration says %s now; put it back, or end the job with --abandon", one.ID, one.From, o.Place)
	}
	if err == nil || j.flags.abandon {
		err = j.run(ctx, one, replay.Open(o), again)
	}
	return errors.Join(err, o.Close())
}

// planReplay looks for what would pass today.
func (j *jobs) planReplay(ctx context.Context, filter *failed.Filter) (*replay.Plan, error) {
	o, err := failed.Open(j.stream, j.list)
	if err != nil {
		return nil, err
	}
	decisions, err := j.store.Decisions(j.stream.Name)
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	var (
		plan *replay.Plan
		p    failed.Progress
		bad  complaints
	)
	err = j.watched(ctx, j.flags.quiet, j.stream.Name, p.Status, func(ctx context.Context) (err error) {
		plan, err = replay.New(ctx, o, replay.Options{
			Spec: j.spec, Decisions: decisions, Filter: filter, Progress: &p,
			Garbage: func(g failed.Garbage) { bad.add(j.command, g.String()) },
		})
		return err
	})
	bad.end(j.command)
	return plan, errors.Join(err, o.Close())
}
