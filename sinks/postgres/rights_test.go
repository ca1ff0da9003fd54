package postgres_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/sinks"
)

// The rights that docs/postgres.md lists are enough, and none is too much.
func TestTheDocumentedRightsAreNeeded(t *testing.T) {
	for _, merge := range []bool{false, true} {
		for skip := -1; ; skip++ {
			d := newDatabase(t)
			user := "writer_" + d.name
			d.exec(`CREATE USER ` + user + `; REVOKE ALL ON SCHEMA public FROM public; REVOKE TEMPORARY ON DATABASE ` + d.name + ` FROM public;
				CREATE TABLE orders (id int PRIMARY KEY, n int)`)
			// The table for checkpoints is made by its owner beforehand.
			maker := d.config("orders")
			if bad := open(t, maker).batchOf(t, `{"id":1,"n":1}`); bad != nil {
				t.Fatal(bad)
			}
			grants := documentedGrants(t, merge, d.name, user)
			if skip == len(grants) {
				break
			}
			for i, grant := range grants {
				if i != skip {
					d.exec(grant)
				}
			}
			c := d.config("orders")
			c.DSN = strings.Replace(c.DSN, "postgres@", user+"@", 1)
			if merge {
				c.OnConflict = onConflict("update", "id")
			}
			out := open(t, c)
			e := asError(out.sink.Send(t.Context(), out.batch(1000, `{"id":2,"n":2}`)))
			switch {
			case skip < 0 && e != nil:
				t.Fatalf("merge=%v: %v", merge, e)
			case skip >= 0 && (e == nil || e.Kind != sinks.Permanent || e.Hint == ""):
				t.Errorf("merge=%v, without %q: %v", merge, grants[skip], e)
			}
		}
	}
}

// documentedGrants reads the statements in the documentation. The first block
// is for all, the second for on_conflict.
func documentedGrants(t *testing.T, merge bool, database, user string) (grants []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```sql\n")
	var lists [][]string
	for _, b := range blocks[1:] {
		b, _, _ = strings.Cut(b, "```")
		if !strings.HasPrefix(b, "GRANT") {
			continue
		}
		var list []string
		for line := range strings.Lines(b) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), ";")
			line = strings.NewReplacer(" hydrant;", " "+user, "DATABASE shop", "DATABASE "+database).Replace(line + ";")
			list = append(list, strings.TrimSuffix(line, ";"))
		}
		lists = append(lists, list)
	}
	if len(lists) < 2 {
		t.Fatal("docs/postgres.md has no blocks of GRANT statements")
	}
	grants = lists[0]
	if merge {
		grants = append(grants, lists[1]...)
	}
	return grants
}

func (d *delivery) batchOf(t *testing.T, records ...string) []string {
	t.Helper()
	return d.send(d.payload(records...))
}

// Through PgBouncer everything works in session mode.
func TestThroughPgBouncer(t *testing.T) {
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			d := newDatabase(t)
			address := d.server.PgBouncer(t, mode)
			for _, merge := range []bool{false, true} {
				table := fmt.Sprintf("made_%v", merge)
				c := d.config(table)
				c.DSN = strings.Replace(c.DSN, d.server.Address, address, 1)
				c.CreateTable = "if_missing"
				if merge {
					c.OnConflict = onConflict("update", "id")
				}
				out := open(t, c)
				for i := range 5 {
					p := out.batch(uint64(10*i+1), fmt.Sprintf(`{"id":%d,"n":%d}`, i, i), `7`)
					for range 2 {
						if bad := out.send(p); len(bad) != 1 || !strings.HasPrefix(bad[0], "1 22P02 ") {
							t.Fatalf("refused %q", bad)
						}
					}
				}
				if got := d.exec(`SELECT count(*), sum(n) FROM ` + table)[0]; !slices.Equal(got, []string{"5", "10"}) {
					t.Errorf("rows and their sum: %v", got)
				}
			}
		})
	}
}

// Names stand in statements; none of them is more than a name there.
func TestNamesAreOnlyNames(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE canary (id int)`)
	for i, name := range []string{
		`a"b`, `"`, `'`, `''; DROP TABLE canary; --`, `x"; DROP TABLE canary; --`, `$1`, `a.b`, ` a `, "tab\tline\n", `ünïcödé`, `SELECT`, `%s`, `a\`, `{}`, `(x int)`,
		strings.Repeat("n", 63), `hydrant_checkpoints `, `pg_class`,
	} {
		quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		d.exec(`CREATE SCHEMA ` + strings.ReplaceAll(quoted, "pg_", "p_"))
		schema := strings.ReplaceAll(quoted, "pg_", "p_")
		c := d.config(schema+"."+quoted, name)
		c.CreateTable = "if_missing"
		if i%2 == 1 {
			c.OnConflict = onConflict("update", name)
		}
		out := open(t, c)
		for batch := range 2 {
			if e := asError(out.sink.Send(t.Context(), out.batch(uint64(batch+1), `{"id":1}`, `7`))); e == nil || len(e.Items) == 0 || e.Items[0].Code == "" {
				t.Errorf("%q: Send = %v", name, e)
			}
		}
		n := d.column(`SELECT count(*) FROM ` + schema + `.` + quoted)[0]
		if want := []string{"2", "0"}[i%2]; n != want { // without its key a record is refused
			t.Errorf("%q: %s rows, want %s", name, n, want)
		}
		if n := d.column(`SELECT count(*) FROM canary`)[0]; n != "0" {
			t.Errorf("%q: the canary has %s rows", name, n)
		}
	}
}
