package object

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// pattern is a date pattern of Java's DateTimeFormatter, which Firehose uses
// in timestamp expressions. Texts are English and weeks are the US ones: they
// start on Sunday and week 1 holds January 1.
//
// Source: docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html,
// and what Firehose was seen to accept.
type pattern []patternField

type patternField struct {
	letter byte // 0 for a literal
	count  int
	text   string // the literal
	pad    int    // least width, filled with spaces from the left
}

func parsePattern(s string) (pattern, error) {
	var p pattern
	pad, optional := 0, 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == 'p':
			n := run(s[i:])
			if pad != 0 || i+n == len(s) || !isLetter(s[i+n]) {
				return nil, fmt.Errorf("pad letter p in %q must stand before a pattern letter", s)
			}
			pad, i = n, i+n
			continue
		case isLetter(c):
			n := run(s[i:])
			f := patternField{letter: c, count: n, pad: pad}
			if err := f.check(); err != nil {
				return nil, err
			}
			p = append(p, f)
			i += n
		case c == '\'':
			text, n, err := quoted(s[i:])
			if err != nil {
				return nil, err
			}
			p = append(p, patternField{text: text})
			i += n
		case c == '[':
			optional++
			i++
		case c == ']':
			if optional--; optional < 0 {
				return nil, fmt.Errorf("pattern %q has a ] without a [", s)
			}
			i++
		case c == '{' || c == '}' || c == '#':
			return nil, fmt.Errorf("pattern %q has the reserved character %q; quote it: '%c'", s, c, c)
		default:
			p = append(p, patternField{text: s[i : i+1]})
			i++
		}
		pad = 0
	}
	return p, nil
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }

// run returns how often the first byte is repeated.
func run(s string) int {
	n := 1
	for n < len(s) && s[n] == s[0] {
		n++
	}
	return n
}

// quoted reads text in quotes; two quotes stand for one.
func quoted(s string) (text string, n int, err error) {
	if strings.HasPrefix(s, "''") {
		return "'", 2, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, nil
	}
	return "", 0, fmt.Errorf("pattern has an unclosed quote: %s", s)
}

// most is how often a letter may be repeated, as Java has it.
var most = map[byte]int{
	'G': 5, 'y': 19, 'u': 19, 'Y': 19, 'D': 3, 'M': 5, 'L': 5, 'd': 2, 'Q': 5, 'q': 5, 'w': 2, 'W': 1,
	'E': 5, 'e': 5, 'c': 5, 'F': 1, 'a': 1, 'h': 2, 'K': 2, 'k': 2, 'H': 2, 'm': 2, 's': 2, 'S': 9,
	'A': 19, 'n': 19, 'N': 19, 'V': 2, 'z': 3, 'O': 4, 'X': 5, 'x': 5, 'Z': 5,
}

func (f patternField) check() error {
	limit, known := most[f.letter]
	text := strings.Repeat(string(f.letter), f.count)
	switch {
	case !known:
		return fmt.Errorf("pattern letter %q is not known; quote text: 'text'", text)
	case f.letter == 'z' && f.count == 4:
		return fmt.Errorf("pattern %q needs the long names of time zones, which are not built in; write z or VV", text)
	case f.count > limit,
		f.letter == 'V' && f.count != 2,
		f.letter == 'O' && f.count != 1 && f.count != 4,
		f.letter == 'c' && f.count == 2:
		return fmt.Errorf("pattern %q has a wrong number of letters", text)
	}
	return nil
}

// append writes t, whose location is the time zone. Fractions of a second are
// zero, as in Firehose.
func (p pattern) append(dst []byte, t time.Time) []byte {
	for _, f := range p {
		start := len(dst)
		if f.letter == 0 {
			dst = append(dst, f.text...)
		} else {
			dst = f.append(dst, t)
		}
		if short := f.pad - (len(dst) - start); short > 0 {
			dst = append(dst[:start], strings.Repeat(" ", short)+string(dst[start:])...)
		}
	}
	return dst
}

