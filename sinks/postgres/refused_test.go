package postgres_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
)

// One record among 100,000 that the table does not take costs only itself, and
// few copies: no more when it is found before anything is sent, a dozen when
// the server says which row it is, and those of halving when it does not.
func TestOnePoisonRowCostsOnlyItself(t *testing.T) {
	const records, poison = 100_000, 61_234
	for _, c := range []struct {
		name, table, bad, code string
		merge                  bool
		copies                 int64
	}{
		{"no JSON", ``, `{"id":`, "22032", false, 1},
		{"no value of the type", ``, `{"id":"x"}`, "22P02", false, 1},
		{"out of range", ``, `{"id":3000000000}`, "22003", false, 1},
		{"null", `ALTER TABLE numbers ALTER id SET NOT NULL`, `{"id":null}`, "23502", false, 1},
		{"check", `ALTER TABLE numbers ADD CHECK (id >= 0)`, `{"id":-1}`, "23514", false, 13},
		{"unique", `CREATE UNIQUE INDEX ON numbers (id)`, `{"id":7}`, "23505", false, 13},
		{"foreign key", `CREATE TABLE known (id int PRIMARY KEY); INSERT INTO known SELECT generate_series(0, 99999); ALTER TABLE numbers ADD FOREIGN KEY (id) REFERENCES known`,
			`{"id":100000}`, "23503", false, 30},
		{"deferred trigger", `CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.id < 0 THEN RAISE 'too small'; END IF; RETURN NEW; END$$;
			CREATE CONSTRAINT TRIGGER judge AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION judge()`,
			`{"id":-1}`, "P0001", false, 30},
		{"check of a merge", `ALTER TABLE numbers ADD PRIMARY KEY (id), ADD CHECK (id >= 0)`, `{"id":-1}`, "23514", true, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDatabase(t)
			d.exec(`CREATE TABLE numbers (id int);` + c.table)
			config := d.config("numbers")
			if c.merge {
				config.OnConflict = onConflict("update", "id")
			}
			var copies atomic.Int64
			d.behindProxy(config, func(kind byte, body []byte) servers.Moment {
				if kind == 'Q' && bytes.HasPrefix(body, []byte("COPY ")) {
					copies.Add(1)
				}
				return servers.Pass
			})
			list := make([]string, records)
			for i := range list {
				list[i] = `{"id":` + strconv.Itoa(i) + `}`
			}
			list[poison] = c.bad
			out := open(t, config)
			bad := out.send(out.payload(list...))
			if len(bad) != 1 || !strings.HasPrefix(bad[0], fmt.Sprintf("%d %s ", poison, c.code)) {
				t.Errorf("refused %q, want %d with %s", bad, poison, c.code)
			}
			want := []string{strconv.Itoa(records - 1), strconv.Itoa(records - 1), "0"}
			if got := d.exec(fmt.Sprintf(`SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE id = %d) FROM numbers`, poison))[0]; !slices.Equal(got, want) {
				t.Errorf("rows, different, bad: %v, want %v", got, want)
			}
			if n := copies.Load(); n > c.copies {
				t.Errorf("%d copies, want at most %d", n, c.copies)
			}
		})
	}
}

