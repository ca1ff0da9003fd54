package crashtest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/buffer"
)

// record is a record as a reader saw it: its number and where it stood.
type record struct {
	n   int
	pos buffer.Position
}

// payload returns the bytes of record n, from which n can be told.
func payload(n int) []byte {
	size := n * 7919 % 257
	if n%13 == 0 {
		size += 900
	}
	b := strconv.AppendInt(make([]byte, 0, size+12), int64(n), 10)
	b = append(b, ':')
	for i := range size {
		b = append(b, byte(n*31+i*i))
	}
	return b
}

// identify returns the number of a record, which has to be byte-equal.
func identify(data []byte) (int, error) {
	digits, _, _ := bytes.Cut(data, []byte(":"))
	n, err := strconv.Atoi(string(digits))
	if err != nil || !bytes.Equal(data, payload(n)) {
		return 0, fmt.Errorf("a record is not what anybody handed in: %d bytes, %.20q", len(data), data)
	}
	return n, nil
}

// call is one Append: records first to first+count-1.
type call struct{ first, count int }

type kind uint8

const (
	handed   kind = iota // a call has begun
	acked                // it returned nil, with pos
	planning             // Plan has begun
	planned              // it returned nil
	settling             // Done of plan has begun
	settled              // it returned nil
)

// event is what the outside world sees of a log.
type event struct {
	kind kind
	call call
	pos  buffer.Position
	plan buffer.Plan
}

// state is what a reader found in a log: the truth from then on.
type state struct {
	next    uint64       // sequence of the first record that is not settled
	settled buffer.Count // all before it
	records []record     // not settled
	plans   []buffer.Plan
	known   map[buffer.Position]int // every identity that anybody saw
}

// history is a state and what happened since. It may be used concurrently.
type history struct {
	numbers *atomic.Int64 // of records; the next one

	mu     sync.Mutex
	start  *state
	events []event
}

func newHistory() *history {
	return &history{numbers: new(atomic.Int64), start: &state{next: 1, known: map[buffer.Position]int{}}}
}

func (h *history) say(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// fork runs f, while nothing is learned, and returns a history of that moment
// that goes its own way. What began and did not end may have happened.
func (h *history) fork(f func()) *history {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	return &history{numbers: h.numbers, start: h.start, events: slices.Clip(h.events)}
}

// rebase makes what was read the new start.
func (h *history) rebase(s *state) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.start, h.events = s, nil
}

// expectation is what the events leave open about a log.
type expectation struct {
	start *state
	sure  map[uint64]record // acknowledged, by sequence
	maybe map[int]call      // handed in and not acknowledged, by first number
	plans []buffer.Plan     // all that may have been made, in order
	made  int               // so many of them have been made for sure
	least int               // so many of them are settled for sure
	most  int               // so many of them may be settled
}

func (h *history) expect() *expectation {
	h.mu.Lock()
	start, events := h.start, h.events
	h.mu.Unlock()
	e := &expectation{
		start: start, plans: slices.Clip(start.plans), made: len(start.plans),
		sure: map[uint64]record{}, maybe: map[int]call{},
	}
	for _, r := range start.records {
		e.sure[r.pos.Seq] = r
	}
	index := func(p buffer.Plan) int {
		return slices.IndexFunc(e.plans, func(q buffer.Plan) bool { return q.ID() == p.ID() })
	}
	for _, x := range events {
		switch x.kind {
		case handed:
			e.maybe[x.call.first] = x.call
		case acked:
			delete(e.maybe, x.call.first)
			for i := range x.call.count {
				pos := buffer.Position{Epoch: x.pos.Epoch, Seq: x.pos.Seq + uint64(i)}
				e.sure[pos.Seq] = record{x.call.first + i, pos}
			}
		case planning:
			if index(x.plan) < 0 {
				e.plans = append(e.plans, x.plan)
			}
		case planned:
			e.made = max(e.made, index(x.plan)+1)
		case settling:
			e.most = max(e.most, index(x.plan)+1)
		case settled:
			e.least = max(e.least, index(x.plan)+1)
		}
	}
	return e
}

// found is what a reader found in a log.
type found struct {
	records []record // of the plans, then the others; the last is one that was just appended
	plans   []buffer.Plan
}

// check compares what was found with what must and may be there, and returns
// the truth from now on.
func (e *expectation) check(f found) (*state, error) {
	if len(f.records) == 0 {
		return nil, fmt.Errorf("the log is empty")
	}
	s := &state{next: f.records[0].pos.Seq, records: f.records, plans: f.plans, known: map[buffer.Position]int{}}
	done, err := e.checkStart(s.next)
	if err != nil {
		return nil, err
	}
	if err := e.checkRecords(f.records); err != nil {
		return nil, err
	}
	if err := e.checkPlans(f.plans, done); err != nil {
		return nil, err
	}
	s.settled = e.start.settled
	for _, p := range e.plans[:done] {
		s.settled = s.settled.Add(p.Count)
	}
	for pos, n := range e.start.known {
		s.known[pos] = n
	}
	for _, r := range e.sure {
		s.known[r.pos] = r.n
	}
	newest := f.records[len(f.records)-1].pos
	for pos := range s.known {
		if pos.Epoch == newest.Epoch && pos != newest {
			return nil, fmt.Errorf("%v was appended to a segment from before the start, which holds %v", newest, pos)
		}
	}
	for _, r := range f.records {
		if n, taken := s.known[r.pos]; taken && n != r.n {
			return nil, fmt.Errorf("the identity %v of record %d was given to record %d", r.pos, n, r.n)
		}
		s.known[r.pos] = r.n
	}
	return s, nil
}

