package configs

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// check reports what does not belong where it stands: unknown fields, a list
// where a mapping should be, not exactly one kind of source. It takes all of
// that out of the tree, so that what is left can be decoded. It returns whether
// n itself may stay.
func (l *loader) check(f *file, n *yaml.Node, want *Field, path string, key *yaml.Node) bool {
	if empty(n) && want.Kind != Choice {
		return true // the default stays
	}
	if n.Kind == yaml.ScalarNode && want.Short != "" {
		lengthen(n, want.Short)
	}
	kind := yaml.ScalarNode
	switch want.Kind {
	case Object, Choice, Map:
		kind = yaml.MappingNode
	case List:
		kind = yaml.SequenceNode
	}
	if n.Kind != kind {
		l.wrongKind(f, n, want, path)
		return false
	}
	switch want.Kind {
	case Object, Map:
		l.checkFields(f, n, want, path, key)
	case Choice:
		return l.checkChoice(f, n, want, path, key)
	case List:
		i := 0
		n.Content = slices.DeleteFunc(n.Content, func(c *yaml.Node) bool {
			ok := l.check(f, c, want.Elem, fmt.Sprintf("%s[%d]", path, i), nil)
			i++
			return !ok
		})
	case Secret:
		l.checkSecret(f, n, path)
	}
	return true
}

// lengthen turns one value into the mapping that it stands for.
func lengthen(n *yaml.Node, field string) {
	value, key := *n, text(field)
	key.Line, key.Column = n.Line, n.Column
	*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column, Content: []*yaml.Node{key, &value}}
}

func (l *loader) checkFields(f *file, n *yaml.Node, want *Field, path string, parent *yaml.Node) {
	kept := n.Content[:0:0]
	for key, value := range entries(n) {
		child := want.child(key.Value)
		if child == nil {
			l.unknownField(f, want, path, key, value)
			continue
		}
		if l.check(f, value, child, join(path, key.Value), key) {
			kept = append(kept, key, value)
		} else {
			l.missed[join(path, key.Value)] = true
		}
	}
	n.Content = kept
	for _, c := range want.Fields {
		if at := join(path, c.Name); c.Kind == Choice && c.Required && !has(n, c.Name) && !l.missed[at] && parent != nil {
			l.missed[at] = true
			l.report(f, Problem{ID: "missing-field", Path: at, Text: path + ": " + c.Name + " is missing",
				Help: missingHelp(c)}, parent)
		}
	}
}

func missingHelp(c *Field) string {
	switch {
	case c.Kind == Choice && len(c.Fields) == 1:
		return fmt.Sprintf("write %s: {%s: %s}", c.Name, c.Fields[0].Name, braces(c.Fields[0]))
	case c.Kind == Choice:
		return fmt.Sprintf("write %s: {…} with one of %s", c.Name, strings.Join(c.names(), ", "))
	}
	return "write " + c.Name + ": " + sample(c, "")
}

// braces stands for what a mapping holds.
func braces(f *Field) string {
	if len(f.Fields) == 0 && f.Elem == nil {
		return "{}"
	}
	return "{…}"
}

func (l *loader) unknownField(f *file, want *Field, path string, key, value *yaml.Node) {
	if l.full() {
		l.more = true
		return
	}
	help, meant := fieldHelp(want, key.Value, value.Value)
	if want.child("type") != nil && strings.ContainsAny(key.Value, ")>") {
		// The rest of a type that YAML ended at a comma.
		help, meant = `quote a type with a comma: type: "decimal(12,2)"`, "type"
	}
	owner := path
	if owner == "" {
		owner = "a configuration"
	}
	l.report(f, Problem{ID: "unknown-field", Path: join(path, key.Value),
		Text: fmt.Sprintf("%s has no field %q", owner, shorten(key.Value)), Help: help}, key)
	if child := want.child(meant); child != nil && want.Kind != Map {
		l.missed[join(path, meant)] = true // no need to say that it is missing
		if child.Kind == Secret {
			f.blot(value)
		}
		if value.Kind == yaml.MappingNode {
			l.check(f, value, child, join(path, meant), key)
		}
	}
}

