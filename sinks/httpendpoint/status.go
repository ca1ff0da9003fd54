package httpendpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Status is a status code of HTTP, a class of them, or a range: 404, 5xx,
// 500-504.
type Status struct{ from, to int }

// UnmarshalText reads one of the three forms.
func (s *Status) UnmarshalText(text []byte) error {
	word := strings.ToLower(string(text))
	from, to, isRange := strings.Cut(word, "-")
	if class, ok := strings.CutSuffix(word, "xx"); ok {
		from, to, isRange = class+"00", class+"99", true
	}
	if !isRange {
		to = from
	}
	a, err1 := strconv.Atoi(from)
	b, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || a < 200 || b > 599 || a > b {
		return &field.Error{Text: fmt.Sprintf("%q is no status of an answer", text), Hint: "write something like 404, 5xx or 500-504"}
	}
	s.from, s.to = a, b
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Status) String() string {
	switch {
	case s.from == s.to:
		return strconv.Itoa(s.from)
	case s.from%100 == 0 && s.to == s.from+99:
		return strconv.Itoa(s.from/100) + "xx"
	}
	return fmt.Sprintf("%d-%d", s.from, s.to)
}

// includes reports whether one of a list has a code.
func includes(list []Status, code int) bool {
	return slices.ContainsFunc(list, func(s Status) bool { return s.from <= code && code <= s.to })
}
