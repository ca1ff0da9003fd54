package schema

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// parseDDL reads the columns of Hive DDL: a CREATE TABLE statement, its list
// of columns alone (a int, b array<string>), or the type of a row
// (struct<a:int,b:array<string>>). Comments on columns are passed over, and
// columns of PARTITIONED BY too: they are in the names of objects and not in
// the objects.
func parseDDL(src *source) (*column.Schema, error) {
	text, err := plainDDL(src)
	if err != nil {
		return nil, err
	}
	r := &ddlReader{source: src, plain: text}
	if r.word("struct") && r.accept('<') {
		return r.row()
	}
	r.at = 0
	if r.word("create") {
		if err := r.head(); err != nil {
			return nil, err
		}
		return r.list(true)
	}
	return r.list(r.accept('('))
}

// plainDDL writes blanks over comments, so that what is left stands where it
// stood.
func plainDDL(src *source) (string, error) {
	text, plain := string(src.text), bytes.Clone(src.text)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			plain[i] = ' '
		}
	}
	for at := 0; at < len(text); {
		rest := text[at:]
		switch {
		case strings.IndexByte("`'\"", rest[0]) >= 0:
			end, ok := closing(rest, rest[0])
			if !ok {
				return "", src.fail(at, "", "what begins with %q does not end", rest[:1])
			}
			if word := columnComment(plain[:at]); word >= 0 && rest[0] != '`' {
				blank(word, at+end)
			}
			at += end
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			blank(at, at+end)
			at += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return "", src.fail(at, "", "the comment does not end")
			}
			blank(at, at+end+2)
			at += end + 2
		default:
			at++
		}
	}
	return string(plain), nil
}

// columnComment returns where the word COMMENT begins at the end of a text, or
// -1: what follows is the comment on a column.
func columnComment(text []byte) int {
	const word = "comment"
	text = bytes.TrimRight(text, " \t\r\n")
	at := len(text) - len(word)
	if at <= 0 || !strings.EqualFold(string(text[at:]), word) || ddlName(text[at-1]) {
		return -1
	}
	return at
}

// closing returns where the text behind a quoted part goes on. Two quotation
// marks stand for one, and so does one behind a backslash, except between
// backquotes.
func closing(text string, mark byte) (end int, ok bool) {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && mark != '`':
			i++
		case text[i] != mark:
		case i+1 < len(text) && text[i+1] == mark:
			i++
		default:
			return i + 1, true
		}
	}
	return 0, false
}

type ddlReader struct {
	*source
	plain string // the text without comments
	at    int
}

func (r *ddlReader) space() {
	for r.at < len(r.plain) && strings.IndexByte(" \t\r\n", r.plain[r.at]) >= 0 {
		r.at++
	}
}

func (r *ddlReader) accept(c byte) bool {
	r.space()
	if r.at < len(r.plain) && r.plain[r.at] == c {
		r.at++
		return true
	}
	return false
}

// word passes a word if it is the next.
func (r *ddlReader) word(word string) bool {
	r.space()
	end := r.at + len(word)
	if end > len(r.plain) || !strings.EqualFold(r.plain[r.at:end], word) || end < len(r.plain) && ddlName(r.plain[end]) {
		return false
	}
	r.at = end
	return true
}

