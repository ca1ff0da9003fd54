package object

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// ErrorOutput is where the failed records of one stream are, to be read.
type ErrorOutput struct {
	Place
	Names *Names
}

// Each calls f for the stream's objects with failed records, until f returns
// an error. errorType is "" where the keys do not say it.
func (o ErrorOutput) Each(ctx context.Context, f func(e Entry, errorType string) error) error {
	prefixes, err := o.prefixes(ctx)
	if err != nil {
		return err
	}
	match := o.Names.failedKeys()
	for _, prefix := range prefixes {
		err := o.List(ctx, prefix, func(e Entry) error {
			errorType, ok := match(e.Key)
			if !ok {
				return nil
			}
			return f(e, errorType)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// prefixes are what to list: where a type follows directly, only the types.
// Without an error_output_prefix they stand beside the delivered objects, whose
// names begin with a year.
func (o ErrorOutput) prefixes(ctx context.Context) ([]string, error) {
	parts, before := o.Names.errors.parts, ""
	if len(parts) > 0 && parts[0].kind == literal {
		before, parts = parts[0].text, parts[1:]
	}
	if len(parts) < 2 || parts[0].kind != errorOutputType || parts[1].kind != literal || !strings.HasPrefix(parts[1].text, "/") {
		return []string{before}, nil
	}
	all, err := o.Folders(ctx, before)
	if err != nil {
		return nil, err
	}
	var types []string
	for _, folder := range all {
		if name := strings.TrimSuffix(strings.TrimPrefix(folder, before), "/"); strings.Trim(name, "0123456789") != "" {
			types = append(types, folder)
		}
	}
	return types, nil
}

// failedKeys returns a function that recognises the keys which n.failed makes,
// and Firehose for a stream of that name, and tells the type of the failure.
// The time in the name tells what the expressions in the prefix were.
func (n *Names) failedKeys() func(key string) (errorType string, ok bool) {
	const form = "2006-01-02-15-04-05"
	name := regexp.MustCompile(`^(?s)(.*)` + regexp.QuoteMeta(n.stream) +
		`-[0-9]+-([0-9]{4}(?:-[0-9]{2}){5})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.conflict-[0-9a-f]{16})?$`)
	compiled := map[string]*regexp.Regexp{} // few: a key lists after those of the same hour
	prefix := func(t time.Time) *regexp.Regexp {
		text := n.errors.expression(t)
		if compiled[text] == nil {
			if len(compiled) > 1000 {
				clear(compiled)
			}
			compiled[text] = regexp.MustCompile(text)
		}
		return compiled[text]
	}
	return func(key string) (string, bool) {
		m := name.FindStringSubmatch(key)
		if m == nil {
			return "", false
		}
		at, err := time.ParseInLocation(form, m[2], n.zone)
		if err != nil {
			return "", false
		}
		// When clocks are set back, one name stands for two times.
		for _, t := range []time.Time{at, at.Add(-time.Hour), at.Add(time.Hour)} {
			if t.Format(form) != m[2] {
				continue
			}
			if p := prefix(t).FindStringSubmatch(m[1]); p != nil {
				return p[1], true
			}
		}
		return "", false
	}
}

// expression is a regular expression for the prefix at a time, with the type
// of the failure as its only group. The time has seconds only.
func (p Prefix) expression(t time.Time) string {
	var b strings.Builder
	b.WriteString(`^(?s)`)
	group := false
	for _, part := range p.parts {
		switch part.kind {
		case literal:
			b.WriteString(regexp.QuoteMeta(part.text))
		case timestamp:
			if part.pattern.finerThanSeconds() {
				b.WriteString(`.*?`)
			} else {
				b.WriteString(regexp.QuoteMeta(string(part.pattern.append(nil, t))))
			}
		case randomString:
			b.WriteString(`[0-9A-Za-z-]{11}`)
		case errorOutputType:
			if group {
				b.WriteString(`[0-9A-Za-z_-]+`)
				continue
			}
			b.WriteString(`([0-9A-Za-z_-]+)`)
			group = true
		}
	}
	if !group {
		b.WriteString(`()`)
	}
	b.WriteString(`$`)
	return b.String()
}

// finerThanSeconds reports whether the text depends on parts of a second.
func (p pattern) finerThanSeconds() bool {
	for _, f := range p {
		if f.letter != 0 && strings.IndexByte("SAnN", f.letter) >= 0 {
			return true
		}
	}
	return false
}
