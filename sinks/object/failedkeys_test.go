package object

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
)

func failedNames(t *testing.T, n Naming, stream string) *Names {
	t.Helper()
	names, err := n.Names(stream, 1, ".gz")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFailedKeysAreRecognised(t *testing.T) {
	times := []time.Time{
		time.Date(2026, 11, 23, 9, 40, 1, 123e6, time.UTC),
		time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), // 02:30 in Berlin, twice that night
		time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC),
	}
	for _, n := range []Naming{
		{},
		{Prefix: "logs/"},
		{ErrorOutputPrefix: "failed/"},
		{ErrorOutputPrefix: "failed"},
		{ErrorOutputPrefix: "e/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"},
		{ErrorOutputPrefix: "e/!{firehose:random-string}/!{timestamp:yyyy'x.'XXX}!{firehose:error-output-type}-", CustomTimeZone: "Europe/Berlin"},
		{ErrorOutputPrefix: "e/!{timestamp:HH.mm.ss.SSS}/!{firehose:error-output-type}/!{firehose:error-output-type}/"},
	} {
		names := failedNames(t, n, "clicks")
		match := names.failedKeys()
		for _, at := range times {
			p := buffer.Plan{Feed: "f", Oldest: at}
			for _, errorType := range []string{"processing-failed", "AmazonOpenSearchService-failed"} {
				key, err := names.failed(p, p.ID(), errorType)
				if err != nil {
					t.Fatal(err)
				}
				want := errorType
				if n.ErrorOutputPrefix != "" && !strings.Contains(n.ErrorOutputPrefix, "type}") {
					want = ""
				}
				for _, key := range []string{key, key + ".conflict-0123456789abcdef"} {
					if got, ok := match(key); !ok || got != want {
						t.Errorf("%+v: %s: %q, %v", n, key, got, ok)
					}
				}
			}
			key, err := names.object(p, p.ID())
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := match(key); ok {
				t.Errorf("%+v: %s is no failed key", n, key)
			}
		}
	}
}

// TestFailedKeysOfOthersAreNot: streams may share a prefix, and one name may
// end like another.
func TestFailedKeysOfOthersAreNot(t *testing.T) {
	for _, n := range []Naming{{}, {ErrorOutputPrefix: "e/"}, {ErrorOutputPrefix: "e/!{firehose:error-output-type}/"}} {
		p := buffer.Plan{Feed: "f", Oldest: time.Date(2026, 11, 23, 9, 40, 1, 0, time.UTC)}
		for _, other := range []string{"big-clicks", "clicks-2", "licks"} {
			key, err := failedNames(t, n, other).failed(p, p.ID(), "processing-failed")
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := failedNames(t, n, "clicks").failedKeys()(key); ok {
				t.Errorf("%+v: %s is taken for one of clicks", n, key)
			}
		}
	}
}

// listing is a place that remembers what was listed.
type listing struct {
	Place
	keys   []string
	listed []string
}

func (l *listing) List(_ context.Context, prefix string, f func(Entry) error) error {
	l.listed = append(l.listed, prefix)
	for _, key := range l.keys {
		if strings.HasPrefix(key, prefix) {
			if err := f(Entry{Key: key}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *listing) Folders(_ context.Context, prefix string) ([]string, error) {
	var found []string
	for _, key := range l.keys {
		if rest, ok := strings.CutPrefix(key, prefix); ok && strings.Contains(rest, "/") {
			found = append(found, prefix+rest[:strings.IndexByte(rest, '/')+1])
		}
	}
	return slices.Compact(found), nil
}

// TestDeliveredObjectsAreNotListed: without an error_output_prefix the failed
// records stand beside everything that was delivered.
func TestDeliveredObjectsAreNotListed(t *testing.T) {
	const tail = "clicks-1-2026-11-23-09-40-01-01234567-89ab-8def-8123-456789abcdef"
	l := &listing{keys: []string{
		"logs/2026/11/23/09/" + tail,
		"logs/format-conversion-failed/2026/11/23/09/" + tail,
		"logs/processing-failed/2026/11/23/08/" + tail, // not the hour in its name
		"logs/processing-failed/2026/11/23/09/" + tail,
		"logs/processing-failed/notes.txt",
	}}
	o := ErrorOutput{Place: l, Names: failedNames(t, Naming{Prefix: "logs/"}, "clicks")}
	got := map[string]string{}
	if err := o.Each(t.Context(), func(e Entry, errorType string) error { got[e.Key] = errorType; return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{l.keys[1]: "format-conversion-failed", l.keys[3]: "processing-failed"}, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"logs/format-conversion-failed/", "logs/processing-failed/"}, l.listed); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}
