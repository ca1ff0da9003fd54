package column

import (
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// TimestampFormat is one way to read a timestamp: a name (see
// ParseTimestampFormat) or a pattern. The zero value reads what Firehose's
// OpenX deserializer takes.
type TimestampFormat struct {
	text    string
	read    timestampReader
	pattern []element
}

// timestampReader is how a format reads.
type timestampReader uint8

const (
	readOpenX timestampReader = iota
	readISO8601
	readHive
	readSeconds
	readMillis
	readMicros
	readNanos
	readPattern
)

// namedFormats are the names of formats.
var namedFormats = []struct {
	name string
	read timestampReader
}{
	{"openx", readOpenX}, {"iso8601", readISO8601}, {"hive", readHive}, {"epoch_seconds", readSeconds},
	{"epoch_millis", readMillis}, {"millis", readMillis}, {"epoch_micros", readMicros}, {"epoch_nanos", readNanos},
}

// ParseTimestampFormat reads the name of a format:
//
//	openx          iso8601, the form of hive, and numbers as the OpenX
//	               deserializer takes them: seconds since 1970, or
//	               milliseconds from 10^12 on
//	iso8601        2006-01-02T15:04:05.999999999Z, with up to nine decimals;
//	               the zone may be Z, +01:00, +0100, +01 or left out for UTC
//	hive           2006-1-2 15:4:5.999999999, where a zone may follow
//	epoch_seconds  seconds since 1970, also with decimals
//	epoch_millis   milliseconds; Firehose's "millis" is the same
//	epoch_micros   microseconds
//	epoch_nanos    nanoseconds
//
// or a pattern of Joda-Time and java.time, such as "yyyy/MM/dd HH:mm:ss.SSS Z".
// Its letters are y M d E a H h k K m s S Z X x z. What a pattern leaves out is
// that of January 1st, 00:00 UTC; two digits of a year are those of 2000 to
// 2099; z reads UTC and GMT only, as the other abbreviations are ambiguous.
// Errors are *field.Error.
func ParseTimestampFormat(text string) (TimestampFormat, error) {
	var names []string
	for _, f := range namedFormats {
		if strings.EqualFold(f.name, text) {
			return TimestampFormat{text: f.name, read: f.read}, nil
		}
		names = append(names, f.name)
	}
	pattern, err := compilePattern(text)
	if err != nil {
		return TimestampFormat{}, &field.Error{Text: fmt.Sprintf("%q is not a timestamp format: %v", text, err),
			Hint: "write " + strings.Join(names, ", ") + ` or a pattern like "yyyy-MM-dd HH:mm:ss"`}
	}
	return TimestampFormat{text: text, read: readPattern, pattern: pattern}, nil
}

// String returns the text the format was read from.
func (f TimestampFormat) String() string {
	if f.text == "" {
		return namedFormats[0].name
	}
	return f.text
}

// MarshalText returns the text the format was read from.
func (f TimestampFormat) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText does what ParseTimestampFormat does.
func (f *TimestampFormat) UnmarshalText(text []byte) (err error) {
	*f, err = ParseTimestampFormat(string(text))
	return err
}

// Reads reports whether a text is a timestamp in the format.
func (f *TimestampFormat) Reads(text []byte) bool {
	_, _, fits := f.parse(text)
	return fits
}

// parse reads a whole text: nanoseconds since 1970. fits is false if that is
// more than an int64 holds, or there is no such day.
func (f *TimestampFormat) parse(text []byte) (ns int64, read, fits bool) {
	switch f.read {
	case readSeconds:
		return parseEpoch(text, 0)
	case readMillis:
		return parseEpoch(text, 3)
	case readMicros:
		return parseEpoch(text, 6)
	case readNanos:
		return parseEpoch(text, 9)
	}
	c, t := cursor{text: text}, clock{}
	switch f.read {
	case readOpenX:
		read = c.strict(&t)
		if !read {
			c, t = cursor{text: text}, clock{}
			read = c.lenient(&t)
		}
		if !read {
			return parseEpochBySize(text)
		}
	case readISO8601:
		read = c.strict(&t)
	case readHive:
		read = c.lenient(&t)
	case readPattern:
		t.month, t.day = 1, 1
		read = c.match(f.pattern, &t)
	}
	if !read || !t.valid() {
		return 0, read, false
	}
	ns, fits = nanoseconds(t.seconds(), t.nanos)
	return ns, true, fits
}

// strict reads a whole text in the form of iso8601.
func (c *cursor) strict(t *clock) bool {
	return c.number(&t.year, 4, 4) && c.accept('-') && c.number(&t.month, 2, 2) && c.accept('-') && c.number(&t.day, 2, 2) &&
		c.accept('T') &&
		c.number(&t.hour, 2, 2) && c.accept(':') && c.number(&t.minute, 2, 2) && c.accept(':') && c.number(&t.second, 2, 2) &&
		c.endOfTime(t)
}

// lenient reads a whole text in the form of hive.
func (c *cursor) lenient(t *clock) bool {
	return c.date(t) && c.accept(' ') &&
		c.number(&t.hour, 1, 2) && c.accept(':') && c.number(&t.minute, 1, 2) && c.accept(':') && c.number(&t.second, 1, 2) &&
		c.endOfTime(t)
}

// endOfTime reads the decimals and the zone, if there are any.
func (c *cursor) endOfTime(t *clock) bool {
	if c.accept('.') && !c.fraction(&t.nanos, 9) {
		return false
	}
	if c.done() {
		return true
	}
	c.accept(' ')
	return c.zone(&t.offset) && c.done()
}

// parseEpoch reads a number of units of 10^-scale seconds.
func parseEpoch(text []byte, scale int) (ns int64, read, fits bool) {
	n, ok := parseNumeric(text)
	if !ok {
		return 0, false, false
	}
	ns, fits = n.epoch(text, scale)
	return ns, true, fits
}

// parseEpochBySize reads seconds or, from 10^12 on, milliseconds.
func parseEpochBySize(text []byte) (ns int64, read, fits bool) {
	n, ok := parseNumeric(text)
	if !ok {
		return 0, false, false
	}
	ns, fits = n.epochBySize(text)
	return ns, true, fits
}

// epoch returns the number of units of 10^-scale seconds as nanoseconds.
func (n *number) epoch(text []byte, scale int) (ns int64, fits bool) {
	u, r, ok := n.unscaled(text, 9-scale)
	u = u.round(r)
	if !ok {
		return 0, false
	}
	return u.int64(n.negative)
}

func (n *number) epochBySize(text []byte) (ns int64, fits bool) {
	if u, _, ok := n.unscaled(text, 0); ok && u.less(uint128{0, 1e12}) {
		return n.epoch(text, 0)
	}
	return n.epoch(text, 3)
}
