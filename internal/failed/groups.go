package failed

import (
	"cmp"
	"slices"
	"time"
)

// Group is the records that failed for one reason.
type Group struct {
	Stream   string    `json:"stream"`
	Type     string    `json:"type"`
	Code     string    `json:"code"`
	Reason   string    `json:"reason"` // the message, without what varies
	Records  int64     `json:"records"`
	Bytes    int64     `json:"bytes"`    // of the records
	Replayed int64     `json:"replayed"` // of Records
	First    time.Time `json:"first"`    // arrivals; zero if none is known
	Last     time.Time `json:"last"`
	Example  Example   `json:"example"` // the newest
}

// Example is a record that stands for many.
type Example struct {
	Object  string `json:"object"`
	Line    int64  `json:"line"`
	Message string `json:"message"`
	Record  string `json:"record"` // its beginning
}

// exampleSize is how much of a record is kept as an example.
const exampleSize = 2 << 10

// mostGroups bounds the memory for messages that vary in ways we do not know.
const mostGroups = 1000

// Groups collects reasons. The zero value is ready.
type Groups struct {
	byReason map[reasonKey]*Group
}

type reasonKey struct{ stream, kind, code, reason string }

// Add counts a record.
func (g *Groups) Add(stream string, r *Record) {
	key := reasonKey{stream, r.Type, r.Code, Reason(r.Message)}
	one := g.byReason[key]
	if one == nil && len(g.byReason) >= mostGroups {
		key.reason = "other reasons"
		one = g.byReason[key]
	}
	if one == nil {
		if g.byReason == nil {
			g.byReason = map[reasonKey]*Group{}
		}
		one = &Group{Stream: stream, Type: key.kind, Code: key.code, Reason: key.reason}
		g.byReason[key] = one
	}
	one.Records++
	one.Bytes += int64(len(r.Data))
	if r.Replayed {
		one.Replayed++
	}
	if !r.Arrival.IsZero() && (one.First.IsZero() || r.Arrival.Before(one.First)) {
		one.First = r.Arrival
	}
	if one.Records == 1 || !r.Arrival.Before(one.Last) {
		one.Last = r.Arrival
		one.Example = Example{r.Object, r.Line, r.Message, Excerpt(r.Data, exampleSize)}
	}
}

// List returns the groups: of each stream those with the most records first.
func (g *Groups) List() []Group {
	all := make([]Group, 0, len(g.byReason))
	for _, one := range g.byReason {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(b.Records, a.Records),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}
