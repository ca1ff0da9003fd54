package elasticsearch

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hydrant-dev/hydrant/sinks"
)

// filter asks for what judge needs to know of an answer: of a document that
// was taken, its status.
const filter = "filter_path=errors,items.*.status,items.*.error"

// answer is that to a bulk request: an item for each document, in order.
type answer struct {
	Items []map[string]item
}

type item struct {
	Status int
	Error  cause
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
	if s.allTaken(text, len(p.Seqs)) {
		return nil
	}
	return s.examine(p, text)
}

// examine is judge for any answer.
func (s *Sink) examine(p *sinks.Payload, text []byte) *sinks.Error {
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return &sinks.Error{Op: op, Reason: "answer", Hint: hintURLs, Err: fmt.Errorf("the answer cannot be read: %w", err)}
	}
	if len(a.Items) != len(p.Seqs) {
		return &sinks.Error{Op: op, Reason: "answer", Hint: hintURLs,
			Err: fmt.Errorf("the answer has %d items for %d documents", len(a.Items), len(p.Seqs))}
	}
	var e *sinks.Error
	for row := range a.Items {
		it, ok := a.Items[row][string(s.op)]
		if !ok || it.Status == 0 {
			return &sinks.Error{Op: op, Reason: "answer", Hint: hintURLs, Err: fmt.Errorf("item %d of the answer says nothing", row)}
		}
		if m, failed := s.meaning(&it); failed {
			e = collect(e, p.Name, row, &it, m)
		}
	}
	if e != nil {
		e.Err = fmt.Errorf("%d of %d documents failed: %w", len(e.Items), len(p.Seqs), e.Err)
	}
	return e
}

// allTaken recognises the usual answer without taking it apart: each item is
// {"create":{"status":201}}, or 200 where a document was replaced.
func (s *Sink) allTaken(text []byte, documents int) bool {
	rest, ok := bytes.CutPrefix(text, []byte(`{"errors":false,"items":[`))
	for i := range documents {
		if i > 0 && ok {
			rest, ok = bytes.CutPrefix(rest, []byte{','})
		}
		if !ok {
			return false
		}
		if rest, ok = bytes.CutPrefix(rest, s.taken); !ok || len(rest) < 3 {
			return false
		}
		if rest[0] != '0' && rest[0] != '1' || rest[1] != '}' || rest[2] != '}' {
			return false
		}
		rest = rest[3:]
	}
	return ok && string(rest) == "]}"
}
