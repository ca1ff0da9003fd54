package orc

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// The bits are what org.apache.orc.util.BloomFilterUtf8 of ORC 1.9.5 sets.
func TestBloomFiltersSetTheBitsOfORC(t *testing.T) {
	for _, c := range []struct {
		kind  column.Kind
		value any
		want  []uint64
	}{
		{column.BigInt, int64(-5), []uint64{0x200020, 0x4000400}},
		{column.Double, 1.5, []uint64{0x800080000, 0x400004000000}},
		{column.Float, float32(1.5), []uint64{0x800080000, 0x400004000000}},
		{column.String, "hydrant 日本語", []uint64{0, 0x8000018000010000}},
		{column.String, "", []uint64{0x8100810000, 0}},
		{column.Binary, []byte("abcdefghijk"), []uint64{0x40008000100020, 0}},
	} {
		f := newBloom(20, 0.05)
		b := one(ofKind(c.kind), c.value)
		f.add(b, &column.Type{Kind: c.kind}, b.Root.Children[0].Values)
		if diff := cmp.Diff(c.want, f.words); diff != "" || f.hashes != 4 {
			t.Errorf("%v %v: %d hashes, %s", c.kind, c.value, f.hashes, diff)
		}
	}
}

func TestBloomFiltersAreAsLargeAsThoseOfORC(t *testing.T) {
	for p, want := range map[float64][2]int{0.05: {4, 62400}, 0.01: {7, 95872}} {
		if f := newBloom(10000, p); f.hashes != want[0] || len(f.words)*64 != want[1] {
			t.Errorf("%v: %d hashes, %d bits, want %v", p, f.hashes, len(f.words)*64, want)
		}
	}
}

func TestBloomFiltersHoldDecimalsAsHiveWritesThem(t *testing.T) {
	for value, want := range map[string]string{"1.50": "1.5", "2.00": "2", "0.00": "0", "-0.05": "-0.05"} {
		got, text := newBloom(20, 0.05), newBloom(20, 0.05)
		decimal := column.Type{Kind: column.Decimal, Precision: 5, Scale: 2}
		b := one(&column.Schema{Columns: []column.Field{{Name: "a", Type: decimal}}}, value)
		got.add(b, &decimal, b.Root.Children[0].Values)
		b = one(ofKind(column.String), want)
		text.add(b, &column.Type{Kind: column.String}, b.Root.Children[0].Values)
		if diff := cmp.Diff(text.words, got.words); diff != "" {
			t.Errorf("%s is not in the filter as %q", value, want)
		}
	}
}

func TestDoublesAreOrdered(t *testing.T) {
	sorted := []float64{math.Inf(-1), -1e300, -1, math.Copysign(0, -1), 0, 5e-324, 1, math.Inf(1)}
	for i, v := range sorted {
		o := order(math.Float64bits(v))
		if i > 0 && o <= order(math.Float64bits(sorted[i-1])) {
			t.Errorf("%v is not after %v", v, sorted[i-1])
		}
		if back := unorder(o); math.Float64bits(back) != math.Float64bits(v) {
			t.Errorf("%v comes back as %v", v, back)
		}
	}
}
