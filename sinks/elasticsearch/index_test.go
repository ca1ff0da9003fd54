package elasticsearch

import (
	"strings"
	"testing"
	"time"
)

func TestIndexNamesAreThoseOfFirehose(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rotation Rotation
		weeks    WeekRule
		zone     *time.Location
		arrival  string
		want     string
	}{
		{NoRotation, US, time.UTC, "2016-02-25T13:00:00Z", "myindex"},
		{OneHour, US, time.UTC, "2016-02-25T13:00:00Z", "myindex-2016-02-25-13"},
		{OneDay, US, time.UTC, "2016-02-25T13:00:00Z", "myindex-2016-02-25"},
		{OneMonth, US, time.UTC, "2016-02-25T13:00:00Z", "myindex-2016-02"},
		// The guide's rule and its example differ by a week.
		{OneWeek, US, time.UTC, "2016-02-25T13:00:00Z", "myindex-2016-w09"},
		{OneWeek, ISO, time.UTC, "2016-02-25T13:00:00Z", "myindex-2016-w08"},
		// Weeks begin on Sunday, or on Monday.
		{OneWeek, US, time.UTC, "2016-02-20T23:59:59Z", "myindex-2016-w08"},
		{OneWeek, US, time.UTC, "2016-02-21T00:00:00Z", "myindex-2016-w09"},
		{OneWeek, ISO, time.UTC, "2016-02-21T23:59:59Z", "myindex-2016-w07"},
		{OneWeek, ISO, time.UTC, "2016-02-22T00:00:00Z", "myindex-2016-w08"},
		// At the turn of the year a week belongs to one year.
		{OneWeek, US, time.UTC, "2024-12-28T23:59:59Z", "myindex-2024-w52"},
		{OneWeek, US, time.UTC, "2024-12-29T00:00:00Z", "myindex-2025-w01"},
		{OneWeek, US, time.UTC, "2025-01-04T23:59:59Z", "myindex-2025-w01"},
		{OneWeek, US, time.UTC, "2022-12-31T12:00:00Z", "myindex-2022-w53"},
		{OneWeek, US, time.UTC, "2023-01-01T00:00:00Z", "myindex-2023-w01"},
		{OneWeek, ISO, time.UTC, "2021-01-03T12:00:00Z", "myindex-2020-w53"},
		{OneWeek, ISO, time.UTC, "2024-12-30T12:00:00Z", "myindex-2025-w01"},
		// Time zones.
		{OneDay, US, berlin, "2016-02-25T23:30:00Z", "myindex-2016-02-26"},
		{OneHour, US, berlin, "2016-03-27T00:59:59Z", "myindex-2016-03-27-01"},
		{OneHour, US, berlin, "2016-03-27T01:00:00Z", "myindex-2016-03-27-03"},
	} {
		at, err := time.Parse(time.RFC3339, tt.arrival)
		if err != nil {
			t.Fatal(err)
		}
		n := naming{base: "myindex", rotation: tt.rotation, weeks: tt.weeks, zone: tt.zone}
		if got := n.at(at.UnixMilli()); got != tt.want {
			t.Errorf("%s %s %v %s: %s, want %s", tt.rotation, tt.weeks, tt.zone, tt.arrival, got, tt.want)
		}
	}
}

func TestIndexNamesAreCheckedByTheServersRules(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, good := range []string{"a", "app-logs_2.x", "ünïcode", ".hidden", long} {
		if wrong := checkIndexName(good, false); wrong != "" {
			t.Errorf("%q %s", good, wrong)
		}
	}
	for _, bad := range []string{".", "..", "-a", "_a", "+a", "A", "a b", "a,b", "a/b", `a\b`, "a*", "a?", `a"`, "a<", "a>", "a|b", "a#b", "a:b", "a\nb", "a\x00", long + "x", "<a-{now/d}>"} {
		if checkIndexName(bad, false) == "" {
			t.Errorf("%q was accepted", bad)
		}
	}
	if checkIndexName(long, true) == "" || checkIndexName(long[:255-longestSuffix], true) != "" {
		t.Error("a rotation needs room for its date")
	}
}
