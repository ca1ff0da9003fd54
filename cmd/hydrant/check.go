package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/internal/probe"
)

func (c *command) check() *cobra.Command {
	var (
		connect bool
		timeout time.Duration
		output  outputFlag
	)
	cmd := &cobra.Command{
		Use:     "check [flags]",
		GroupID: "configs",
		Short:   "Find mistakes; with --connect also try every destination",
		Example: `  hydrant check                               the configuration in ./hydrant.yaml
  hydrant check -c staging.yaml --connect     and whether its destinations would take objects
  hydrant check -c hydrant.yaml -o json       for tools`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			paths, err := c.configPaths()
			if err != nil {
				return err
			}
			config, problems := configs.Load(paths, c.Env)
			var found []probe.Result
			if connect && !problems.Failed() {
				ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
				defer cancel()
				found = probe.All(ctx, config.Streams)
			}
			if output == "json" {
				err = writeJSON(c.stdout, problems, found)
			} else {
				err = c.writeCheck(paths, config, problems, found)
			}
			if err != nil {
				return err
			}
			if problems.Failed() || probe.Failed(found) {
				return &exitError{code: exitProblems}
			}
			return nil
		},
	}
	c.configFlag(cmd)
	cmd.Flags().BoolVar(&connect, "connect", false, "try every destination: a small object is written and deleted")
	cmd.Flags().DurationVar(&timeout, "timeout", 15*time.Second, "how long to try with --connect")
	output.add(cmd)
	return cmd
}

func (c *command) writeCheck(paths []string, config *configs.Config, problems configs.Problems, found []probe.Result) error {
	if len(problems) > 0 {
		if err := problems.Render(c.stdout, c.coloured(c.stdout)); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(c.stdout, "%s: %s, no problems\n", join(paths), plural(len(config.Streams), "stream")); err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	fmt.Fprintln(c.stdout)
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, r := range found {
		text := r.Found
		if r.Problem != "" {
			text = "FAILED: " + r.Problem
		}
		fmt.Fprintf(w, "  %s\t%s\t%d ms\t%s\n", r.Stream, r.Destination, r.Took.Milliseconds(), lines(text))
	}
	return w.Flush()
}

func writeJSON(w io.Writer, problems configs.Problems, found []probe.Result) error {
	list, err := problems.JSON()
	if err != nil {
		return err
	}
	out := struct {
		Problems     json.RawMessage `json:"problems"`
		Destinations []probe.Result  `json:"destinations,omitempty"`
	}{list, found}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
