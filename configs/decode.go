package configs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/configs/field"
	"go.yaml.in/yaml/v4"
)

func (l *loader) decodeServer() {
	if l.server == nil {
		return
	}
	server := DefaultServer()
	if l.decode(l.server, l.server.value, "server", server) {
		l.config.Server = *server
	}
}

func (l *loader) decodeConnection(s *section) {
	key, value := only(s.value)
	if key == nil {
		return
	}
	config := l.tables.connections[key.Value]()
	if l.decode(s, value, join(s.path, key.Value), config) {
		l.config.Connections = append(l.config.Connections, &Connection{Name: s.name, Kind: key.Value, Config: config})
	}
}

func (l *loader) decodeStream(s *section) {
	stream := defaultStream()
	stream.Name = s.name
	sourceKey, source := pick(s.value, "source")
	destKey, dest := pick(s.value, "destination")
	ok := l.decode(s, without(s.value, "source", "destination"), s.path, stream)
	if sourceKey == nil || destKey == nil {
		return // said by check
	}
	stream.Source = Source{sourceKey.Value, l.tables.sources[sourceKey.Value]()}
	ok = l.decode(s, source, join(s.path, "source."+sourceKey.Value), stream.Source.Config) && ok

	stream.Destination = Destination{Kind: destKey.Value, Config: l.tables.sinks[destKey.Value]()}
	path := join(s.path, "destination."+destKey.Value)
	ok = l.decodeConversion(s, dest, path, stream.Destination.Config) && ok
	ok = l.decodeInto(s, without(dest, conversionName), path, stream.Destination.Config) && ok
	ok = l.connectAll(s, dest, path, &stream.Destination) && ok
	ok = l.validate(s, path, stream.Destination.Config) && ok
	if ok {
		l.snapshot(s, stream)
		l.config.Streams = append(l.config.Streams, stream)
	}
}

// connectAll gives a destination and its parts the shared connections that they
// name.
func (l *loader) connectAll(s *section, dest *yaml.Node, path string, d *Destination) bool {
	ok := l.connect(s, dest, path, d, "", d.Config)
	p, isParted := d.Config.(parted)
	if !isParted {
		return ok
	}
	parts := p.Parts()
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if _, n := get(dest, name); n != nil {
			ok = l.connect(s, n, join(path, name), d, name, parts[name]) && ok
		}
	}
	return ok
}

// connect gives component, which is a part of d and stands at dest, the shared
// connection that it names.
func (l *loader) connect(s *section, dest *yaml.Node, path string, d *Destination, part string, component any) bool {
	_, n := get(dest, "connection")
	user, ok := component.(connected)
	if n == nil || n.Value == "" || !ok {
		return true
	}
	d.Connections = append(d.Connections, Use{part, n.Value})
	at := join(path, "connection")
	if l.connections[n.Value] == nil {
		help, _ := didYouMean(n.Value, slices.Collect(maps.Keys(l.connections)))
		if len(l.connections) == 0 {
			kind := d.Kind
			if part != "" {
				kind = "s3" // parts are backups
			}
			help = "define it: connections: {" + n.Value + ": {" + kind + ": {…}}}"
		}
		l.report(s.file, Problem{ID: "unknown-connection", Path: at,
			Text: fmt.Sprintf("%s: there is no connection %q", at, n.Value), Help: help}, n)
		return false
	}
	i := slices.IndexFunc(l.config.Connections, func(c *Connection) bool { return c.Name == n.Value })
	if i < 0 {
		return false // it has problems of its own
	}
	if err := user.UseConnection(l.config.Connections[i].Config); err != nil {
		for _, e := range field.Errors(err) {
			l.report(s.file, Problem{ID: "wrong-connection", Path: at, Text: sentence(at, e.Text), Help: e.Hint}, n)
		}
		return false
	}
	return true
}

// decode fills v, which holds its defaults, from n and validates it. It returns
// whether nothing is wrong with it.
func (l *loader) decode(s *section, n *yaml.Node, path string, v any) bool {
	ok := l.decodeInto(s, n, path, v)
	return l.validate(s, path, v) && ok
}

func (l *loader) decodeInto(s *section, n *yaml.Node, path string, v any) bool {
	ok := !l.broken(n)
	if empty(n) {
		return ok
	}
	err := n.Load(v, yaml.WithKnownFields())
	var all *yaml.LoadErrors
	switch {
	case err == nil:
		l.followSecrets(s.file, n, reflect.ValueOf(v))
		return ok
	case !errors.As(err, &all):
		l.report(s.file, Problem{ID: "wrong-type", Path: path, Text: path + ": " + err.Error()}, n)
		return false
	}
	for _, e := range all.Errors {
		if l.full() {
			l.more = true
			break
		}
		at, node := locate(n, path, e.Mark.Line, e.Mark.Column)
		if l.missed[at] {
			continue
		}
		l.missed[at] = true
		l.report(s.file, l.typeError(at, node, e), node)
	}
	return false
}

func (l *loader) typeError(at string, n *yaml.Node, e *yaml.LoadError) Problem {
	p := Problem{ID: "wrong-type", Path: at, Text: at + ": " + e.Message}
	var fe *field.Error
	if errors.As(e, &fe) {
		p.ID, p.Text, p.Help = "invalid-value", at+": "+fe.Text, fe.Hint
	} else if want, rest := l.root.at(at); rest == "" && n != nil {
		p.Text = fmt.Sprintf("%s: %q is not %s", at, n.Value, article(want.Kind))
		if want.Kind == Number || want.Kind == Bool {
			p.Help = "write " + want.Name + ": " + cmp.Or(want.Default, "true")
		}
	}
	return p
}

