package schema

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/convert/converttest"
)

// inferred returns the columns for records, as the fields of a struct.
func inferred(t *testing.T, inf *Inference, records ...string) string {
	t.Helper()
	for _, r := range records {
		inf.Add([]byte(r))
	}
	s, err := inf.Schema()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(strings.TrimPrefix(row(s), "struct<"), ">")
}

func TestInference(t *testing.T) {
	for _, c := range []struct {
		name, values, want string // values are those of x in one record each
	}{
		{"boolean", `true false null`, "boolean"},
		{"integers", `1 -1 9223372036854775807 -9223372036854775808`, "bigint"},
		{"integers and others", `1 1.5`, "double"},
		{"integers in other forms", `1e3 1.0`, "double"},
		{"numbers beyond 64 bits", `1 18446744073709551615`, "string"},
		{"long integers beside doubles", `18446744073709551615 0.5`, "double"},
		{"numbers beyond doubles", `1e400 1`, "string"},
		{"strings", `"a" "" null`, "string"},
		{"dates", `"2026-11-23" "2024-02-29"`, "date"},
		{"days that are none", `"2026-11-23" "2025-02-29"`, "string"},
		{"dates of other forms", `"2026-1-2"`, "string"},
		{"timestamps", `"2026-11-23T08:00:00Z" "2026-11-23 08:00:00" "2026-11-23T08:00:00.123456789"`, "timestamp"},
		{"timestamps with zones", `"2026-11-23T08:00:00+01:00" "2026-11-23T08:00:00.5-0230" "2026-11-23T08:00:00+01"`, "timestamp"},
		{"dates and timestamps", `"2026-11-23" "2026-11-23T08:00:00Z"`, "string"},
		{"timestamps and others", `"2026-11-23T08:00:00Z" ""`, "string"},
		{"beyond nanoseconds", `"2300-01-01T00:00:00Z"`, "string"},
		{"ten decimals", `"2026-11-23T08:00:00.1234567890Z"`, "string"},
		{"no decimals", `"2026-11-23T08:00:00.Z"`, "string"},
		{"minutes", `"2026-11-23T08:00Z"`, "string"},
		{"hour 24", `"2026-11-23T24:00:00Z"`, "string"},
		{"a strange zone", `"2026-11-23T08:00:00UTC"`, "string"},
		{"nulls", `null null`, "string"},
		{"mixed", `1 "a"`, "string"},
		{"boolean and number", `true 1`, "string"},
		{"list and value", `[1] 1`, "string"},
		{"object and list", `{"a":1} [1]`, "string"},
		{"list and object", `[1] {"a":1}`, "string"},
		{"list", `[1,2] [] null [3.5]`, "array<double>"},
		{"empty lists", `[] []`, "array<string>"},
		{"list of nulls", `[null]`, "array<string>"},
		{"list of mixed values", `[1,"a"]`, "array<string>"},
		{"lists of lists", `[[1],[]] [[],[null,2]]`, "array<array<bigint>>"},
		{"structs", `{"b":1} {"a":"x","b":2.5} null`, "struct<b:double,a:string>"},
		{"lists of structs", `[{"a":1},{"b":[true]}] [{"a":null}]`, "array<struct<a:bigint,b:array<boolean>>>"},
		{"empty objects", `{} {}`, "map<string,string>"},
		{"names that differ in case", `{"id":1} {"ID":2.5}`, "struct<id:double>"},
		{"dotted keys only", `{"example.com":1} {"example.org":2}`, "map<string,bigint>"},
		{"a key twice", `{"a":1,"a":"x"}`, "struct<a:string>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var records []string
			for v := range strings.SplitSeq(strings.ReplaceAll(c.values, " 08", "~08"), " ") {
				records = append(records, `{"x":`+strings.ReplaceAll(v, "~", " ")+`}`)
			}
			if got := inferred(t, NewInference(0), records...); got != "x:"+c.want {
				t.Errorf("%s\ngot  %s\nwant x:%s", records, got, c.want)
			}
		})
	}
}

