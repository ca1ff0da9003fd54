package job

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func lines(numbers ...int64) Lines {
	var l Lines
	for _, n := range numbers {
		l.Add(n)
	}
	return l
}

func TestLinesAreKeptAsRanges(t *testing.T) {
	l := lines(1, 2, 3, 7, 9, 10)
	text, err := json.Marshal(l)
	if err != nil || string(text) != "[[1,3],[7,7],[9,10]]" {
		t.Errorf("%s, %v", text, err)
	}
	for n, want := range map[int64]bool{0: false, 1: true, 3: true, 4: false, 7: true, 8: false, 10: true, 11: false} {
		if l.Has(n) != want {
			t.Errorf("Has(%d) = %v", n, !want)
		}
	}
	for n, want := range map[int64]Lines{0: nil, 2: lines(1, 2), 4: lines(1, 2, 3, 7), 5: lines(1, 2, 3, 7, 9), 9: l} {
		if diff := cmp.Diff(want, l.First(n)); diff != "" {
			t.Errorf("First(%d) (-want +got):\n%s", n, diff)
		}
	}
	if Lines(nil).Has(1) || l.Count() != 6 {
		t.Errorf("count %d", l.Count())
	}
}

func TestUnionOfLinesHasBoth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var sets [2]Lines
		want := map[int64]bool{}
		for i := range sets {
			for n := range int64(40) {
				if rng.IntN(3) == 0 {
					sets[i].Add(n)
					want[n] = true
				}
			}
		}
		sum := sets[0].With(sets[1])
		if sum.Count() != int64(len(want)) {
			t.Fatalf("%v with %v = %v", sets[0], sets[1], sum)
		}
		for n := range int64(41) {
			if sum.Has(n) != want[n] {
				t.Fatalf("%v with %v = %v, which is wrong about %d", sets[0], sets[1], sum, n)
			}
		}
	}
}
