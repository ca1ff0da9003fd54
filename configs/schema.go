package configs

import (
	"encoding/json"
	"strings"
	"unicode"
)

// Schema returns the JSON Schema (2020-12) of the configuration, for editors:
// the YAML language server completes and checks fields with it.
func Schema() []byte { return schema(builtin().root()) }

func schema(root *Field) []byte {
	s := root.schema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "hydrant"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("configs: encode schema: " + err.Error())
	}
	return append(b, '\n')
}

// In place of every value a variable may stand.
const variablePattern = `\$\{.+\}`

func (f *Field) schema() map[string]any {
	s := map[string]any{}
	switch f.Kind {
	case Object, Choice:
		properties := map[string]any{}
		var required []string
		for _, c := range f.Fields {
			properties[c.Name] = c.schema()
			if c.Required {
				required = append(required, c.Name)
			}
		}
		s["type"] = []string{"object", "null"}
		s["properties"] = properties
		s["additionalProperties"] = false
		if f.Kind == Choice {
			s["type"] = "object"
			s["minProperties"], s["maxProperties"] = 1, 1
		}
		if required != nil {
			s["required"] = required
		}
		if f.Short != "" {
			s = map[string]any{"anyOf": []any{f.child(f.Short).schema(), s}}
		}
	case Map:
		s["type"] = []string{"object", "null"}
		s["additionalProperties"] = f.Elem.schema()
		if f.Path == "streams" {
			s["propertyNames"] = map[string]any{"pattern": streamName.String()}
		}
	case List:
		s["type"] = "array"
		s["items"] = f.Elem.schema()
	case Number:
		s["anyOf"] = orVariable(map[string]any{"type": "integer"})
	case Fraction:
		s["anyOf"] = orVariable(map[string]any{"type": "number"})
	case Bool:
		s["anyOf"] = orVariable(map[string]any{"type": "boolean"})
	case Size:
		s["anyOf"] = orVariable(pattern(`^[0-9.]+ ?([KMGTkmgt][Ii]?)?[Bb]$`))
	case Duration:
		s["anyOf"] = orVariable(pattern(`^([0-9.]+(ns|us|µs|ms|s|m|h))+$`))
	case Percent:
		s["anyOf"] = orVariable(pattern(`^[0-9.]+ ?%$`))
	case Word:
		s["anyOf"] = append([]any{map[string]any{"enum": f.Values}},
			orVariable(pattern("^("+anyCase(f.Values)+")$"))...)
	default:
		s["type"] = []string{"string", "number", "boolean"} // YAML reads an unquoted 5 as a number
	}
	if f.Doc != "" {
		s["description"] = f.Doc
	}
	if f.Default != "" && f.Kind != List {
		s["default"] = f.value()
	}
	return s
}

// value is the default in JSON's types.
func (f *Field) value() any {
	switch f.Kind {
	case Number, Fraction, Bool:
		return json.RawMessage(f.Default)
	}
	return f.Default
}

func pattern(p string) map[string]any { return map[string]any{"type": "string", "pattern": p} }

func orVariable(s map[string]any) []any { return []any{s, pattern(variablePattern)} }

// anyCase is a pattern for words in any letter case; JSON Schema's patterns
// have no flag for it.
func anyCase(words []string) string {
	var b strings.Builder
	for i, word := range words {
		if i > 0 {
			b.WriteByte('|')
		}
		for _, c := range word {
			if unicode.IsLetter(c) {
				b.WriteString("[" + string(unicode.ToUpper(c)) + string(unicode.ToLower(c)) + "]")
			} else {
				b.WriteRune(c)
			}
		}
	}
	return b.String()
}
