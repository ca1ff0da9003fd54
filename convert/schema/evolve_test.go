package schema

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEvolve(t *testing.T) {
	const name = "give the new values another name, or another table"
	const numbers, strings = "allow it with widening: numbers, or " + name, "allow it with widening: strings, or " + name
	for _, c := range []struct {
		name     string
		old, new string
		allow    Widening
		want     string
		changes  []string
		err      string
	}{
		{"nothing", "a:int,b:string", "a:int,b:string", WidenNothing, "a:int,b:string", nil, ""},
		{"another order", "a:int,b:string", "b:string,a:int", WidenNothing, "a:int,b:string", nil, ""},
		{"another letter case", "userId:int", "USERID:int", WidenNothing, "userId:int", nil, ""},
		{"new columns come last", "a:int,b:string", "c:date,a:int,d:array<int>,b:string", WidenNothing, "a:int,b:string,c:date,d:array<int>",
			[]string{"c is new and has type date.", "d is new and has type array<int>."}, ""},
		{"columns stay", "a:int,b:string", "b:string", WidenNothing, "a:int,b:string", nil, ""},
		{"columns that stay may be null", "a:int not null,b:string", "b:string", WidenNothing, "a:int,b:string", []string{"a is not required any more."}, ""},
		{"required", "a:int,b:int not null", "a:int not null,b:int", WidenNothing, "a:int not null,b:int",
			[]string{"a is required from now on.", "b is not required any more."}, ""},

		{"wider", "a:int", "a:bigint", WidenNumbers, "a:bigint", []string{"a changes from int to bigint."}, ""},
		{"wider, not allowed", "a:int,b:int", "a:bigint,b:double", WidenNothing, "", nil,
			"change columns: a changes from int to bigint. b changes from int to double. (" + numbers + ")"},
		{"narrower", "a:bigint,b:double,c:decimal(10,2)", "a:int,b:bigint,c:int", WidenNothing, "", nil,
			"change columns: c cannot change from decimal(10,2) to int. (" + name + ")"},
		{"what holds it already stays", "a:bigint,b:double,c:decimal(12,2),d:string", "a:int,b:bigint,c:int,d:varchar(3)", WidenNothing,
			"a:bigint,b:double,c:decimal(12,2),d:string", nil, ""},
		{"numbers", "a:tinyint,b:smallint,c:bigint,d:float,e:bigint,f:decimal(8,2),g:char(3),h:varchar(3),i:varchar(3)",
			"a:smallint,b:int,c:double,d:double,e:decimal(19,0),f:decimal(12,4),g:varchar(3),h:string,i:varchar(4)", WidenNumbers,
			"a:smallint,b:int,c:double,d:double,e:decimal(19,0),f:decimal(12,4),g:varchar(3),h:string,i:varchar(4)",
			[]string{"a changes from tinyint to smallint.", "b changes from smallint to int.", "c changes from bigint to double.",
				"d changes from float to double.", "e changes from bigint to decimal(19,0).", "f changes from decimal(8,2) to decimal(12,4).",
				"g changes from char(3) to varchar(3).", "h changes from varchar(3) to string.", "i changes from varchar(3) to varchar(4)."}, ""},
		{"decimals that do not hold it", "a:bigint,b:decimal(8,2),c:int", "a:decimal(20,2),b:decimal(12,1),c:float", WidenNumbers, "", nil,
			"change columns: a cannot change from bigint to decimal(20,2). b cannot change from decimal(8,2) to decimal(12,1). c cannot change from int to float. (" + name + ")"},
		{"strings", "a:int,b:boolean,c:timestamp,d:double", "a:string,b:string,c:string,d:string", WidenToString, "a:string,b:string,c:string,d:string",
			[]string{"a changes from int to string.", "b changes from boolean to string.", "c changes from timestamp to string.", "d changes from double to string."}, ""},
		{"strings, not allowed", "a:int", "a:string", WidenNumbers, "", nil, "change columns: a changes from int to string. (" + strings + ")"},
		{"from strings", "a:string", "a:int", WidenToString, "", nil, "change columns: a cannot change from string to int. (" + name + ")"},
		{"bytes and lists are no strings", "a:binary,b:array<int>,c:struct<x:int>", "a:string,b:string,c:string", WidenToString, "", nil,
			"change columns: a cannot change from binary to string. b cannot change from array<int> to string. c cannot change from struct<x:int> to string. (" + name + ")"},
		{"other kinds", "a:date,b:array<int>,c:map<string,int>", "a:timestamp,b:int,c:struct<x:int>", WidenToString, "", nil,
			"change columns: a cannot change from date to timestamp. b cannot change from array<int> to int. c cannot change from map<string,int> to struct<x:int>. (" + name + ")"},

		{"fields of structs", "s:struct<a:int,b:struct<c:int>>", "s:struct<b:struct<d:int,c:int>,e:date,a:int>", WidenNothing,
			"s:struct<a:int,b:struct<c:int,d:int>,e:date>", []string{"s.b.d is new and has type int.", "s.e is new and has type date."}, ""},
		{"inside of lists and maps", "l:array<struct<a:int>>,m:map<string,struct<a:int not null>>", "l:array<struct<a:bigint> not null>,m:map<string,struct<b:int>>", WidenNumbers,
			"l:array<struct<a:bigint> not null>,m:map<string,struct<a:int,b:int>>",
			[]string{"l.element is required from now on.", "l.element.a changes from int to bigint.", "m.value.a is not required any more.", "m.value.b is new and has type int."}, ""},
		{"keys", "m:map<int,int>", "m:map<bigint,int>", WidenNumbers, "m:map<bigint,int>", []string{"m.key changes from int to bigint."}, ""},
		{"inside, not allowed", "l:array<struct<a:int>>", "l:array<struct<a:date>>", WidenToString, "", nil,
			"change columns: l.element.a cannot change from int to date. (" + name + ")"},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, new := columns(t, c.old), columns(t, c.new)
			got, changes, err := Evolve(old, new, c.allow)
			if row(old) != row(columns(t, c.old)) || row(new) != row(columns(t, c.new)) {
				t.Error("Evolve changed what it was given")
			}
			if c.err != "" {
				if bad := (*EvolutionError)(nil); !errors.As(err, &bad) || err.Error() != c.err {
					t.Fatalf("got %v, %s\nwant %s", err, row(got), c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := row(got); got != "struct<"+c.want+">" {
				t.Errorf("got %s, want struct<%s>", got, c.want)
			}
			var said []string
			for _, ch := range changes {
				said = append(said, ch.String())
			}
			if diff := cmp.Diff(c.changes, said); diff != "" {
				t.Error(diff)
			}
			if again, changes, err := Evolve(got, new, c.allow); err != nil || len(changes) > 0 || !Equal(got, again) {
				t.Errorf("a second time: %s, %v, %v", row(again), changes, err)
			}
		})
	}
}

func TestWideningIsAWord(t *testing.T) {
	for want, word := range wideningWords {
		var w Widening
		if err := w.UnmarshalText([]byte(word)); err != nil || int(w) != want || w.String() != word {
			t.Errorf("%s is %v, %v", word, w, err)
		}
	}
	w := WidenNumbers
	if err := w.UnmarshalText([]byte("all")); err == nil || w != WidenNumbers {
		t.Errorf("all is %v, %v", w, err)
	}
}
