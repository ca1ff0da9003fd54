package splunk

import (
	"bytes"
	"encoding/json"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// object is what the encoder has to know of a record that is a JSON object.
type object struct {
	valid  bool // it is one
	event  bool // it is an HEC event
	has    members
	fields int                  // where the value of fields starts
	found  [timePath + 1][]byte // first steps of the paths, by the member they are for
}

// members is a set of members of an HEC event.
type members uint8

const (
	hasHost members = 1 << iota // in the order of encoder.texts
	hasSource
	hasSourcetype
	hasIndex
	hasTime
	hasFields
	hasEvent
)

// Places in encoder.texts, and in object.found: the time is behind the texts.
const (
	indexText = 3
	timePath  = 4
)

// read looks at a record.
//
// What counts as an HEC event is strict: Splunk answers 200 to an event with a
// member it does not know, and drops it with all that follow in the request.
func (e *encoder) read(record []byte, o *object) {
	*o = object{event: e.wrap != WrapAlways && beginsLikeEvent(record)}
	if !o.event && len(e.steps) == 0 {
		o.valid = isObject(record)
		return
	}
	m := column.ReadMembers(record)
	for (o.event || len(e.steps) > 0) && m.Next() {
		if o.event {
			one := member(m.Key, m.Value)
			o.event = one != 0 && o.has&one == 0
			o.has |= one
			if one == hasFields {
				o.fields = m.Offset
			}
		}
		for i := range e.steps { // of equal names the last counts
			if named(m.Key, e.steps[i].name) {
				o.found[e.steps[i].place] = m.Value
			}
		}
	}
	if o.valid = m.Finish(); !o.valid {
		*o = object{}
	}
	o.event = o.event && o.has&hasEvent != 0
}

// beginsLikeEvent tells most records from HEC events by the name of their first
// member.
func beginsLikeEvent(record []byte) bool {
	rest, ok := bytes.CutPrefix(withoutSpace(record), []byte("{"))
	if !ok {
		return false
	}
	rest, ok = bytes.CutPrefix(withoutSpace(rest), []byte(`"`))
	if end := bytes.IndexByte(rest, '"'); ok && end > 0 {
		switch string(rest[:end]) {
		case "host", "source", "sourcetype", "index", "time", "fields", "event":
			return true
		}
	}
	return false
}

// isObject reports whether a record is one JSON object.
func isObject(record []byte) bool {
	rest := withoutSpace(record)
	return len(rest) > 0 && rest[0] == '{' && column.IsValid(rest)
}

// withoutSpace takes JSON's white space away that a text begins with.
func withoutSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\r' || text[0] == '\n') {
		text = text[1:]
	}
	return text
}

// named reports whether a member has a name. One with escape sequences, which
// are rare, is longer than what it stands for.
func named(key []byte, name string) bool {
	if len(key) <= len(name) {
		return string(key) == name
	}
	return bytes.IndexByte(key, '\\') >= 0 && unescaped(key) == name
}

func unescaped(key []byte) string {
	var s string
	if err := json.Unmarshal(append(append([]byte{'"'}, key...), '"'), &s); err != nil {
		return string(key)
	}
	return s
}

// member returns which member of an HEC event this is; 0 if it is none, or has
// a value that Splunk would refuse.
func member(key, value []byte) members {
	text := value[0] == '"'
	switch string(key) {
	case "host":
		return when(text, hasHost)
	case "source":
		return when(text, hasSource)
	case "sourcetype":
		return when(text, hasSourcetype)
	case "index":
		return when(text, hasIndex)
	case "time":
		if text {
			value = value[1 : len(value)-1]
		}
		return when(isSeconds(value), hasTime)
	case "fields":
		return when(value[0] == '{', hasFields)
	case "event":
		refused := value[0] == 'n' || value[0] == 'f' || text && isBlank(value[1:len(value)-1])
		return when(!refused, hasEvent)
	}
	return 0
}

func when(good bool, m members) members {
	if good {
		return m
	}
	return 0
}

// deeper follows the rest of a path, whose first step led to value. It returns
// nil if there is nothing.
func deeper(value []byte, path []string) []byte {
	for _, name := range path[1:] {
		if value == nil {
			return nil
		}
		var next []byte
		m := column.ReadMembers(value)
		for m.Next() {
			if named(m.Key, name) {
				next = m.Value
			}
		}
		value = next
	}
	return value
}
