package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/internal/convert"
	"github.com/hydrant-dev/hydrant/internal/failed"
	"github.com/hydrant-dev/hydrant/internal/job"
	"github.com/hydrant-dev/hydrant/internal/progress"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

func (c *command) errors() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "errors",
		GroupID: "data",
		Short:   "Records that failed: why, which, and deliver them again",
		Long: `Read the error output of streams: the records that could not be converted or
that a destination would not take. The configuration says where it is. hydrant
need not run.`,
		Example: `  hydrant errors ls                      reasons, with counts and examples
  hydrant errors show clicks -n 3        the newest records of a stream
  hydrant errors replay clicks           deliver what would pass now`,
		Args: noSuchCommand,
		RunE: showHelp,
	}
	cmd.AddCommand(c.errorsLs(), c.errorsShow(), c.errorsReplay(), c.errorsExport())
	return cmd
}

// errorFlags choose failed records.
type errorFlags struct {
	since, until, contains string
	types, codes           []string
	quiet                  bool
}

func (f *errorFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "only records that arrived from this `time` on: 2026-11-23T08:00:00Z, 2026-11-23, 2h, 7d")
	flags.StringVar(&f.until, "until", "", "only records that arrived before this `time`")
	flags.StringArrayVar(&f.types, "type", nil, "only this error output `type`, such as processing-failed; may be repeated")
	flags.StringArrayVar(&f.codes, "code", nil, "only this error `code`; may be repeated")
	flags.StringVar(&f.contains, "contains", "", "only records whose bytes or message contain this `text`")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
}

func (f *errorFlags) filter() (*failed.Filter, error) {
	filter := &failed.Filter{Types: f.types, Codes: f.codes, Contains: f.contains}
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
	}{{"--since", f.since, &filter.Since}, {"--until", f.until, &filter.Until}} {
		if bound.text == "" {
			continue
		}
		t, err := failed.When(bound.text, time.Now().UTC())
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("%s: %w", bound.flag, err)}
		}
		*bound.to = t
	}
	return filter, nil
}

func (c *command) errorsLs() *cobra.Command {
	var (
		f      errorFlags
		output outputFlag
	)
	cmd := &cobra.Command{
		Use:   "ls [STREAM...] [flags]",
		Short: "Why records failed: reasons with counts, times and the newest example",
		Long: `List why records of streams failed, all streams if none is named. Records with
the same type, code and message are one line; what differs from record to record
in a message (quoted text, numbers, identifiers) is left out.`,
		Example: `  hydrant errors ls
  hydrant errors ls clicks orders --since 24h
  hydrant errors ls -o json | jq 'map(.records) | add'`,
		Args: arguments(0, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var groups failed.Groups
			err := c.eachFailed(cmd.Context(), &f, args, func(stream string, r *failed.Record) error {
				groups.Add(stream, r)
				return nil
			})
			if err != nil {
				return err
			}
			if output == "json" {
				e := json.NewEncoder(c.stdout)
				e.SetIndent("", "  ")
				return e.Encode(groups.List())
			}
			if len(groups.List()) == 0 {
				_, err := fmt.Fprintln(c.stdout, "no record failed")
				return err
			}
			return failed.WriteGroups(c.stdout, groups.List())
		},
	}
	c.configFlag(cmd)
	f.add(cmd)
	output.add(cmd)
	return cmd
}

func (c *command) errorsShow() *cobra.Command {
	var (
		f      errorFlags
		number int
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "show STREAM [flags]",
		Short: "Show failed records, decoded, with their reasons",
		Long: `Show failed records of a stream, the newest first: when they arrived, why they
failed, where that is written, and the record as it was accepted.`,
		Example: `  hydrant errors show clicks
  hydrant errors show clicks --code DataFormatConversion.ParseError -n 50
  hydrant errors show clicks -n 0 --json | jq -r 'select(.replayed | not) | .data'`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriterSize(c.stdout, 1<<16)
			show := func(r *failed.Record) error {
				if asJSON {
					return failed.WriteJSON(out, args[0], r)
				}
				return failed.WriteText(out, r)
			}
			newest := failed.Newest{Most: number}
			err := c.eachFailed(cmd.Context(), &f, args, func(_ string, r *failed.Record) error {
				if number <= 0 {
					return show(r)
				}
				newest.Add(r)
				return nil
			})
			for _, r := range newest.List() {
				err = errors.Join(err, show(r))
			}
			return errors.Join(err, out.Flush())
		},
	}
	c.configFlag(cmd)
	f.add(cmd)
	cmd.Flags().IntVarP(&number, "number", "n", 10, "show the newest `N`; 0: all, in the order of the objects")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a JSON line for each record")
	return cmd
}

