package object

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Prefix is a parsed Prefix or ErrorOutputPrefix:
//
//	expression := "!{" namespace ":" value "}"
//	namespace  := "timestamp" | "firehose" | "partitionKeyFromQuery" | "partitionKeyFromLambda"
//
// Source: docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html.
type Prefix struct {
	parts []prefixPart
}

type prefixPart struct {
	kind    partKind
	text    string
	pattern pattern
}

type partKind uint8

const (
	literal partKind = iota
	timestamp
	randomString
	errorOutputType
)

// defaultTime is what Firehose appends when a prefix says nothing about time.
const defaultTime = "yyyy/MM/dd/HH/"

// ParsePrefix reads a prefix with its expressions.
func ParsePrefix(s string) (Prefix, error) {
	var p Prefix
	for rest := s; rest != ""; {
		at := strings.Index(rest, "!{")
		if at < 0 {
			p.parts = append(p.parts, prefixPart{text: rest})
			break
		}
		if at > 0 {
			p.parts = append(p.parts, prefixPart{text: rest[:at]})
		}
		expression, after, closed := strings.Cut(rest[at+2:], "}")
		if !closed {
			return Prefix{}, fmt.Errorf("expression %q has no closing }", rest[at:])
		}
		part, err := parseExpression(expression)
		if err != nil {
			return Prefix{}, err
		}
		p.parts = append(p.parts, part)
		rest = after
	}
	return p, nil
}

func parseExpression(s string) (prefixPart, error) {
	namespace, value, _ := strings.Cut(s, ":")
	switch namespace {
	case "timestamp":
		if value == "" {
			return prefixPart{}, fmt.Errorf("expression !{%s} needs a pattern, as in !{timestamp:yyyy/MM/dd}", s)
		}
		p, err := parsePattern(value)
		if err != nil {
			return prefixPart{}, fmt.Errorf("expression !{%s}: %w", s, err)
		}
		return prefixPart{kind: timestamp, pattern: p}, nil
	case "firehose":
		switch value {
		case "random-string":
			return prefixPart{kind: randomString}, nil
		case "error-output-type":
			return prefixPart{kind: errorOutputType}, nil
		}
		return prefixPart{}, fmt.Errorf("expression !{%s} is not known; firehose has random-string and error-output-type", s)
	case "partitionKeyFromQuery", "partitionKeyFromLambda":
		return prefixPart{}, fmt.Errorf("expression !{%s} needs dynamic partitioning, which this version does not have yet", s)
	}
	return prefixPart{}, fmt.Errorf("expression !{%s} is not known; write !{timestamp:...} or !{firehose:...}", s)
}

func (p Prefix) has(k partKind) bool {
	for _, part := range p.parts {
		if part.kind == k {
			return true
		}
	}
	return false
}

func (p Prefix) hasExpression() bool {
	return p.has(timestamp) || p.has(randomString) || p.has(errorOutputType)
}

// values are what expressions stand for in one key.
type values struct {
	time      time.Time // in the custom time zone
	id        buffer.ID // of the object; random strings are drawn from it
	errorType string
}

func (p Prefix) append(dst []byte, v values) []byte {
	drawn := 0
	for _, part := range p.parts {
		switch part.kind {
		case literal:
			dst = append(dst, part.text...)
		case timestamp:
			dst = part.pattern.append(dst, v.time)
		case randomString:
			// Firehose's are 11 characters that look like the start of a UUID.
			// Ours must be the same on every attempt.
			dst = append(dst, v.id.Sub("random-string/" + strconv.Itoa(drawn)).UUID()[:11]...)
			drawn++
		case errorOutputType:
			dst = append(dst, v.errorType...)
		}
	}
	return dst
}

// mustPrefix parses a prefix that is part of the program.
func mustPrefix(s string) Prefix {
	p, err := ParsePrefix(s)
	if err != nil {
		panic(err)
	}
	return p
}
