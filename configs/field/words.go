package field

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// OneOf returns the word that text is, in whatever letter case it is written.
// It serves the UnmarshalText of types whose values are a few words.
func OneOf(text []byte, words ...string) (string, error) {
	for _, w := range words {
		if strings.EqualFold(string(text), w) {
			return w, nil
		}
	}
	return "", &Error{Text: fmt.Sprintf("%q is not known", text), Hint: "write one of " + strings.Join(words, ", ")}
}

// Percent is a share of something: "5%" is 0.05.
type Percent float64

// UnmarshalText reads a percentage from 0% to 100%. A bare number is refused
// with a proposal.
func (p *Percent) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	number, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if ok && err == nil && v >= 0 && v <= 100 {
		*p = Percent(v / 100)
		return nil
	}
	hint := "write a percentage like 5%"
	if !ok && err == nil && v >= 0 && v <= 100 {
		hint = "did you mean " + s + "%?"
	}
	return &Error{Text: fmt.Sprintf("%q is not a percentage", s), Hint: hint}
}

// MarshalText writes the form that UnmarshalText reads.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p Percent) String() string {
	return strconv.FormatFloat(math.Round(float64(p)*1e6)/1e4, 'f', -1, 64) + "%"
}