func (l *loader) checkChoice(f *file, n *yaml.Node, want *Field, path string, parent *yaml.Node) bool {
	all := strings.Join(want.names(), ", ")
	one := "connection"
	if want.Name != "<name>" {
		one = strings.ReplaceAll(want.Name, "_", " ")
	}
	id := strings.ReplaceAll(one, " ", "-")
	if len(n.Content) != 2 {
		at := n
		if len(n.Content) > 2 {
			at = n.Content[2]
		} else if parent != nil {
			at = parent
		}
		l.report(f, Problem{ID: "not-one-" + id, Path: path,
			Text: fmt.Sprintf("%s has %s, not exactly one", path, plural(len(n.Content)/2, "key")),
			Help: "write exactly one of " + all}, at)
		return false
	}
	key, value := n.Content[0], n.Content[1]
	row := want.child(key.Value)
	if row == nil {
		help, _ := fieldHelp(want, key.Value, "")
		l.report(f, Problem{ID: "unknown-" + id, Path: join(path, key.Value),
			Text: fmt.Sprintf("%s: there is no %s %q", path, one, key.Value), Help: help}, key)
		return false
	}
	return l.check(f, value, row, join(path, key.Value), key)
}

func (l *loader) wrongKind(f *file, n *yaml.Node, want *Field, path string) {
	is := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "one value"}[n.Kind]
	if n.Kind == yaml.ScalarNode {
		is = strconv.Quote(shorten(n.Value))
		if want.Kind == Secret {
			is = "this"
		}
	}
	owner := path
	if owner == "" {
		owner = "the configuration"
	}
	p := Problem{ID: "wrong-type", Path: path, Text: fmt.Sprintf("%s: %s is not %s", owner, is, article(want.Kind))}
	switch {
	case want.Kind == Choice:
		for _, c := range want.Fields {
			if n.Value == c.Name {
				p.Help = fmt.Sprintf("write %s: {%s: %s}", want.Name, c.Name, braces(c))
			}
		}
		if p.Help == "" {
			p.Help = "write one of " + strings.Join(want.names(), ", ") + " below it"
		}
	case want.Kind == Object && len(want.Fields) == 0:
		p.Help = "write " + want.Name + ": {}"
	case want.Kind == Object:
		p.Help = "its fields are " + known(want.names())
	case want.Kind == Map:
		p.Help = "write name: value below it"
	case want.Kind == List && n.Kind == yaml.ScalarNode:
		written := []rune(f.from(n.Line, n.Column))
		p.Help = fmt.Sprintf("write %s: [%s]", want.Name, shorten(string(written[:min(len(written), f.width(n))])))
	case want.Kind == Text && n.Style&yaml.FlowStyle != 0:
		p.Help = "quote a text that starts with { or ["
	default:
		p.Help = "write " + want.Name + ": " + sample(want, "")
	}
	l.report(f, p, n)
}

// checkSecret warns of a secret that stands in the file itself.
func (l *loader) checkSecret(f *file, n *yaml.Node, path string) {
	if !f.blot(n) {
		return
	}
	l.report(f, Problem{ID: "literal-secret", Severity: Warning, Path: path,
		Text: path + ": a secret in plain text",
		Help: "write ${VARIABLE} or ${file:/run/secrets/name}"}, n)
}

func article(k Kind) string {
	switch k {
	case Bool, Text:
		return string(k)
	}
	return "a " + string(k)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// entries yields the keys and values of a mapping.
func entries(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

func get(n *yaml.Node, name string) (key, value *yaml.Node) {
	for key, value := range entries(n) {
		if key.Value == name {
			return key, value
		}
	}
	return nil, nil
}

func has(n *yaml.Node, name string) bool {
	_, value := get(n, name)
	return value != nil && !empty(value)
}

// empty reports whether nothing is written: the default stays.
func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clone(child)
	}
	return &c
}
