package readers_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// plainTypes are all types of values, decimals in each width that files have.
var plainTypes = []string{"boolean", "tinyint", "smallint", "int", "bigint", "float", "double",
	"decimal(4,2)", "decimal(9,0)", "decimal(18,6)", "decimal(19,0)", "decimal(38,10)",
	"string", "varchar(20)", "char(12)", "binary", "date", "timestamp"}

// places are where a value can stand, as types around T.
var places = []string{"T", "array<T>", "array<T not null>", "struct<v:T>", "struct<v:T not null,w:T>", "map<string,T>", "map<T,T>",
	"array<array<T>>", "array<struct<v:T,n:int>>", "map<string,array<T>>", "struct<l:array<struct<m:map<string,T>>>>"}

// patterns say which slots are null: slot counts the slots of one node.
var patterns = []struct {
	name string
	null func(slot int) bool
}{
	{"none", func(int) bool { return false }},
	{"all", func(int) bool { return true }},
	{"first", func(slot int) bool { return slot == 0 }},
	{"alternate", func(slot int) bool { return slot%2 == 1 }},
	{"runs", func(slot int) bool { return slot/70%2 == 1 }},
	{"rare", func(slot int) bool { return slot%97 == 96 }},
	{"leading", func(slot int) bool { return slot < 200 }},
}

// placed makes rows whose nodes are all null by the same pattern, with lists
// of 0 to 3 elements.
type placed struct {
	null   func(slot int) bool
	slots  map[*column.Field]int
	values map[string][]columntest.Value // of each plain type
	random *rand.Rand
}

func newPlaced(null func(int) bool, seed uint64) *placed {
	return &placed{null, map[*column.Field]int{}, map[string][]columntest.Value{}, rand.New(rand.NewPCG(seed, 7))}
}

func (p *placed) rows(s *column.Schema, n int) []map[string]any {
	rows := make([]map[string]any, n)
	for i := range rows {
		rows[i] = p.structs(s.Columns)
	}
	return rows
}

func (p *placed) structs(fields []column.Field) map[string]any {
	row := map[string]any{}
	for i := range fields {
		if v := p.field(&fields[i]); v != nil {
			row[fields[i].Name] = v
		}
	}
	return row
}

func (p *placed) field(f *column.Field) columntest.Value {
	slot := p.slots[f]
	p.slots[f]++
	if !f.Required && p.null(slot) {
		return nil
	}
	t := &f.Type
	switch t.Kind {
	case column.Struct:
		return p.structs(t.Fields)
	case column.Array:
		list := []any{}
		for range slot % 4 {
			list = append(list, p.field(&t.Fields[0]))
		}
		return list
	case column.Map:
		pairs, seen := columntest.Pairs{}, map[string]bool{}
		for range slot % 4 {
			key := p.field(&t.Fields[0])
			if text := fmt.Sprint(key); !seen[text] {
				seen[text] = true
				pairs = append(pairs, columntest.Pair{Key: key, Value: p.field(&t.Fields[1])})
			}
		}
		return pairs
	}
	return p.plain(t)
}

// plain returns one of the values that columntest makes up for the type.
func (p *placed) plain(t *column.Type) columntest.Value {
	name := t.String()
	if len(p.values[name]) == 0 {
		s := &column.Schema{Columns: []column.Field{{Name: "v", Type: *t, Required: true}}}
		for _, row := range columntest.Random(p.random, s, 500) {
			p.values[name] = append(p.values[name], row["v"])
		}
	}
	v := p.values[name][0]
	p.values[name] = p.values[name][1:]
	return v
}
