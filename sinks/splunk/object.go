package splunk

import "github.com/hydrant-dev/hydrant/convert/column"

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
func (e *encoder) read(record []byte) (o object) {
	o.event = e.wrap != WrapAlways
	m := column.ReadMembers(record)
	for (o.event || e.paths) && m.Next() {
		if o.event {
			one := member(m.Key, m.Value)
			o.event = one != 0 && o.has&one == 0
			o.has |= one
			if one == hasFields {
				o.fields = m.Offset
			}
		}
		if e.paths {
			e.find(&o, &m)
		}
	}
	// Mostly the first member tells that this is no event.
	if o.valid = m.Finish(); !o.valid {
		return object{}
	}
	o.event = o.event && o.has&hasEvent != 0
	return o
}

// find keeps a member that a path begins with. Of equal names the last counts.
func (e *encoder) find(o *object, m *column.Members) {
	for i := range e.texts {
		if p := e.texts[i].path; p != nil && string(m.Key) == p[0] {
			o.found[i] = m.Value
		}
	}
	if e.time != nil && string(m.Key) == e.time[0] {
		o.found[timePath] = m.Value
	}
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
			if string(m.Key) == name {
				next = m.Value
			}
		}
		value = next
	}
	return value
}
