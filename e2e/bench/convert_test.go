package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/e2e/corpus"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

// TestContestantsConvertToTheSameRows keeps the yardsticks honest: they do the
// work that ours does.
func TestContestantsConvertToTheSameRows(t *testing.T) {
	duckdb := readers.DuckDB(t)
	for _, name := range corpus.Names() {
		t.Run(name, func(t *testing.T) {
			input := filepath.Join(t.TempDir(), name+".json") // of more than one chunk
			if err := os.WriteFile(input, corpus.New(name, 1).NDJSON(600e3), 0o600); err != nil {
				t.Fatal(err)
			}
			want := duckdb.Rows(t, convertedBy(t, converterOurs, name, input))
			for _, who := range []string{converterCommand, converterDuckDB, converterClickHouse, converterGeneric, converterArrow} {
				got := duckdb.Rows(t, convertedBy(t, who, name, input))
				if len(want) == 0 || len(got) != len(want) {
					t.Errorf("%s has %d rows, ours %d", who, len(got), len(want))
					continue
				}
				for i := range want {
					if diff := cmp.Diff(without(forgets[who], want[i]), without(forgets[who], got[i])); diff != "" {
						t.Errorf("%s has another row %d (-ours +theirs):\n%s", who, i, diff)
						break
					}
				}
			}
		})
	}
}

// forgets says of what contestants make null, or the other way round.
var forgets = map[string]func(v any) bool{
	// Objects and lists cannot be null in ClickHouse.
	converterClickHouse: func(v any) bool {
		fields, isObject := v.(map[string]any)
		list, isList := v.([]any)
		return isObject && len(fields) == 0 || isList && len(list) == 0
	},
	// What stands in a map is null for parquet-go if it is zero.
	converterGeneric: func(v any) bool {
		list, isList := v.([]any)
		return v == false || v == int64(0) || v == float64(0) || v == "" || isList && len(list) == 0
	},
}

// without returns v without the fields that forgotten says.
func without(forgotten func(any) bool, v any) any {
	if forgotten == nil {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, x := range v {
			if x = without(forgotten, x); !forgotten(x) {
				kept[name] = x
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i := range v {
			kept[i] = without(forgotten, v[i])
		}
		return kept
	}
	return v
}

func convertedBy(t *testing.T, who, name, input string) string {
	t.Helper()
	columns := columnsOf(name)
	j := job{
		Corpus: name, Format: "parquet", Compression: "snappy", CPUs: 1, Input: input,
		Output: filepath.Join(t.TempDir(), "out.parquet"), Columns: duckdbColumns(columns), Structure: clickhouseStructure(columns),
	}
	var err error
	if who == converterDuckDB || who == converterClickHouse {
		borrow := &borrowed{dir: t.TempDir()}
		_, err = ask(convertCommand(t.Context(), borrow, who), j)
	} else {
		err = convertFile(who, j)
	}
	if err != nil {
		t.Fatalf("%s: %v", who, err)
	}
	return j.Output
}
