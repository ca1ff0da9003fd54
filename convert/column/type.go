package column

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is what values of a column are, by their Hive names.
type Kind uint8

// The kinds. Those before Array hold values themselves.
const (
	Boolean Kind = iota
	TinyInt
	SmallInt
	Int
	BigInt
	Float
	Double
	Decimal
	String
	Varchar
	Char
	Binary
	Date
	Timestamp
	Array
	Map
	Struct
)

var kindNames = [...]string{"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal",
	"string", "varchar", "char", "binary", "date", "timestamp", "array", "map", "struct"}

func (k Kind) String() string { return kindNames[k] }

// Nested reports whether values of the kind are made of other values.
func (k Kind) Nested() bool { return k >= Array }

// Bytes reports whether a value is a place in the bytes of a batch and not a
// number.
func (k Kind) Bytes() bool { return k >= String && k <= Binary }

// MaxPrecision is how many digits a decimal may have; up to
// MaxSmallPrecision its unscaled value is an int64.
const (
	MaxPrecision      = 38
	MaxSmallPrecision = 18
)

// Type is a Hive type.
type Type struct {
	Kind      Kind
	Precision int // of a decimal: digits, 1 to MaxPrecision
	Scale     int // of a decimal: digits behind the point, 0 to Precision
	Length    int // of varchar and char: characters

	// Fields are those of a struct; of an array the one named "element"; of a
	// map the required "key" and then "value".
	Fields []Field
}

// Field is a named place for values: a column, or a part of one.
type Field struct {
	Name     string
	Type     Type
	Required bool // a row without a value is an error
}

// Schema is the columns of a table.
type Schema struct {
	Columns []Field
}

// Root returns the type of a row.
func (s *Schema) Root() Type { return Type{Kind: Struct, Fields: s.Columns} }

// Wide reports whether values are decimals too long for an int64: they are
// kept as 16 bytes, big-endian two's complement.
func (t *Type) Wide() bool { return t.Kind == Decimal && t.Precision > MaxSmallPrecision }

// Below returns the path of a field of t, which is at path itself: "" is that
// of the row. "payload.commits[].sha" is a path.
func (t *Type) Below(path string, i int) string {
	switch {
	case t.Kind == Array:
		return path + "[]"
	case t.Kind == Map && i == 0:
		return path + "{key}"
	case t.Kind == Map:
		return path + "{}"
	case path == "":
		return t.Fields[i].Name
	}
	return path + "." + t.Fields[i].Name
}

// ArrayOf returns array<element>.
func ArrayOf(element Type) Type {
	return Type{Kind: Array, Fields: []Field{{Name: "element", Type: element}}}
}

// MapOf returns map<key,value>.
func MapOf(key, value Type) Type {
	return Type{Kind: Map, Fields: []Field{{Name: "key", Type: key, Required: true}, {Name: "value", Type: value}}}
}

// String writes the type as ParseType reads it.
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case Varchar, Char:
		return fmt.Sprintf("%s(%d)", t.Kind, t.Length)
	case Array:
		return "array<" + t.Fields[0].inner() + ">"
	case Map:
		return "map<" + t.Fields[0].Type.String() + "," + t.Fields[1].inner() + ">"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i := range t.Fields {
			parts[i] = quoteName(t.Fields[i].Name) + ":" + t.Fields[i].inner()
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	}
	return t.Kind.String()
}

func (f *Field) inner() string {
	if f.Required {
		return f.Type.String() + " not null"
	}
	return f.Type.String()
}

