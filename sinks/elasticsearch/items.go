package elasticsearch

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hydrant-dev/hydrant/sinks"
)

// What is asked for of an answer: what judge needs to know, and no more. The id
// tells which document an item is about; where the cluster makes the ids it
// tells nothing.
const (
	filter    = "filter_path=errors,ingest_took,items.*.status,items.*.error"
	filterIDs = filter + ",items.*._id,items.*.failure_store"
)

// answer is that to a bulk request: an item for each document.
type answer struct {
	// IngestTook is how long pipelines took; nil if none had a hand in it.
	IngestTook *int64 `json:"ingest_took"`
	Items      []struct{ Create, Index *item }
}

type item struct {
	ID     string `json:"_id"`
	Status int
	Error  cause
	// FailureStore is "used" where Elasticsearch keeps a document that it could
	// not index in a place of its own, with another id.
	FailureStore string `json:"failure_store"`
}

// cause is why something failed.
type cause struct {
	Type     string
	Reason   string
	CausedBy *cause `json:"caused_by"`
}

func (c *cause) String() string {
	text := c.Reason
	if c.Type != "" {
		text = c.Type + ": " + c.Reason
	}
	if c.CausedBy != nil {
		text += "; " + c.CausedBy.String()
	}
	return text
}

// judge says what became of each document, nil if all are there. An answer
// that does not account for all of them is as good as none.
func (s *Sink) judge(p *sinks.Payload, text []byte) *sinks.Error {
	if s.allTaken(p, text) {
		return nil
	}
	return s.examine(p, text)
}

// allTaken recognises the usual answer without taking it apart: each item is
// {"create":{"_id":"...","status":201}}, or 200 where a document was replaced.
func (s *Sink) allTaken(p *sinks.Payload, text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte(`{"errors":false,"items":[`))
	if !ok {
		return false
	}
	sent := s.sentIDs(p)
	for row := range p.Seqs {
		if row > 0 {
			rest, ok = bytes.CutPrefix(rest, []byte{','})
		}
		if ok {
			rest, ok = bytes.CutPrefix(rest, s.action)
		}
		if ok && s.ownIDs {
			rest, ok = cutID(rest, sent.of(row))
		}
		if ok {
			rest, ok = bytes.CutPrefix(rest, []byte(`"status":20`))
		}
		if !ok || len(rest) < 3 || rest[0] != '0' && rest[0] != '1' || rest[1] != '}' || rest[2] != '}' {
			return false
		}
		rest = rest[3:]
	}
	return string(rest) == "]}"
}

// cutID cuts "_id":"...", off, if it is that id.
func cutID(text, id []byte) (rest []byte, ok bool) {
	if text, ok = bytes.CutPrefix(text, []byte(idMember)); !ok || len(id) == 0 {
		return text, false
	}
	if text, ok = bytes.CutPrefix(text, id); !ok {
		return text, false
	}
	return bytes.CutPrefix(text, []byte(`",`))
}

// examine is judge for any answer.
func (s *Sink) examine(p *sinks.Payload, text []byte) *sinks.Error {
	unclear := func(format string, args ...any) *sinks.Error {
		return &sinks.Error{Op: op, Reason: "answer", Hint: hintURLs, Err: fmt.Errorf(format, args...)}
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return unclear("the answer cannot be read: %w", err)
	}
	if len(a.Items) != len(p.Seqs) {
		return unclear("the answer has %d items for %d documents", len(a.Items), len(p.Seqs))
	}
	items := make([]*item, len(a.Items))
	for i, of := range a.Items {
		items[i] = of.Create
		if s.op == Index {
			items[i] = of.Index
		}
		if items[i] == nil || items[i].Status == 0 {
			return unclear("item %d of the answer says nothing", i)
		}
	}
	piped := a.IngestTook != nil
	rows, err := s.rowsOf(p, items, piped)
	if err != nil {
		return unclear("%w", err)
	}
	var e *sinks.Error
	for i, it := range items {
		if m, failed := s.meaning(it); failed {
			e = collect(e, p.Name, rows[i], it, m)
		}
	}
	if e == nil {
		return nil
	}
	e.Err = fmt.Errorf("%d of %d documents failed: %w", len(e.Items), len(p.Seqs), e.Err)
	if piped && len(items) > 1 && allUnparsed(items) {
		e.Kind, e.Items = sinks.Bisect, nil
	}
	return e
}

// allUnparsed reports whether no document could be read by the pipeline.
// OpenSearch 2 and 3 say so of all when it is true of one.
func allUnparsed(items []*item) bool {
	for _, it := range items {
		if it.Error.Type != "parse_exception" {
			return false
		}
	}
	return true
}

// rowsOf says which document of the payload each item is about. Items are in
// the order of the documents, and name their ids, with exceptions: a pipeline
// can give a document another id; and in OpenSearch 2 and 3 those that a
// pipeline failed for can have changed places. But an answer without a pipeline
// in which no id is right is the answer to another request.
func (s *Sink) rowsOf(p *sinks.Payload, items []*item, piped bool) ([]int, error) {
	rows := make([]int, len(items))
	claimed := make([]bool, len(items))
	claim := func(i, row int) { rows[i], claimed[row] = row, true }
	var open []int              // items whose id is not that of the document in their place
	moved := map[string][]int{} // the documents in these places, by their ids
	sent := s.sentIDs(p)
	for i, it := range items {
		id := unescaped(sent.of(i))
		if sent.err != nil {
			return nil, fmt.Errorf("read spool: %w", sent.err)
		}
		if !s.ownIDs || it.ID == id || it.FailureStore == "used" {
			claim(i, i)
			continue
		}
		open, moved[id] = append(open, i), append(moved[id], i)
	}
	if len(open) == len(items) && !piped {
		return nil, fmt.Errorf("the answer is that to another request: its first document is %.100q", items[0].ID)
	}
	rest := open[:0]
	for _, i := range open {
		if same := moved[items[i].ID]; len(same) > 0 { // changed places
			claim(i, same[0])
			moved[items[i].ID] = same[1:]
		} else {
			rest = append(rest, i)
		}
	}
	open, rest = rest, rest[:0]
	for _, i := range open {
		if !claimed[i] { // has another id
			claim(i, i)
		} else {
			rest = append(rest, i)
		}
	}
	row := 0
	for _, i := range rest { // both
		for claimed[row] {
			row++
		}
		claim(i, row)
	}
	return rows, nil
}
