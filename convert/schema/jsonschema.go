package schema

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/url"
	"slices"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// jsonSchemaReader reads a JSON Schema of draft 4 to 2020-12: the part of it
// that says what types values have. Patterns, lengths and the like constrain
// values and not types, and count for nothing.
type jsonSchemaReader struct {
	*source
	root *node
	room room
	open []*node // being read: who refers to them is recursive
}

// parseJSONSchema reads a JSON Schema of records. A property is required when
// it is listed as such and may not be null.
func parseJSONSchema(src *source, root *node) (*column.Schema, error) {
	r := &jsonSchemaReader{source: src, root: root}
	f, err := r.read(root, 0)
	if err != nil {
		return nil, err
	}
	if f.Type.Kind != column.Struct {
		return nil, r.fail(root.at, "the properties of an object become the columns of the table",
			"the JSON Schema describes %s and no object with properties", f.Type)
	}
	return &column.Schema{Columns: f.Type.Fields}, nil
}

// refuse makes an error about the schema n.
func (r *jsonSchemaReader) refuse(n *node, hint, format string, args ...any) error {
	err := r.fail(n.at, hint, format, args...)
	if e := (*Error)(nil); errors.As(err, &e) {
		e.Text = "#" + n.pointer + ": " + e.Text
	}
	return err
}

const asString = `a table needs one type; {"type": "string"} takes any value as JSON text`

// anything is the type of values of which nothing is known: they are kept as
// JSON text.
var anything = column.Field{Type: column.Type{Kind: column.String}}

// read returns a field without name; it is required if it may not be null.
func (r *jsonSchemaReader) read(n *node, depth int) (column.Field, error) {
	if depth > maxDepth || !r.room.take() {
		return anything, r.refuse(n, "make the schema smaller", "the schema has more than %d fields or %d levels", maxFields, maxDepth)
	}
	if n.value == true {
		return anything, nil
	}
	if n.kind != '{' {
		return anything, r.refuse(n, "write an object", "a schema cannot be %s", n.what())
	}
	if slices.Contains(r.open, n) {
		return anything, r.refuse(n, asString, "the schema contains itself, which a table cannot")
	}
	r.open = append(r.open, n)
	defer func() { r.open = r.open[:len(r.open)-1] }()

	if ref := n.get("$ref"); ref != nil {
		return r.follow(ref, depth)
	}
	if list, word := n.choice(); list != nil {
		return r.branches(list, word, depth)
	}
	f, err := r.typed(n, depth)
	if allowed, ok := n.get("nullable").bool(); ok && allowed { // OpenAPI 3.0
		f.Required = false
	}
	return f, err
}

func (n *node) bool() (value, ok bool) {
	if n == nil {
		return false, false
	}
	value, ok = n.value.(bool)
	return value, ok
}

// follow reads the schema that a $ref names.
func (r *jsonSchemaReader) follow(ref *node, depth int) (column.Field, error) {
	to, _ := ref.value.(string)
	pointer, local := strings.CutPrefix(to, "#")
	if !local || pointer != "" && pointer[0] != '/' {
		return anything, r.refuse(ref, "copy the schema to $defs and write #/$defs/name", "the reference %q does not point into this file", to)
	}
	at := r.root
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		name, err := url.PathUnescape(part)
		if err == nil {
			name = pointerUnescapes.Replace(name)
			at = at.step(name)
		}
		if err != nil || at == nil {
			return anything, r.refuse(ref, "", "the reference %q points to nothing", to)
		}
	}
	return r.read(at, depth+1)
}

// step follows one part of a pointer.
func (n *node) step(name string) *node {
	if n.kind != '[' {
		return n.get(name)
	}
	for _, e := range n.elements {
		if strings.HasSuffix(e.pointer, "/"+name) {
			return e
		}
	}
	return nil
}

// choice returns the list of schemas that say what n is about, if n does not
// say it itself.
func (n *node) choice() (list *node, word string) {
	if n.get("properties") != nil {
		return nil, ""
	}
	if t := n.get("type"); t != nil && t.kind == 'v' && t.value != "object" && t.value != "array" {
		return nil, ""
	}
	for _, word := range []string{"anyOf", "oneOf", "allOf"} {
		if list := n.get(word); list != nil && len(list.elements) > 0 {
			return list, word
		}
	}
	return nil, ""
}