func TestColumnsStandInTheOrderTheyCame(t *testing.T) {
	got := inferred(t, NewInference(0), `{"b":1,"c":{"z":1,"y":2}}`, `{"a":1,"b":2,"c":{"x":1,"y":2}}`, `{"d":null}`)
	if want := "b:bigint,c:struct<z:bigint,y:bigint,x:bigint>,a:bigint,d:string"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBrokenRecordsAreCountedAndChangeNothing(t *testing.T) {
	inf := NewInference(0)
	got := inferred(t, inf, `{"a":1}`, ``, `{"b":1`, `[{"b":1}]`, `7`, `{"b":1} x`, `{"b":1}[]`, "{\"b\":\"\xff\"}", `{"b":tru}`, ` {"a":2} {"c":true} `)
	if want := "a:bigint,c:boolean"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if all, bad := inf.Records(); all != 10 || bad != 8 {
		t.Errorf("%d records, %d of them broken; want 10 and 8", all, bad)
	}
}

func TestInferenceEndsWithItsSample(t *testing.T) {
	inf := NewInference(3)
	for i, c := range []struct {
		record string
		enough bool
	}{{`{"a":1}`, false}, {`x`, false}, {`{"a":1}{"a":2}`, false}, {`{"a":3}`, true}} {
		if got := inf.Add([]byte(c.record)); got != c.enough {
			t.Errorf("record %d: enough is %v", i, got)
		}
	}
	inf = NewInference(2)
	if inf.Add(nil) || !inf.Add(nil) {
		t.Error("records that are all broken have no end")
	}
	if got := inferred(t, inf); !strings.Contains(got, "none of 2 records is a JSON object") {
		t.Error(got)
	}
	if got := inferred(t, NewInference(0), `{}`, `{"":1}`); !strings.Contains(got, "no record has a field") {
		t.Error(got)
	}
}

func TestKeysThatCannotBeNamesAreListed(t *testing.T) {
	record := `{"a.b":1,"c":{"d.e":1,"f":2},"":3,"` + strings.Repeat("n", 300) + `":4}`
	inf := NewInference(0)
	if got, want := inferred(t, inf, record), "c:struct<f:bigint>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := []string{"a.b", "c.d.e", "", strings.Repeat("n", 256)}
	if diff := cmp.Diff(want, inf.Left()); diff != "" {
		t.Error(diff)
	}
	inf = &Inference{DotsToUnderscores: true}
	if got, want := inferred(t, inf, record), "a_b:bigint,c:struct<d_e:bigint,f:bigint>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestColumnsCanHaveOtherKeys(t *testing.T) {
	inf := NewInference(0)
	inf.Keys = map[string]string{"ts": "timestamp", "a": "b", "b": "a.b", "later": "x"}
	records := [][]byte{[]byte(`{"id":1,"Timestamp":"2026-11-23T08:00:00Z","ts":7,"b":true,"a.b":0.5,"a":"nothing"}`)}
	parses(t, inf, records)
	if got, want := inferred(t, inf), "id:bigint,ts:timestamp,a:boolean,b:double,later:string"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTimestampsHaveTheFormatsOfTheParser(t *testing.T) {
	var formats []column.TimestampFormat
	for _, text := range []string{"epoch_millis", "dd/MM/yyyy HH:mm", "yyyyMMdd"} {
		f, err := column.ParseTimestampFormat(text)
		if err != nil {
			t.Fatal(err)
		}
		formats = append(formats, f)
	}
	inf := NewInference(0)
	inf.TimestampFormats = formats
	parses(t, inf, [][]byte{
		[]byte(`{"a":"23/11/2026 08:00","b":"2026-11-23T08:00:00Z","c":"1795420800000","d":"20261123","e":"2026-11-23","f":"23/11/2026 08:00"}`),
		[]byte(`{"a":"24/11/2026 09:30","f":"31/11/2026 08:00"}`),
	})
	if got, want := inferred(t, inf), "a:timestamp,b:string,c:string,d:string,e:date,f:string"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestObjectsWithEverNewKeysAreMaps(t *testing.T) {
	object := func(from, to int, value string) string {
		var parts []string
		for i := from; i < to; i++ {
			parts = append(parts, fmt.Sprintf(`"k%d":%s`, i, value))
		}
		return `{"x":{` + strings.Join(parts, ",") + `}}`
	}
	many := func(n int, make func(i int) string) (records []string) {
		for i := range n {
			records = append(records, make(i))
		}
		return records
	}
	for _, c := range []struct {
		name    string
		records []string
		is      string
	}{
		{"few keys", many(200, func(i int) string { return object(i, i+1, "1") }), "x:struct<"},
		{"ever new keys", many(201, func(i int) string { return object(i, i+1, `{"a":1}`) }), "x:map<string,struct<a:bigint>>"},
		{"thousands of keys", many(5000, func(i int) string { return object(i, i+1, "1") }), "x:map<string,bigint>"},
		{"values of several types", append(many(5000, func(i int) string { return object(i, i+1, "1") }), object(0, 1, "0.5")), "x:map<string,double>"},
		{"many keys at once", []string{object(0, 300, "1")}, "x:struct<"},
		{"the same keys always", many(100, func(i int) string { return object(0, 300, "1") }), "x:struct<"},
		{"a new key at times", many(1000, func(i int) string { return object(i/500, 300, "1") }), "x:struct<"},
		{"another kind of event", append(many(100, func(int) string { return object(0, 150, "1") }), many(100, func(int) string { return object(150, 300, "1") })...), "x:struct<"},
		{"too many keys at once", []string{object(0, 3000, "1")}, "x:map<string,bigint>"},
		{"maps of maps", many(300, func(i int) string {
			return object(i, i+1, strings.TrimSuffix(strings.TrimPrefix(object(i, i+1, "1"), `{"x":`), "}"))
		}), "x:map<string,map<string,bigint>>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := inferred(t, NewInference(0), c.records...); !strings.HasPrefix(got, c.is) {
				t.Errorf("got %.200s, want %s", got, c.is)
			}
		})
	}
}

func TestInferenceMemoryHasABound(t *testing.T) {
	inf := NewInference(1 << 30)
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		var b strings.Builder
		b.WriteString(`{"x":[`)
		for i := range 30 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"%x":{"%x":[[{"%x":1}]]}}`, r.Uint64(), r.Uint64(), r.Uint64())
		}
		fmt.Fprintf(&b, `],"%x":1}`, r.Uint64())
		inf.Add([]byte(b.String()))
		if inf.shapes > maxShapes || inf.root.size() > maxShapes+maxLevels {
			t.Fatalf("%d shapes, %d counted, at most %d are allowed", inf.root.size(), inf.shapes, maxShapes)
		}
	}
	if got := inferred(t, inf); !strings.HasPrefix(got, "x:array<map<string,map<string,array<array<map<string,bigint>>>>>>,") {
		t.Errorf("got %.200s", got)
	}
}

func TestWhatIsTooDeepIsKeptAsText(t *testing.T) {
	got := inferred(t, NewInference(0), `{"x":`+strings.Repeat(`[`, 500)+strings.Repeat(`]`, 500)+`,"y":1}`)
	levels := maxLevels - 1
	if want := "x:" + strings.Repeat("array<", levels) + "string" + strings.Repeat(">", levels) + ",y:bigint"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestColumnsInferredFromRandomRowsHoldThem(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 4))
		s := columntest.Schema(r, 6)
		root := s.Root()
		rows := columntest.Random(r, s, 50)
		one, two := NewInference(0), NewInference(0)
		for _, row := range rows {
			record := columntest.JSON(&root, row)
			one.Add(record)
			two.Add(record)
		}
		a, err := one.Schema()
		if err != nil {
			continue // all rows were empty
		}
		b, _ := two.Schema()
		if !sameColumns(a, b) {
			t.Fatalf("seed %d: the same records give\n%s\n%s", seed, row(a), row(b))
		}
		again, err := column.ParseType(row(a))
		if err != nil || again.String() != row(a) {
			t.Fatalf("seed %d: %s: %v", seed, row(a), err)
		}
	}
}

func BenchmarkInference(b *testing.B) {
	c := converttest.Clicks(DefaultSample)
	b.SetBytes(int64(len(c.Data)))
	for b.Loop() {
		inf := NewInference(0)
		for i := range c.Len() {
			inf.Add(c.Bytes(i))
		}
	}
}

func TestInferenceDoesNotAllocateForRecordsLikeThoseBefore(t *testing.T) {
	c := converttest.Clicks(100)
	inf := NewInference(1 << 30)
	all := func() {
		for i := range c.Len() {
			inf.Add(c.Bytes(i))
		}
	}
	all()
	if allocs := testing.AllocsPerRun(10, all); allocs > 0 {
		t.Errorf("%v allocations for 100 records, want none", allocs)
	}
}
