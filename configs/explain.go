package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Explain returns the reference of one field, or of a part of the configuration
// with all fields below it. The path leads from the top and may hold names of
// one's own (streams.clicks.destination.s3); the end of a path is enough
// (buffering_hints.interval).
func Explain(path string) (string, error) {
	return explain(builtin().root(), path)
}

func explain(root *Field, path string) (string, error) {
	path = strings.Trim(path, ". ")
	f, rest := root.at(path)
	if rest != "" {
		matches := endings(root, path)
		switch len(matches) {
		case 0:
			help, _ := fieldHelp(f, strings.SplitN(rest, ".", 2)[0], "")
			return "", fmt.Errorf("explain %s: there is no such field; %s", path, help)
		case 1:
			f = matches[0]
		default:
			var b strings.Builder
			fmt.Fprintf(&b, "%s is found in several places:\n", path)
			for _, m := range matches {
				fmt.Fprintf(&b, "  %s\n", m.Path)
			}
			return b.String(), nil
		}
	}
	return f.text(), nil
}

// endings are the fields whose path ends like that.
func endings(root *Field, path string) []*Field {
	var found []*Field
	root.walk(func(f *Field) {
		if f.Path == path || strings.HasSuffix(f.Path, "."+path) {
			found = append(found, f)
		}
	})
	return found
}

func (f *Field) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s   %s\n", cmp.Or(f.Path, "the configuration"), f.form())
	if f.Doc != "" {
		fmt.Fprintf(&b, "\n  %s\n", wrap(f.Doc, 76, "  "))
	}
	facts := [][2]string{{"default", f.Default}, {"in AWS", f.AWS}, {"values", strings.Join(f.Values, ", ")}}
	if f.Required {
		facts = append(facts, [2]string{"required", "yes"})
	}
	first := true
	for _, fact := range facts {
		if fact[1] == "" {
			continue
		}
		if first {
			b.WriteByte('\n')
			first = false
		}
		fmt.Fprintf(&b, "  %-8s  %s\n", fact[0], fact[1])
	}
	if below := f.below(); len(below) > 0 {
		b.WriteByte('\n')
		w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
		for _, c := range below {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", strings.TrimPrefix(strings.TrimPrefix(c.Path, f.Path), "."), c.form(), c.Default)
		}
		w.Flush()
	}
	return b.String()
}

// form is the kind of a value, with that of its elements.
func (f *Field) form() string {
	if f.Short != "" {
		return "text or mapping"
	}
	if f.Kind == List && f.Elem != nil {
		return "list of " + f.Elem.form()
	}
	return string(f.Kind)
}

// below are the fields under f in the order of reading, but for mappings that
// only lead on.
func (f *Field) below() []*Field {
	var all []*Field
	f.walk(func(c *Field) {
		leads := (c.Kind == Object || c.Kind == Choice) && (len(c.Fields) > 0 || c.Name == "[]")
		element := c.Name == "[]" || c.Kind == Map && c.Elem != nil && len(c.Elem.Fields) > 0
		if c != f && !leads && !element {
			all = append(all, c)
		}
	})
	return slices.Clip(all)
}

// wrap breaks a text into lines of a width.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = 0
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
