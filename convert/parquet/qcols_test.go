package parquet

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

func duck(t *column.Type) string {
	switch t.Kind {
	case column.Struct:
		var p []string
		for _, f := range t.Fields {
			p = append(p, `"`+f.Name+`" `+duck(&f.Type))
		}
		return "STRUCT(" + strings.Join(p, ", ") + ")"
	case column.Array:
		return duck(&t.Fields[0].Type) + "[]"
	case column.String:
		return "VARCHAR"
	}
	return strings.ToUpper(t.String())
}

func TestQCols(t *testing.T) {
	type col struct {
		Name, Duck string
		Cast       bool
	}
	out := map[string][]col{}
	for _, n := range corpus.Names() {
		for _, c := range corpusSchema(t, n).Columns {
			d := duck(&c.Type)
			out[n] = append(out[n], col{c.Name, d, strings.Contains(d, "TIMESTAMP")})
		}
	}
	b, _ := json.Marshal(out)
	os.WriteFile("/tmp/qd/cols.json", b, 0o644)
}
