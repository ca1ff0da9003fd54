package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Variables stand in values and are replaced after the YAML was parsed, so that
// their content can change neither structure nor positions:
//
//	${VAR}            the environment variable, which must be set
//	${VAR:-text}      text if it is not set or empty
//	${VAR:?message}   a message of one's own if it is not set or empty
//	${file:/path}     the content of a file, without its last newline
//	$${               a plain ${

var (
	variable     = regexp.MustCompile(`\$?\$\{[^}]*\}?`)
	variableForm = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-?])([^}]*))?\}$`)
)

// expand replaces the variables in every value below n, in place.
func (l *loader) expand(f *file, n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			l.expand(f, n.Content[i+1], join(path, n.Content[i].Value))
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			l.expand(f, c, fmt.Sprintf("%s[%d]", path, i))
		}
	case yaml.ScalarNode:
		l.expandScalar(f, n, path)
	}
}

func (l *loader) expandScalar(f *file, n *yaml.Node, path string) {
	if !strings.Contains(n.Value, "${") {
		return
	}
	raw := n.Value
	n.Value = variable.ReplaceAllStringFunc(raw, func(expr string) string {
		if strings.HasPrefix(expr, "$$") {
			return expr[1:]
		}
		value, problem := l.variable(f, expr)
		if problem != nil {
			problem.Path, problem.Text = path, path+": "+problem.Text
			problem.Place = f.within(n, expr)
			l.report(f, *problem, n)
			l.unset[n], l.missed[path] = true, true
		}
		return value
	})
	l.written[n] = raw
	if n.Style == 0 {
		// An unquoted ${PORT} is a number if its content is one; what would
		// read as null stays a text.
		n.Tag = ""
		if n.ShortTag() == "!!null" {
			n.Tag = "!!str"
		}
	}
}

func (l *loader) variable(f *file, expr string) (string, *Problem) {
	if path, ok := strings.CutPrefix(expr, "${file:"); ok {
		path, ok = strings.CutSuffix(path, "}")
		if !ok || path == "" {
			return "", badVariable(expr)
		}
		return l.variableFile(f, path)
	}
	m := variableForm.FindStringSubmatch(expr)
	if m == nil {
		return "", badVariable(expr)
	}
	name, form, text := m[1], m[2], m[3]
	value, ok := l.env(name)
	switch {
	case ok && (value != "" || form == ""):
		return value, nil
	case form == "-":
		return text, nil
	case form == "?" && text != "":
		return "", &Problem{ID: "missing-variable", Text: "the variable " + name + " is not set", Help: text}
	}
	return "", &Problem{ID: "missing-variable", Text: "the variable " + name + " is not set",
		Help: fmt.Sprintf("set it in hydrant's environment (under systemd: %s=… in /etc/hydrant/env), or write ${%s:-default}", name, name)}
}

func badVariable(expr string) *Problem {
	return &Problem{ID: "bad-variable", Text: fmt.Sprintf("%q is not a variable", expr),
		Help: "write ${VAR}, ${VAR:-default}, ${VAR:?message} or ${file:/path}; $${ is a plain ${"}
}

func (l *loader) variableFile(f *file, path string) (string, *Problem) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.dir, path)
	}
	problem := func(cause string) *Problem {
		return &Problem{ID: "unreadable-secret", Text: fmt.Sprintf("read file %s: %s", path, cause),
			Help: "create it, and let hydrant's user read it"}
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", problem(cause(err))
	}
	if !info.Mode().IsRegular() || info.Size() > field.LongestSecret {
		return "", problem("not a regular file of at most 64 KiB")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", problem(cause(err))
	}
	return field.TrimLineEnd(string(data)), nil
}

// rooted makes the paths of ${file:…} in a value absolute, for a snapshot that
// is read again elsewhere.
func rooted(dir, value string) string {
	return variable.ReplaceAllStringFunc(value, func(expr string) string {
		path, ok := strings.CutPrefix(expr, "${file:")
		if !ok || filepath.IsAbs(path) {
			return expr
		}
		return "${file:" + filepath.Join(dir, path)
	})
}

// join leads from a path to a name below it.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
