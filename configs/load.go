package configs

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// loader collects what is found on the way from files to a Config.
type loader struct {
	env      func(string) (string, bool)
	tables   tables
	root     *Field
	config   *Config
	problems Problems
	more     bool // there are problems that were not kept
	alone    bool // it is the snapshot of one stream

	files   []*file
	written map[*yaml.Node]string // what stands in the file where variables were replaced
	unset   map[*yaml.Node]bool   // values with a variable that has none
	missed  map[string]bool       // paths about which enough was said

	server      *section
	connections map[string]*section
	streams     map[string]*section
	order       []*section // of streams
}

// section is one server, connection or stream and where it is written.
type section struct {
	file       *file
	name       string
	key, value *yaml.Node
	unexpanded *yaml.Node // a copy, made before variables were replaced
	path       string
}

func newLoader(env func(string) (string, bool), t tables) *loader {
	return &loader{
		env: env, tables: t, root: t.root(),
		config:      &Config{Server: *DefaultServer()},
		written:     map[*yaml.Node]string{},
		unset:       map[*yaml.Node]bool{},
		missed:      map[string]bool{},
		connections: map[string]*section{},
		streams:     map[string]*section{},
	}
}

func (l *loader) load(files []*file) (*Config, Problems) {
	l.files = files
	for _, f := range files {
		root := l.parse(f)
		if root == nil || empty(root) {
			continue
		}
		if !l.check(f, root, l.root, "", nil) {
			continue
		}
		l.divide(f, root)
	}
	l.decodeServer()
	for _, s := range sortedSections(l.connections) {
		l.decodeConnection(s)
	}
	for _, s := range l.order {
		l.decodeStream(s)
	}
	sortConnections(l.config.Connections)
	l.cross()
	return l.config, l.finish()
}

// divide takes a file apart and merges the parts with those of other files.
func (l *loader) divide(f *file, root *yaml.Node) {
	for key, value := range entries(root) {
		switch key.Value {
		case "version":
			l.checkVersion(f, value)
		case "server":
			s := l.section(f, "server", key, value)
			if l.server != nil {
				l.twice("duplicate-server", "server is configured twice", "keep it in one file", s, l.server)
				continue
			}
			l.server = s
		case "connections":
			for key, value := range entries(value) {
				s := l.section(f, join("connections", key.Value), key, value)
				if first := l.connections[s.name]; first != nil {
					l.twice("duplicate-connection", "connection "+s.name+" is defined twice", "rename one of the two", s, first)
					continue
				}
				l.connections[s.name] = s
			}
		case "streams":
			for key, value := range entries(value) {
				s := l.section(f, join("streams", key.Value), key, value)
				if first := l.streams[s.name]; first != nil {
					l.twice("duplicate-stream", "stream "+s.name+" is defined twice", "rename one of the two", s, first)
					continue
				}
				if !streamName.MatchString(s.name) {
					l.report(f, Problem{ID: "bad-stream-name", Path: s.path,
						Text: strconv.Quote(s.name) + " cannot be the name of a stream",
						Help: "use 1 to 64 of a-z A-Z 0-9 _ . - and no dot at the start"}, key)
					continue
				}
				l.streams[s.name] = s
				l.order = append(l.order, s)
			}
		}
	}
}

var streamName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$`)

func (l *loader) section(f *file, path string, key, value *yaml.Node) *section {
	s := &section{file: f, name: key.Value, key: key, value: value, path: path, unexpanded: clone(value)}
	l.expand(f, value, path)
	return s
}

func (l *loader) checkVersion(f *file, n *yaml.Node) {
	if n.Value != strconv.Itoa(Version) && !empty(n) {
		l.report(f, Problem{ID: "unknown-version", Path: "version",
			Text: "version " + strconv.Quote(n.Value) + " is not known", Help: "this hydrant reads version: 1"}, n)
	}
}

func (l *loader) twice(id, text, help string, s, first *section) {
	l.report(s.file, Problem{ID: id, Path: s.path, Text: text, Help: help,
		Related: l.other(first.file, first.key, "first defined here")}, s.key)
}

// maxProblems is more than a person reads at a time, and keeps the work of
// finding them bounded.
const maxProblems = 100

// full reports whether enough problems are known.
func (l *loader) full() bool { return len(l.problems) >= maxProblems }

// report adds a problem. Where it has no place of its own, it is at n.
func (l *loader) report(f *file, p Problem, n *yaml.Node) {
	if l.full() {
		l.more = true
		return
	}
	if p.Severity == "" {
		p.Severity = Error
	}
	if p.Line == 0 && n != nil {
		p.Place = f.place(n)
	}
	if raw, ok := l.written[n]; ok && p.ID != "missing-variable" {
		p.Text, p.Help = asWritten(p.Text, n.Value, raw), asWritten(p.Help, n.Value, raw)
	}
	p.File, p.order = f.name, f.order
	if p.Severity == Error && slices.ContainsFunc(l.problems, p.follows) {
		return
	}
	l.problems = append(l.problems, p)
}

// asWritten puts a variable back where a text has its content, which may be a
// secret in the wrong place.
func asWritten(text, value, raw string) string {
	text = strings.ReplaceAll(text, strconv.Quote(value), strconv.Quote(raw))
	if len(value) > 3 {
		text = strings.ReplaceAll(text, value, raw)
	}
	return text
}

// other is a second place that a problem points to.
func (l *loader) other(f *file, n *yaml.Node, label string) *Place {
	p := f.place(n)
	p.Label = label
	return &p
}

// finish sorts the problems, takes out those that are allowed, and fills in the
// source lines now that every secret in them is known.
func (l *loader) finish() Problems {
	byName := make(map[string]*file, len(l.files))
	for _, f := range l.files {
		byName[f.name] = f
	}
	kept := l.problems[:0]
	for _, p := range l.problems {
		f := byName[p.File]
		if f == nil {
			kept = append(kept, p)
			continue
		}
		if p.Severity == Warning {
			if f.allows(p.Line, p.ID) {
				continue
			}
			p.Help += "; silence with  # hydrant:allow " + p.ID
		}
		p.Source = f.show(p.Line)
		p.Width = max(1, min(p.Width, maxShown-p.Column))
		if p.Related != nil {
			p.Related.Source = byName[p.Related.File].show(p.Related.Line)
		}
		kept = append(kept, p)
	}
	kept.sort()
	if l.more {
		kept = append(kept, Problem{ID: "more-problems", Severity: Error, Text: "there are more problems",
			Help: "correct these first", Place: Place{File: kept[len(kept)-1].File}})
	}
	return kept
}
