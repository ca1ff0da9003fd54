package schema

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// avroKinds are the primitive types of Avro. A field that is nothing but null
// is a string, as when columns are inferred.
var avroKinds = map[string]column.Kind{"null": column.String, "boolean": column.Boolean, "int": column.Int, "long": column.BigInt,
	"float": column.Float, "double": column.Double, "bytes": column.Binary, "string": column.String}

// avroLogical are the types for logical types, by the type they annotate.
// Hive has no time of day: it stays the number that Avro's JSON has for it.
// A uuid and an enum are strings, a duration stays bytes. As Avro demands,
// what is not known here counts for nothing.
var avroLogical = map[string]column.Kind{
	"int date":                    column.Date,
	"long timestamp-millis":       column.Timestamp,
	"long timestamp-micros":       column.Timestamp,
	"long timestamp-nanos":        column.Timestamp,
	"long local-timestamp-millis": column.Timestamp,
	"long local-timestamp-micros": column.Timestamp,
	"long local-timestamp-nanos":  column.Timestamp,
	"fixed uuid":                  column.String,
}

// avroReader reads an Avro schema (the specification's version 1.12).
type avroReader struct {
	*source
	room  room
	named map[string]*avroType
}

// avroType is a type that others can name.
type avroType struct {
	definition *node
	namespace  string // for names in the definition
	open       bool   // it is being read: who names it now is recursive
}

// parseAvro reads an Avro schema. A value that may not be null is required,
// unless it has a default.
func parseAvro(src *source, root *node) (*column.Schema, error) {
	r := &avroReader{source: src, named: map[string]*avroType{}}
	f, err := r.read(root, "", 0)
	if err != nil {
		return nil, err
	}
	if f.Type.Kind != column.Struct {
		return nil, r.fail(root.at, "the fields of a record become the columns of the table", "the Avro schema describes %s and no record", f.Type)
	}
	return &column.Schema{Columns: f.Type.Fields}, nil
}

// read returns a field without name.
func (r *avroReader) read(n *node, namespace string, depth int) (column.Field, error) {
	if depth > maxDepth || !r.room.take() {
		return column.Field{}, r.fail(n.at, "make the schema smaller", "the schema has more than %d fields or %d levels", maxFields, maxDepth)
	}
	switch {
	case n.kind == '[':
		return r.union(n, namespace, depth)
	case n.kind == '{':
		return r.complexType(n, namespace, depth)
	}
	name, ok := n.value.(string)
	if !ok {
		return column.Field{}, r.fail(n.at, "write a name, an object or a union", "a type cannot be %s", n.what())
	}
	return r.byName(n, name, namespace, depth)
}

func (r *avroReader) byName(n *node, name, namespace string, depth int) (column.Field, error) {
	if kind, ok := avroKinds[name]; ok {
		return column.Field{Type: column.Type{Kind: kind}, Required: name != "null"}, nil
	}
	t := r.named[avroFullName(name, namespace)]
	if t == nil {
		t = r.named[name] // what has no namespace can be named from everywhere
	}
	switch {
	case t == nil:
		return column.Field{}, r.fail(n.at, "a named type is defined before it is used, with its namespace", "type %q is not known", name)
	case t.open:
		return column.Field{}, r.fail(n.at, "a table cannot hold it; make the field a string: it takes any value as JSON text", "type %q contains itself", name)
	}
	return r.complexType(t.definition, t.namespace, depth)
}

