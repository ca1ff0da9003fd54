package firehose

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep values in unknown members may be nested.
const maxDepth = 32

// scanner reads JSON from front to back and builds nothing: its caller walks
// objects and arrays and says what to do with each value. It accepts what
// encoding/json accepts, except values nested deeper than maxDepth.
//
// It owns b: strings with escapes are unescaped where they stand.
type scanner struct {
	b []byte
	i int // the next byte to look at
}

// syntaxError says why a request is no JSON, or not the JSON we need.
type syntaxError struct {
	offset int
	text   string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.text, e.offset) }

func (s *scanner) fail(text string) error { return &syntaxError{s.i, text} }

// peek returns the next byte after white space, or 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.i++
	}
	return 0
}

// open goes into an object or an array.
func (s *scanner) open(bracket byte, what string) error {
	if s.peek() != bracket {
		return s.fail(what)
	}
	s.i++
	return nil
}

// member goes to the value of the next member of an object and returns its
// name, or false after the last one. The name is valid as long as b is.
func (s *scanner) member(first bool) (name []byte, more bool, err error) {
	switch c := s.peek(); {
	case c == '}':
		s.i++
		return nil, false, nil
	case first:
	case c == ',':
		s.i++
	default:
		return nil, false, s.fail("expected , or } in an object")
	}
	if s.peek() != '"' {
		return nil, false, s.fail("expected the name of a member")
	}
	if name, err = s.text(); err != nil {
		return nil, false, err
	}
	if s.peek() != ':' {
		return nil, false, s.fail("expected : after the name of a member")
	}
	s.i++
	return name, true, nil
}

// element goes to the next element of an array, or returns false after the
// last one.
func (s *scanner) element(first bool) (more bool, err error) {
	switch c := s.peek(); {
	case c == ']':
		s.i++
		return false, nil
	case first:
	case c == ',':
		s.i++
		if s.peek() == ']' {
			return false, s.fail("expected a value after ,")
		}
	default:
		return false, s.fail("expected , or ] in an array")
	}
	return true, nil
}

// null consumes a null if there is one.
func (s *scanner) null() bool {
	if s.peek() != 'n' || len(s.b)-s.i < 4 || string(s.b[s.i:s.i+4]) != "null" {
		return false
	}
	s.i += 4
	return true
}

// text reads a string, whose opening quote is the next byte.
func (s *scanner) text() ([]byte, error) {
	rest := s.b[s.i+1:]
	n := bytes.IndexByte(rest, '"')
	if n < 0 {
		return nil, s.fail("string without an end")
	}
	for k, c := range rest[:n] {
		if c == '\\' {
			return s.escaped(s.i + 1 + k)
		}
		if c < ' ' {
			s.i += 1 + k
			return nil, s.fail("control character in a string")
		}
	}
	s.i += n + 2
	return rest[:n], nil
}

// escaped reads the rest of a string whose first backslash is at from.
func (s *scanner) escaped(from int) ([]byte, error) {
	start := s.i + 1
	out := s.b[start:from] // grows over bytes that were already read
	for s.i = from; s.i < len(s.b); {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.i++
			return out, nil
		case c < ' ':
			return nil, s.fail("control character in a string")
		case c != '\\':
			out = append(out, c)
			s.i++
			continue
		}
		if s.i+1 == len(s.b) {
			break
		}
		switch c := s.b[s.i+1]; c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := s.hex4(s.i)
			if r < 0 {
				return nil, s.fail(`bad \u escape in a string`)
			}
			if utf16.IsSurrogate(r) {
				pair := utf16.DecodeRune(r, s.hex4(s.i+6))
				if pair != utf8.RuneError {
					s.i += 6
				}
				r = pair
			}
			out = utf8.AppendRune(out, r)
			s.i += 4
		default:
			return nil, s.fail("unknown escape in a string")
		}
		s.i += 2
	}
	return nil, s.fail("string without an end")
}

// hex4 returns the code of the \uXXXX at i, or -1.
func (s *scanner) hex4(i int) rune {
	if len(s.b)-i < 6 || s.b[i] != '\\' || s.b[i+1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s.b[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// number reads a number and returns its text.
func (s *scanner) number() ([]byte, error) {
	start := s.i
	if s.at('-') {
		s.i++
	}
	switch {
	case s.at('0'):
		s.i++
	case s.digits() == 0:
		return nil, s.fail("expected a value")
	}
	if s.at('.') {
		s.i++
		if s.digits() == 0 {
			return nil, s.fail("expected a digit after the decimal point")
		}
	}
	if s.at('e') || s.at('E') {
		s.i++
		if s.at('+') || s.at('-') {
			s.i++
		}
		if s.digits() == 0 {
			return nil, s.fail("expected a digit in the exponent")
		}
	}
	return s.b[start:s.i], nil
}

func (s *scanner) at(c byte) bool { return s.i < len(s.b) && s.b[s.i] == c }

func (s *scanner) digits() (n int) {
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
		n++
	}
	return n
}

// skip reads any value; depth is how many brackets are open around it.
func (s *scanner) skip(depth int) error {
	c := s.peek()
	if depth >= maxDepth && (c == '{' || c == '[') {
		return s.fail("nested too deeply")
	}
	switch c {
	case '{':
		s.i++
		for first := true; ; first = false {
			if _, more, err := s.member(first); err != nil || !more {
				return err
			}
			if err := s.skip(depth + 1); err != nil {
				return err
			}
		}
	case '[':
		s.i++
		for first := true; ; first = false {
			if more, err := s.element(first); err != nil || !more {
				return err
			}
			if err := s.skip(depth + 1); err != nil {
				return err
			}
		}
	case '"':
		_, err := s.text()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	_, err := s.number()
	return err
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.fail("expected a value")
	}
	s.i += len(word)
	return nil
}

// end makes sure that nothing follows.
func (s *scanner) end() error {
	if s.peek(); s.i < len(s.b) {
		return s.fail("unexpected data after the request")
	}
	return nil
}

// stringMember reads a member that is a string or null; null reads as absent.
func (s *scanner) stringMember(name string) (text []byte, present bool, err error) {
	if s.null() {
		return nil, false, nil
	}
	if s.peek() != '"' {
		return nil, false, s.fail(name + " must be a string")
	}
	text, err = s.text()
	return text, err == nil, err
}

// intMember reads a member that is an integer or null; null reads as absent.
func (s *scanner) intMember(name string) (n int64, present bool, err error) {
	if s.null() {
		return 0, false, nil
	}
	s.peek()
	digits, err := s.number()
	if err != nil {
		return 0, false, err
	}
	if n, err = strconv.ParseInt(string(digits), 10, 64); err != nil {
		return 0, false, s.fail(name + " must be an integer")
	}
	return n, true, nil
}
