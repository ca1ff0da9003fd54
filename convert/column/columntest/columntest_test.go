package columntest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

func TestRowsComeBackFromABatch(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := columntest.Schema(r, 6)
		want := columntest.Random(r, s, r.IntN(200))
		got := columntest.Rows(s, columntest.Build(s, want))
		if len(want) > 0 {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, %v:\n%s", seed, s.Root(), diff)
			}
		}
	}
}

func TestTruncateLeavesTheFirstRows(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := columntest.Schema(r, 6)
		want := columntest.Random(r, s, 50)
		keep := 1 + r.IntN(50)
		b := columntest.Build(s, want)
		root := s.Root()
		b.Root.Truncate(&root, keep)
		if diff := cmp.Diff(want[:keep], columntest.Rows(s, b)); diff != "" {
			t.Fatalf("seed %d, %v:\n%s", seed, s.Root(), diff)
		}
	}
}

func TestTypesComeBackFromTheirText(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		want := columntest.Type(r, 4)
		got, err := column.ParseType(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %s", want, diff)
		}
	}
}
