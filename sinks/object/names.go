package object

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a time zone must not depend on the machine
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
)

// Names makes the keys of a stream's objects:
//
//	<evaluated prefix><stream>-<version>-<yyyy-MM-dd-HH-mm-ss>-<uuid><extension>
//
// The time is the arrival of the oldest record. Nothing comes from a clock, a
// host or a random number, so that the same records have the same key on
// every attempt.
type Names struct {
	stream    string
	version   int
	zone      *time.Location
	prefix    Prefix
	errors    Prefix
	extension string
}

const (
	longestPrefix = 512  // evaluated, without the default time
	longestKey    = 1024 // Amazon S3's
)

// Naming is what a user says about keys, in Firehose's words.
type Naming struct {
	Prefix            string
	ErrorOutputPrefix string
	CustomTimeZone    string // an IANA name; "" is UTC
}

// Names parses and checks the prefixes and the time zone. Errors are
// *field.Error, joined, with the paths prefix, error_output_prefix and
// custom_time_zone.
func (n Naming) Names(stream string, version int, extension string) (*Names, error) {
	names := &Names{stream: stream, version: version, extension: extension}
	var problems [3]error
	names.zone, problems[0] = zone(n.CustomTimeZone)
	names.prefix, problems[1] = mainPrefix(n.Prefix)
	names.errors, problems[2] = errorPrefix(n)
	if err := errors.Join(problems[:]...); err != nil {
		return nil, err
	}
	return names, names.try()
}

func zone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "local") { // Go's word for "ask the machine"
		name = "?"
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, field.Errorf("custom_time_zone", "write an IANA name like Europe/Berlin", "time zone %q is not known", name)
	}
	return z, nil
}

func mainPrefix(s string) (Prefix, error) {
	p, err := ParsePrefix(s)
	switch {
	case err != nil:
		return p, field.Errorf("prefix", "", "%v", err)
	case p.has(errorOutputType):
		return p, field.Errorf("prefix", "it belongs into error_output_prefix", "!{firehose:error-output-type} is not allowed here")
	case !p.hasExpression():
		p.parts = append(p.parts, mustPrefix("!{timestamp:"+defaultTime+"}").parts...)
	}
	return p, nil
}

// errorPrefix follows Firehose: left out, it is made from a literal prefix;
// given, it is used as it is.
func errorPrefix(n Naming) (Prefix, error) {
	const path, hint = "error_output_prefix", "write something like errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
	if n.ErrorOutputPrefix == "" {
		p, err := ParsePrefix(n.Prefix)
		if err != nil {
			return p, nil // reported under prefix
		}
		if p.hasExpression() {
			return p, field.Errorf(path, hint, "needed when prefix has expressions")
		}
		p.parts = append(p.parts, mustPrefix("!{firehose:error-output-type}/!{timestamp:"+defaultTime+"}").parts...)
		return p, nil
	}
	p, err := ParsePrefix(n.ErrorOutputPrefix)
	switch {
	case err != nil:
		return p, field.Errorf(path, "", "%v", err)
	case p.hasExpression() && !p.has(errorOutputType):
		return p, field.Errorf(path, hint, "an error_output_prefix with expressions must contain !{firehose:error-output-type}")
	}
	return p, nil
}

// try makes a key of each kind, so that a prefix that cannot work is refused
// before there are records.
func (n *Names) try() error {
	v := values{time: someTime.In(n.zone), errorType: "AmazonOpenSearchService-failed"}
	var problems [2]error
	for i, p := range []Prefix{n.prefix, n.errors} {
		evaluated := string(p.append(nil, v))
		path := [...]string{"prefix", "error_output_prefix"}[i]
		if err := checkKey(evaluated + "x"); err != nil {
			problems[i] = field.Errorf(path, "", "%q cannot be used: %v", evaluated, err)
		} else if len(evaluated) > longestPrefix+len("/2026/12/30/23/") {
			problems[i] = field.Errorf(path, "at most 512 characters", "is %d characters long when evaluated", len(evaluated))
		}
	}
	return errors.Join(problems[:]...)
}

// someTime has no part that is equal to another one.
var someTime = time.Date(2026, 12, 30, 23, 59, 58, 0, time.UTC)

// Sample is what the key of an object begins with at some time: names with the
// same sample put objects into one place.
func (n *Names) Sample() string {
	return string(n.prefix.append(nil, values{time: someTime.In(n.zone)}))
}

// object is the key of the batch's object.
func (n *Names) object(p buffer.Plan, id buffer.ID) (string, error) {
	return n.key(n.prefix, values{time: p.Oldest.In(n.zone), id: id}, n.extension)
}

// failed is the key of the batch's error records of one type. Firehose gives
// them no extension.
func (n *Names) failed(p buffer.Plan, id buffer.ID, errorType string) (string, error) {
	return n.key(n.errors, values{time: p.Oldest.In(n.zone), id: id, errorType: errorType}, "")
}

func (n *Names) key(p Prefix, v values, extension string) (string, error) {
	b := p.append(nil, v)
	b = append(b, n.stream...)
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(n.version), 10)
	b = v.time.AppendFormat(b, "-2006-01-02-15-04-05-")
	b = append(b, v.id.UUID()...)
	key := string(append(b, extension...))
	if err := checkKey(key); err != nil {
		return "", fmt.Errorf("name object %q: %w", key, err)
	}
	return key, nil
}

// checkKey refuses what would leave the prefix on some store, or could not be
// handled there. A key becomes a file name in a folder.
func checkKey(key string) error {
	switch {
	case len(key) > longestKey:
		return fmt.Errorf("a key has at most %d bytes, this one has %d", longestKey, len(key))
	case !utf8.ValidString(key):
		return errors.New("it is not valid UTF-8")
	case strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return errors.New("it contains control characters")
	case strings.HasPrefix(key, "/"):
		return errors.New("it begins with a slash")
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch segment {
		case "":
			return errors.New("it contains two slashes in a row")
		case ".", "..":
			return fmt.Errorf("it contains the segment %q", segment)
		}
	}
	return nil
}
