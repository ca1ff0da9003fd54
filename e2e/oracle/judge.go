package oracle

import (
	"fmt"
	"slices"
)

// Kind says which promise was broken.
type Kind string

// The promises.
const (
	Missing  Kind = "missing"  // acknowledged and not there
	Repeated Kind = "repeated" // there more than once
	Invented Kind = "invented" // there and never sent
	Altered  Kind = "altered"  // not as it was sent
	Account  Kind = "account"  // the program's own numbers do not add up, or are not what is there
	Leftover Kind = "leftover" // something that should have been cleaned away
)

// Violation is a broken promise.
type Violation struct {
	Kind   Kind
	Detail string
}

func (v Violation) String() string { return string(v.Kind) + ": " + v.Detail }

// Judge compares what the producers of a stream sent with what arrived. When
// a promise is broken many times it says so in one violation for each kind
// and producer, with the first numbers.
func Judge(t *Tally, ledgers []*Ledger) []Violation {
	found := slices.Clone(t.faults)
	known := map[int]bool{}
	tinyKnown := map[byte]bool{}
	for _, l := range ledgers {
		known[l.Producer] = true
		tinyKnown[tiny(l.Producer)] = true
		found = append(found, l.judge(t)...)
	}
	for producer := range t.arrived {
		if !known[producer] {
			found = append(found, Violation{Invented, fmt.Sprintf("records of producer %d, which sent nothing here", producer)})
		}
	}
	for b, count := range t.tiny {
		if !tinyKnown[b] {
			found = append(found, Violation{Invented, fmt.Sprintf("%d records %q, which nobody sent here", count, b)})
		}
	}
	return found
}

func (l *Ledger) judge(t *Tally) []Violation {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := t.arrived[l.Producer]
	numbers := map[Kind][]int{}
	tinySent, tinyAcked := 0, 0
	for n := range l.sent {
		if Size(l.Seed, l.Producer, n) == 1 {
			tinySent++
			if l.acked.has(n) {
				tinyAcked++
			}
			continue
		}
		times := uint8(0)
		if n < len(seen) {
			times = seen[n]
		}
		switch {
		case times == 0 && l.acked.has(n):
			numbers[Missing] = append(numbers[Missing], n)
		case times > 1:
			numbers[Repeated] = append(numbers[Repeated], n)
		}
	}
	for n := l.sent; n < len(seen); n++ {
		if seen[n] > 0 {
			numbers[Invented] = append(numbers[Invented], n)
		}
	}
	var found []Violation
	for _, kind := range []Kind{Missing, Repeated, Invented} {
		if list := numbers[kind]; len(list) > 0 {
			found = append(found, Violation{kind, fmt.Sprintf("%d records of producer %d, the first: %v", len(list), l.Producer, list[:min(5, len(list))])})
		}
	}
	if there := t.tiny[tiny(l.Producer)]; there < tinyAcked {
		found = append(found, Violation{Missing, fmt.Sprintf("%d records of one byte of producer %d", tinyAcked-there, l.Producer)})
	} else if there > tinySent {
		found = append(found, Violation{Repeated, fmt.Sprintf("%d records of one byte of producer %d", there-tinySent, l.Producer)})
	}
	return found
}
