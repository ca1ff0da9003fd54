package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

func TestBoundsOfDoubles(t *testing.T) {
	l := &leaf{order: doubleOrder, width: 8}
	nan, minus := math.NaN(), math.Copysign(0, -1)
	for _, c := range []struct {
		name       string
		values     []float64
		known      bool
		least, top float64
	}{
		{"none", nil, false, 0, 0},
		{"one", []float64{1.5}, true, 1.5, 1.5},
		{"NaN is left out", []float64{nan, 3, nan, -2}, true, -2, 3},
		{"nothing but NaN", []float64{nan, nan}, false, 0, 0},
		{"zero below is -0", []float64{0, 1}, true, minus, 1},
		{"zero above is +0", []float64{-1, minus}, true, -1, 0},
		{"infinities", []float64{math.Inf(1), math.Inf(-1)}, true, math.Inf(-1), math.Inf(1)},
	} {
		var values []uint64
		for _, v := range c.values {
			values = append(values, math.Float64bits(v))
		}
		_, b := numberBounds(nil, l, values)
		if b.known != c.known {
			t.Errorf("%s: known = %v", c.name, b.known)
			continue
		}
		if !c.known {
			continue
		}
		if low, high := binary.LittleEndian.Uint64(b.min), binary.LittleEndian.Uint64(b.max); low != math.Float64bits(c.least) || high != math.Float64bits(c.top) {
			t.Errorf("%s: %v to %v, want %v to %v", c.name, math.Float64frombits(low), math.Float64frombits(high), c.least, c.top)
		}
	}
}

func TestLongBoundsAreCut(t *testing.T) {
	long := strings.Repeat("a", 100)
	for _, c := range []struct {
		name, value, low, high string
		exact                  bool
		kind                   column.Kind
	}{
		{"short", "abc", "abc", "abc", true, column.String},
		{"of the longest length", long[:64], long[:64], long[:64], true, column.String},
		{"long", long, long[:64], long[:63] + "b", false, column.String},
		{"cut between characters", long[:63] + "éé", long[:63], long[:62] + "b", false, column.String},
		{"last character is the last of all", long[:60] + "\U0010ffff" + "xyz", long[:60] + "\U0010ffff", long[:59] + "b", false, column.String},
		{"over the surrogates", long[:61] + "\ud7ff" + "xyz", long[:61] + "\ud7ff", long[:61] + "\ue000", false, column.String},
		{"bytes", long[:63] + "\xff\xff", long[:63] + "\xff", long[:62] + "b", false, column.Binary},
	} {
		var b byteBounds
		b.add([]byte(c.value))
		_, got := b.bounds(nil, &leaf{kind: c.kind})
		if string(got.min) != c.low || string(got.max) != c.high || got.minExact != c.exact || got.maxExact != c.exact {
			t.Errorf("%s: %q (%v) to %q (%v), want %q to %q", c.name, got.min, got.minExact, got.max, got.maxExact, c.low, c.high)
		}
	}
}

func TestABoundThatCannotBeRaisedStaysWhole(t *testing.T) {
	value := bytes.Repeat([]byte{0xff}, 100)
	got, exact := appendMax(nil, value, false)
	if !bytes.Equal(got, value) || !exact {
		t.Errorf("%x, exact %v", got, exact)
	}
}

// Bounds hold for random strings with common beginnings, whatever the order.
func TestBoundsHoldForAllValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var b byteBounds
		var least, most string
		for i := range 1 + r.IntN(20) {
			v := strings.Repeat("é", r.IntN(60)) + strings.Repeat("\U0010ffff", r.IntN(2)) + strings.Repeat("z", r.IntN(20))
			b.add([]byte(v))
			if i == 0 || v < least {
				least = v
			}
			if i == 0 || v > most {
				most = v
			}
		}
		_, got := b.bounds(nil, &leaf{kind: column.String})
		low, high := string(got.min), string(got.max)
		if low > least || high < most || got.minExact != (low == least) || got.maxExact != (high == most) || !utf8.ValidString(low) || !utf8.ValidString(high) {
			t.Fatalf("bounds %q (%v) to %q (%v) of %q to %q", low, got.minExact, high, got.maxExact, least, most)
		}
	}
}

func TestWideDecimalsCompareBySign(t *testing.T) {
	b := byteBounds{wide: true}
	minus, one, large := bytes.Repeat([]byte{0xff}, 9), append(make([]byte, 8), 1), append([]byte{0x7f}, make([]byte, 8)...)
	for _, v := range [][]byte{one, minus, large} {
		b.add(v)
	}
	if !bytes.Equal(b.min, minus) || !bytes.Equal(b.max, large) {
		t.Errorf("%x to %x", b.min, b.max)
	}
	if !wideOrder.less(minus, one) || wideOrder.less(one, minus) || !wideOrder.less(one, large) {
		t.Error("wideOrder.less is wrong")
	}
}
