package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/internal/dev"
	"github.com/hydrant-dev/hydrant/internal/logs"
)

func (c *command) dev() *cobra.Command {
	o := dev.Options{Env: c.Env}
	var ephemeral, noDemo, printConfig bool
	var format string
	cmd := &cobra.Command{
		Use:     "dev [flags]",
		GroupID: "start",
		Short:   "Try it: everything in one process, with sample data",
		Long: `Try hydrant with nothing else installed: the Firehose API, a delivery stream
named demo, a folder in the place of object storage, and sample records.
Listens on this machine only. Not for production.`,
		Example: `  hydrant dev                                  state and objects are in ./.hydrant
  hydrant dev --ephemeral                      keep nothing
  hydrant dev --port 4583 --admin-port 4584    beside another one
  hydrant dev --format json.gz                 records as they come, in gzip, instead of Parquet
  hydrant dev --print-config > hydrant.yaml    start your own configuration from it`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if ephemeral && cmd.Flags().Changed("dir") {
				return &exitError{exitUsage, errors.New("--dir keeps and --ephemeral does not; leave one out")}
			}
			if o.Rate <= 0 {
				return &exitError{exitUsage, errors.New("--rate needs a number above 0; for no records at all there is --no-demo")}
			}
			if o.Format = dev.Format(format); !slices.Contains(dev.Formats(), o.Format) {
				return &exitError{exitUsage, fmt.Errorf("--format %s is not known; write parquet or json.gz", format)}
			}
			o.Demo = !noDemo
			o.Colour = c.coloured(c.stdout)
			if printConfig {
				text, err := dev.Config(o)
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(c.stdout, text)
				return err
			}
			if ephemeral {
				if o.Dir, err = os.MkdirTemp("", "hydrant-dev-"); err != nil {
					return fmt.Errorf("create temporary folder: %w", err)
				}
				defer func() {
					if e := os.RemoveAll(o.Dir); err == nil && e != nil {
						err = fmt.Errorf("remove temporary folder: %w", e)
					}
				}()
			}
			o.Log = logs.New(c.stderr, logs.Options{
				Format: logs.Text, Level: slog.LevelWarn, Colour: c.coloured(c.stderr),
			})
			return dev.Run(cmd.Context(), c.stdout, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", ".hydrant", "`folder` for state and objects")
	f.BoolVar(&ephemeral, "ephemeral", false, "keep everything in a temporary folder and remove it at the end")
	f.IntVar(&o.Port, "port", 4573, "`port` of the Firehose API; 0: any that is free")
	f.IntVar(&o.AdminPort, "admin-port", 4574, "`port` for metrics and health; 0: any that is free")
	f.BoolVar(&noDemo, "no-demo", false, "send no sample records")
	f.Float64Var(&o.Rate, "rate", 20, "sample `records` a second")
	f.StringVar(&format, "format", string(dev.Parquet), "what objects are: parquet or json.gz")
	f.BoolVar(&printConfig, "print-config", false, "print the configuration of dev mode and exit")
	return cmd
}
