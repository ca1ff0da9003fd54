// Package field holds the types of configuration values: sizes and durations
// with units, secrets that never print, and errors that say where they are.
package field

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time with a unit: "60s", "5m", "1h30m".
type Duration time.Duration

// UnmarshalText reads a duration. A bare number is refused with a proposal.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		hint := "write a duration like 60s, 5m or 1h30m"
		if _, e := strconv.ParseUint(s, 10, 63); e == nil {
			hint = "did you mean " + s + "s?"
		}
		return &Error{Text: fmt.Sprintf("%q is not a duration", s), Hint: hint}
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the shortest form that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string {
	v := time.Duration(d)
	s := v.String()
	if v >= time.Minute && v%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
		if v >= time.Hour && v%time.Hour == 0 {
			s = strings.TrimSuffix(s, "0m")
		}
	}
	return s
}

// Size is a number of bytes with a unit: "512KiB", "5MiB", "1GB". KB, MB and
// GB are powers of 1000, KiB, MiB and GiB powers of 1024.
type Size int64

var units = []struct {
	name string
	size float64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// UnmarshalText reads a size. A bare number is refused with a proposal.
func (z *Size) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	for _, u := range units {
		number, ok := cutSuffixFold(s, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || v < 0 || v*u.size > math.MaxInt64/2 {
			break
		}
		*z = Size(math.Round(v * u.size))
		return nil
	}
	hint := "write a size like 512KiB, 5MiB or 1GiB"
	if _, err := strconv.ParseUint(s, 10, 62); err == nil {
		hint = "did you mean " + s + "MiB?"
	}
	return &Error{Text: fmt.Sprintf("%q is not a size", s), Hint: hint}
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// MarshalText writes the size in the largest unit that needs no fraction.
func (z Size) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

func (z Size) String() string {
	for _, u := range units[:4] {
		if n := int64(u.size); z != 0 && int64(z)%n == 0 {
			return strconv.FormatInt(int64(z)/n, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(z), 10) + "B"
}

// Secret is a text that prints as "***" in every way Go prints things.
type Secret struct {
	value string
	file  *secretFile // where it stands; nil: it does not change
}

// NewSecret hides s.
func NewSecret(s string) Secret { return Secret{value: s} }

// Reveal returns the text. Call it where it is used, each time it is used, and
// nowhere else.
func (s Secret) Reveal() string {
	if s.file != nil {
		return s.file.read()
	}
	return s.value
}

// Empty reports whether there is no secret.
func (s Secret) Empty() bool { return s.value == "" }

const hidden = "***"

func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return hidden
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// Format hides the secret from every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides the secret from YAML and from text encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON hides the secret from JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalText reads the secret.
func (s *Secret) UnmarshalText(text []byte) error { s.value = string(text); return nil }

// Error is a problem with a value. Path leads to it from the struct that
// reported it ("buffering_hints.interval", "access_keys[1].secret"); the
// loader adds the way to that struct and the place in the file.
type Error struct {
	Path string
	Text string // what is wrong
	Hint string // what to write instead
	ID   string // a stable kebab-case name; empty: the loader chooses one
	// Offset is where in the value the problem is, in bytes; 0 also stands for
	// the value as a whole.
	Offset int
}

func (e *Error) Error() string {
	s := e.Text
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Errorf makes an Error at path.
func Errorf(path, hint, format string, args ...any) *Error {
	return &Error{Path: path, Text: fmt.Sprintf(format, args...), Hint: hint}
}
