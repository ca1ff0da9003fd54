package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/sinks/postgres"
)

func TestOnConflict(t *testing.T) {
	const table = `CREATE TABLE orders (id int, shop text, total numeric, note text DEFAULT 'none', UNIQUE (id, shop)); INSERT INTO orders VALUES (1, 'a', 10, 'old')`
	records := []string{
		`{"id":1,"shop":"a","total":11}`,
		`{"id":1,"shop":"b","total":1}`,
		`{"id":1,"shop":"b","total":2}{"id":1,"shop":"b","total":3}`,
		`{"shop":"c","total":4}`,
		`{"shop":"c","total":5}`,
	}
	for _, c := range []struct {
		do   postgres.Conflict
		want []string
	}{
		{"update", []string{"(1,a,11,old)", "(1,b,3,none)"}},
		{"nothing", []string{"(1,a,10,old)", "(1,b,1,none)"}},
	} {
		t.Run(string(c.do), func(t *testing.T) {
			d := newDatabase(t)
			d.exec(table)
			config := d.config("orders", "id", "shop", "total")
			config.OnConflict = onConflict(c.do, "id", "shop")
			out := open(t, config)
			p := out.payload(records...)
			for range 2 { // the second time it is there
				want := []string{"3 23502 column id: null value violates not-null constraint", "4 23502 column id: null value violates not-null constraint"}
				if bad := out.send(p); !slices.Equal(bad, want) {
					t.Errorf("refused %q, want those without a key", bad)
				}
			}
			if diff := cmp.Diff(c.want, d.column(`SELECT orders::text FROM orders ORDER BY id, shop`)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Identity columns may be listed in both ways of filling a table.
func TestOnConflictWithAnIdentityColumn(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int)`)
	c := d.config("orders", "id", "n")
	c.OnConflict = onConflict("update", "id")
	out := open(t, c)
	if bad := out.send(out.payload(`{"id":7,"n":1}`, `{"id":7,"n":2}`)); bad != nil {
		t.Errorf("refused %q", bad)
	}
	if got := d.column(`SELECT orders::text FROM orders`); !slices.Equal(got, []string{"(7,2)"}) {
		t.Errorf("rows %v", got)
	}
}

// Batches that touch the same rows at the same time end one after another.
func TestMergesAtTheSameTimeDoNotDeadlock(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE orders (id int PRIMARY KEY, n int)`)
	c := d.config("orders")
	c.OnConflict = onConflict("nothing", "id")
	out := open(t, c)
	var running sync.WaitGroup
	for b := range 4 {
		var list []string
		for i := range 500 {
			id := i
			if b%2 == 1 {
				id = 499 - i
			}
			list = append(list, fmt.Sprintf(`{"id":%d,"n":%d}`, id, b))
		}
		p := out.batch(uint64(b*1000+1), list...)
		running.Go(func() {
			if err := out.sink.Send(t.Context(), p); err != nil {
				t.Errorf("batch %d: %v", b, err)
			}
		})
	}
	running.Wait()
	if n := d.column(`SELECT count(*) FROM orders`)[0]; n != "500" {
		t.Errorf("%s rows, want 500", n)
	}
}

func TestCreateTable(t *testing.T) {
	const records = `{"id":7,"big":3000000000,"ratio":0.5,"ok":true,"at":"2026-11-23T12:00:00Z","name":"x","tags":["a"],"scores":[1.5],"items":[{"sku":"a"}],"customer":{"id":1},"a.b":1,"` +
		"LONGLONGLONGLONGLONGLONGLONGLONGLONGLONGLONGLONGLONGLONGLONGLONGLONG" + `":1,"hydrant_batch":1}`
	d := newDatabase(t)
	c := d.config("Made")
	c.CreateTable = "if_missing"
	c.OnConflict = onConflict("update", "id")
	out, notes := openNoted(t, c)
	if bad := out.send(out.payload(records, `{"name":"no id"}`)); len(bad) != 1 || !strings.HasPrefix(bad[0], "1 23502 ") {
		t.Errorf("refused %q", bad)
	}
	var got []string
	for _, row := range d.exec(`SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '"Made"'::regclass AND attnum > 0 ORDER BY attnum`) {
		got = append(got, row[0]+" "+row[1])
	}
	want := []string{"id bigint", "big bigint", "ratio double precision", "ok boolean", "at timestamp with time zone", "name text",
		"tags text[]", "scores double precision[]", "items jsonb", "customer jsonb"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns, -want +got:\n%s", diff)
	}
	if got := d.column(`SELECT "Made"::text FROM "Made"`); !slices.Equal(got, []string{`(7,3000000000,0.5,t,"2026-11-23 12:00:00+00",x,{a},{1.5},"[{""sku"": ""a""}]","{""id"": 1}")`}) {
		t.Errorf("row %s", got)
	}
	if text := notes(); !strings.Contains(text, `CREATE TABLE IF NOT EXISTS "Made"`) || !strings.Contains(text, "without columns for these fields: ") ||
		!strings.Contains(text, "a.b") || !strings.Contains(text, "hydrant_batch") {
		t.Errorf("the note is %s", text)
	}
}

// Records of which no table can be made do not keep the others waiting.
func TestCreateTablePassesOverRecordsWithoutFields(t *testing.T) {
	for _, hold := range []bool{false, true} {
		d := newDatabase(t)
		c := d.config("made")
		c.CreateTable = "if_missing"
		if hold {
			c.OnBadRow = "hold"
		}
		out := open(t, c)
		for i, records := range [][]string{{`not JSON`, `7`}, {`{}`}} {
			e := asError(out.sink.Send(t.Context(), out.batch(uint64(10*i+1), records...)))
			if want := map[bool]string{false: "bad record", true: "permanent"}[hold]; e == nil || e.Kind.String() != want {
				t.Errorf("%q: %v, want %s", records, e, want)
			}
		}
		if bad := out.send(out.batch(100, `{"id":1}`)); bad != nil {
			t.Errorf("refused %q", bad)
		}
		if n := d.column(`SELECT count(*) FROM made`)[0]; n != "1" {
			t.Errorf("%s rows", n)
		}
	}
}

// Streams that start at the same time make one table, and one for checkpoints.
func TestCreateTableAtTheSameTime(t *testing.T) {
	d := newDatabase(t)
	var running sync.WaitGroup
	for i := range 6 {
		c := d.config("made")
		c.CreateTable = "if_missing"
		out := open(t, c)
		p := out.batch(uint64(i+1), fmt.Sprintf(`{"id":%d}`, i))
		running.Go(func() {
			if err := out.sink.Send(t.Context(), p); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
	}
	running.Wait()
	if n := d.column(`SELECT count(DISTINCT id) FROM made`)[0]; n != "6" {
		t.Errorf("%s rows, want 6", n)
	}
}

func TestCreateTableWithListedColumns(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE SCHEMA "S"`)
	c := d.config(`S."a ""b"".c"`, "Total", "later", "id")
	c.CreateTable = "if_missing"
	out := open(t, c)
	if bad := out.send(out.payload(`{"id":1,"total":1.5,"other":1}`)); bad != nil {
		t.Errorf("refused %q", bad)
	}
	if got := d.column(`SELECT t::text FROM "S"."a ""b"".c" t`); !slices.Equal(got, []string{"(1.5,,1)"}) {
		t.Errorf("rows %v", got)
	}
	if n := d.column(`SELECT count(*) FROM "S".hydrant_checkpoints`)[0]; n != "1" {
		t.Errorf("%s checkpoints beside the table", n)
	}
}
