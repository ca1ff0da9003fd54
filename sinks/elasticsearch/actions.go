package elasticsearch

import (
	"bufio"
	"bytes"
	"io"

	"github.com/hydrant-dev/hydrant/sinks"
)

// idMember is what an id follows, in the action lines that we write and in the
// items of answers.
const idMember = `"_id":"`

// longestAction is more than an action line can have: two values of 512 bytes,
// which take up to six times that where they are escaped.
const longestAction = 8 << 10

// idIn returns the id in the action line that text begins with, as it stands
// between its quotes; nil if it has none.
func (s *Sink) idIn(text []byte) []byte {
	text, ok := bytes.CutPrefix(text, s.action)
	if !ok {
		return nil
	}
	if text, ok = bytes.CutPrefix(text, []byte(idMember)); !ok {
		return nil
	}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[:i]
		}
	}
	return nil
}

// sentIDs reads the ids in a payload, from the first to the last.
type sentIDs struct {
	sink *Sink
	ends []int64
	body *bufio.Reader
	at   int64 // where body stands
	err  error // why the rest cannot be read
}

func (s *Sink) sentIDs(p *sinks.Payload) *sentIDs {
	return &sentIDs{sink: s, ends: p.Ends, body: bufio.NewReaderSize(io.NewSectionReader(p.Body, 0, p.Size), 8*longestAction)}
}

// of returns the id of a document, as idIn does. Rows are asked for in their
// order. The id is valid until the next call.
func (i *sentIDs) of(row int) []byte {
	start := int64(0)
	if row > 0 {
		start = i.ends[row-1]
	}
	if i.err == nil {
		_, i.err = i.body.Discard(int(start - i.at))
	}
	if i.err != nil {
		return nil
	}
	i.at = start
	text, err := i.body.Peek(int(min(longestAction, i.ends[row]-start)))
	i.err = err
	return i.sink.idIn(text)
}
