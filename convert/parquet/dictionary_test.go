package parquet

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// batchOf places values in the data of a batch and beside it, and nothing
// behind the last ones.
func batchOf(values []string) (*column.Batch, []uint64) {
	b := &column.Batch{}
	places := make([]uint64, len(values))
	for i, v := range values {
		if i%3 == 0 {
			places[i] = column.SidePlace(len(b.Side), len(v))
			b.Side = append(b.Side, v...)
		} else {
			places[i] = column.Place(len(b.Data), len(v))
			b.Data = append(b.Data, v...)
		}
	}
	b.Data, b.Side = b.Data[:len(b.Data):len(b.Data)], b.Side[:len(b.Side):len(b.Side)]
	return b, places
}

// TestDictionaryNumbersValuesAsTheyCome compares with a map.
func TestDictionaryNumbersValuesAsTheyCome(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab\x00\xff"[r.IntN(4)]
		}
		return string(b)
	}
	for _, c := range []struct {
		name            string
		values, longest int
	}{
		{"few short ones", 20, 12}, {"few of all lengths", 100, 80}, {"few long ones", 20, 200},
		{"as many as are few", mostFew - 1, 40}, {"one more", mostFew, 40}, {"many", 5000, 60}, {"many short ones", 5000, 9},
	} {
		pool := []string{"", "\x00", "\x00\x00", "a", "a\x00", strings.Repeat("a", 16), strings.Repeat("a", 17), strings.Repeat("a", 32),
			strings.Repeat("a", 33), strings.Repeat("a", 16) + "b" + strings.Repeat("a", 16), strings.Repeat("a", 16) + "c" + strings.Repeat("a", 16)}
		for len(pool) < c.values {
			pool = append(pool, text(r.IntN(c.longest)))
		}
		pool = pool[:c.values]
		d := bytesDictionary{seed: maphash.MakeSeed()}
		for round := range 3 { // the second and third time with the memory of before
			d.reset()
			want, numbers := []string{}, map[string]uint32{}
			for step := range 20 {
				values := make([]string, r.IntN(2*c.values))
				for i := range values {
					values[i] = pool[r.IntN(len(pool))]
				}
				b, places := batchOf(values)
				got := d.add(nil, b, places)
				if len(got) != len(values) {
					t.Fatalf("%s: %d indexes of %d values", c.name, len(got), len(values))
				}
				for i, v := range values {
					number, ok := numbers[v]
					if !ok {
						number = uint32(len(want))
						numbers[v], want = number, append(want, v)
					}
					if got[i] != number {
						t.Fatalf("%s, round %d, step %d: %q is number %d, want %d", c.name, round, step, v, got[i], number)
					}
				}
			}
			for i, v := range want {
				if got := string(d.value(uint32(i))); got != v {
					t.Fatalf("%s: number %d is %q, want %q", c.name, i, got, v)
				}
			}
			if d.entries() != len(want) {
				t.Fatalf("%s: %d entries, want %d", c.name, d.entries(), len(want))
			}
		}
	}
}

func TestDictionaryOfOneWidth(t *testing.T) {
	d := bytesDictionary{seed: maphash.MakeSeed(), width: 5}
	d.reset()
	var values []string
	for i := range 300 {
		values = append(values, fmt.Sprintf("sign is%05d", i%150))
	}
	b, places := batchOf(values)
	for i, got := range d.add(nil, b, places) {
		if want := fmt.Sprintf("%05d", i%150); int(got) != i%150 || string(d.value(got)) != want {
			t.Fatalf("value %d is number %d, %q, want %q", i, got, d.value(got), want)
		}
	}
	if len(d.data) != 150*5 {
		t.Errorf("the dictionary has %d bytes, want %d", len(d.data), 150*5)
	}
}
