package schema

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", file, diff)
	}
}

func TestDecidedColumnsAreWrittenAsBefore(t *testing.T) {
	inf := NewInference(0)
	inferred(t, inf, `{"id":1,"at":"2026-11-23T08:00:00Z","tags":["a"],"pos":{"lat":1.5,"<x>":null},"a.b":1}`, "x")
	s, err := inf.Schema()
	if err != nil {
		t.Fatal(err)
	}
	first := Decide(s, inf.Origin())
	wider, _, err := Evolve(s, columns(t, "id:double not null,country:varchar(2)"), WidenNumbers)
	if err != nil {
		t.Fatal(err)
	}
	second := first.Next(wider, Origin{How: FromFile, File: "clicks.avsc", Kind: "Avro schema", SHA256: "00ff"})
	for name, d := range map[string]*Decided{"decided-inferred.json": first, "decided-file.json": second} {
		text, err := d.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, text)
		got, err := Unmarshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, got); diff != "" {
			t.Errorf("%s read again: %s", name, diff)
		}
	}
}

func TestDecidedColumnsComeBack(t *testing.T) {
	for seed := range uint64(100) {
		want := Decide(columntest.Schema(rand.New(rand.NewPCG(seed, 5)), 6), Origin{How: FromConfiguration})
		text, err := want.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unmarshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestTheSameColumnsAreNoNewRevision(t *testing.T) {
	d := Decide(columns(t, "a:int"), Origin{How: FromConfiguration})
	if next := d.Next(columns(t, "a:int"), Origin{How: FromFile}); next != d {
		t.Errorf("got %+v", next)
	}
	if next := d.Next(columns(t, "a:int,b:int"), Origin{How: FromFile}); next.Revision != 2 || next.From.How != FromFile {
		t.Errorf("got %+v", next)
	}
}

func TestDocumentsThatAreNotOursAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:              "unexpected end of JSON input",
		`{}`:            "the version or the revision is missing",
		`{"version":1}`: "the version or the revision is missing",
		`{"version":2,"revision":1,"columns":[{"name":"a","type":"int"}]}`:   "use a newer one",
		`{"version":1,"revision":1}`:                                         "there are no columns",
		`{"version":1,"revision":1,"columns":[{"name":"a","type":"strng"}]}`: `columns[0].type: type "strng"`,
	} {
		if _, err := Unmarshal([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "read decided columns: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestOriginsAreSaid(t *testing.T) {
	for want, o := range map[string]Origin{
		"written in the configuration":        {How: FromConfiguration},
		"read from clicks.avsc (Avro schema)": {How: FromFile, File: "clicks.avsc", Kind: "Avro schema"},
		"inferred from 9998 records":          {How: Inferred, Records: 10000, Broken: 2},
	} {
		if o.String() != want {
			t.Errorf("got %s, want %s", o, want)
		}
	}
}