func quoteName(s string) string {
	for i := range len(s) {
		if !nameByte(s[i]) {
			return "`" + strings.ReplaceAll(s, "`", "``") + "`"
		}
	}
	if s == "" {
		return "``"
	}
	return s
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c == '-' || c == '.' || c == '@' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// maxTypeDepth bounds how deep types nest: readers give up earlier.
const maxTypeDepth = 64

// ParseType reads a type as Hive and Glue write it, in any letter case:
// "array<struct<sku:string,qty:int>>". Names with other characters than
// letters, digits and _ - . $ @ stand in backquotes. As in Spark's DDL, a part may
// be "not null". Errors are *TypeError.
func ParseType(text string) (Type, error) {
	p := typeParser{text: text}
	t, err := p.parse(0)
	if err != nil {
		return Type{}, err
	}
	if p.space(); p.at < len(text) {
		return Type{}, p.fail(p.at, "unexpected %q after the type", text[p.at:])
	}
	return t, nil
}

// TypeError says where a type cannot be read.
type TypeError struct {
	Text   string
	Offset int // in Text, in bytes
	Reason string
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("type %q, character %d: %s", e.Text, e.Offset+1, e.Reason)
}

type typeParser struct {
	text string
	at   int
}

func (p *typeParser) fail(at int, format string, args ...any) error {
	return &TypeError{Text: p.text, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

func (p *typeParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *typeParser) accept(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *typeParser) expect(c byte) error {
	if !p.accept(c) {
		return p.fail(p.at, "expected %q", c)
	}
	return nil
}

// word reads letters, digits and underscores.
func (p *typeParser) word() string {
	p.space()
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		p.at++
	}
	return strings.ToLower(p.text[start:p.at])
}

// name reads the name of a field of a struct.
func (p *typeParser) name() (string, error) {
	p.space()
	start := p.at
	if p.accept('`') {
		var name strings.Builder
		for p.at < len(p.text) {
			c := p.text[p.at]
			p.at++
			if c != '`' {
				name.WriteByte(c)
				continue
			}
			if p.at == len(p.text) || p.text[p.at] != '`' {
				return name.String(), nil
			}
			name.WriteByte('`')
			p.at++
		}
		return "", p.fail(start, "the backquote is not closed")
	}
	for p.at < len(p.text) && nameByte(p.text[p.at]) {
		p.at++
	}
	if p.at == start {
		return "", p.fail(start, "expected the name of a field")
	}
	return p.text[start:p.at], nil
}

func (p *typeParser) number(what string, least, most int) (int, error) {
	p.space()
	start := p.at
	n, err := strconv.Atoi(p.word())
	if err != nil || n < least || n > most {
		return 0, p.fail(start, "expected %s from %d to %d", what, least, most)
	}
	return n, nil
}

// synonyms are other systems' words for the same types.
var synonyms = map[string]Kind{"integer": Int, "long": BigInt, "short": SmallInt, "byte": TinyInt, "bool": Boolean,
	"real": Float, "numeric": Decimal, "text": String}

func (p *typeParser) parse(depth int) (Type, error) {
	if depth > maxTypeDepth {
		return Type{}, p.fail(p.at, "the type is nested more than %d levels deep", maxTypeDepth)
	}
	p.space()
	start := p.at
	word := p.word()
	kind, ok := synonyms[word]
	for k, name := range kindNames {
		if name == word {
			kind, ok = Kind(k), true
		}
	}
	if !ok {
		return Type{}, p.fail(start, "%q is not a type; known are %s", word, strings.Join(kindNames[:], ", "))
	}
	t := Type{Kind: kind}
	var err error
	switch kind {
	case Decimal:
		err = p.decimal(&t)
	case Varchar, Char:
		most := 65535 // Hive's limits
		if kind == Char {
			most = 255
		}
		if err = p.expect('('); err == nil {
			if t.Length, err = p.number("a length", 1, most); err == nil {
				err = p.expect(')')
			}
		}
	case Array, Map, Struct:
		err = p.nested(&t, depth)
	}
	return t, err
}

func (p *typeParser) decimal(t *Type) (err error) {
	t.Precision, t.Scale = 10, 0 // Hive's default
	if !p.accept('(') {
		return nil
	}
	if t.Precision, err = p.number("a precision", 1, MaxPrecision); err != nil {
		return err
	}
	if p.accept(',') {
		if t.Scale, err = p.number("a scale", 0, t.Precision); err != nil {
			return err
		}
	}
	return p.expect(')')
}

func (p *typeParser) nested(t *Type, depth int) error {
	if err := p.expect('<'); err != nil {
		return err
	}
	switch t.Kind {
	case Array:
		f, err := p.field("element", depth)
		if err != nil {
			return err
		}
		t.Fields = []Field{f}
	case Map:
		key, err := p.field("key", depth)
		if err != nil {
			return err
		}
		if key.Type.Kind.Nested() {
			return p.fail(p.at, "the key of a map must be a plain type")
		}
		key.Required = true
		if err := p.expect(','); err != nil {
			return err
		}
		value, err := p.field("value", depth)
		if err != nil {
			return err
		}
		t.Fields = []Field{key, value}
	case Struct:
		for first := true; first || p.accept(','); first = false {
			start := p.at
			name, err := p.name()
			if err != nil {
				return err
			}
			for i := range t.Fields {
				if t.Fields[i].Name == name {
					return p.fail(start, "the struct has two fields named %q", name)
				}
			}
			if err := p.expect(':'); err != nil {
				return err
			}
			f, err := p.field(name, depth)
			if err != nil {
				return err
			}
			t.Fields = append(t.Fields, f)
		}
	}
	return p.expect('>')
}

// field reads a type and whether it is "not null".
func (p *typeParser) field(name string, depth int) (Field, error) {
	t, err := p.parse(depth + 1)
	if err != nil {
		return Field{}, err
	}
	f := Field{Name: name, Type: t}
	before := p.at
	if p.word() != "not" {
		p.at = before
		return f, nil
	}
	if p.word() != "null" {
		return Field{}, p.fail(before, `expected "not null"`)
	}
	f.Required = true
	return f, nil
}