// branches reads a list of schemas that, but for null, are about the same
// type; those of allOf may also be the properties of an object in parts.
func (r *jsonSchemaReader) branches(list *node, word string, depth int) (column.Field, error) {
	var all []column.Field
	required := true
	for _, e := range list.elements {
		if e.text("type") == "null" {
			required = false
			continue
		}
		if word == "allOf" && e.saysNothing() {
			continue
		}
		f, err := r.read(e, depth+1)
		if err != nil {
			return anything, err
		}
		required = required && f.Required
		all = append(all, f)
	}
	if len(all) == 0 {
		return anything, nil
	}
	f := all[0]
	f.Required = required
	for _, other := range all[1:] {
		switch {
		case word == "allOf" && f.Type.Kind == column.Struct && other.Type.Kind == column.Struct:
			f.Type.Fields = append(slices.Clip(f.Type.Fields), other.Type.Fields...)
		case f.Type.String() != other.Type.String():
			return anything, r.refuse(list, asString, "%s of %s and %s cannot be one column", word, f.Type, other.Type)
		}
	}
	if why := unfitType(&f.Type); why != "" {
		return anything, r.refuse(list, "keep one of them", "%s", why)
	}
	return f, nil
}

// saysNothing reports whether a schema is not about types.
func (n *node) saysNothing() bool {
	list, _ := n.choice()
	return n.kind == '{' && list == nil && n.get("$ref") == nil && n.get("type") == nil && len(impliedTypes(n)) == 0
}

// typed reads a schema by its type, or by what the other members tell of it.
func (r *jsonSchemaReader) typed(n *node, depth int) (column.Field, error) {
	names, err := r.typeNames(n)
	if err != nil {
		return anything, err
	}
	f := column.Field{Required: true}
	if at := slices.Index(names, "null"); at >= 0 {
		f.Required = false
		names = slices.Delete(names, at, at+1)
	}
	if len(names) == 2 && slices.Contains(names, "integer") && slices.Contains(names, "number") {
		names = []string{"number"}
	}
	switch {
	case len(names) == 0:
		return anything, nil
	case len(names) > 1:
		at := n
		if t := n.get("type"); t != nil {
			at = t
		}
		return anything, r.refuse(at, asString, "%s cannot be one column", strings.Join(names, " and "))
	}
	switch names[0] {
	case "string":
		f.Type.Kind = stringKind(n)
	case "boolean":
		f.Type.Kind = column.Boolean
	case "number":
		f.Type.Kind = column.Double
		if n.text("format") == "float" {
			f.Type.Kind = column.Float
		}
	case "integer":
		f.Type, err = r.integer(n)
	case "array":
		f.Type, err = r.array(n, depth)
	case "object":
		f.Type, err = r.object(n, depth)
	default:
		err = r.refuse(n.get("type"), "JSON has string, number, integer, boolean, object, array and null", "%q is not a type", names[0])
	}
	return f, err
}

