package column

// Members goes through the members of a JSON object, which it checks on its
// way as [Valid] does:
//
//	m := column.ReadMembers(record)
//	for m.Next() {
//		... m.Key, m.Value ...
//	}
//	if !m.Valid() { it is no object, and what was seen of it means nothing }
//
// It allocates nothing.
type Members struct {
	Key    []byte // as it stands between its quotes, escape sequences and all
	Value  []byte // as it stands, without white space around it
	Offset int    // where Value starts in the text

	text []byte
	at   int // behind the last value, or a fault
	more bool
}

// ReadMembers starts to read the object that text is.
func ReadMembers(text []byte) Members {
	m := Members{text: text, at: space(text, 0)}
	if m.at >= len(text) || text[m.at] != '{' {
		m.at = fault(m.at, unexpected)
		return m
	}
	m.at = space(text, m.at+1)
	if m.more = m.at >= len(text) || text[m.at] != '}'; !m.more {
		m.at++
	}
	return m
}

// Next reads the next member. It returns false at the end of the object, and
// where the text is none.
func (m *Members) Next() bool {
	if !m.more {
		return false
	}
	d := m.text
	key := m.at
	if key >= len(d) || d[key] != '"' {
		return m.stop(fault(key, unexpected))
	}
	end := skipString(d, key)
	if end < 0 {
		return m.stop(end)
	}
	i := space(d, end)
	if i >= len(d) || d[i] != ':' {
		return m.stop(fault(i, unexpected))
	}
	value := space(d, i+1)
	if i = skip(d, value, 1); i < 0 {
		return m.stop(i)
	}
	m.Key, m.Value, m.Offset = d[key+1:end-1], d[value:i], value
	switch i = space(d, i); {
	case i < len(d) && d[i] == ',':
		m.at = space(d, i+1)
	case i < len(d) && d[i] == '}':
		m.at, m.more = i+1, false
	default:
		return m.stop(fault(i, unexpected))
	}
	return true
}

// Finish checks the members that Next has not read yet, faster than Next does,
// and reports what Valid will.
func (m *Members) Finish() bool {
	if m.more {
		m.at, m.more = skipMembers(m.text, m.at, 0), false
	}
	return m.Valid()
}

func (m *Members) stop(fault int) bool {
	m.at, m.more = fault, false
	return false
}

// Valid reports, once Next has returned false, whether the text is one object
// and nothing else.
func (m *Members) Valid() bool { return m.at >= 0 && !m.more && space(m.text, m.at) == len(m.text) }

// Cut returns the JSON value that text begins with, without the white space
// around it, and what follows. ok is false if there is none.
func Cut(text []byte) (value, rest []byte, ok bool) {
	start := space(text, 0)
	end := skip(text, start, 0)
	if end < 0 {
		return nil, text, false
	}
	return text[start:end], text[end:], true
}
