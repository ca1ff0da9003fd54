package configs

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

func TestEveryFieldIsExplained(t *testing.T) {
	builtin().root().walk(func(f *Field) {
		switch f.Name {
		case "", "version", "<name>", "[]":
			return
		}
		if _, row := Sinks[f.Name]; row || Sources[f.Name] != nil || Connections[f.Name] != nil || Formats[f.Name] != nil {
			return
		}
		if f.Doc == "" {
			t.Errorf("%s has no doc tag", f.Path)
		}
	})
}

func TestReferenceIsUpToDate(t *testing.T) {
	golden(t, "../docs/configuration.md", Reference())
}

func TestExplain(t *testing.T) {
	for _, path := range []string{"streams.clicks.destination.s3.buffering_hints.interval", "s3.buffering_hints.interval"} {
		got, err := Explain(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"streams.<name>.destination.s3.buffering_hints.interval   duration", "1m", "IntervalInSeconds"} {
			if !strings.Contains(got, want) {
				t.Errorf("explain %s lacks %q:\n%s", path, want, got)
			}
		}
	}
	if got, err := Explain("endpoint"); err != nil || !strings.Contains(got, "several places") {
		t.Errorf("explain endpoint = %q, %v", got, err)
	}
	if got, err := Explain(""); err != nil || !strings.Contains(got, "server.buffer.max_size") {
		t.Errorf("explain = %q, %v", got, err)
	}
	if _, err := Explain("streams.clicks.destination.s3.bukcet"); err == nil || !strings.Contains(err.Error(), "did you mean bucket?") {
		t.Errorf("explain bukcet: %v", err)
	}
}

// TestEffectiveIsAConfiguration loads what Effective wrote: it means the same.
func TestEffectiveIsAConfiguration(t *testing.T) {
	c, problems := Load([]string{"streams.yaml"}, environment)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	first, err := Effective(c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(first), "canary") {
		t.Errorf("a secret is shown:\n%s", first)
	}
	for _, want := range []string{"secret: '***'", "shutdown_timeout: 25s", "part_size: 16MiB", "path_style: true", "shards: 4"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("it lacks %q:\n%s", want, first)
		}
	}
	again, problems := Parse("effective.yaml", ".", first, environment)
	if err := problems.Err(); err != nil {
		t.Fatalf("%v\n%s", err, first)
	}
	second, err := Effective(again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Errorf("effective of effective differs:\n%s", diff)
	}
}

// TestSchemaAcceptsTheExamples checks the schema with as much of JSON Schema as
// it uses.
func TestSchemaAcceptsTheExamples(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file.yaml", "s3-gzip.yaml", "s3-parquet.yaml", "streams.yaml"} {
		f, err := readFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := yaml.Load(f.data, &doc); err != nil {
			t.Fatal(err)
		}
		if problem := mismatch(schema, doc, name); problem != "" {
			t.Error(problem)
		}
	}
	for text, want := range map[string]string{
		"{streams: {a: {source: {direct_put: {}}, destination: {s3: {bucket: lake, bukcet: x}}}}}":                       "bukcet",
		"{streams: {a: {source: {}, destination: {s3: {bucket: lake}}}}}":                                                "source",
		"{streams: {a: {destination: {s3: {bucket: lake}}}}}":                                                            "source",
		"{streams: {.a: {source: {direct_put: {}}, destination: {s3: {bucket: lake}}}}}":                                 ".a",
		"{server: {buffer: {max_size: 50}}}":                                                                             "max_size",
		"{server: {log: {level: loud}}}":                                                                                 "level",
		"{streams: {a: {shards: many, source: {direct_put: {}}, destination: {s3: {bucket: lake}}}}}":                    "shards",
		"{streams: {a: {source: {direct_put: {}}, destination: {s3: {bucket: lake, buffering_hints: {interval: 60}}}}}}": "interval",
		"{streams: {a: {source: {direct_put: {}}, destination: {s3: {bucket: lake, compression_format: brotli}}}}}":      "compression_format",
	} {
		var doc any
		if err := yaml.Load([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if problem := mismatch(schema, doc, ""); !strings.Contains(problem, want) {
			t.Errorf("%s: %q, want a problem with %s", text, problem, want)
		}
	}
}

func mismatch(schema map[string]any, v any, path string) string {
	if branches, ok := schema["anyOf"].([]any); ok {
		for _, one := range branches {
			if mismatch(one.(map[string]any), v, path) == "" {
				return ""
			}
		}
		return path + ": none of anyOf"
	}
	kind := map[bool]string{true: "null"}[v == nil]
	switch v := v.(type) {
	case map[string]any:
		kind = "object"
		if need, ok := schema["minProperties"].(float64); ok && len(v) != int(need) {
			return path + ": not exactly one"
		}
		if required, ok := schema["required"].([]any); ok {
			for _, name := range required {
				if _, ok := v[name.(string)]; !ok {
					return path + ": lacks " + name.(string)
				}
			}
		}
		properties, _ := schema["properties"].(map[string]any)
		more, _ := schema["additionalProperties"].(map[string]any)
		for name, value := range v {
			if names, ok := schema["propertyNames"].(map[string]any); ok && !regexp.MustCompile(names["pattern"].(string)).MatchString(name) {
				return path + ": bad name " + name
			}
			sub, ok := properties[name].(map[string]any)
			if !ok {
				sub = more
			}
			if sub == nil {
				return path + ": no property " + name
			}
			if problem := mismatch(sub, value, path+"."+name); problem != "" {
				return problem
			}
		}
	case []any:
		kind = "array"
		for _, one := range v {
			if problem := mismatch(schema["items"].(map[string]any), one, path+"[]"); problem != "" {
				return problem
			}
		}
	case string:
		kind = "string"
		if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			return path + ": " + v + " does not match " + p
		}
	case bool:
		kind = "boolean"
	case int:
		kind = "integer"
	}
	if words, ok := schema["enum"].([]any); ok {
		for _, w := range words {
			if w == v {
				return ""
			}
		}
		return path + ": not in enum"
	}
	switch want := schema["type"].(type) {
	case string:
		if want != kind {
			return path + ": " + kind + " is not " + want
		}
	case []any:
		for _, w := range want {
			if w == kind || w == "number" && kind == "integer" {
				return ""
			}
		}
		return path + ": a wrong type: " + kind
	}
	return ""
}
