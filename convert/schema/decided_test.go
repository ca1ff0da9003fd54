package schema

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
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

// sameColumns reports whether two schemas have the same columns in the same order.
func sameColumns(a, b *column.Schema) bool { return a.Root().String() == b.Root().String() }

func TestDecidedColumnsAreWrittenAsBefore(t *testing.T) {
	inf := NewInference(0)
	inferred(t, inf, `{"id":1,"at":"2026-11-23T08:00:00Z","tags":["a"],"pos":{"lat":1.5,"<x>":null},"a.b":1}`, "x")
	want, err := inf.Decided()
	if err != nil {
		t.Fatal(err)
	}
	text, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "decided-inferred.json", text)
	got, err := Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read again: %s", diff)
	}
	if got := want.From.String(); got != "inferred from 1 records" {
		t.Errorf("they are said to be %s", got)
	}
}

func TestDecidedColumnsComeBack(t *testing.T) {
	for seed := range uint64(100) {
		want := &Decided{Schema: columntest.Schema(rand.New(rand.NewPCG(seed, 5)), 6)}
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

func TestDocumentsThatAreNotOursAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:   "unexpected end of JSON input",
		`{}`: "the version is missing",
		`{"version":2,"columns":[{"name":"a","type":"int"}]}`: "use a newer one",
		`{"version":1}`: "there are no columns",
		`{"version":1,"columns":[{"name":"a","type":"strng"}]}`: `columns[0].type: type "strng"`,
	} {
		if _, err := Unmarshal([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "read decided columns: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
