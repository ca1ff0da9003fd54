package splunk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// encoder turns records into events for HEC's event endpoint. It is not
// changed by use.
type encoder struct {
	wrap    Wrap
	texts   [4]metadata // in the order they are written
	time    []string    // path of the time; nil: none
	steps   []lead      // the first ones of all paths
	arrival bool        // time is that of the arrival, unless there is a better one
	idHead  string      // "name":" of the field with the identity; "": none
}

// metadata is a text member of an event. It has a literal, a path or neither.
type metadata struct {
	head    string   // "host":
	literal string   // as JSON
	path    []string // into the record
}

// lead is the first step of a path, and which place in object.found it leads to.
type lead struct {
	name  string
	place int
}

// arrived is what is known of a record beside its bytes.
type arrived struct {
	at   buffer.Position
	time []byte // of arrival, as HEC has it: 1735687815.042
	head []byte // what encoder.head makes of both; nil: not known
}

// Why a record cannot become an event.
var (
	errBlank    = errors.New("an event cannot be blank")
	errNotUTF8  = errors.New("the record is not UTF-8: an event would alter it")
	errNotEvent = errors.New("the record is not an HEC event: an object with event and no members but time, host, source, sourcetype, index and fields")
)

// append appends the event of a record and a line feed. It is one JSON object,
// whatever the record holds: what is not JSON becomes a string.
func (e *encoder) append(dst, record []byte, a arrived) ([]byte, error) {
	var o object
	switch e.read(record, &o); {
	case o.event:
		return e.appendEvent(dst, record, &o, a), nil
	case e.wrap == WrapNever:
		return dst, errNotEvent
	}
	start := len(dst)
	if a.head != nil && len(e.steps) == 0 {
		dst = append(dst, a.head...)
	} else {
		dst = e.appendHead(dst, &o, a)
	}
	if e.idHead != "" {
		dst = append(strconv.AppendUint(dst, a.at.Seq, 10), `"},`...)
	}
	dst = append(dst, `"event":`...)
	var err error
	if o.valid {
		dst = append(dst, bytes.TrimSpace(record)...)
	} else if dst, err = appendValue(dst, record); err != nil {
		return dst[:start], err
	}
	return append(dst, "}\n"...), nil
}

// head returns the beginning of the events of records that arrived together, if
// nothing in it is picked from the records.
func (e *encoder) head(dst []byte, a arrived) []byte { return e.appendHead(dst, &object{}, a) }

// appendHead appends what comes before the number of the record, or before the
// event if there is no field with its identity.
func (e *encoder) appendHead(dst []byte, o *object, a arrived) []byte {
	dst = e.appendMetadata(append(dst, '{'), o, 0, a)
	if e.idHead != "" {
		dst = e.appendFeed(append(dst, `"fields":{`...), a)
	}
	return dst
}

// appendValue appends a record that is no object.
func appendValue(dst, record []byte) ([]byte, error) {
	inside := bytes.TrimSpace(record)
	if len(inside) > 0 && (inside[0] == '"' || inside[0] == '[') && column.IsValid(record) {
		if inside[0] == '"' && isBlank(inside[1:len(inside)-1]) {
			return dst, errBlank
		}
		return append(dst, inside...), nil
	}
	// Numbers, true, false and null are sent as text, too: Splunk shows them
	// alike, and refuses some of them as JSON.
	if len(inside) == 0 {
		return dst, errBlank
	}
	if !utf8.Valid(record) {
		return dst, errNotUTF8
	}
	return appendText(dst, withoutLineEnd(record)), nil
}

func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// withoutLineEnd takes the delimiter away that some producers write.
func withoutLineEnd(record []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(record, []byte("\n")), []byte("\r"))
}

