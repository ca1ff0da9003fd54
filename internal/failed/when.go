package failed

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// When reads a moment: a time (RFC 3339), a day, or how long ago: 90m, 2h, 7d.
// Days and times without a zone are UTC's.
func When(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 2026-11-23, 2026-11-23T08:00:00Z, or how long ago: 2h, 7d", text)
}