// checkStart finds out how many plans are settled.
func (e *expectation) checkStart(first uint64) (int, error) {
	for done := e.least; done <= e.most; done++ {
		if first == e.after(done) {
			return done, nil
		}
	}
	return 0, fmt.Errorf("the first record is %d, want %d (%d plans are settled for sure, %d perhaps)", first, e.after(e.least), e.least, e.most)
}

// after returns the first sequence after so many plans.
func (e *expectation) after(plans int) uint64 {
	if plans == 0 {
		return e.start.next
	}
	return e.plans[plans-1].Last.Seq + 1
}

func (e *expectation) checkRecords(got []record) error {
	first, last := got[0].pos.Seq, got[len(got)-1].pos.Seq
	for i, r := range got {
		if want := first + uint64(i); r.pos.Seq != want {
			return fmt.Errorf("sequence %d follows %d", r.pos.Seq, want-1)
		}
	}
	for seq, want := range e.sure {
		if seq > last {
			return fmt.Errorf("record %d was acknowledged at %v and is gone; the log ends at %d", want.n, want.pos, last)
		}
		if seq >= first && got[seq-first] != want {
			return fmt.Errorf("record %d was acknowledged at %v; record %d is at %v now", want.n, want.pos, got[seq-first].n, got[seq-first].pos)
		}
	}
	used := map[int]bool{}
	for i := 0; i < len(got); {
		if _, ok := e.sure[got[i].pos.Seq]; ok {
			i++
			continue
		}
		n, err := e.checkCall(got[i:])
		if err != nil {
			return err
		}
		if used[got[i].n] {
			return fmt.Errorf("record %d is there twice", got[i].n)
		}
		used[got[i].n] = true
		i += n
	}
	return nil
}

// checkCall checks that got starts with all records of a call that was not
// acknowledged, and returns how many they are.
func (e *expectation) checkCall(got []record) (int, error) {
	c, ok := e.maybe[got[0].n]
	if !ok {
		return 0, fmt.Errorf("record %d at %v was not handed in, or is there twice, or without those handed in before it in one call", got[0].n, got[0].pos)
	}
	if len(got) < c.count {
		return 0, fmt.Errorf("only %d of the %d records from %d on are there, which were handed in together", len(got), c.count, c.first)
	}
	for i, r := range got[:c.count] {
		want := record{c.first + i, buffer.Position{Epoch: got[0].pos.Epoch, Seq: got[0].pos.Seq + uint64(i)}}
		if r != want {
			return 0, fmt.Errorf("record %d is at %v, want record %d at %v", r.n, r.pos, want.n, want.pos)
		}
	}
	return c.count, nil
}

func (e *expectation) checkPlans(got []buffer.Plan, done int) error {
	if least := max(0, e.made-done); len(got) < least || len(got) > len(e.plans)-done {
		return fmt.Errorf("%d plans are unfinished, want %d to %d", len(got), least, len(e.plans)-done)
	}
	for i, p := range got {
		if want := e.plans[done+i]; p != want {
			return fmt.Errorf("unfinished plan %d is\n%+v, want\n%+v", i, p, want)
		}
	}
	return nil
}

// checkLedger compares the account of a log with what was found in its shards.
func checkLedger(l buffer.Ledger, shards ...*state) error {
	var settled, buffered buffer.Count
	for _, s := range shards {
		settled = settled.Add(s.settled)
		for _, r := range s.records {
			buffered = buffered.Add(buffer.Count{Records: 1, Bytes: uint64(len(payload(r.n)))})
		}
	}
	switch out := l.Delivered.Add(l.Failed).Add(l.Dropped); {
	case l.Gap() != 0:
		return fmt.Errorf("the ledger has a gap of %d: %+v", l.Gap(), l)
	case l.Lost != buffer.Count{}:
		return fmt.Errorf("the ledger counts a loss: %+v", l)
	case out != settled:
		return fmt.Errorf("the ledger has %+v settled, want %+v", out, settled)
	case l.Buffered != buffered:
		return fmt.Errorf("the ledger has %+v buffered, want %+v", l.Buffered, buffered)
	case l.Accepted != settled.Add(buffered):
		return fmt.Errorf("the ledger has %+v accepted, want %+v", l.Accepted, settled.Add(buffered))
	}
	return nil
}
