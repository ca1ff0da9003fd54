package configs

import (
	"bytes"

	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	maxFile  = 1 << 20 // bytes; a longer file is a mistake or an attack
	maxShown = 300     // characters of a line
)

// file is one configuration file as it was read.
type file struct {
	name  string // as it was given, for messages
	dir   string // where relative paths in it begin
	order int    // among the files loaded
	data  []byte
	mode  fs.FileMode
	lines []string
	blots []Place // secrets in plain text, not to be shown
}

// findFiles replaces folders by the configuration files in them, in the order
// of their names. Hidden ones are left out: Kubernetes keeps old versions there.
func findFiles(paths []string) ([]string, error) {
	var names []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		if !info.IsDir() {
			names = append(names, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("read configuration folder: %w", err)
		}
		found := false
		for _, e := range entries {
			ext := filepath.Ext(e.Name())
			if e.IsDir() || strings.HasPrefix(e.Name(), ".") || (ext != ".yaml" && ext != ".yml") {
				continue
			}
			names = append(names, filepath.Join(path, e.Name()))
			found = true
		}
		if !found {
			return nil, fmt.Errorf("read configuration folder %s: it holds no .yaml file", path)
		}
	}
	return names, nil
}

func readFile(name string) (*file, error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	return newFile(name, dir, info.Mode().Perm(), data), nil
}

func newFile(name, dir string, mode fs.FileMode, data []byte) *file {
	f := &file{name: name, dir: dir, mode: mode, data: data}
	if len(data) <= maxFile {
		f.lines = strings.Split(string(bytes.ToValidUTF8(data, []byte("\uFFFD"))), "\n")
	}
	return f
}

// place is where a node begins, as wide as what is written there.
func (f *file) place(n *yaml.Node) Place {
	return Place{File: f.name, Line: n.Line, Column: n.Column, Width: f.width(n)}
}

func (f *file) width(n *yaml.Node) int {
	rest := f.from(n.Line, n.Column)
	switch {
	case n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 1
	case n.Value != "" && strings.HasPrefix(rest, n.Value):
		return utf8.RuneCountInString(n.Value)
	case strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, `'`):
		if end := strings.Index(rest[1:], rest[:1]); end >= 0 {
			return utf8.RuneCountInString(rest[:end+2])
		}
	}
	// A variable now stands where something else is written.
	rest, _, _ = strings.Cut(rest, " ")
	return max(1, utf8.RuneCountInString(strings.TrimRight(rest, ",]}\r")))
}

// from returns what stands on a line from a column on.
func (f *file) from(line, column int) string {
	if line < 1 || line > len(f.lines) {
		return ""
	}
	rest := f.lines[line-1]
	for ; column > 1 && rest != ""; column-- {
		_, n := utf8.DecodeRuneInString(rest)
		rest = rest[n:]
	}
	return strings.TrimRight(rest, "\r")
}

// secretKeys finds what looks like a secret on a line, for lines that are
// shown although they could not be understood.
var secretKeys = regexp.MustCompile(`(?i)[\w-]*(?:secret|passw|token|api_key|private_key|dsn)[\w-]*["']?\s*:\s*`)

// show returns a line fit to be shown: without secrets and control characters,
// and not longer than a person can use.
func (f *file) show(line int) string {
	text := []rune(f.from(line, 1))
	blot := func(start, end int) {
		for i := max(start, 0); i < min(end, len(text)); i++ {
			text[i] = '*'
		}
	}
	for _, b := range f.blots {
		if b.Line == line {
			blot(b.Column-1, b.Column-1+b.Width)
		}
	}
	plain := string(text)
	for _, m := range secretKeys.FindAllStringIndex(plain, -1) {
		value := plain[m[1]:]
		if strings.HasPrefix(strings.TrimLeft(value, `"'`), "${") || strings.HasPrefix(value, "#") || strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") {
			continue
		}
		start := utf8.RuneCountInString(plain[:m[1]])
		length := strings.IndexAny(value, ",}#")
		if length < 0 {
			length = len(value)
		}
		blot(start, start+utf8.RuneCountInString(strings.TrimRight(value[:length], " ")))
	}
	for i, c := range text {
		if c < ' ' && c != '\t' || c == 0x7f {
			text[i] = '\uFFFD'
		}
	}
	return string(text[:min(len(text), maxShown)])
}

// blot keeps a secret from being shown. It returns whether n is one: a
// variable is not.
func (f *file) blot(n *yaml.Node) bool {
	if n.Value == "" || strings.Contains(n.Value, "${") {
		return false
	}
	at := f.place(n)
	if rest := f.from(n.Line, n.Column); !strings.Contains(rest, n.Value) {
		at.Width = utf8.RuneCountInString(rest) // escaped, or it goes on below
	}
	f.blots = append(f.blots, at)
	return true
}

// allows reports whether the line carries "# hydrant:allow id".
func (f *file) allows(line int, id string) bool {
	_, list, ok := strings.Cut(f.from(line, 1), "# hydrant:allow ")
	return ok && slices.Contains(strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' }), id)
}