func (c *command) errorsExport() *cobra.Command {
	var (
		f                 errorFlags
		delimiter         string
		asJSON, all, over bool
	)
	cmd := &cobra.Command{
		Use:   "export STREAM [FILE|-] [flags]",
		Short: "Write failed records as they were accepted, to mend them elsewhere",
		Long: `Write the records of a stream that failed, as they were accepted, each followed
by the delimiter. Those that were replayed are left out unless --all is given.
With --json each is a line with its reason, as errors show --json writes it.`,
		Example: `  hydrant errors export clicks > failed.ndjson
  hydrant errors export clicks failed.ndjson --since 24h
  hydrant errors export clicks --type format-conversion-failed | jq -c .user | hydrant put clicks`,
		Args: arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			stream, file := args[0], "-"
			if len(args) > 1 {
				file = args[1]
			}
			end, ok := map[string]string{"newline": "\n", "none": "", "nul": "\x00"}[delimiter]
			if !ok {
				return &exitError{exitUsage, fmt.Errorf("--delimiter %s is not known; write newline, none or nul", delimiter)}
			}
			return c.exportTo(file, over, func(out *bufio.Writer) error {
				return c.eachFailed(cmd.Context(), &f, []string{stream}, func(_ string, r *failed.Record) error {
					switch {
					case r.Replayed && !all:
						return nil
					case asJSON:
						return failed.WriteJSON(out, stream, r)
					}
					if _, err := out.Write(r.Data); err != nil {
						return err
					}
					_, err := out.WriteString(end)
					return err
				})
			})
		},
	}
	c.configFlag(cmd)
	f.add(cmd)
	cmd.Flags().StringVar(&delimiter, "delimiter", "newline", "what follows each record: newline, none, nul")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a JSON line for each record, with its reason")
	cmd.Flags().BoolVar(&all, "all", false, "those that were replayed too")
	cmd.Flags().BoolVarP(&over, "force", "f", false, "replace the file if it exists")
	completeWith(cmd, "delimiter", "newline", "none", "nul")
	return cmd
}

// exportTo opens the output. A file has its name only when it is complete.
func (c *command) exportTo(name string, force bool, write func(*bufio.Writer) error) error {
	if name == "-" {
		out := bufio.NewWriterSize(c.stdout, 1<<20)
		return errors.Join(write(out), out.Flush())
	}
	file, err := convert.Create(name, force)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	if err := errors.Join(write(out), out.Flush()); err != nil {
		file.Discard()
		return err
	}
	_, err = file.Commit()
	return err
}

// eachFailed visits the failed records of streams, all if none is named, and
// shows how far it is.
func (c *command) eachFailed(ctx context.Context, f *errorFlags, names []string, visit func(stream string, r *failed.Record) error) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	config, streams, err := c.streamsNamed(names)
	if err != nil {
		return err
	}
	store, err := job.OpenStore(config.Server.DataDir)
	if err != nil {
		return err
	}
	jobs, err := store.List()
	if err != nil {
		return err
	}
	for _, s := range streams {
		o, err := failed.Open(s, jobs)
		if err != nil {
			return err
		}
		var p failed.Progress
		var bad complaints
		err = c.watched(ctx, f.quiet, s.Name, p.Status, func(ctx context.Context) error {
			return o.Read(ctx, filter, &p, failed.Visitor{
				Record:  func(_ object.Entry, r *failed.Record) error { return visit(s.Name, r) },
				Garbage: func(g failed.Garbage) { bad.add(c, g.String()) },
			})
		})
		bad.end(c)
		if err := errors.Join(err, o.Close()); err != nil {
			return err
		}
	}
	return nil
}

// streamsNamed returns the configuration and the streams of these names, all
// if there is no name.
func (c *command) streamsNamed(names []string) (*configs.Config, []*configs.Stream, error) {
	config, err := c.loadConfig()
	if err != nil || len(names) == 0 {
		if config == nil {
			return nil, nil, err
		}
		return config, config.Streams, err
	}
	var found []*configs.Stream
	for _, name := range names {
		s := config.Stream(name)
		if s == nil {
			return nil, nil, fmt.Errorf("there is no stream %q in the configuration", name)
		}
		found = append(found, s)
	}
	return config, found, nil
}

// watched does something and shows on stderr how far it is.
func (c *command) watched(ctx context.Context, quiet bool, name string, status func(time.Duration) progress.Status, do func(context.Context) error) error {
	display := progress.Display{Out: c.stderr, Terminal: terminal(c.stderr), Name: name}
	showing, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	if !quiet {
		wg.Go(func() { display.Run(showing, status) })
	}
	return do(ctx)
}

// complaints are what does not keep a command from going on. The first few are
// shown.
type complaints struct{ count int }

const shownComplaints = 5

func (b *complaints) add(c *command, text string) {
	if b.count++; b.count <= shownComplaints {
		b.show(c, "left out: "+text)
	}
}

func (b *complaints) end(c *command) {
	if more := b.count - shownComplaints; more > 0 {
		b.show(c, fmt.Sprintf("left out: %d more", more))
	}
}

func (*complaints) show(c *command, text string) {
	clear := ""
	if terminal(c.stderr) {
		clear = "\r\x1b[K" // the progress is drawn again
	}
	fmt.Fprintf(c.stderr, "%s%s\n", clear, lines(text))
}

// ask asks a question that the user has to answer with yes.
func (c *command) ask(question string) (bool, error) {
	fmt.Fprintf(c.stdout, "%s [y/N] ", question)
	answer, err := bufio.NewReader(c.stdin).ReadString('\n')
	if err == io.EOF && answer == "" {
		return false, errors.New("nobody answers; add --yes to go on without a question")
	}
	if err != nil && err != io.EOF {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	switch answer {
	case "y\n", "Y\n", "yes\n", "y", "yes", "y\r\n":
		return true, nil
	}
	return false, nil
}
