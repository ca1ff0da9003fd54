package columntest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Schema returns a random schema of 1 to columns columns, nested up to three
// levels deep.
func Schema(r *rand.Rand, columns int) *column.Schema {
	return &column.Schema{Columns: fields(r, 1+r.IntN(columns), 3)}
}

func fields(r *rand.Rand, n, depth int) []column.Field {
	f := make([]column.Field, n)
	for i := range f {
		f[i] = column.Field{Name: fmt.Sprintf("f%d", i), Type: Type(r, depth), Required: r.IntN(4) == 0}
	}
	return f
}

// Type returns a random type, nested up to depth levels deep.
func Type(r *rand.Rand, depth int) column.Type {
	kinds := int(column.Array)
	if depth > 0 {
		kinds += 6 // each nested kind twice
	}
	k := column.Kind(r.IntN(kinds))
	if k >= column.Array {
		k = column.Array + (k-column.Array)/2
	}
	t := column.Type{Kind: k}
	switch k {
	case column.Decimal:
		t.Precision = 1 + r.IntN(column.MaxPrecision)
		t.Scale = r.IntN(t.Precision + 1)
	case column.Varchar, column.Char:
		t.Length = 1 + r.IntN(40)
	case column.Array:
		t = column.ArrayOf(Type(r, depth-1))
		t.Fields[0].Required = r.IntN(4) == 0
	case column.Map:
		t = column.MapOf(Type(r, 0), Type(r, depth-1))
		t.Fields[1].Required = r.IntN(4) == 0
	case column.Struct:
		t.Fields = fields(r, 1+r.IntN(4), depth-1)
	}
	return t
}

// Random returns n random rows of a schema. Each column has its own habits:
// how often it is null, how often it repeats itself.
func Random(r *rand.Rand, s *column.Schema, n int) []map[string]any {
	root := s.Root()
	g := &generator{r: r, habits: map[*column.Type]*habit{}}
	rows := make([]map[string]any, n)
	for i := range rows {
		rows[i] = g.value(&root).(map[string]any)
	}
	return rows
}

type generator struct {
	r      *rand.Rand
	habits map[*column.Type]*habit
}

type habit struct {
	nulls float64 // share of nulls
	again float64 // share of values seen before
	seen  []Value
	last  int64
}

func (g *generator) habit(t *column.Type) *habit {
	h := g.habits[t]
	if h == nil {
		h = &habit{}
		switch g.r.IntN(3) {
		case 0:
			h.nulls = g.r.Float64()
		case 1:
			h.nulls = 0.02
		}
		if g.r.IntN(2) == 0 {
			h.again = 0.5 + g.r.Float64()/2
		}
		g.habits[t] = h
	}
	return h
}

func (g *generator) field(f *column.Field) Value {
	h := g.habit(&f.Type)
	if !f.Required && g.r.Float64() < h.nulls {
		return nil
	}
	return g.value(&f.Type)
}

func (g *generator) value(t *column.Type) Value {
	switch t.Kind {
	case column.Struct:
		row := map[string]any{}
		for i := range t.Fields {
			if v := g.field(&t.Fields[i]); v != nil {
				row[t.Fields[i].Name] = v
			}
		}
		return row
	case column.Array:
		list := []any{}
		for range g.length() {
			list = append(list, g.field(&t.Fields[0]))
		}
		return list
	case column.Map:
		pairs, seen := Pairs{}, map[string]bool{}
		for range g.length() {
			key := g.value(&t.Fields[0].Type)
			text := fmt.Sprint(key)
			if seen[text] {
				continue
			}
			seen[text] = true
			pairs = append(pairs, Pair{key, g.field(&t.Fields[1])})
		}
		return pairs
	}
	h := g.habit(t)
	if len(h.seen) > 0 && g.r.Float64() < h.again {
		return h.seen[g.r.IntN(len(h.seen))]
	}
	v := g.plain(t, h)
	if len(h.seen) < 50 {
		h.seen = append(h.seen, v)
	}
	return v
}

func (g *generator) length() int {
	if g.r.IntN(50) == 0 {
		return g.r.IntN(60)
	}
	return g.r.IntN(4)
}

func (g *generator) integer(h *habit, bits int) int64 {
	switch g.r.IntN(4) {
	case 0: // the whole range
		return int64(g.r.Uint64()) >> (64 - bits)
	case 1: // counting
		h.last++
		return h.last << (64 - bits) >> (64 - bits)
	case 2:
		return []int64{0, -1, 1, math.MinInt64 >> (64 - bits), math.MaxInt64 >> (64 - bits)}[g.r.IntN(5)]
	}
	return int64(g.r.IntN(100))
}

func (g *generator) plain(t *column.Type, h *habit) Value {
	switch t.Kind {
	case column.Boolean:
		return g.r.IntN(3) == 0
	case column.TinyInt:
		return g.integer(h, 8)
	case column.SmallInt:
		return g.integer(h, 16)
	case column.Int:
		return g.integer(h, 32)
	case column.BigInt:
		return g.integer(h, 64)
	case column.Float:
		return float32(g.double())
	case column.Double:
		return g.double()
	case column.Decimal:
		return g.decimal(t)
	case column.Binary:
		b := make([]byte, g.r.IntN(20))
		for i := range b {
			b[i] = byte(g.r.Uint32())
		}
		return b
	case column.Date:
		return time.Unix(86400*int64(g.r.IntN(60000)-20000), 0).UTC().Format(time.DateOnly)
	case column.Timestamp:
		nanos := g.r.Int64N(4e18) - 1e18
		return time.Unix(0, nanos-nanos%[]int64{1, 1e3, 1e6, 1e9}[g.r.IntN(4)]).UTC().Format(time.RFC3339Nano)
	}
	return g.text(t)
}

func (g *generator) double() float64 {
	switch g.r.IntN(4) {
	case 0:
		return float64(g.r.IntN(1000))
	case 1:
		return math.Round(g.r.NormFloat64()*1e5) / 1e3
	case 2:
		return []float64{0, math.Copysign(0, -1), 1, -1, 1e30, -1e-30, 0.1}[g.r.IntN(7)]
	}
	return g.r.NormFloat64()
}

func (g *generator) decimal(t *column.Type) string {
	digits := 1 + g.r.IntN(t.Precision)
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n := new(big.Int).SetUint64(g.r.Uint64())
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(g.r.Uint64())).Mod(n, most)
	if g.r.IntN(2) == 0 {
		n.Neg(n)
	}
	return point(n.String(), t.Scale)
}

func (g *generator) text(t *column.Type) string {
	words := []string{"", "a", "hydrant", "naïve", "日本語", "😀", `quote " and \ slash`, "line\nbreak", "tab\t", "/path/to?x=1", strings.Repeat("long ", 50)}
	s := words[g.r.IntN(len(words))]
	if g.r.IntN(2) == 0 {
		s += fmt.Sprintf("%x", g.r.Uint64())
	}
	if t.Length > 0 {
		if runes := []rune(s); len(runes) > t.Length {
			s = string(runes[:t.Length])
		}
		if t.Kind == column.Char { // readers disagree about blanks at the end
			s = strings.TrimRight(s, " ")
		}
	}
	return s
}
