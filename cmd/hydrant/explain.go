package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
)

func (c *command) explain() *cobra.Command {
	var effective bool
	var stream string
	cmd := &cobra.Command{
		Use:     "explain [PATH] [flags]",
		GroupID: "configs",
		Short:   "Reference for one field; --effective: your configuration with every default; --schema: columns",
		Example: `  hydrant explain                                        everything
  hydrant explain server.buffer                          a part
  hydrant explain streams.clicks.destination.s3.prefix   one field
  hydrant explain --effective -c hydrant.yaml            your configuration, every default filled in, secrets hidden
  hydrant explain --schema clicks -c hydrant.yaml        columns of the stream's files, inferred or configured`,
		Args: arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case effective:
				return c.effective()
			case stream != "":
				return c.schemaOf(stream)
			}
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			text, err := configs.Explain(path)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.stdout, text)
			return err
		},
	}
	c.configFlag(cmd)
	cmd.Flags().BoolVar(&effective, "effective", false, "print your configuration with every default filled in")
	cmd.Flags().StringVar(&stream, "schema", "", "print the columns of a `stream` that converts its records")
	return cmd
}

func (c *command) effective() error {
	config, err := c.loadConfig()
	if err != nil {
		return err
	}
	text, err := configs.Effective(config)
	if err != nil {
		return err
	}
	_, err = c.stdout.Write(text)
	return err
}

// loadConfig reads the configuration for commands that need a right one.
func (c *command) loadConfig() (*configs.Config, error) {
	paths, err := c.configPaths()
	if err != nil {
		return nil, err
	}
	config, problems := configs.Load(paths, c.Env)
	if problems.Failed() {
		if err := problems.Render(c.stderr, c.coloured(c.stderr)); err != nil {
			return nil, err
		}
		return nil, &exitError{code: exitProblems}
	}
	return config, nil
}