func ddlName(c byte) bool {
	return c == '_' || c == '$' || c == '-' || c == '@' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// name reads a name, with or without backquotes.
func (r *ddlReader) name(what string) (string, error) {
	r.space()
	start := r.at
	if r.at < len(r.plain) && r.plain[r.at] == '`' {
		end, ok := closing(r.plain[r.at:], '`')
		if !ok {
			return "", r.fail(start, "", "the backquote is not closed")
		}
		r.at += end
		return strings.ReplaceAll(r.plain[start+1:r.at-1], "``", "`"), nil
	}
	for r.at < len(r.plain) && ddlName(r.plain[r.at]) {
		r.at++
	}
	if r.at == start {
		return "", r.fail(start, "write name type, name type; names with other characters than letters, digits and _ stand in backquotes",
			"expected %s", what)
	}
	return r.plain[start:r.at], nil
}

// head passes CREATE [EXTERNAL] TABLE [IF NOT EXISTS] a.b up to the list of columns.
func (r *ddlReader) head() error {
	for _, word := range []string{"or", "replace", "temporary", "external"} {
		r.word(word)
	}
	if !r.word("table") {
		return r.fail(r.at, "write CREATE EXTERNAL TABLE name (column type, ...)", "this is not a CREATE TABLE statement")
	}
	for _, word := range []string{"if", "not", "exists"} {
		r.word(word)
	}
	for {
		if _, err := r.name("the name of the table"); err != nil {
			return err
		}
		if !r.accept('.') {
			break
		}
	}
	if !r.accept('(') {
		return r.fail(r.at, "the statement must list the columns: (column type, ...)", "expected the list of columns")
	}
	return nil
}

// row reads the text as the type of a row.
func (r *ddlReader) row() (*column.Schema, error) {
	r.at = 0
	t, err := parseType(strings.TrimRight(r.plain[r.at:], "; \t\r\n"))
	if err != nil {
		return nil, r.typeError(r.at, err)
	}
	return &column.Schema{Columns: t.Fields}, nil
}

// list reads the columns, up to the closing bracket or the end of the text.
func (r *ddlReader) list(brackets bool) (*column.Schema, error) {
	s := &column.Schema{}
	names := names{}
	for {
		r.space()
		at := r.at
		f, err := r.column()
		if err != nil {
			return nil, err
		}
		if why, hint := names.refuse(f.Name); why != "" {
			return nil, r.fail(at, hint, "%s", why)
		}
		if s.Columns = append(s.Columns, f); len(s.Columns) > maxFields {
			return nil, r.fail(at, "", "there are more than %d columns", maxFields)
		}
		if r.accept(',') {
			if r.space(); brackets || r.at < len(r.plain) {
				continue
			}
		}
		break
	}
	if brackets && !r.accept(')') {
		return nil, r.fail(r.at, "", "the list of columns is not closed")
	}
	if !brackets {
		r.accept(';')
		if r.space(); r.at < len(r.plain) {
			return nil, r.fail(r.at, "put a comma between columns", "expected the end of the columns")
		}
	}
	return s, nil
}

// column reads a name, a type and NOT NULL.
func (r *ddlReader) column() (column.Field, error) {
	var f column.Field
	for _, word := range []string{"constraint", "primary key", "unique", "foreign key"} {
		if before := r.at; r.word(word) {
			return f, r.fail(before, "remove it: files hold no constraints but NOT NULL", "%s is not a column", strings.ToUpper(word))
		}
	}
	var err error
	if f.Name, err = r.name("the name of a column"); err != nil {
		return f, err
	}
	r.accept(':') // as Spark prints it
	r.space()
	start := r.at
	end := r.typeEnd()
	text := strings.TrimRight(r.plain[start:end], " \t\r\n")
	if inner, required := cutNotNull(text); required {
		text, f.Required = inner, true
	}
	r.at = end
	if f.Type, err = parseType(text); err != nil {
		return f, r.typeError(start, err)
	}
	return f, nil
}

var notNull = regexp.MustCompile(`(?i)\s+not\s+null$`)

func cutNotNull(text string) (string, bool) {
	if at := notNull.FindStringIndex(text); at != nil {
		return text[:at[0]], true
	}
	return text, false
}

// typeEnd returns where the next column begins: at a comma, or at the closing
// bracket of the list.
func (r *ddlReader) typeEnd() int {
	open := 0
	for at := r.at; at < len(r.plain); at++ {
		switch r.plain[at] {
		case '`':
			if end, ok := closing(r.plain[at:], '`'); ok {
				at += end - 1
			}
		case '(', '<':
			open++
		case '>':
			open--
		case ')':
			if open--; open < 0 {
				return at
			}
		case ',', ';':
			if open <= 0 {
				return at
			}
		}
	}
	return len(r.plain)
}

// typeError says where in the file a type is wrong.
func (r *ddlReader) typeError(start int, err error) error {
	bad := (*column.TypeError)(nil)
	if !errors.As(err, &bad) {
		return err
	}
	return r.fail(start+bad.Offset, "", "%s", bad.Reason)
}
