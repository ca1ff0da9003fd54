package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// snapshot keeps the stream as it is written, with the connection it uses. The
// form is canonical: layout, comments and the order of keys do not count.
func (l *loader) snapshot(s *section, stream *Stream) {
	stream.Snapshot = l.document(s, stream, func(s *section) *yaml.Node { return s.unexpanded })
	stream.Hash = hash(stream.Snapshot)
	stream.content = hash(l.document(s, stream, func(s *section) *yaml.Node { return s.value }))
}

func (l *loader) document(s *section, stream *Stream, tree func(*section) *yaml.Node) []byte {
	doc := mapping("version", text("1"))
	doc.Content[1].Tag = "!!int"
	connections := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, name := range stream.Destination.connectionNames() {
		if c := l.connections[name]; c != nil {
			connections.Content = append(connections.Content, text(c.name), canonical(tree(c), c.file.dir))
		}
	}
	if len(connections.Content) > 0 {
		doc.Content = append(doc.Content, text("connections"), connections)
	}
	n := canonical(tree(s), s.file.dir)
	inlineColumns(n, stream)
	doc.Content = append(doc.Content, text("streams"), mapping(s.name, n))
	b, err := yaml.Dump(doc, yaml.WithLineWidth(-1))
	if err != nil {
		panic("configs: write a tree that was read: " + err.Error())
	}
	return b
}

// connectionNames returns each once, sorted.
func (d *Destination) connectionNames() []string {
	var names []string
	for _, u := range d.Connections {
		names = append(names, u.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func text(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

func mapping(key string, value *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{text(key), value}}
}

// canonical copies a tree with sorted keys and without a style; files that
// variables name get absolute paths.
func canonical(n *yaml.Node, dir string) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: rooted(dir, n.Value)}
	if n.Kind == yaml.ScalarNode && n.Style != 0 && strings.Contains(n.Value, "${") {
		c.Style = yaml.DoubleQuotedStyle // a quoted ${VAR} stays a text
	}
	if n.Kind != yaml.MappingNode {
		for _, child := range n.Content {
			c.Content = append(c.Content, canonical(child, dir))
		}
		return c
	}
	keys := slices.Collect(func(yield func(int) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(i) {
				return
			}
		}
	})
	slices.SortFunc(keys, func(a, b int) int { return strings.Compare(n.Content[a].Value, n.Content[b].Value) })
	for _, i := range keys {
		c.Content = append(c.Content, canonical(n.Content[i], dir), canonical(n.Content[i+1], dir))
	}
	return c
}

// LoadSnapshot reads a snapshot of a stream again, so that work it left behind
// can be finished as it was begun although the configuration has changed since.
// Variables get the content they have now.
func LoadSnapshot(snapshot []byte, env func(string) (string, bool)) (*Stream, error) {
	return loadSnapshot(snapshot, env, builtin())
}

func loadSnapshot(snapshot []byte, env func(string) (string, bool), t tables) (*Stream, error) {
	l := newLoader(env, t)
	l.alone = true
	config, problems := l.load([]*file{newFile("snapshot", "/", 0o600, snapshot)})
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("load snapshot of a stream: %w", err)
	}
	if len(config.Streams) != 1 {
		return nil, fmt.Errorf("load snapshot of a stream: it holds %d streams", len(config.Streams))
	}
	return config.Streams[0], nil
}
