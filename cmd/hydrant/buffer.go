package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/configs"
)

func (c *command) buffer() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "buffer",
		GroupID: "data",
		Short:   "Look into the buffer on disk: check it, save records from it",
		Example: `  hydrant buffer check /var/lib/hydrant
  hydrant buffer export clicks > clicks.ndjson`,
		Args: noSuchCommand,
		RunE: showHelp,
	}
	cmd.AddCommand(c.bufferCheck(), c.bufferExport(), c.bufferRelease())
	return cmd
}

func (c *command) bufferCheck() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "check [DIR] [flags]",
		Short: "Read everything in a data directory and say what is damaged",
		Long: `Read everything in a data directory, as a start and the delivery would, and
say what is in it and what is damaged. Changes nothing; hydrant may be running.
DIR is server.data_dir of the configuration if it is not given.`,
		Example: `  hydrant buffer check
  hydrant buffer check /var/lib/hydrant -o json`,
		Args: arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			fsys, err := c.openData(args)
			if err != nil {
				return err
			}
			report, err := buffer.CheckDir(fsys)
			if err != nil {
				return err
			}
			if output == "json" {
				e := json.NewEncoder(c.stdout)
				e.SetIndent("", "  ")
				err = e.Encode(report)
			} else {
				err = c.writeReport(report)
			}
			if err == nil && len(report.Damages) > 0 {
				err = &exitError{exitProblems, fmt.Errorf("%s; a start quarantines what is damaged, counts what is lost and delivers the rest",
					plural(len(report.Damages), "damaged place"))}
			}
			return err
		},
	}
	c.configFlag(cmd)
	output.add(cmd)
	return cmd
}

func (c *command) writeReport(r buffer.Report) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STREAM\tSHARD\tFILES\tBYTES\tACCEPTED\tDELIVERED\tFAILED\tDROPPED\tLOST\tBUFFERED\tOLDEST")
	for _, s := range r.Streams {
		for _, sh := range s.Shards {
			oldest := "-"
			if !sh.Oldest.IsZero() {
				oldest = sh.Oldest.UTC().Format(time.RFC3339)
			}
			l := sh.Ledger
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", s.Name, sh.Number, sh.Segments, sh.Bytes,
				l.Accepted.Records, l.Delivered.Records, l.Failed.Records, l.Dropped.Records, l.Lost.Records, l.Buffered.Records, oldest)
		}
		for _, sh := range s.Shards {
			for _, f := range sh.Followers {
				oldest := "-"
				if !f.Oldest.IsZero() {
					oldest = f.Oldest.UTC().Format(time.RFC3339)
				}
				l := f.Ledger
				fmt.Fprintf(w, "%s < %s\t%d\t-\t-\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", f.Stream, s.Name, sh.Number,
					l.Accepted.Records, l.Delivered.Records, l.Failed.Records, l.Dropped.Records, l.Lost.Records, l.Buffered.Records, oldest)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, d := range r.Damages {
		fmt.Fprintln(c.stdout, lines(d.String()))
	}
	for _, name := range r.Foreign {
		fmt.Fprintf(c.stdout, "%s is not hydrant's\n", lines(name))
	}
	return nil
}

func (c *command) bufferExport() *cobra.Command {
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "export STREAM [flags]",
		Short: "Write the records of a stream that are not delivered",
		Long: `Write the records of a stream that are not delivered to standard output, each
followed by a newline. Changes nothing: they stay in the buffer. With --json
each is a line with its position, its arrival and its bytes in base64.`,
		Example: `  hydrant buffer export clicks > clicks.ndjson
  hydrant buffer export clicks --all --json --dir /backup/hydrant`,
		Args: arguments(1, 1),
	}
	var dir string
	c.configFlag(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "data `directory` (default server.data_dir of the configuration)")
	cmd.Flags().BoolVar(&all, "all", false, "delivered records too, as far as they are still on disk")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a JSON line for each record")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		var where []string
		if dir != "" {
			where = []string{dir}
		}
		fsys, err := c.openData(where)
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(c.stdout, 1<<20)
		write := rawRecord
		if asJSON {
			write = jsonRecord
		}
		err = buffer.ExportDir(fsys, args[0], all, func(r buffer.Record) error { return write(out, r) })
		return errors.Join(err, out.Flush())
	}
	return cmd
}

func (c *command) bufferRelease() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "release STREAM [flags]",
		Short: "Give up what a stream has not delivered of the streams it follows",
		Long: `Give up what a stream has not delivered of the streams it follows, so that it
does not hold back their logs any longer. For a stream that left the
configuration for good. What is given up counts as dropped; save it first with
hydrant buffer export. hydrant must not be running. The stream's own records,
if it has any, and those of all other streams stay.`,
		Example: `  hydrant buffer export web-alerts > web-alerts.ndjson
  hydrant buffer release web-alerts`,
		Args: arguments(1, 1),
	}
	c.configFlag(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "data `directory` (default server.data_dir of the configuration)")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		var where []string
		if dir != "" {
			where = []string{dir}
		}
		fsys, err := c.openData(where)
		if err != nil {
			return err
		}
		released, err := buffer.ReleaseDir(fsys, args[0])
		for _, r := range released {
			fmt.Fprintf(c.stdout, "%s: gave up %s of %s\n", args[0], plural(int(r.Waiting.Records), "record"), r.Stream)
		}
		if err == nil && len(released) == 0 {
			fmt.Fprintf(c.stdout, "%s holds no log back\n", args[0])
		}
		return err
	}
	return cmd
}

func rawRecord(w *bufio.Writer, r buffer.Record) error {
	if _, err := w.Write(r.Data); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

func jsonRecord(w *bufio.Writer, r buffer.Record) error {
	return json.NewEncoder(w).Encode(struct {
		Position string    `json:"position"`
		Arrival  time.Time `json:"arrival"`
		Data     []byte    `json:"data"` // base64
	}{r.Pos.String(), r.Arrival, r.Data})
}

// openData opens the data directory that is named, else the configured one.
func (c *command) openData(args []string) (vfs.FS, error) {
	dir := configs.DefaultServer().DataDir
	if len(args) > 0 {
		dir = args[0]
	} else if _, err := c.configPaths(); err == nil {
		config, err := c.loadConfig()
		if err != nil {
			return nil, err
		}
		dir = config.Server.DataDir
	}
	if _, err := os.Stat(dir); err != nil { // looking must not create it
		return nil, fmt.Errorf("open data directory: %w; name it on the command line", err)
	}
	return vfs.OS(dir)
}
