package column

import (
	"encoding/binary"
	"fmt"
)

// The scanner is a set of functions that take the text and the offset of a
// token and return the offset behind it. What is negative is a fault, see
// fault. The text of a record may be followed by some bytes that do not belong
// to it: a token that ends behind the record is found out in the end, and
// until then eight bytes can be looked at in one go.

// maxDepth is how deep arrays and objects nest in a record.
const maxDepth = 512

// reason says what is wrong with a text.
type reason int

const (
	unexpected reason = iota // a character, or the end
	control                  // a control character in a string
	escape                   // an unknown escape sequence
	surrogate                // half a surrogate pair
	notUTF8
	tooDeep
	misfit // no fault of the text: see Parser.misfit
)

// fault makes the result of a scanner that failed at offset i.
func fault(i int, r reason) int { return ^(i<<3 | int(r)) }

// unfault takes a fault apart.
func unfault(f int) (i int, r reason) { return ^f >> 3, reason(^f & 7) }

// SyntaxError says where a text is not JSON.
type SyntaxError struct {
	Offset int // in bytes
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// syntaxError explains a fault in a text.
func syntaxError(text []byte, f int) *SyntaxError {
	at, r := unfault(f)
	if at >= len(text) {
		return &SyntaxError{len(text), "unexpected end"}
	}
	e := &SyntaxError{Offset: at}
	switch r {
	case control:
		e.Reason = fmt.Sprintf("control character %q in a string", text[at])
	case escape:
		e.Reason = "invalid escape sequence in a string"
	case surrogate:
		e.Reason = "half a surrogate pair in a string"
	case notUTF8:
		e.Reason = "a string that is not UTF-8"
	case tooDeep:
		e.Reason = fmt.Sprintf("nested more than %d levels deep", maxDepth)
	default:
		e.Reason = fmt.Sprintf("unexpected %q", text[at])
	}
	return e
}

// validRecord checks that data is JSON values back to back.
func validRecord(data []byte) error {
	for i := space(data, 0); i < len(data); i = space(data, i) {
		if i = skip(data, i, 0); i < 0 {
			return syntaxError(data, i)
		}
	}
	return nil
}

// space skips white space.
func space(d []byte, i int) int {
	for i < len(d) && d[i] <= ' ' && (d[i] == ' ' || d[i] == '\n' || d[i] == '\r' || d[i] == '\t') {
		i++
	}
	return i
}

// skip skips a value and the white space before it. depth is how many arrays
// and objects it is in.
func skip(d []byte, i, depth int) int {
	i = space(d, i)
	if i >= len(d) {
		return fault(i, unexpected)
	}
	switch c := d[i]; {
	case c == '"':
		return skipString(d, i)
	case c == '-' || c >= '0' && c <= '9':
		return skipNumber(d, i)
	case c == '{':
		return skipObject(d, i, depth)
	case c == '[':
		return skipArray(d, i, depth)
	case c == 't':
		return literal(d, i, "true")
	case c == 'f':
		return literal(d, i, "false")
	case c == 'n':
		return literal(d, i, "null")
	}
	return fault(i, unexpected)
}

func skipObject(d []byte, i, depth int) int {
	if depth == maxDepth {
		return fault(i, tooDeep)
	}
	i = space(d, i+1)
	if i < len(d) && d[i] == '}' {
		return i + 1
	}
	return skipMembers(d, i, depth)
}

// skipMembers skips an object from the key of a member on.
func skipMembers(d []byte, i, depth int) int {
	for {
		if i >= len(d) || d[i] != '"' {
			return fault(i, unexpected)
		}
		if i = skipString(d, i); i < 0 {
			return i
		}
		if i = space(d, i); i >= len(d) || d[i] != ':' {
			return fault(i, unexpected)
		}
		if i = skip(d, i+1, depth+1); i < 0 {
			return i
		}
		if i = space(d, i); i >= len(d) || d[i] != ',' {
			break
		}
		i = space(d, i+1)
	}
	if i >= len(d) || d[i] != '}' {
		return fault(i, unexpected)
	}
	return i + 1
}

func skipArray(d []byte, i, depth int) int {
	if depth == maxDepth {
		return fault(i, tooDeep)
	}
	i = space(d, i+1)
	if i < len(d) && d[i] == ']' {
		return i + 1
	}
	for {
		if i = skip(d, i, depth+1); i < 0 {
			return i
		}
		if i = space(d, i); i >= len(d) || d[i] != ',' {
			break
		}
		i++
	}
	if i >= len(d) || d[i] != ']' {
		return fault(i, unexpected)
	}
	return i + 1
}

// literal skips true, false or null.
func literal(d []byte, i int, word string) int {
	for k := range len(word) {
		if i+k >= len(d) || d[i+k] != word[k] {
			return fault(i+k, unexpected)
		}
	}
	return i + len(word)
}

// fits reports whether d has n bytes from i on. Written like this, the compiler
// needs no other checks for load.
func fits(d []byte, i, n int) bool { return i >= 0 && i <= len(d)-n }

// load returns the eight bytes at i.
func load(d []byte, i int) uint64 { return binary.LittleEndian.Uint64(d[i : i+8]) }

// Constants to look at eight bytes at once.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)
