package main

import (
	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
)

func (c *command) schema() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		GroupID: "configs",
		Short:   "Print the JSON Schema of the configuration",
		Long: `Print the JSON Schema of the configuration, for editors. A file uses it with its first line:

  # yaml-language-server: $schema=hydrant.schema.json`,
		Example: `  hydrant schema > hydrant.schema.json`,
		Args:    arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			_, err := c.stdout.Write(configs.Schema())
			return err
		},
	}
}
