package schema

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// realnest is where real nested records with their schemas are, of
// cwida/RealNest; they are no part of this project.
var realnest = filepath.Join("..", "..", "..", "shared", "data", "realnest")

// realColumn is a column as RealNest writes it.
type realColumn struct {
	Name, Type string
	Children   []realColumn
}

func (c *realColumn) field(t *testing.T) column.Field {
	f := column.Field{Name: c.Name}
	var inner []column.Field
	for i := range c.Children {
		inner = append(inner, c.Children[i].field(t))
	}
	switch c.Type {
	case "struct":
		f.Type = column.Type{Kind: column.Struct, Fields: inner}
	case "list":
		f.Type = column.ArrayOf(inner[0].Type)
	case "map":
		f.Type = column.MapOf(inner[0].Type, inner[1].Type)
	default:
		var err error
		word := strings.NewReplacer("varchar", "string", "json", "string").Replace(c.Type)
		if f.Type, err = parseType(word); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func records(t *testing.T, dir string) [][]byte {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "data.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all [][]byte
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		all = append(all, bytes.Clone(lines.Bytes()))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// differences are where inferring finds something else than the schema says.
// A number does not tell that it has few digits, ten keys can be names, and what
// was null in all records can be anything: it becomes a string.
var differences = map[string][]string{
	"aws-public-blockchain-btc-transactions": nil,
	"gharchive-PushEvent":                    nil,
	"gharchive-ReleaseEvent": {
		".release.reactions: map<string,string> is struct<url:string,total_count:bigint,`+1`:bigint,-1:bigint,laugh:bigint," +
			"hooray:bigint,confused:bigint,heart:bigint,rocket:bigint,eyes:bigint>",
	},
	"overturemaps-us-west-2-places": {
		".bbox.xmin: float is double",
		".bbox.xmax: float is double",
		".bbox.ymin: float is double",
		".bbox.ymax: float is double",
		".sources.element.confidence: double is string",
		".names.common: map<string,string> is string",
		".names.rules: " + realRules + " is string",
		".emails: array<string> is string",
		".brand.names.common: map<string,string> is string",
		".brand.names.rules: " + realRules + " is string",
	},
}

const realRules = "array<struct<variant:string,language:string,value:string,between:array<double>,side:string>>"

func differ(path string, given, got column.Type, found *[]string) {
	if given.Kind != got.Kind || len(given.Fields) != len(got.Fields) {
		*found = append(*found, fmt.Sprintf("%s: %s is %s", path, given, got))
		return
	}
	for i := range given.Fields {
		if given.Fields[i].Name != got.Fields[i].Name {
			*found = append(*found, fmt.Sprintf("%s: field %s is %s", path, given.Fields[i].Name, got.Fields[i].Name))
		}
		differ(path+"."+given.Fields[i].Name, given.Fields[i].Type, got.Fields[i].Type, found)
	}
}

func TestColumnsInferredFromRealRecordsFitTheGivenOnes(t *testing.T) {
	tables, err := filepath.Glob(filepath.Join(realnest, "*", "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) == 0 {
		t.Skipf("SKIPPED, WITHOUT REAL RECORDS: there are none in %s", realnest)
	}
	for _, file := range tables {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var given realColumn
			if err := json.Unmarshal([]byte(strings.Replace(string(text), `"columns"`, `"children"`, 1)), &given); err != nil {
				t.Fatal(err)
			}
			given.Type = "struct"
			inf := NewInference(0)
			for _, r := range records(t, dir) {
				inf.Add(r)
			}
			got, err := inf.Schema()
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			differ("", given.field(t).Type, got.Root(), &found)
			if diff := cmp.Diff(differences[filepath.Base(dir)], found); diff != "" {
				t.Error(diff)
			}
		})
	}
}
