package elasticsearch

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// naming says which index a record goes to. That depends on when the record
// arrived and on nothing else: a try after midnight writes where the first one
// did.
type naming struct {
	base     string
	rotation Rotation
	weeks    WeekRule
	zone     *time.Location
}

// at returns the index of a record that arrived then. The dates are those of
// Firehose.
//
// Source: docs.aws.amazon.com/firehose/latest/dev/es-index-rotation.html.
func (n *naming) at(arrivalMillis int64) string {
	t := time.UnixMilli(arrivalMillis).In(n.zone)
	switch n.rotation {
	case OneHour:
		return n.base + t.Format("-2006-01-02-15")
	case OneDay:
		return n.base + t.Format("-2006-01-02")
	case OneWeek:
		year, week := n.week(t)
		return fmt.Sprintf("%s-%04d-w%02d", n.base, year, week)
	case OneMonth:
		return n.base + t.Format("-2006-01")
	}
	return n.base
}

// week returns the number of a week and the year that it belongs to, which at
// the turn of the year need not be that of the day.
func (n *naming) week(t time.Time) (year, week int) {
	if n.weeks == ISO {
		return t.ISOWeek()
	}
	saturday := t.AddDate(0, 0, int(time.Saturday-t.Weekday()))
	return saturday.Year(), (saturday.YearDay()-1)/7 + 1
}

// sameName is how long, in milliseconds from a multiple of it on, all records
// surely go to the same index: a minute, which no period and no time zone's
// change begins within.
const sameName = 60_000

// longestSuffix is what a rotation adds to a name.
const longestSuffix = len("-2006-01-02-15")

// checkIndexName says what is wrong with the name of an index or an alias, by
// the servers' rules; "" if nothing is.
//
// Source: the Create index API of Elasticsearch and of OpenSearch.
func checkIndexName(name string, rotates bool) string {
	longest := 255
	if rotates {
		longest -= longestSuffix
	}
	switch {
	case name == "." || name == "..":
		return "is no name"
	case strings.IndexAny(name, "-_+") == 0:
		return "must not begin with -, _ or +"
	case strings.ContainsAny(name, `\/*?"<>| ,#:`):
		return `must not contain \ / * ? " < > | , # : or spaces`
	case strings.ContainsFunc(name, unicode.IsControl):
		return "must not contain control characters"
	case strings.ToLower(name) != name:
		return "must be lower case"
	case len(name) > longest:
		return fmt.Sprintf("must not be longer than %d bytes", longest)
	}
	return ""
}