// typeNames returns what stands at type, or the types that the schema can only
// be about.
func (r *jsonSchemaReader) typeNames(n *node) ([]string, error) {
	t := n.get("type")
	if t == nil {
		return impliedTypes(n), nil
	}
	if name, ok := t.value.(string); ok {
		return []string{name}, nil
	}
	var names []string
	for _, e := range t.elements {
		name, ok := e.value.(string)
		if !ok {
			return nil, r.refuse(e, "", "a type cannot be %s", e.what())
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, r.refuse(t, "", "a type cannot be %s", t.what())
	}
	return names, nil
}

func impliedTypes(n *node) []string {
	switch {
	case n.get("properties") != nil || n.get("additionalProperties") != nil || n.get("patternProperties") != nil:
		return []string{"object"}
	case n.get("items") != nil || n.get("prefixItems") != nil:
		return []string{"array"}
	}
	values := []*node{n.get("const")}
	if list := n.get("enum"); list != nil {
		values = list.elements
	}
	var names []string
	for _, v := range values {
		if name := v.jsonType(); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// jsonType returns the type of a value in the words of JSON Schema.
func (n *node) jsonType() string {
	switch {
	case n == nil:
		return ""
	case n.kind == '{' || n.kind == '[':
		return "string" // as JSON text
	}
	switch v := n.value.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if isInteger(string(v)) {
			return "integer"
		}
		return "number"
	}
	return "null"
}

func stringKind(n *node) column.Kind {
	switch {
	case n.text("contentEncoding") == "base64":
		return column.Binary
	case n.text("format") == "date":
		return column.Date
	case n.text("format") == "date-time":
		return column.Timestamp
	}
	return column.String
}

// integer chooses the type by the format, else by the bounds: int when both
// fit, a decimal when one is beyond bigint, else bigint.
func (r *jsonSchemaReader) integer(n *node) (column.Type, error) {
	switch n.text("format") {
	case "int8":
		return column.Type{Kind: column.TinyInt}, nil
	case "int16", "uint8":
		return column.Type{Kind: column.SmallInt}, nil
	case "int32", "uint16":
		return column.Type{Kind: column.Int}, nil
	case "int64", "uint32":
		return column.Type{Kind: column.BigInt}, nil
	case "uint64":
		return column.Type{Kind: column.Decimal, Precision: 20}, nil
	}
	digits, small := 0, 0
	for _, names := range [][]string{{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}} {
		bound := n.get(names[0])
		if _, ok := n.get(names[1]).number(); ok {
			bound = n.get(names[1])
		}
		value, ok := bound.number()
		if !ok {
			continue
		}
		if value.BitLen() <= 31 {
			small++
		} else if !value.IsInt64() {
			digits = max(digits, len(value.Text(10))-max(0, -value.Sign()))
		}
	}
	switch {
	case digits > column.MaxPrecision:
		return column.Type{}, r.refuse(n, "make it a string", "integers of %d digits do not fit a column, which has at most %d", digits, column.MaxPrecision)
	case digits > 0:
		return column.Type{Kind: column.Decimal, Precision: digits}, nil
	case small == 2:
		return column.Type{Kind: column.Int}, nil
	}
	return column.Type{Kind: column.BigInt}, nil
}

// maxBound is how many characters of a bound are looked at.
const maxBound = 100

// number returns the whole number that a value is, without its fraction.
func (n *node) number() (*big.Int, bool) {
	if n == nil {
		return nil, false
	}
	text, ok := n.value.(json.Number)
	if !ok || len(text) > maxBound {
		return nil, false
	}
	if i, ok := new(big.Int).SetString(string(text), 10); ok {
		return i, true
	}
	f, _, err := big.ParseFloat(string(text), 10, 200, big.ToZero)
	if err != nil || f.IsInf() || f.MantExp(nil) > 400 {
		return nil, false
	}
	i, _ := f.Int(nil)
	return i, true
}

func (r *jsonSchemaReader) array(n *node, depth int) (column.Type, error) {
	items := n.get("items")
	if tuple := n.get("prefixItems"); tuple != nil || items != nil && items.kind == '[' {
		return column.Type{}, r.refuse(n, "give all items one schema", "an array whose items have a schema each cannot be a column")
	}
	if items == nil {
		return column.ArrayOf(anything.Type), nil
	}
	f, err := r.read(items, depth+1)
	t := column.ArrayOf(f.Type)
	t.Fields[0].Required = f.Required
	return t, err
}

// object makes a struct of the properties, or a map if there are none.
func (r *jsonSchemaReader) object(n *node, depth int) (column.Type, error) {
	t := column.Type{Kind: column.Struct}
	properties := n.get("properties")
	if properties == nil || len(properties.members) == 0 {
		return r.mapping(n, depth)
	}
	names := names{}
	for _, m := range properties.members {
		if m.node.value == false {
			continue // the property may not be there
		}
		if why, hint := names.refuse(m.name); why != "" {
			return t, r.refuse(m.node, hint, "%s", why)
		}
		f, err := r.read(m.node, depth+1)
		if err != nil {
			return t, err
		}
		f.Name = m.name
		f.Required = f.Required && n.requires(m.name)
		t.Fields = append(t.Fields, f)
	}
	if len(t.Fields) == 0 {
		return t, r.refuse(properties, "a struct needs at least one field", "no property may be there")
	}
	return t, nil
}

func (n *node) requires(name string) bool {
	list := n.get("required")
	return list != nil && slices.ContainsFunc(list.elements, func(e *node) bool { return e.value == name })
}

func (r *jsonSchemaReader) mapping(n *node, depth int) (column.Type, error) {
	values := n.get("additionalProperties")
	if patterns := n.get("patternProperties"); patterns != nil && len(patterns.members) > 0 {
		if len(patterns.members) > 1 || values != nil && values.kind == '{' {
			return column.Type{}, r.refuse(patterns, "give all values one schema, as additionalProperties", "an object whose values have several schemas cannot be a map")
		}
		values = patterns.members[0].node
	}
	f := anything
	if values != nil {
		if values.value == false {
			return column.Type{}, r.refuse(n, "list its properties", "an object that is always empty cannot be a column")
		}
		var err error
		if f, err = r.read(values, depth+1); err != nil {
			return column.Type{}, err
		}
	}
	t := column.MapOf(column.Type{Kind: column.String}, f.Type)
	t.Fields[1].Required = f.Required
	return t, nil
}

// isInteger reports whether the text of a JSON number has neither fraction nor
// exponent.
func isInteger(number string) bool { return !strings.ContainsAny(number, ".eE") }