// appendEvent appends a record that is an HEC event already, with what it does
// not say itself.
func (e *encoder) appendEvent(dst, record []byte, o *object, a arrived) []byte {
	dst = append(dst, '{')
	dst = e.appendMetadata(dst, o, o.has, a)
	rest := bytes.TrimSpace(record)[1:]
	if e.idHead != "" && o.has&hasFields == 0 {
		dst = append(dst, `"fields":{`...)
		dst = append(e.appendID(dst, a), "},"...)
	} else if e.idHead != "" {
		opened := o.fields + 1 // behind the brace
		dst = append(dst, record[len(record)-len(bytes.TrimLeft(record, space))+1:opened]...)
		dst = e.appendID(dst, a)
		rest = bytes.TrimRight(record[opened:], space)
		if bytes.TrimLeft(rest, space)[0] != '}' {
			dst = append(dst, ',')
		}
	}
	return append(append(dst, rest...), '\n')
}

const space = " \t\r\n"

// appendMetadata appends the members that are configured, but for those in has.
func (e *encoder) appendMetadata(dst []byte, o *object, has members, a arrived) []byte {
	if has&hasTime == 0 {
		dst = e.appendTime(dst, o, a)
	}
	for i := range e.texts {
		m := &e.texts[i]
		switch {
		case has&(hasHost<<i) != 0:
		case m.literal != "":
			dst = append(append(append(dst, m.head...), m.literal...), ',')
		case m.path != nil:
			dst = appendMember(dst, m.head, deeper(o.found[i], m.path))
		}
	}
	return dst
}

// appendMember appends a value of the record as a text. Without one, and with
// what is no text, the member is left to the token.
func appendMember(dst []byte, head string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	switch c := value[0]; {
	case c == '"' && len(value) > len(`""`):
		return append(append(append(dst, head...), value...), ',')
	case c == 't', c == 'f', c == '-', c >= '0' && c <= '9':
		dst = append(append(dst, head...), '"')
		return append(append(dst, value...), `",`...)
	}
	return dst
}

// appendTime appends the time in seconds. Splunk takes milliseconds, micro- and
// nanoseconds for what they are.
func (e *encoder) appendTime(dst []byte, o *object, a arrived) []byte {
	const head = `"time":`
	if e.time != nil {
		value := deeper(o.found[timePath], e.time)
		if len(value) > 2 && value[0] == '"' {
			value = value[1 : len(value)-1]
			var t time.Time
			if t.UnmarshalText(value) == nil {
				return append(appendSeconds(append(dst, head...), t.UnixMilli()), ',')
			}
		}
		if isSeconds(value) {
			return append(append(append(dst, head...), value...), ',')
		}
	}
	if !e.arrival {
		return dst
	}
	return append(append(append(dst, head...), a.time...), ',')
}

// appendSeconds appends milliseconds since 1970 as HEC has a time.
func appendSeconds(dst []byte, millis int64) []byte {
	if millis < 0 { // before 1970
		dst, millis = append(dst, '-'), -millis
	}
	dst = strconv.AppendInt(dst, millis/1000, 10)
	millis %= 1000
	return append(dst, '.', byte('0'+millis/100), byte('0'+millis/10%10), byte('0'+millis%10))
}

// isSeconds reports whether text is a number like 1766412000.5.
func isSeconds(text []byte) bool {
	whole, fraction, dot := bytes.Cut(text, []byte("."))
	return isDigits(whole) && (!dot || isDigits(fraction)) && (whole[0] != '0' || len(whole) == 1)
}

func isDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

// appendID appends the field with the record's identity: its place in the
// buffer, which no other record ever has.
func (e *encoder) appendID(dst []byte, a arrived) []byte {
	return append(strconv.AppendUint(e.appendFeed(dst, a), a.at.Seq, 10), '"')
}

// appendFeed appends the field up to the number of the record.
func (e *encoder) appendFeed(dst []byte, a arrived) []byte {
	var epoch [8]byte
	binary.BigEndian.PutUint64(epoch[:], a.at.Epoch)
	return append(hex.AppendEncode(append(dst, e.idHead...), epoch[:]), '-')
}

// appendText appends UTF-8 text as a JSON string.
func appendText(dst, text []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(append(dst, text[from:]...), '"')
}

// appendLine appends a record for the raw endpoint: a line as it came.
func appendLine(dst, record []byte, _ arrived) ([]byte, error) {
	if isBlank(record) {
		return dst, errBlank
	}
	dst = append(dst, record...)
	if record[len(record)-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst, nil
}
