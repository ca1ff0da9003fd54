package column

import (
	"bytes"
	"math"
	"unicode/utf8"
)

// keys finds the fields of a struct. Records of one producer have their keys in
// the same order, so that each key predicts the next: the whole text "name": is
// compared with what came last time. Where fields are left out, it is one of
// those a few keys ahead; where records differ, a table of spellings knows.
type keys struct {
	fold   bool                   // whatever the letter case
	dots   bool                   // a.b is a_b
	leave  func(name string) bool // of Options.Leave; may be nil
	fields map[string]*node
	seen   map[string]*key // by what stands between the quotes
	start  key             // stands for the brace before the first key

	stranger key    // the last one for which there was no room
	scratch  []byte // of learn
}

// key is a spelling of a key that was seen.
type key struct {
	node *node // nil: no field has it

	// The text "name": as two words, masks of which bits count, and what is
	// behind 16 bytes.
	word0, word1 uint64
	mask0, mask1 uint64
	length       int
	more         []byte

	// The keys that followed: the last one, and the one before that.
	next, other *key

	left bool // the field is left out whatever happens to unknown ones
}

// maxSeen bounds how many spellings a struct remembers beside the names of its
// fields, and maxSpelling how long they are: memory does not grow with keys that
// never come again.
const (
	maxSeen     = 1024
	maxSpelling = 128
)

// maxAhead is how many keys may be left out before the table is asked: with a
// tenth of the fields missing at random that makes parsing a fifth faster.
const maxAhead = 4

// never is what follows a key that was never followed: it stands for bytes that
// no key starts with.
var never = &key{word0: math.MaxUint64, mask0: math.MaxUint64}

func (k *keys) init(fold, dots bool) {
	*k = keys{fold: fold, dots: dots, fields: map[string]*node{}, seen: map[string]*key{}, start: key{next: never, other: never}}
}

// starts reports whether the first 16 bytes of the key are at i: for most keys
// that is all. It is small enough to need no call.
func (k *key) starts(d []byte, i int) bool {
	return fits(d, i, 16) && (load(d, i)^k.word0)&k.mask0|(load(d, i+8)^k.word1)&k.mask1 == 0
}

// ends reports whether the rest of the key is there, too.
func (k *key) ends(d []byte, i int) bool { return bytes.HasPrefix(d[i+16:], k.more) }

// find returns the key at i and the offset behind its colon, or a fault. last
// is the key before it.
func (k *keys) find(last *key, d []byte, i int) (*key, int) {
	for _, ahead := range [...]*key{last.other, last.next.next} {
		for range maxAhead {
			if ahead == nil || ahead == never {
				break
			}
			if ahead.starts(d, i) && ahead.ends(d, i) {
				return ahead, i + ahead.length
			}
			ahead = ahead.next
		}
	}
	if i >= len(d) || d[i] != '"' {
		return nil, fault(i, unexpected)
	}
	end := skipString(d, i)
	if end < 0 {
		return nil, end
	}
	colon := space(d, end)
	if colon >= len(d) || d[colon] != ':' {
		return nil, fault(colon, unexpected)
	}
	spelling := d[i+1 : end-1]
	found, ok := k.seen[string(spelling)]
	if !ok {
		found = k.learn(spelling)
	}
	if found != &k.stranger {
		last.next, last.other = found, last.next
	}
	return found, colon + 1
}

// learn finds the field of a spelling and remembers it, if there is room.
func (k *keys) learn(spelling []byte) *key {
	k.scratch = k.normal(AppendUnescaped(k.scratch[:0], spelling))
	n := k.fields[string(k.scratch)]
	left := n == nil && k.leave != nil && k.leave(string(k.scratch))
	if len(k.seen) >= maxSeen+len(k.fields) || len(spelling) > maxSpelling {
		k.stranger = key{node: n, left: left, next: never, other: never}
		return &k.stranger
	}
	learnt := &key{node: n, left: left, length: len(spelling) + len(`"":`), next: never, other: never}
	text := append(append([]byte{'"'}, spelling...), '"', ':')
	var word, mask [16]byte
	for at := range copy(word[:], text) {
		mask[at] = 0xff
	}
	learnt.word0, learnt.word1 = load(word[:], 0), load(word[:], 8)
	learnt.mask0, learnt.mask1 = load(mask[:], 0), load(mask[:], 8)
	learnt.more = text[min(16, len(text)):]
	k.seen[string(spelling)] = learnt
	return learnt
}

// normal makes the name under which spellings that mean the same meet. It
// overwrites name.
func (k *keys) normal(name []byte) []byte {
	if !k.fold && !k.dots {
		return name
	}
	ascii := true
	for i, c := range name {
		switch {
		case c >= utf8.RuneSelf:
			ascii = false
		case k.fold && c >= 'A' && c <= 'Z':
			name[i] = c | 0x20
		case k.dots && c == '.':
			name[i] = '_'
		}
	}
	if k.fold && !ascii {
		return bytes.ToLower(name)
	}
	return name
}
