package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
)

func (c *command) explain() *cobra.Command {
	var effective bool
	cmd := &cobra.Command{
		Use:     "explain [PATH] [flags]",
		GroupID: "configs",
		Short:   "Reference for one field, or --effective: your configuration with every default",
		Example: `  hydrant explain                                        everything
  hydrant explain server.buffer                          a part
  hydrant explain streams.clicks.destination.s3.prefix   one field
  hydrant explain --effective -c hydrant.yaml            your configuration, every default filled in, secrets hidden`,
		Args: arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if effective {
				return c.effective()
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
