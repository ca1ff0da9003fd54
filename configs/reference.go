package configs

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed reference.md
var introduction string

// Reference returns the reference of the configuration as Markdown. It is kept
// as docs/configuration.md.
func Reference() []byte { return reference(builtin().root()) }

func reference(root *Field) []byte {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("\n## Fields\n")
	root.sections(&b)
	b.WriteString("\n## Problems\n\n")
	b.WriteString("`hydrant check` shows all problems at once, each with its place and what to write instead.\n")
	b.WriteString("A warning is silenced by a comment on its line: `# hydrant:allow small-objects`.\n\n")
	b.WriteString("| Id | | Means |\n|---|---|---|\n")
	for _, d := range Diagnostics {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.ID, d.Severity, d.Means)
	}
	return []byte(b.String())
}

// sections writes a table for every mapping.
func (f *Field) sections(b *strings.Builder) {
	switch {
	case f.Kind == Object && len(f.Fields) > 0:
		if f.Path != "" {
			fmt.Fprintf(b, "\n### `%s`\n\n", f.Path)
			if f.Doc != "" {
				b.WriteString(f.Doc + "\n\n")
			}
		} else {
			b.WriteByte('\n')
		}
		b.WriteString("| Field | Type | Default | Meaning | In AWS |\n|---|---|---|---|---|\n")
		for _, c := range f.Fields {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n",
				c.Name, c.typeCell(), code(c.Default), cell(c.Doc), code(c.AWS))
		}
	case f.Kind == Choice && f.Doc != "":
		fmt.Fprintf(b, "\n### `%s`\n\n%s\n\n", f.Path, f.Doc)
		for _, c := range f.Fields {
			fmt.Fprintf(b, "- `%s`\n", c.Name)
		}
	}
	for _, c := range f.Fields {
		c.sections(b)
	}
	if f.Elem != nil {
		f.Elem.sections(b)
	}
}

func (f *Field) typeCell() string {
	s := f.form()
	if len(f.Values) > 0 {
		s = "`" + strings.Join(f.Values, "` `") + "`"
	}
	if f.Required {
		s += ", required"
	}
	return s
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// cell keeps a text within its cell.
func cell(s string) string {
	return strings.ReplaceAll(s, "|", "\\|")
}
