package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Kind is the form of a value, in the words a user reads.
type Kind string

const (
	Object   Kind = "mapping"              // fixed fields
	Choice   Kind = "mapping with one key" // exactly one of the fields
	Map      Kind = "mapping of names"     // one element under each name
	List     Kind = "list"
	Text     Kind = "text"
	Word     Kind = "word" // one of Values
	Number   Kind = "whole number"
	Fraction Kind = "number"
	Bool     Kind = "true or false"
	Size     Kind = "size"
	Duration Kind = "duration"
	Percent  Kind = "percentage"
	Secret   Kind = "secret"
)

// Field describes one field of the configuration. The tree of fields is made
// from the structs that the YAML is decoded into; the check for unknown fields,
// the JSON Schema, explain and the reference are all made from it.
type Field struct {
	Name     string
	Path     string // streams.<name>.destination.s3.bucket
	Kind     Kind
	Doc      string   // tag doc: a sentence or two
	AWS      string   // the name in Firehose's API
	Required bool     // tag required
	Default  string   // as it would be written; "" if there is none
	Values   []string // of a Word
	Fields   []*Field // of Object and Choice
	Elem     *Field   // of Map and List
	Short    string   // of an Object: the field that one value in its place stands for; "" is none
}

// worded is a type whose values are a few words, in any letter case.
type worded interface{ Values() []string }

// describe returns the fields of v, which holds its defaults.
func describe(path string, v any) *Field {
	f := &Field{Path: path, Name: path[strings.LastIndexByte(path, '.')+1:]}
	f.describe(reflect.ValueOf(v))
	if s, ok := v.(shortened); ok {
		f.Short = s.Short()
	}
	return f
}

func (f *Field) describe(v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			v = reflect.Zero(v.Type().Elem())
			continue
		}
		v = v.Elem()
	}
	if f.leaf(v) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		f.Kind = Object
		f.structFields(v)
	case reflect.Map:
		f.Kind = Map
		f.element("<name>", v.Type().Elem())
	case reflect.Slice:
		f.Kind = List
		f.element("[]", v.Type().Elem())
		if v.Len() > 0 {
			var values []string
			for i := range v.Len() {
				values = append(values, fmt.Sprint(v.Index(i)))
			}
			f.Default = "[" + strings.Join(values, ", ") + "]"
		}
	default:
		panic("configs: no words for a field of type " + v.Type().String() + " at " + f.Path)
	}
}

func (f *Field) element(name string, t reflect.Type) {
	f.Elem = &Field{Name: name, Path: f.Path + "." + name}
	if name == "[]" {
		f.Elem.Path = f.Path + "[]"
	}
	f.Elem.describe(reflect.Zero(t))
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// leaf describes v if it is written as one scalar.
func (f *Field) leaf(v reflect.Value) bool {
	if reflect.PointerTo(v.Type()).Implements(textUnmarshaler) {
		f.Kind = Text
		f.Default = fmt.Sprint(v.Interface())
		switch v.Interface().(type) {
		case field.Size:
			f.Kind = Size
		case field.Duration:
			f.Kind = Duration
		case field.Percent:
			f.Kind = Percent
		case field.Secret:
			f.Kind, f.Default = Secret, ""
		}
		if w, ok := v.Interface().(worded); ok {
			f.Kind, f.Values = Word, w.Values()
		}
		return true
	}
	switch v.Kind() {
	case reflect.String:
		f.Kind, f.Default = Text, v.String()
	case reflect.Bool:
		f.Kind, f.Default = Bool, fmt.Sprint(v)
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f.Kind, f.Default = Number, fmt.Sprint(v)
	case reflect.Float64:
		f.Kind, f.Default = Fraction, fmt.Sprint(v)
	default:
		return false
	}
	return true
}

func (f *Field) structFields(v reflect.Value) {
	for i := range v.NumField() {
		t := v.Type().Field(i)
		name, inline, ok := fieldName(t)
		if !ok {
			continue
		}
		if inline {
			f.structFields(v.Field(i))
			continue
		}
		c := &Field{
			Name: name, Path: join(f.Path, name),
			Doc: t.Tag.Get("doc"), Required: t.Tag.Get("required") == "true",
		}
		c.describe(v.Field(i))
		f.Fields = append(f.Fields, c)
	}
}

// child returns the field of that name; of a Map, every name is one.
func (f *Field) child(name string) *Field {
	if f.Kind == Map {
		return f.Elem
	}
	for _, c := range f.Fields {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// names lists the fields of an Object or Choice.
func (f *Field) names() []string {
	names := make([]string, len(f.Fields))
	for i, c := range f.Fields {
		names[i] = c.Name
	}
	return names
}

// at returns the field at a path such as streams.clicks.source, or the last one
// on the way and what does not lead on.
func (f *Field) at(path string) (found *Field, rest string) {
	for path != "" {
		name, tail, _ := strings.Cut(path, ".")
		name, index, isIndex := strings.Cut(name, "[")
		next := f.child(name)
		if next != nil && isIndex && index != "" {
			next = next.Elem
		}
		if next == nil {
			return f, path
		}
		f, path = next, tail
	}
	return f, ""
}

// walk visits f and everything below it, in the order of the structs.
func (f *Field) walk(visit func(*Field)) {
	visit(f)
	for _, c := range f.Fields {
		c.walk(visit)
	}
	if f.Elem != nil {
		f.Elem.walk(visit)
	}
}
