package corpus

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed github/*.json
var templates embed.FS

// GitHub returns events as GitHub's API tells them, of about 1.85 kB, with
// objects four deep and lists of objects, most of whose fields no table would
// have a column for.
//
// The files in github are records with values written <kind> or <kind:argument>;
// actor, someone, owner and project are the same in a whole record.
func GitHub(seed uint64) *Corpus {
	c := newCorpus(seed)
	g := &github{Corpus: c}
	events := g.templates()
	g.begin = func() {
		c.clock += int64(c.below(400))
		g.actor, g.other = c.skewed(40_000), c.skewed(40_000)
		g.owner, g.project = c.skewed(30_000), c.skewed(20_000)
		c.record = events[c.skewed(len(events))]
	}
	return c
}

type github struct {
	*Corpus
	actor, other, owner, project int // of the record
}

// templates reads the files, the most frequent event first.
func (g *github) templates() [][]part {
	names, err := templates.ReadDir("github")
	if err != nil {
		panic(fmt.Sprintf("corpus: read embedded templates: %v", err))
	}
	var events [][]part
	for _, n := range names {
		text, err := templates.ReadFile("github/" + n.Name())
		if err != nil {
			panic(fmt.Sprintf("corpus: read embedded template: %v", err))
		}
		events = append(events, g.parse(string(text)))
	}
	return events
}

// parse splits a template at its values. White space around lines is for the
// reader of the file and left out.
func (g *github) parse(text string) []part {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		lines.WriteString(strings.TrimSpace(line))
	}
	rest := lines.String()
	var parts []part
	for {
		at := strings.Index(rest, "<")
		if at < 0 {
			return append(parts, part{text: rest})
		}
		end := at + strings.Index(rest[at:], ">")
		kind, argument, _ := strings.Cut(rest[at+1:end], ":")
		parts = append(parts, part{rest[:at], g.value(kind, argument)})
		rest = rest[end+1:]
	}
}

// value makes a value of a template.
func (g *github) value(kind, argument string) func([]byte) []byte {
	n := 0
	if argument != "" {
		var err error
		if n, err = strconv.Atoi(argument); err != nil {
			panic(fmt.Sprintf("corpus: template value %s: %v", kind, err))
		}
	}
	switch kind {
	case "hex":
		return func(dst []byte) []byte { return g.hex(dst, n) }
	case "number":
		return func(dst []byte) []byte { return strconv.AppendInt(dst, int64(g.skewed(n)), 10) }
	case "bool":
		return func(dst []byte) []byte { return strconv.AppendBool(dst, g.chance(0.3)) }
	case "words":
		return func(dst []byte) []byte { return g.words(dst, n) }
	case "time":
		return func(dst []byte) []byte { return g.before(dst, 0) }
	case "earlier":
		return func(dst []byte) []byte { return g.before(dst, g.below(90*24*3600)) }
	case "actor":
		return func(dst []byte) []byte { return appendName(dst, g.actor) }
	case "owner":
		return func(dst []byte) []byte { return appendName(dst, g.owner) }
	case "project":
		return func(dst []byte) []byte { return appendName(append(dst, "lib-"...), g.project) }
	case "someone":
		return func(dst []byte) []byte { return appendName(dst, g.other) }
	}
	panic(fmt.Sprintf("corpus: template has an unknown value <%s>", kind))
}

func (g *github) before(dst []byte, seconds int) []byte {
	return time.Unix(g.clock/1000-int64(seconds), 0).UTC().AppendFormat(dst, time.RFC3339)
}

// words appends about n words of which half come from a small vocabulary, as
// in what people write.
func (g *github) words(dst []byte, n int) []byte {
	count := 1 + n/2 + g.below(n+1)
	for i := range count {
		if i > 0 {
			dst = append(dst, ' ')
		}
		switch {
		case g.chance(0.7):
			dst = append(dst, pick(g.Corpus, vocabulary)...)
		case g.chance(0.02):
			dst = append(dst, `\"it\"\n`...)
		default:
			dst = appendName(dst, g.skewed(60_000))
		}
	}
	return dst
}

var vocabulary = strings.Fields(`the a to of and in is for fix add remove update test when with from this that not
	on error file build value type return null check merge branch version docs readme typo crash race support`)

// appendName appends a name of syllables, the same for the same number.
func appendName(dst []byte, number int) []byte {
	const syllables = "kaloremitusanoviberidogupelimaquetozachefiwyluxonirasemo"
	for n := number + 57; n > 0; n /= 28 {
		at := n % 28 * 2
		dst = append(dst, syllables[at:at+2]...)
	}
	return dst
}
