package column

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// element is a piece of a pattern: a field, or literal text.
type element struct {
	letter      byte // 0: literal
	least, most int  // digits of a number
	literal     string
}

// compilePattern reads a pattern of Joda-Time and java.time.
func compilePattern(text string) ([]element, error) {
	var pattern []element
	literal := func(s string) {
		if last := len(pattern) - 1; last >= 0 && pattern[last].letter == 0 {
			pattern[last].literal += s
			return
		}
		pattern = append(pattern, element{literal: s})
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\'':
			s, n, err := quoted(text[i:])
			if err != nil {
				return nil, err
			}
			literal(s)
			i += n
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n := len(text[i:]) - len(strings.TrimLeft(text[i:], string(c)))
			e, err := patternField(c, n)
			if err != nil {
				return nil, err
			}
			if last := len(pattern) - 1; last >= 0 && e.most > 0 && pattern[last].most > 0 {
				// Numbers without anything between them have fixed widths.
				pattern[last].fix()
				e.fix()
			}
			pattern = append(pattern, e)
			i += n
		default:
			literal(text[i : i+1])
			i++
		}
	}
	if !slices.ContainsFunc(pattern, func(e element) bool { return e.letter == 'y' }) {
		return nil, errors.New("it has no year")
	}
	return pattern, nil
}

// fix gives a number the width that the pattern shows.
func (e *element) fix() {
	if width := len(e.literal); e.least < width {
		e.least, e.most = width, width
	} else {
		e.most = e.least
	}
}

// quoted reads text in quotes; two quotes stand for one.
func quoted(text string) (s string, n int, err error) {
	if strings.HasPrefix(text, "''") {
		return "'", 2, nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 == len(text) || text[i+1] != '\'' {
			return b.String(), i + 1, nil
		}
		b.WriteByte('\'')
		i++
	}
	return "", 0, errors.New("a quote is not closed")
}

// patternField returns the field of n times a letter. The literal of a number
// is as wide as the pattern shows it.
func patternField(letter byte, n int) (element, error) {
	e := element{letter: letter, literal: strings.Repeat(string(letter), n)}
	most := n
	switch letter {
	case 'y', 'u':
		if e.letter = 'y'; n == 2 {
			e.least, e.most = 2, 2
			return e, nil
		}
		e.least, e.most, most = 4, 4, 4
	case 'M', 'L':
		if e.letter = 'M'; n > 2 {
			e.letter, most = 'N', 4 // the name
			break
		}
		e.least, e.most, most = 1, 2, 2
	case 'd', 'H', 'h', 'k', 'K', 'm', 's':
		e.least, e.most, most = 1, 2, 2
	case 'S':
		e.least, e.most, most = 1, 9, 9
	case 'E', 'Z':
		most = 5
	case 'a':
		most = 1
	case 'X', 'x':
		e.letter, most = 'Z', 3
	case 'z':
		most = 4
	default:
		return e, fmt.Errorf("letter %q is not known", letter)
	}
	if n > most {
		return e, fmt.Errorf("%s has more letters than there are forms", e.literal)
	}
	return e, nil
}

// match reads a whole text by a pattern.
func (c *cursor) match(pattern []element, t *clock) bool {
	half := -1 // of the day
	for i := range pattern {
		if !c.matchElement(&pattern[i], t, &half) {
			return false
		}
	}
	if half >= 0 && t.hour <= 12 {
		t.hour = t.hour%12 + 12*half
	}
	return c.done()
}

func (c *cursor) matchElement(e *element, t *clock, half *int) bool {
	switch e.letter {
	case 0:
		end := c.at + len(e.literal)
		ok := end <= len(c.text) && string(c.text[c.at:end]) == e.literal
		c.at = end
		return ok
	case 'y':
		ok := c.number(&t.year, e.least, e.most)
		if e.most == 2 {
			t.year += 2000
		}
		return ok
	case 'M':
		return c.number(&t.month, e.least, e.most)
	case 'N':
		i := c.name(monthNames[:])
		t.month = i + 1
		return i >= 0
	case 'E':
		return c.name(dayNames[:]) >= 0
	case 'd':
		return c.number(&t.day, e.least, e.most)
	case 'H', 'K':
		return c.number(&t.hour, e.least, e.most)
	case 'h', 'k': // 12 or 24 is midnight
		ok := c.number(&t.hour, e.least, e.most)
		if e.letter == 'k' && t.hour == 24 || e.letter == 'h' && t.hour == 12 {
			t.hour = 0
		}
		return ok
	case 'm':
		return c.number(&t.minute, e.least, e.most)
	case 's':
		return c.number(&t.second, e.least, e.most)
	case 'S':
		start := c.at
		ok := c.fraction(&t.nanos, e.most)
		return ok && c.at-start >= e.least
	case 'a':
		*half = c.name(halfNames[:])
		return *half >= 0
	case 'Z':
		return c.zone(&t.offset)
	case 'z':
		return c.name(utcNames[:]) >= 0
	}
	return false
}

var (
	monthNames = [...]string{"january", "february", "march", "april", "may", "june",
		"july", "august", "september", "october", "november", "december"}
	dayNames  = [...]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	halfNames = [...]string{"am", "pm"}
	utcNames  = [...]string{"utc", "gmt", "z"}
)

// name reads one of some names, in full or their first three letters, in any
// letter case, and returns which, or -1.
func (c *cursor) name(names []string) int {
	end := c.at
	for end < len(c.text) && c.text[end]|0x20 >= 'a' && c.text[end]|0x20 <= 'z' {
		end++
	}
	word := c.text[c.at:end]
	for i, name := range names {
		if equalFold(word, name) || equalFold(word, name[:min(3, len(name))]) {
			c.at = end
			return i
		}
	}
	return -1
}

// equalFold compares letters with a name in lower case.
func equalFold(word []byte, name string) bool {
	if len(word) != len(name) {
		return false
	}
	for i, c := range word {
		if c|0x20 != name[i] {
			return false
		}
	}
	return true
}