// validate reports what v finds wrong with itself.
func (l *loader) validate(s *section, path string, v any) bool {
	check, ok := v.(validator)
	if !ok {
		return true
	}
	return l.complain(s, path, check.Validate())
}

// complain reports the errors of something at a path, and returns whether
// there are none.
func (l *loader) complain(s *section, path string, err error) bool {
	ok := true
	for _, e := range field.Errors(err) {
		ok = false
		at := strings.TrimSuffix(join(path, e.Path), ".")
		if l.missed[at] {
			continue
		}
		l.missed[at] = true
		id, node := "invalid-value", l.resolve(s, at)
		if !l.exists(s, at) {
			id = "missing-field"
		}
		p := Problem{ID: cmp.Or(e.ID, id), Path: at, Text: sentence(at, e.Text), Help: e.Hint}
		if e.Offset > 0 {
			p.Place = s.file.inside(node, e.Offset)
		}
		l.report(s.file, p, node)
	}
	return ok
}

// sentence says a text about a path.
func sentence(path, text string) string {
	text = strings.TrimPrefix(text, "it ")
	if first, _, _ := strings.Cut(text, " "); first == "is" || first == "must" || first == "has" {
		return path + " " + text
	}
	return path + ": " + text
}

// broken reports whether a value below n has no value.
func (l *loader) broken(n *yaml.Node) bool {
	if l.unset[n] {
		return true
	}
	return slices.ContainsFunc(n.Content, l.broken)
}

// locate finds the node at a position and the path to it.
func locate(n *yaml.Node, path string, line, column int) (string, *yaml.Node) {
	if n.Line == line && n.Column == column && (n.Kind == yaml.ScalarNode || len(n.Content) == 0) {
		return path, n
	}
	for key, value := range entries(n) {
		at := join(path, key.Value)
		if key.Line == line && key.Column == column {
			return at, key
		}
		if p, found := locate(value, at, line, column); found != nil {
			return p, found
		}
	}
	if n.Kind == yaml.SequenceNode {
		for i, c := range n.Content {
			if p, found := locate(c, fmt.Sprintf("%s[%d]", path, i), line, column); found != nil {
				return p, found
			}
		}
	}
	return path, nil
}

// resolve returns the value at a path, or the key of the nearest mapping above
// it where it is missing.
func (l *loader) resolve(s *section, path string) *yaml.Node {
	node, _ := descend(s, path)
	return node
}

func (l *loader) exists(s *section, path string) bool {
	_, complete := descend(s, path)
	return complete
}

func descend(s *section, path string) (at *yaml.Node, complete bool) {
	key, n := s.key, s.value
	rest := strings.TrimPrefix(strings.TrimPrefix(path, s.path), ".")
	for rest != "" {
		var step string
		step, rest, _ = strings.Cut(rest, ".")
		name, indexes, _ := strings.Cut(step, "[")
		k, v := get(n, name)
		if v == nil {
			return key, false
		}
		key, n = k, v
		for _, text := range strings.Split(indexes, "[") {
			var i int
			if _, err := fmt.Sscanf(text, "%d]", &i); err == nil && i < len(n.Content) && n.Kind == yaml.SequenceNode {
				n = n.Content[i]
				key = n
			}
		}
	}
	if n.Kind == yaml.ScalarNode {
		return n, true
	}
	return key, true
}

// within is the place of a part of a value, such as a variable.
func (f *file) within(n *yaml.Node, part string) Place {
	p := f.place(n)
	if before, _, ok := strings.Cut(f.from(n.Line, n.Column), part); ok {
		p.Column += utf8.RuneCountInString(before)
		p.Width = utf8.RuneCountInString(part)
	}
	return p
}

// inside is the place of a character of a value.
func (f *file) inside(n *yaml.Node, offset int) Place {
	p := f.place(n)
	before, rest := n.Value, f.from(n.Line, n.Column)
	if offset > len(before) {
		return p
	}
	before = before[:offset]
	quote := 0
	if strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "'") {
		quote = 1
	}
	if strings.HasPrefix(rest[quote:], before) { // else it is escaped, or a variable stands there
		p.Column += quote + utf8.RuneCountInString(before)
		p.Width = 1
	}
	return p
}

// only is the one entry of a mapping that has exactly one.
func only(n *yaml.Node) (key, value *yaml.Node) {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return nil, nil
	}
	return n.Content[0], n.Content[1]
}

// pick is the one entry below a field.
func pick(n *yaml.Node, name string) (key, value *yaml.Node) {
	if _, v := get(n, name); v != nil {
		return only(v)
	}
	return nil, nil
}

// without is a mapping without some of its entries.
func without(n *yaml.Node, names ...string) *yaml.Node {
	c := *n
	c.Content = nil
	for key, value := range entries(n) {
		if !slices.Contains(names, key.Value) {
			c.Content = append(c.Content, key, value)
		}
	}
	return &c
}

func sortedSections(m map[string]*section) []*section {
	return slices.SortedFunc(maps.Values(m), func(a, b *section) int { return cmp.Compare(a.name, b.name) })
}
