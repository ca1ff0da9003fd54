package oracle

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

const seed = 7

// written returns an object with the given records of producer 1.
func written(delimiter string, numbers ...int) []byte {
	var object []byte
	for _, n := range numbers {
		object = append(Append(object, seed, 1, n), delimiter...)
	}
	return object
}

// ledger returns a ledger in which producer 1 sent so many records and had
// all acknowledged.
func ledger(sent int) *Ledger {
	l := &Ledger{Seed: seed, Producer: 1}
	for n := l.Take(sent); n < sent; n++ {
		l.Ack(n)
	}
	return l
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestRecordsAreAsLongAsPromised(t *testing.T) {
	sizes := map[int]bool{}
	for n := range 20_000 {
		record := Append(nil, seed, 3, n)
		if len(record) != Size(seed, 3, n) {
			t.Fatalf("record %d has %d bytes, Size says %d", n, len(record), Size(seed, 3, n))
		}
		if len(record) > 1 && !json.Valid(record) {
			t.Fatalf("record %d is not JSON: %.100q", n, record)
		}
		sizes[len(record)] = true
	}
	if !sizes[1] || !sizes[MaxRecord] {
		t.Errorf("the smallest or the largest size never came")
	}
}

func TestJudge(t *testing.T) {
	const sent = 300
	big := 0 // a record that says which it is
	for Size(seed, 1, big) == 1 {
		big++
	}
	small := 0
	for Size(seed, 1, small) > 1 {
		small++
	}
	without := func(n int) []int { all := upTo(sent); return append(all[:n:n], all[n+1:]...) }
	for _, c := range []struct {
		name   string
		object []byte
		sent   int
		want   string // the kinds of violations, in order
	}{
		{"all there", written("\n", upTo(sent)...), sent, ""},
		{"a missing record", written("\n", without(big)...), sent, "missing"},
		{"a missing record of one byte", written("\n", without(small)...), sent, "missing"},
		{"a record twice", written("\n", append(upTo(sent), big)...), sent, "repeated"},
		{"a record of one byte twice", written("\n", append(upTo(sent), small)...), sent, "repeated"},
		{"a record from the future", written("\n", append(upTo(sent), sent+1)...), sent, "invented"},
		{"a flipped byte", flip(written("\n", upTo(sent)...), len(written("\n", upTo(sent-10)...))+headSize+3), sent, "altered missing"},
		{"a delimiter missing", []byte(strings.Replace(string(written("\n", upTo(sent)...)), "\"}\n{", "\"}{", 1)), sent, "altered missing"},
		{"cut short", written("\n", upTo(sent)...)[:len(written("\n", upTo(sent)...))-9], sent, "altered missing"},
		{"foreign bytes", append(written("\n", upTo(sent)...), "hello"...), sent, "altered invented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tally := NewTally(seed)
			if err := tally.Object("o", bytes.NewReader(c.object), true); err != nil {
				t.Fatal(err)
			}
			got := Judge(tally, []*Ledger{ledger(c.sent)})
			var kinds []string
			for _, v := range got {
				if len(kinds) == 0 || kinds[len(kinds)-1] != string(v.Kind) {
					kinds = append(kinds, string(v.Kind))
				}
			}
			if strings.Join(kinds, " ") != c.want {
				t.Errorf("got %v, want kinds %q", got, c.want)
			}
		})
	}
}

func TestRecordsBackToBackAreTold(t *testing.T) {
	tally := NewTally(seed)
	if err := tally.Object("o", bytes.NewReader(written("", upTo(500)...)), false); err != nil {
		t.Fatal(err)
	}
	if got := Judge(tally, []*Ledger{ledger(500)}); len(got) > 0 || tally.Records != 500 {
		t.Errorf("%d records, violations: %v", tally.Records, got)
	}
}

func TestAnUnansweredRecordMayArriveOrNot(t *testing.T) {
	for _, object := range [][]byte{nil, written("\n", upTo(100)...)} {
		tally := NewTally(seed)
		if err := tally.Object("o", bytes.NewReader(object), true); err != nil {
			t.Fatal(err)
		}
		l := &Ledger{Seed: seed, Producer: 1}
		l.Take(100)
		if got := Judge(tally, []*Ledger{l}); len(got) > 0 {
			t.Errorf("violations: %v", got)
		}
	}
}

func flip(b []byte, at int) []byte { b[at] ^= 1; return b }