// Many bad records are all found, and the others go in, in one transaction.
func TestManyBadRowsAreAllFound(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE known (id int PRIMARY KEY); INSERT INTO known SELECT generate_series(0, 999);
		CREATE TABLE numbers (id int REFERENCES known, n int CHECK (n <> 3), UNIQUE (id)); INSERT INTO numbers VALUES (10, 0)`)
	var list []string
	var want []string
	for i := range 1000 {
		switch {
		case i == 10 || i == 999:
			want = append(want, fmt.Sprint(i, " 23505"))
			list = append(list, `{"id":10,"n":1}`)
		case i%97 == 5:
			want = append(want, fmt.Sprint(i, " 23503"))
			list = append(list, fmt.Sprintf(`{"id":%d,"n":1}`, 5000+i))
		case i%101 == 7:
			want = append(want, fmt.Sprint(i, " 23514"))
			list = append(list, fmt.Sprintf(`{"id":%d,"n":3}`, i))
		default:
			list = append(list, fmt.Sprintf(`{"id":%d,"n":1}`, i))
		}
	}
	out := open(t, d.config("numbers"))
	p := out.payload(list...)
	for attempt := range 2 { // the second finds them in the checkpoint
		var got []string
		for _, b := range out.send(p) {
			got = append(got, strings.Join(strings.Fields(b)[:2], " "))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("attempt %d refused %v, want %v", attempt, got, want)
		}
	}
	if n := d.column(`SELECT count(*) FROM numbers`)[0]; n != fmt.Sprint(1001-len(want)) {
		t.Errorf("%s rows, want %d", n, 1001-len(want))
	}
}

// What was refused stays refused when the answer to the commit was lost and
// the table takes it by then: otherwise it would be at both places.
func TestRefusedRecordsAreRememberedWithTheCommit(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int CHECK (id < 10))`)
	c := d.config("numbers")
	cut := true
	d.behindProxy(c, func(kind byte, body []byte) servers.Moment {
		if cut && isCommit(kind, body) {
			cut = false
			return servers.CutAnswered
		}
		return servers.Pass
	})
	out := open(t, c)
	p := out.payload(`{"id":1}`, `{"id":11}`)
	if err := out.sink.Send(t.Context(), p); err == nil || sinks.AsError(err).Kind != sinks.Retryable {
		t.Fatalf("Send = %v", err)
	}
	d.exec(`ALTER TABLE numbers DROP CONSTRAINT numbers_id_check`)
	if bad := out.send(p); len(bad) != 1 || !strings.HasPrefix(bad[0], "1 23514 ") {
		t.Errorf("refused %q", bad)
	}
	if got := d.column(`SELECT id FROM numbers`); !slices.Equal(got, []string{"1"}) {
		t.Errorf("rows %v", got)
	}
}

func TestARefusalNamesTheColumn(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int PRIMARY KEY, small numeric(3,1), word varchar(4))`)
	out := open(t, d.config("numbers"))
	got := out.send(out.payload(`{"id":1}`, `{"id":1}`, `{"id":null}`, `{"id":2,"small":100}`, `{"id":3,"word":"longer"}`, `{"id":{}}`, `{"id":4,"word":"\u0000"}`))
	want := []string{
		`1 23505 duplicate key value violates unique constraint "numbers_pkey": Key (id)=(1) already exists.`,
		`2 23502 column id: null value violates not-null constraint`,
		`3 22003 column small: "100" has too many digits for numeric(3,1)`,
		`4 22001 column word: "longer" is too long for character varying(4)`,
		`5 22P02 column id: {} is not an int`,
		`6 22021 column word: a text must not hold \u0000`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("refused\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// With on_bad_row: hold nothing goes in and nothing is given up.
func TestHoldWaitsForThePerson(t *testing.T) {
	d := newDatabase(t)
	d.exec(`CREATE TABLE numbers (id int CHECK (id < 10))`)
	c := d.config("numbers")
	c.OnBadRow = "hold"
	out := open(t, c)
	p := out.payload(`{"id":1}`, `{"id":11}`, `{"id":"x"}`)
	for _, change := range []string{
		``,
		`ALTER TABLE numbers DROP CONSTRAINT numbers_id_check`,
	} {
		if change != "" {
			d.exec(change)
		}
		err := out.sink.Send(t.Context(), p)
		if e := sinks.AsError(err); err == nil || e.Kind != sinks.Permanent || e.Items != nil || e.Hint == "" {
			t.Fatalf("Send = %v (%v)", err, e.Kind)
		}
		if n := d.column(`SELECT count(*) FROM numbers`)[0]; n != "0" {
			t.Fatalf("%s rows are in a batch that is held", n)
		}
	}
	d.exec(`ALTER TABLE numbers ALTER id TYPE text`)
	if bad := out.send(p); bad != nil {
		t.Errorf("refused %q", bad)
	}
	if got := d.column(`SELECT id FROM numbers ORDER BY id`); !slices.Equal(got, []string{"1", "11", "x"}) {
		t.Errorf("rows %v", got)
	}
}