func (f patternField) append(dst []byte, t time.Time) []byte {
	switch f.letter {
	case 'G':
		return append(dst, [...]string{"AD", "AD", "AD", "Anno Domini", "A"}[f.count-1]...)
	case 'y', 'u':
		return f.year(dst, t.Year())
	case 'Y':
		year, _ := usWeek(t)
		return f.year(dst, year)
	case 'D':
		return f.number(dst, t.YearDay())
	case 'M', 'L':
		return f.name(dst, int(t.Month()), t.Month().String())
	case 'd':
		return f.number(dst, t.Day())
	case 'Q', 'q':
		quarter := (int(t.Month())-1)/3 + 1
		switch f.count {
		case 3:
			return append(dst, "Q"+strconv.Itoa(quarter)...)
		case 4:
			return append(dst, [...]string{"1st", "2nd", "3rd", "4th"}[quarter-1]+" quarter"...)
		case 5:
			return append(dst, byte('0'+quarter))
		}
		return f.number(dst, quarter)
	case 'w':
		_, week := usWeek(t)
		return f.number(dst, week)
	case 'W':
		first := t.AddDate(0, 0, 1-t.Day())
		return f.number(dst, (t.Day()-1+int(first.Weekday()))/7+1)
	case 'E':
		return patternField{count: max(f.count, 3)}.name(dst, 0, t.Weekday().String())
	case 'e', 'c':
		return f.name(dst, int(t.Weekday())+1, t.Weekday().String())
	case 'F':
		return f.number(dst, (t.Day()-1)%7+1)
	case 'a':
		return append(dst, t.Format("PM")...)
	case 'h':
		return f.number(dst, (t.Hour()+11)%12+1)
	case 'K':
		return f.number(dst, t.Hour()%12)
	case 'k':
		return f.number(dst, (t.Hour()+23)%24+1)
	case 'H':
		return f.number(dst, t.Hour())
	case 'm':
		return f.number(dst, t.Minute())
	case 's':
		return f.number(dst, t.Second())
	case 'S', 'n':
		return f.number(dst, 0)
	case 'A':
		return f.number(dst, secondOfDay(t)*1e3)
	case 'N':
		return f.number(dst, secondOfDay(t)*1e9)
	case 'V':
		return append(dst, t.Location().String()...)
	case 'z':
		name, _ := t.Zone()
		return append(dst, name...)
	}
	return f.offset(dst, t) // O X x Z
}

func secondOfDay(t time.Time) int { return t.Hour()*3600 + t.Minute()*60 + t.Second() }

// number pads with zeros to the number of letters.
func (f patternField) number(dst []byte, v int) []byte {
	digits := strconv.Itoa(v)
	for n := len(digits); n < f.count; n++ {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// year is a number, but two letters mean the last two digits.
func (f patternField) year(dst []byte, year int) []byte {
	if f.count == 2 {
		year %= 100
	}
	return f.number(dst, year)
}

// name is the number for one or two letters, then the short name, the name
// and its first letter.
func (f patternField) name(dst []byte, number int, name string) []byte {
	switch f.count {
	case 3:
		return append(dst, name[:3]...)
	case 4:
		return append(dst, name...)
	case 5:
		return append(dst, name[0])
	}
	return f.number(dst, number)
}

// offset writes the distance from UTC.
func (f patternField) offset(dst []byte, t time.Time) []byte {
	_, seconds := t.Zone()
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	hours, minutes := seconds/3600, seconds/60%60
	colon := ""
	switch {
	case f.letter == 'O' || f.letter == 'Z' && f.count == 4:
		dst = append(dst, "GMT"...)
		if seconds == 0 {
			return dst
		}
		if f.letter == 'O' && f.count == 1 {
			dst = append(append(dst, sign), strconv.Itoa(hours)...)
			if minutes != 0 {
				dst = fmt.Appendf(dst, ":%02d", minutes)
			}
			return dst
		}
		colon = ":"
	case seconds == 0 && (f.letter == 'X' || f.letter == 'Z' && f.count == 5):
		return append(dst, 'Z')
	case f.letter != 'Z' && f.count == 1:
		dst = fmt.Appendf(append(dst, sign), "%02d", hours)
		if minutes != 0 {
			dst = fmt.Appendf(dst, "%02d", minutes)
		}
		return dst
	case f.count == 5, f.letter != 'Z' && f.count == 3:
		colon = ":"
	}
	return fmt.Appendf(append(dst, sign), "%02d%s%02d", hours, colon, minutes)
}

// usWeek returns the week and the year it belongs to. It differs from the
// calendar year around New Year, which is why YYYY in a prefix is a trap.
func usWeek(t time.Time) (year, week int) {
	year = t.Year()
	newYear := time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
	day := time.Date(year, t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	if days := int(newYear.Sub(day).Hours() / 24); days+int(t.Weekday()) <= 6 {
		return year + 1, 1
	}
	first := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	return year, (t.YearDay()-1+int(first.Weekday()))/7 + 1
}
