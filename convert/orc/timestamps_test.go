package orc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/convert/column"
)

func TestTimestampsBefore1970ComeBack(t *testing.T) {
	var rows []map[string]any
	for _, at := range []string{
		"1677-09-21T00:12:45Z", "1677-12-31T23:59:59.999999999Z", "1969-12-31T23:59:58.999Z", "1969-12-31T23:59:58Z",
		"1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000999999Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000001Z",
		"2014-12-31T23:59:59.5Z", "2015-01-01T00:00:00Z", "2262-04-11T23:47:15.123456789Z",
	} {
		rows = append(rows, map[string]any{"a": at})
	}
	_, got := read(t, write(t, config(nil), ofKind(column.Timestamp), rows, 100, 100))
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Error(diff)
	}
}

// This is how ORC's own writer and readers see it.
func TestTheLastSecondBefore1970IsTheFirstOneAfter(t *testing.T) {
	rows := []map[string]any{{"a": "1969-12-31T23:59:59.5Z"}}
	_, got := read(t, write(t, config(nil), ofKind(column.Timestamp), rows, 1, 1))
	if got[0]["a"] != "1970-01-01T00:00:00.5Z" {
		t.Errorf("read %v", got[0]["a"])
	}
}

func TestNanosecondsArePackedAsTheSpecificationShows(t *testing.T) {
	for nano, want := range map[int64]int64{1000: 0x0a, 100_000: 0x0c, 0: 0, 1: 8, 10: 80, 100: 9, 500_000_000: 5<<3 | 7, 123_456_789: 123_456_789 << 3} {
		got := packNanos(nano)
		if got != want {
			t.Errorf("%d is packed as %#x, want %#x", nano, got, want)
		}
		if back, ok := unpackNanos(got); !ok || back != nano {
			t.Errorf("%d comes back as %d, %v", nano, back, ok)
		}
	}
}
