package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "hydrant",
		Short: "Delivery streams for your own infrastructure, compatible with Amazon Data Firehose.",
		Example: `  hydrant dev                      try it: everything in one process, with sample data
  hydrant check -c hydrant.yaml    find mistakes in a configuration
  hydrant run -c hydrant.yaml      run the streams in it`,
		SilenceUsage:     true,
		SilenceErrors:    true,
		Args:             noSuchCommand,
		RunE:             showHelp,
		PersistentPreRun: func(*cobra.Command, []string) { c.started = true },
	}
	root.AddGroup(
		&cobra.Group{ID: "start", Title: "Start"},
		&cobra.Group{ID: "configs", Title: "Write configs"},
		&cobra.Group{ID: "data", Title: "Data"},
		&cobra.Group{ID: "other", Title: "Other"},
	)
	root.AddCommand(
		c.dev(), c.run(),
		c.check(), c.explain(), c.schema(),
		c.put(), c.convert(), c.inspect(), c.errors(), c.backfill(), c.buffer(),
		c.ready(), c.version(),
	)
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(usageTemplate)
	return root
}

// Examples come first: they answer most questions.
const (
	helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

	usageTemplate = `{{if .HasExample}}Examples
{{.Example | trimTrailingWhitespaces}}

{{end}}Usage
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if .Groups}}{{range $group := .Groups}}
{{.Title}}{{range $cmds}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name 12}} {{.Short}}{{end}}{{end}}
{{end}}{{else}}
Commands{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name 12}} {{.Short}}{{end}}{{end}}
{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Flags
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableSubCommands}}
More about a command: {{.CommandPath}} COMMAND --help
{{end}}`
)

// showHelp is what a command does that only holds others.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// noSuchCommand says which command was meant.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	help := fmt.Sprintf("see %s --help", cmd.CommandPath())
	if near := nearest(args[0], names); near != "" {
		help = fmt.Sprintf("did you mean %s %s? %s", cmd.CommandPath(), near, help)
	}
	return fmt.Errorf("there is no command %q; %s", args[0], help)
}

// flagError says which flag was meant and how to see them all.
func flagError(cmd *cobra.Command, err error) error {
	help := fmt.Sprintf("see %s --help", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(unknown.GetSpecifiedName(), names); near != "" {
			help = "did you mean --" + near + "? " + help
		}
	}
	return fmt.Errorf("%w; %s", err, help)
}

// arguments checks how many there are and says what they are.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		what := "too many arguments"
		if len(args) < least {
			what = "an argument is missing"
		}
		return fmt.Errorf("%s; write: %s", what, cmd.UseLine())
	}
}

// configFlag adds -c and remembers its value.
func (c *command) configFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&c.config, "config", "c", nil,
		"configuration `file` or folder, may be repeated (default hydrant.yaml, else /etc/hydrant)")
}

// configPaths returns what -c says, or where a configuration usually is.
func (c *command) configPaths() ([]string, error) {
	if len(c.config) > 0 {
		return c.config, nil
	}
	for _, path := range []string{"hydrant.yaml", "/etc/hydrant"} {
		if _, err := os.Stat(path); err == nil {
			return []string{path}, nil
		}
	}
	return nil, errors.New("there is no hydrant.yaml here and no /etc/hydrant; name the configuration with -c, or try hydrant dev, which needs none")
}

// nearest returns the name that differs in the fewest letters from word, or
// "" if all are far away.
func nearest(word string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		d := distance(word, name)
		if strings.HasPrefix(name, word) && len(word) > 1 {
			d = 1
		}
		if d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
