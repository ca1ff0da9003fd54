package configs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	maxDepth = 64      // of nesting, aliases followed
	maxNodes = 100_000 // of all values of a file, aliases followed
)

// parse returns the tree of a file, free of aliases, merge keys and duplicate
// keys, or nil if it cannot be read as YAML.
func (l *loader) parse(f *file) *yaml.Node {
	if len(f.data) > maxFile {
		l.report(f, Problem{ID: "file-too-large",
			Text: fmt.Sprintf("%s is larger than 1 MiB", f.name),
			Help: "split it: hydrant reads many files and whole folders"}, nil)
		return nil
	}
	if len(strings.TrimSpace(string(f.data))) == 0 {
		return nil
	}
	if bytes.Count(f.data, []byte{','})+bytes.Count(f.data, []byte{'\n'}) > maxNodes {
		// Every value but the first follows a comma or a line's end; the parser
		// need not find them all first.
		l.report(f, Problem{ID: "yaml-bomb", Text: fmt.Sprintf("more than %d values", maxNodes),
			Help: "split the file: hydrant reads many files and whole folders"}, nil)
		return nil
	}
	var doc yaml.Node
	limits := loaderlimits.New(loaderlimits.DepthValue(maxDepth))
	if err := yaml.Load(f.data, &doc, yaml.WithPlugin(limits)); err != nil {
		l.syntaxError(f, err)
		return nil
	}
	if len(doc.Content) == 0 {
		return nil // only comments
	}
	t := &flattener{loader: l, file: f}
	root := t.flatten(doc.Content[0], 0)
	if t.over != "" {
		l.report(f, Problem{ID: "yaml-bomb", Text: t.over,
			Help: "write fewer aliases (*name)"}, doc.Content[0])
		return nil
	}
	return root
}

func (l *loader) syntaxError(f *file, err error) {
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		l.report(f, Problem{ID: "yaml-syntax", Text: "not YAML: " + err.Error()}, nil)
		return
	}
	switch text := one.Message; {
	case strings.Contains(text, "no documents"):
		return
	case strings.Contains(text, "multiple"):
		l.report(f, Problem{ID: "yaml-syntax", Text: "more than one YAML document in one file",
			Help: "put each document into a file of its own"}, nil)
		return
	}
	at := one.Mark
	if at.Line == 0 {
		at = one.ContextMark
	}
	p := Problem{ID: "yaml-syntax", Text: "not YAML: " + one.Message,
		Place: Place{Line: at.Line, Column: at.Column, Width: 1}}
	if one.ContextMsg != "" {
		p.Text = "not YAML: " + one.ContextMsg + ", " + one.Message
	}
	if c := one.ContextMark; c.Line > 0 && c.Line < at.Line {
		p.Related = &Place{File: f.name, Line: c.Line, Column: c.Column, Width: 1, Label: "it begins here"}
	}
	switch {
	case strings.Contains(one.Message, "max depth"):
		p.ID, p.Text = "yaml-bomb", fmt.Sprintf("nested more than %d deep", maxDepth)
	case strings.Contains(one.ContextMsg, "tag"):
		p = l.unquotedTag(f, at.Line, one.ContextMark.Column)
	case strings.Contains(one.Message, "cannot start any token") && strings.HasPrefix(f.from(at.Line, at.Column), "\t"):
		p.Text, p.Help = "a line is indented with a tab", "indent with spaces"
	case strings.Contains(one.Message, "mapping values are not allowed"):
		p.Help = "quote a value that holds a colon and a space"
	}
	l.report(f, p, nil)
}

// unquotedTag explains the commonest surprise with Firehose's expressions:
// YAML reads a value that begins with "!" as a tag.
func (l *loader) unquotedTag(f *file, line, column int) Problem {
	value := f.from(line, column)
	if i := strings.Index(value, " #"); i >= 0 {
		value = value[:i]
	}
	value = strings.TrimSpace(value)
	before, _, _ := strings.Cut(f.from(line, 1), value)
	if strings.ContainsRune(before, '{') { // in a flow mapping, its end is not the value's
		if i := strings.IndexByte(value, ','); i >= 0 {
			value = value[:i]
		}
		if strings.Count(value, "}") > strings.Count(value, "{") {
			value = strings.TrimRight(strings.TrimSuffix(value, "}"), " ")
		}
	}
	return Problem{ID: "unquoted-exclamation", Text: "a value that starts with ! must be quoted",
		Help:  "'" + strings.ReplaceAll(value, "'", "''") + "'",
		Place: Place{Line: line, Column: column, Width: len([]rune(value))}}
}

// flattener copies a tree while it replaces aliases by what they stand for.
type flattener struct {
	*loader
	file  *file
	nodes int
	over  string // the ceiling that was reached
}

func (t *flattener) flatten(n *yaml.Node, depth int) *yaml.Node {
	t.nodes++
	switch {
	case t.over != "":
	case t.nodes > maxNodes:
		t.over = fmt.Sprintf("more than %d values, counting those that aliases repeat", maxNodes)
	case depth > maxDepth:
		t.over = fmt.Sprintf("nested more than %d deep, counting what aliases repeat", maxDepth)
	}
	if t.over != "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Line: n.Line, Column: n.Column}
	}
	if n.Kind == yaml.AliasNode {
		return t.flatten(n.Alias, depth+1)
	}
	if n.Style&yaml.TaggedStyle != 0 && !strings.HasPrefix(n.Tag, "!!") {
		t.report(t.file, t.unquotedTag(t.file, n.Line, n.Column), nil)
	}
	c := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	if n.Kind == yaml.MappingNode {
		t.mapping(c, n, depth)
		return c
	}
	for _, child := range n.Content {
		c.Content = append(c.Content, t.flatten(child, depth+1))
	}
	return c
}

func (t *flattener) mapping(c, n *yaml.Node, depth int) {
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			t.report(t.file, Problem{ID: "yaml-syntax", Text: "a key must be a plain word",
				Help: "a value that starts with { must be quoted"}, key)
			continue
		}
		if key.Value == "<<" && key.Style == 0 {
			merged = append(merged, value)
			continue
		}
		if first := seen[key.Value]; first != nil {
			t.report(t.file, Problem{ID: "duplicate-key", Text: fmt.Sprintf("%q is written twice", key.Value),
				Help: "keep one of the two", Related: t.other(t.file, first, "first written here")}, key)
			continue
		}
		seen[key.Value] = key
		c.Content = append(c.Content, t.flatten(key, depth+1), t.flatten(value, depth+1))
	}
	for _, m := range merged {
		t.merge(c, seen, m, depth)
	}
}

// merge adds the entries of a mapping (<<: *name) that are not written already.
func (t *flattener) merge(c *yaml.Node, seen map[string]*yaml.Node, n *yaml.Node, depth int) {
	from := t.flatten(n, depth+1)
	switch from.Kind {
	case yaml.SequenceNode:
		for _, one := range from.Content {
			t.merge(c, seen, one, depth)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(from.Content); i += 2 {
			if key := from.Content[i]; seen[key.Value] == nil {
				seen[key.Value] = key
				c.Content = append(c.Content, key, from.Content[i+1])
			}
		}
	default:
		t.report(t.file, Problem{ID: "yaml-syntax", Text: "<< merges mappings only", Help: "write <<: *name"}, n)
	}
}
