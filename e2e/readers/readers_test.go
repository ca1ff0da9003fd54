package readers_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/e2e/readers"
)

// A judge that blurs what it reads would let defects pass: its forms of values
// are tested by an engine that has all types.
func TestDuckDBSaysExactlyWhatItHas(t *testing.T) {
	got, err := readers.DuckDB(t).Query(`SELECT true AS b, 1::TINYINT AS i1, -9223372036854775808 AS i8, 0.1::FLOAT AS f, -0.0::DOUBLE AS d,
		'-0.05'::DECIMAL(38,2) AS n, 12::DECIMAL(4,0) AS n0, '日本"\' AS s, '\xFF\x00'::BLOB AS x, DATE '1969-12-31' AS day,
		TIMESTAMP_NS '1969-12-31 23:59:59.999999999' AS ns, TIMESTAMPTZ '2026-01-01 00:00:00.000001Z' AS us,
		[1, NULL] AS l, MAP {'k': NULL, 'j': [true]} AS m, {'a': NULL, 'b': {'c': 1.5::DOUBLE}} AS st, NULL::INTEGER AS nothing`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"b": true, "i1": int64(1), "i8": int64(-9223372036854775808), "f": float32(0.1), "d": math.Copysign(0, -1), "n": "-0.05", "n0": "12",
		"s": `日本"\`, "x": []byte{0xff, 0}, "day": "1969-12-31", "ns": "1969-12-31T23:59:59.999999999Z", "us": "2026-01-01T00:00:00.000001Z",
		"l": []any{int64(1), nil}, "m": columntest.Pairs{{Key: "k"}, {Key: "j", Value: []any{true}}},
		"st": map[string]any{"b": map[string]any{"c": 1.5}},
	}
	if diff := cmp.Diff([]map[string]any{want}, got.Rows, exactly); diff != "" {
		t.Error(diff)
	}
}