func avroFullName(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

// union reads a union of one type, with or without null.
func (r *avroReader) union(n *node, namespace string, depth int) (column.Field, error) {
	var branches []*node
	for _, e := range n.elements {
		if e.value != "null" {
			branches = append(branches, e)
		}
	}
	if len(branches) != 1 {
		if len(branches) == 0 && len(n.elements) > 0 {
			return column.Field{Type: column.Type{Kind: column.String}}, nil
		}
		return column.Field{}, r.fail(n.at, "keep one type beside null; a string takes any value as JSON text",
			"a union of %d types cannot be a column", len(branches))
	}
	f, err := r.read(branches[0], namespace, depth+1)
	if len(branches) < len(n.elements) {
		f.Required = false
	}
	return f, err
}

func (r *avroReader) complexType(n *node, namespace string, depth int) (column.Field, error) {
	f := column.Field{Required: true}
	t := n.get("type")
	if t == nil {
		return f, r.fail(n.at, "", "the type is missing: an object has a member named type")
	}
	word, ok := t.value.(string)
	if !ok {
		return r.read(t, namespace, depth+1) // {"type": {"type": "int"}}
	}
	switch word {
	case "record", "error", "enum", "fixed":
		return r.namedType(n, word, namespace, depth)
	case "array", "map":
		part := "items"
		if word == "map" {
			part = "values"
		}
		inner := n.get(part)
		if inner == nil {
			return f, r.fail(n.at, "", "the %s has no member named %s", word, part)
		}
		element, err := r.read(inner, namespace, depth+1)
		if err != nil {
			return f, err
		}
		f.Type = column.ArrayOf(element.Type)
		if word == "map" {
			f.Type = column.MapOf(column.Type{Kind: column.String}, element.Type)
		}
		f.Type.Fields[len(f.Type.Fields)-1].Required = element.Required
		return f, nil
	}
	if word == "bytes" && n.text("logicalType") == "decimal" {
		return r.decimal(n, math.MaxInt32)
	}
	if kind, ok := avroLogical[word+" "+n.text("logicalType")]; ok {
		f.Type.Kind = kind
		return f, nil
	}
	return r.byName(t, word, namespace, depth)
}

// namedType reads a definition, which others may name from now on.
func (r *avroReader) namedType(n *node, word, namespace string, depth int) (column.Field, error) {
	f := column.Field{Required: true}
	name := n.text("name")
	if name == "" {
		return f, r.fail(n.at, "", "the %s has no name", word)
	}
	if given := n.get("namespace"); given != nil && !strings.Contains(name, ".") {
		namespace = n.text("namespace")
	}
	full := avroFullName(name, namespace)
	if dot := strings.LastIndexByte(full, '.'); dot >= 0 {
		namespace = full[:dot]
	}
	own := r.named[full]
	if own != nil && own.definition != n {
		return f, r.fail(n.at, "name one of them otherwise", "type %q is defined twice", full)
	}
	own = &avroType{definition: n, namespace: namespace, open: true}
	r.named[full] = own
	defer func() { own.open = false }()
	switch word {
	case "enum":
		f.Type.Kind = column.String
		return f, nil
	case "fixed":
		size, ok := integer(n.get("size"))
		if !ok || size < 0 {
			return f, r.fail(n.at, "", "the fixed %q has no size", name)
		}
		if n.text("logicalType") == "decimal" {
			return r.decimal(n, size)
		}
		f.Type.Kind = column.Binary
		if kind, ok := avroLogical["fixed "+n.text("logicalType")]; ok {
			f.Type.Kind = kind
		}
		return f, nil
	}
	f.Type.Kind = column.Struct
	return f, r.fields(n, &f.Type, namespace, depth)
}

func (r *avroReader) fields(n *node, t *column.Type, namespace string, depth int) error {
	list := n.get("fields")
	if list == nil || list.kind != '[' || len(list.elements) == 0 {
		return r.fail(n.at, "a struct needs at least one field", "the record %q has no fields", n.text("name"))
	}
	names := names{}
	for _, e := range list.elements {
		name, inner := e.text("name"), e.get("type")
		if why, hint := names.refuse(name); why != "" {
			return r.fail(e.at, hint, "%s", why)
		}
		if inner == nil {
			return r.fail(e.at, "", "the field %q has no type", name)
		}
		f, err := r.fieldType(e, inner, namespace, depth)
		if err != nil {
			return err
		}
		f.Name = name
		if e.get("default") != nil {
			f.Required = false
		}
		t.Fields = append(t.Fields, f)
	}
	return nil
}

// fieldType reads the type of a field. Many write the logical type beside it,
// {"name": "at", "type": "long", "logicalType": "timestamp-millis"}, and not
// inside: what they mean is plain.
func (r *avroReader) fieldType(e, inner *node, namespace string, depth int) (column.Field, error) {
	if word, ok := inner.value.(string); ok && e.text("logicalType") != "" {
		if _, primitive := avroKinds[word]; primitive {
			return r.complexType(e, namespace, depth+1)
		}
	}
	return r.read(inner, namespace, depth+1)
}

// decimal reads the precision and the scale beside a logical type, for values
// of so many bytes.
func (r *avroReader) decimal(n *node, size int) (column.Field, error) {
	f := column.Field{Type: column.Type{Kind: column.Decimal}, Required: true}
	ok := false
	if f.Type.Precision, ok = integer(n.get("precision")); !ok || f.Type.Precision < 1 || f.Type.Precision > column.MaxPrecision {
		return f, r.fail(n.at, "", "the precision of a decimal must be from 1 to %d", column.MaxPrecision)
	}
	if float64(f.Type.Precision) > math.Floor(math.Log10(2)*float64(8*size-1)) {
		return f, r.fail(n.at, "make the fixed larger", "%d bytes do not hold a decimal of %d digits", size, f.Type.Precision)
	}
	if scale := n.get("scale"); scale != nil {
		if f.Type.Scale, ok = integer(scale); !ok || f.Type.Scale < 0 || f.Type.Scale > f.Type.Precision {
			return f, r.fail(scale.at, "", "the scale of a decimal must be from 0 to its precision, which is %d", f.Type.Precision)
		}
	}
	return f, nil
}

// integer returns the number that a value is.
func integer(n *node) (int, bool) {
	if n == nil {
		return 0, false
	}
	number, ok := n.value.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := number.Int64()
	if err != nil || i < math.MinInt32 || i > math.MaxInt32 {
		return 0, false
	}
	return int(i), true
}
