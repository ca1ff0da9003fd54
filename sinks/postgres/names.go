package postgres

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// longestName is how many bytes of a name Postgres keeps.
const longestName = 63

// relation is the name of a table.
type relation struct {
	schema string // "" for the first of the search path that has the table
	name   string
}

// parseRelation reads table or schema.table. Names are taken as they are
// written, in their letter case; one with a dot or a quote stands in double
// quotes, as in SQL.
func parseRelation(text string) (relation, error) {
	first, rest, err := parseName(text)
	if err != nil {
		return relation{}, err
	}
	if rest == "" {
		return relation{name: first}, nil
	}
	second, rest, err := parseName(rest[1:])
	if err == nil && rest != "" {
		err = errors.New("it has more than a schema and a table")
	}
	return relation{first, second}, err
}

// parseName reads the name at the start of text; rest is empty or begins with
// a dot.
func parseName(text string) (name, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexByte(text, '.')
		if end < 0 {
			end = len(text)
		}
		name, rest = text[:end], text[end:]
		if strings.ContainsRune(name, '"') {
			return "", "", errors.New("a quote in a name stands in quotes, twice")
		}
		return name, rest, checkName(name)
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		if strings.HasPrefix(text[i+1:], `"`) {
			b.WriteByte('"')
			i++
			continue
		}
		if rest = text[i+1:]; rest != "" && rest[0] != '.' {
			return "", "", errors.New("something follows the closing quote")
		}
		return b.String(), rest, checkName(b.String())
	}
	return "", "", errors.New("a quote is not closed")
}

// checkName refuses what cannot be the name of anything.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is empty")
	case len(name) > longestName:
		return fmt.Errorf("the name %.20q... is longer than %d bytes", name, longestName)
	case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not text", name)
	}
	return nil
}

// quote makes an SQL identifier of a name. Everything that is built into a
// statement goes through it: other values are parameters.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteAll returns names as a list of identifiers.
func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}

// sql returns the relation as it stands in a statement.
func (r relation) sql() string {
	if r.schema == "" {
		return quote(r.name)
	}
	return quote(r.schema) + "." + quote(r.name)
}

// String is for people.
func (r relation) String() string {
	if r.schema == "" {
		return r.name
	}
	return r.schema + "." + r.name
}
