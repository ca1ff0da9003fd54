package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/internal/version"
)

func (c *command) version() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:     "version [flags]",
		GroupID: "other",
		Short:   "Version and build",
		Example: `  hydrant version
  hydrant version -o json`,
		Args: arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			v := version.Read()
			if output == "json" {
				b, err := json.MarshalIndent(v, "", "  ")
				if err != nil {
					return fmt.Errorf("write version: %w", err)
				}
				_, err = fmt.Fprintf(c.stdout, "%s\n", b)
				return err
			}
			revision := v.Revision
			if revision != "" {
				revision = " (" + revision + ")"
			}
			_, err := fmt.Fprintf(c.stdout, "hydrant %s%s %s %s\n", v.Version, revision, v.Go, v.Platform)
			return err
		},
	}
	output.add(cmd)
	return cmd
}

// outputFlag is -o.
type outputFlag string

func (o *outputFlag) add(cmd *cobra.Command) {
	*o = "text"
	cmd.Flags().VarP(o, "output", "o", "`format`: text or json")
}

func (o *outputFlag) String() string { return string(*o) }
func (o *outputFlag) Type() string   { return "format" }

func (o *outputFlag) Set(s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("write text or json")
	}
	*o = outputFlag(s)
	return nil
}
