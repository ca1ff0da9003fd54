package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is a JSON value that knows where it stands in its text.
type node struct {
	at       int    // in the text, in bytes
	pointer  string // the way to it, as in RFC 6901
	value    any    // nil, bool, json.Number or string
	kind     byte   // '{', '[', or 'v' for value
	members  []member
	elements []*node
}

type member struct {
	name string
	at   int
	node *node
}

// get returns the member of an object, or nil.
func (n *node) get(name string) *node {
	for i := range n.members {
		if n.members[i].name == name {
			return n.members[i].node
		}
	}
	return nil
}

// text returns the string that the member is, or "".
func (n *node) text(name string) string {
	if m := n.get(name); m != nil {
		s, _ := m.value.(string)
		return s
	}
	return ""
}

// what says what a value is, for messages.
func (n *node) what() string {
	switch {
	case n.kind == '{':
		return "an object"
	case n.kind == '[':
		return "a list"
	case n.value == nil:
		return "null"
	}
	return fmt.Sprintf("%#v", n.value)
}

// maxNesting is how deep the text of a schema may nest.
const maxNesting = 1000

type jsonReader struct {
	*source
	decoder *json.Decoder
}

// parseJSON reads a JSON text whole.
func parseJSON(src *source) (*node, error) {
	r := &jsonReader{source: src, decoder: json.NewDecoder(bytes.NewReader(src.text))}
	r.decoder.UseNumber()
	n, err := r.read("", 0)
	if err != nil {
		return nil, err
	}
	if at, token, err := r.token(); err != io.EOF {
		return nil, r.broken(at, token, err)
	}
	return n, nil
}

// token returns the next token and where it begins.
func (r *jsonReader) token() (at int, token json.Token, err error) {
	at = int(r.decoder.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	token, err = r.decoder.Token()
	return at, token, err
}

func (r *jsonReader) broken(at int, token json.Token, err error) error {
	syntax := (*json.SyntaxError)(nil)
	switch {
	case errors.As(err, &syntax):
		return r.fail(max(int(syntax.Offset)-1, at), "", "the JSON is broken: %v", err)
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return r.fail(len(r.text), "", "the JSON ends too early")
	case err != nil:
		return r.fail(at, "", "the JSON is broken: %v", err)
	}
	return r.fail(at, "", "unexpected %v after the JSON", token)
}

func (r *jsonReader) read(pointer string, depth int) (*node, error) {
	at, token, err := r.token()
	if err != nil {
		return nil, r.broken(at, token, err)
	}
	n := &node{at: at, pointer: pointer, kind: 'v', value: token}
	if depth > maxNesting {
		return nil, r.fail(at, "", "the JSON is nested more than %d levels deep", maxNesting)
	}
	switch token {
	case json.Delim('['):
		n.kind, n.value = '[', nil
		for r.decoder.More() {
			e, err := r.read(fmt.Sprintf("%s/%d", pointer, len(n.elements)), depth+1)
			if err != nil {
				return nil, err
			}
			n.elements = append(n.elements, e)
		}
	case json.Delim('{'):
		n.kind, n.value = '{', nil
		if err := r.readMembers(n, depth); err != nil {
			return nil, err
		}
	default:
		return n, nil
	}
	if at, token, err := r.token(); err != nil { // the closing bracket
		return nil, r.broken(at, token, err)
	}
	return n, nil
}

func (r *jsonReader) readMembers(n *node, depth int) error {
	seen := map[string]bool{}
	for r.decoder.More() {
		at, token, err := r.token()
		name, ok := token.(string)
		if err != nil || !ok {
			return r.broken(at, token, err)
		}
		if seen[name] {
			return r.fail(at, "remove one", "the object has two members named %q", name)
		}
		seen[name] = true
		value, err := r.read(n.pointer+"/"+escapePointer(name), depth+1)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{name: name, at: at, node: value})
	}
	return nil
}

var (
	pointerEscapes   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")
)

func escapePointer(name string) string { return pointerEscapes.Replace(name) }
