package firehose

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// AccessKey lets a producer in.
type AccessKey struct {
	ID     string       `yaml:"id" required:"true" doc:"The access key id that the client signs with."`
	Secret field.Secret `yaml:"secret" required:"true" doc:"The secret access key that belongs to it."`
	// Allow lists what the key may do: "action:pattern", where the action is
	// put, read, admin or *, and the pattern is the name of a delivery stream
	// with * for any run of characters. "*" alone allows everything. A key
	// that may put to a stream may also describe it.
	Allow []string `yaml:"allow" doc:"What the key may do: action:pattern, with put, read, admin or *, and the name of a delivery stream in which * stands for any run of characters. * alone allows everything."`
}

// The actions of an allow pattern.
const (
	actionPut   = "put"
	actionRead  = "read"
	actionAdmin = "admin"
)

func (k AccessKey) validate(path string) []error {
	var errs []error
	if k.ID == "" || strings.ContainsFunc(k.ID, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}) {
		errs = append(errs, field.Errorf(path+".id", "write an id like AKIAHYDRANTAPP", "%q is not an access key id", k.ID))
	}
	if k.Secret.Empty() {
		errs = append(errs, field.Errorf(path+".secret", `write secret: "${MY_SECRET}" and set that variable`, "the secret is empty"))
	}
	if len(k.Allow) == 0 {
		errs = append(errs, field.Errorf(path+".allow", `write allow: ["*"] for everything`, "the key allows nothing"))
	}
	for _, text := range k.Allow {
		if _, ok := parseGrant(text); !ok {
			errs = append(errs, field.Errorf(path+".allow", `write "*", or an action and a stream like "put:web-*", "read:*", "admin:*"`, "%q is not a permission", text))
		}
	}
	return errs
}

// grant is one allow pattern.
type grant struct{ action, pattern string }

func parseGrant(text string) (grant, bool) {
	if text == "*" {
		return grant{"*", "*"}, true
	}
	action, pattern, _ := strings.Cut(text, ":")
	ok := pattern != "" && slices.Contains([]string{actionPut, actionRead, actionAdmin, "*"}, action)
	return grant{action, pattern}, ok
}

// match reports whether name fits a pattern with stars.
func match(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part) // the first is as good as any later one
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], more
	}
}

// principal is who sends a request.
type principal struct {
	id     string
	secret string
	grants []grant
	signer atomic.Pointer[signer] // of the last day that was asked for
}

// may reports whether the principal may do something with a stream.
func (p *principal) may(action, name string) bool {
	for _, g := range p.grants {
		fits := g.action == "*" || g.action == action || action == actionRead && g.action == actionPut
		if fits && match(g.pattern, name) {
			return true
		}
	}
	return false
}

// keyring knows the principals. A ring without keys lets anybody in; Config
// accepts that on a loopback address only.
type keyring struct {
	region string
	byID   map[string]*principal
	anyone *principal // nil if there are keys
	decoy  *principal // stands in for unknown keys, so that they cost as much
}

func newKeyring(region string, keys []AccessKey) *keyring {
	k := &keyring{region: region, byID: make(map[string]*principal, len(keys)), decoy: &principal{secret: rand.Text()}}
	for _, key := range keys {
		p := &principal{id: key.ID, secret: key.Secret.Reveal()}
		for _, text := range key.Allow {
			if g, ok := parseGrant(text); ok {
				p.grants = append(p.grants, g)
			}
		}
		k.byID[key.ID] = p
	}
	if len(keys) == 0 {
		k.anyone = &principal{grants: []grant{{"*", "*"}}}
	}
	return k
}
