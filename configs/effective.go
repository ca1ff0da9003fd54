package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Effective returns the configuration as YAML with every default filled in and
// every secret hidden.
func Effective(c *Config) ([]byte, error) {
	doc := &yaml.Node{Kind: yaml.MappingNode}
	put := func(n *yaml.Node, key string, value *yaml.Node) {
		n.Content = append(n.Content, text(key), value)
	}
	put(doc, "version", number(Version))
	put(doc, "server", valueNode(reflect.ValueOf(c.Server)))

	if len(c.Connections) > 0 {
		connections := &yaml.Node{Kind: yaml.MappingNode}
		for _, conn := range c.Connections {
			put(connections, conn.Name, mapping(conn.Kind, valueNode(reflect.ValueOf(conn.Config))))
		}
		put(doc, "connections", connections)
	}

	streams := &yaml.Node{Kind: yaml.MappingNode}
	for _, s := range c.Streams {
		n := valueNode(reflect.ValueOf(s))
		put(n, "source", mapping(s.Source.Kind, valueNode(reflect.ValueOf(s.Source.Config))))
		d := valueNode(reflect.ValueOf(s.Destination.Config))
		for _, use := range s.Destination.Connections {
			conn := c.connection(use.Name)
			if conn == nil {
				continue
			}
			// What the connection says is said there.
			var shared []string
			for key := range entries(valueNode(reflect.ValueOf(conn.Config))) {
				shared = append(shared, key.Value)
			}
			if use.Part == "" {
				d = without(d, shared...)
			} else if _, part := get(d, use.Part); part != nil {
				part.Content = without(part, shared...).Content
			}
		}
		if c := s.Conversion(); c != nil {
			put(d, conversionName, conversionNode(c))
		}
		put(n, "destination", mapping(s.Destination.Kind, d))
		put(streams, s.Name, n)
	}
	put(doc, "streams", streams)

	b, err := yaml.Dump(doc, yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return b, nil
}

func (c *Config) connection(name string) *Connection {
	i := slices.IndexFunc(c.Connections, func(one *Connection) bool { return one.Name == name })
	if i < 0 {
		return nil
	}
	return c.Connections[i]
}

func number(n int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(n)}
}

// valueNode writes a value as it would stand in a file. Unlike yaml.Dump it
// leaves nothing out: a default is worth seeing although it is empty.
func valueNode(v reflect.Value) *yaml.Node {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			panic("configs: write a value that was read: " + err.Error())
		}
		return text(string(b))
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	switch v.Kind() {
	case reflect.Struct:
		structNode(n, v)
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			n.Content = append(n.Content, text(k.String()), valueNode(v.MapIndex(k)))
		}
	case reflect.Slice:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for i := range v.Len() {
			n.Content = append(n.Content, valueNode(v.Index(i)))
		}
	case reflect.String:
		return text(v.String())
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}
	case reflect.Float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: fmt.Sprint(v)}
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(v)}
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle // {} and []
	}
	return n
}

func structNode(n *yaml.Node, v reflect.Value) {
	for i := range v.NumField() {
		name, inline, ok := fieldName(v.Type().Field(i))
		switch {
		case !ok:
		case v.Field(i).Kind() == reflect.Pointer && v.Field(i).IsNil(): // left out, and that means something
		case inline:
			structNode(n, v.Field(i))
		default:
			n.Content = append(n.Content, text(name), valueNode(v.Field(i)))
		}
	}
}

// fieldName is what a struct's field is called in YAML; inline ones lend their
// fields to the struct around them.
func fieldName(f reflect.StructField) (name string, inline, ok bool) {
	name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if !f.IsExported() || name == "-" {
		return "", false, false
	}
	if name == "" {
		name = strings.ToLower(f.Name)
	}
	return name, slices.Contains(strings.Split(options, ","), "inline"), true
}
