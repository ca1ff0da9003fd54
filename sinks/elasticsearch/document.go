package elasticsearch

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// identity makes the ids of documents from where their records stand in their
// feed: a hash of the feed and the epoch, then the number. The same record has
// the same id for good, and no other has it. Ids that follow each other begin
// alike, which makes looking them up cheap for the cluster.
type identity struct {
	feed  string
	epoch uint64
	head  []byte // of the ids of this epoch; nil: none yet
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func (d *identity) appendID(dst []byte, p buffer.Position) []byte {
	if d.head == nil || d.epoch != p.Epoch {
		d.epoch = p.Epoch
		h := sha256.New()
		h.Write([]byte(d.feed))
		h.Write(binary.LittleEndian.AppendUint64(nil, p.Epoch))
		d.head = append(idEncoding.AppendEncode(nil, h.Sum(nil)[:10]), '-')
	}
	dst = append(dst, d.head...)
	for digits := uint64(1) << 36; digits > max(p.Seq, 1); digits >>= 4 {
		dst = append(dst, '0') // ten digits at least
	}
	return strconv.AppendUint(dst, p.Seq, 16)
}

// path leads to a field of a record: .a.b.
type path []string

func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, ".")
	names := strings.Split(rest, ".")
	for _, name := range names {
		ok = ok && name != ""
	}
	if !ok {
		return nil, fmt.Errorf("%q is not a path like .id or .user.id", text)
	}
	return names, nil
}

func (p path) String() string { return "." + strings.Join(p, ".") }

// find returns the value at the path, as it stands in a record that is a valid
// object; nil if there is none. Of members with the same name the last counts,
// as everywhere; the servers refuse such a document.
func (p path) find(object []byte) []byte {
	for i, name := range p {
		value := member(object, name)
		if i == len(p)-1 || len(value) == 0 || value[0] != '{' {
			if i < len(p)-1 {
				return nil
			}
			return value
		}
		object = value
	}
	return nil
}

func member(object []byte, name string) (value []byte) {
	m := column.ReadMembers(object)
	for m.Next() {
		if string(m.Key) == name || bytes.IndexByte(m.Key, '\\') >= 0 && unescaped(m.Key) == name {
			value = m.Value
		}
	}
	return value
}

// unescaped returns what stands between the quotes of a JSON string as it is
// meant.
func unescaped(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	var s string
	if err := json.Unmarshal(append(append([]byte{'"'}, text...), '"'), &s); err != nil {
		return string(text)
	}
	return s
}

// longestID is how long an id or a routing value may be, in bytes.
const longestID = 512

// appendValue appends the text or number at the path as a JSON string. ok is
// false if there is none, or an empty one.
func (p path) appendValue(dst, object []byte) (_ []byte, ok bool, err error) {
	value := p.find(object)
	if value == nil {
		return dst, false, nil
	}
	switch c := value[0]; {
	case c == '"' && len(value) == 2, c == 'n':
		return dst, false, nil
	case c == '"':
		// What is escaped is shorter without: only a long text has to be looked at.
		if len(value) > longestID+2 && len(unescaped(value[1:len(value)-1])) > longestID {
			return dst, false, fmt.Errorf("%v has more than %d bytes", p, longestID)
		}
		return append(dst, value...), true, nil
	case c == '-' || c >= '0' && c <= '9':
		if len(value) > longestID {
			return dst, false, fmt.Errorf("%v has more than %d digits", p, longestID)
		}
		return append(append(append(dst, '"'), value...), '"'), true, nil
	}
	return dst, false, fmt.Errorf("%v is neither a text nor a number", p)
}

// appendLine appends a valid object as one line: a line feed would begin an
// action of the record's own. Where there is one the white space goes.
func appendLine(dst, object []byte) []byte {
	if bytes.IndexByte(object, '\n') < 0 {
		return append(dst, object...)
	}
	for i := 0; i < len(object); i++ {
		switch c := object[i]; c {
		case ' ', '\t', '\n', '\r':
		case '"':
			start := i
			for i++; object[i] != '"'; i++ {
				if object[i] == '\\' {
					i++
				}
			}
			dst = append(dst, object[start:i+1]...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
