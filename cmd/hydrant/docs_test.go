package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
)

// documents are what people read; all of them are checked.
func documents(t *testing.T) map[string]string {
	t.Helper()
	top := filepath.Join("..", "..")
	names, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil || len(names) < 5 {
		t.Fatalf("found %d documents (%v)", len(names), err)
	}
	texts := map[string]string{}
	for _, name := range append(names, filepath.Join(top, "README.md"), filepath.Join(top, "CONTRIBUTING.md"), filepath.Join(top, "SECURITY.md")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(version: 1\n.*?)```")
	code      = regexp.MustCompile("(?s)```(?:sh|console)\n.*?```|`[^`\n]+`")
	shLine    = regexp.MustCompile(`(?m)(?:^|\| |^\$ |` + "`" + `)hydrant [a-z][a-z -]*`)
	shFlag    = regexp.MustCompile(`--[a-z][a-z-]+`)
	mdLink    = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

func TestConfigurationsInTheDocumentsLoad(t *testing.T) {
	blocks := 0
	for name, text := range documents(t) {
		for _, block := range yamlBlock.FindAllStringSubmatch(text, -1) {
			blocks++
			_, problems := configs.Parse(name, ".", []byte(block[1]), func(string) (string, bool) { return "x", true })
			if problems.Failed() {
				t.Errorf("%s: a configuration does not load: %v\n%s", name, problems.Err(), block[1])
			}
		}
	}
	if blocks < 2 {
		t.Errorf("found %d configurations in the documents", blocks)
	}
}

func TestCommandsInTheDocumentsExist(t *testing.T) {
	root := (&command{Main: &Main{}}).root()
	root.InitDefaultCompletionCmd()
	found := 0
	for name, text := range documents(t) {
		text = strings.Join(code.FindAllString(text, -1), "\n")
		for _, at := range shLine.FindAllStringIndex(text, -1) {
			line, _, _ := strings.Cut(text[at[0]:], "\n")
			line, _, _ = strings.Cut(line, "#")
			line, _, _ = strings.Cut(strings.TrimLeft(line, "`|$ "), "`")
			args := strings.Fields(line)[1:]
			cmd, _, err := root.Find(args)
			if err != nil || cmd == root {
				t.Errorf("%s: there is no command %q", name, line)
				continue
			}
			found++
			for _, f := range shFlag.FindAllString(strings.Split(line, "|")[0], -1) {
				if !hasFlag(cmd, strings.TrimPrefix(f, "--")) {
					t.Errorf("%s: %q: %s has no flag %s", name, line, cmd.Name(), f)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("found %d commands in the documents", found)
	}
}

func hasFlag(cmd *cobra.Command, name string) bool {
	return cmd.Flags().Lookup(name) != nil || cmd.InheritedFlags().Lookup(name) != nil
}

func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	for name, text := range documents(t) {
		for _, m := range mdLink.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: link to %s: %v", name, m[1], err)
			}
		}
	}
}
