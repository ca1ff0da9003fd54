package object

import (
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// plan is a batch whose oldest record arrived half an hour before New Year,
// UTC.
func plan() buffer.Plan {
	return buffer.Plan{
		Feed:   "0123abcd/clicks/0",
		First:  buffer.Position{Epoch: 7, Seq: 1},
		Last:   buffer.Position{Epoch: 7, Seq: 9},
		Oldest: time.Date(2026, 12, 31, 23, 30, 15, 999e6, time.UTC),
		Cut:    time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func TestKeys(t *testing.T) {
	p := plan()
	id := p.ID().Sub("object")
	uuid := id.UUID()
	random := func(n string) string { return id.Sub("random-string/" + n).UUID()[:11] }
	for _, test := range []struct {
		naming             Naming
		wantKey, wantError string
	}{
		{Naming{},
			"2026/12/31/23/clicks-3-2026-12-31-23-30-15-" + uuid + ".gz",
			"processing-failed/2026/12/31/23/clicks-3-2026-12-31-23-30-15-" + uuid},
		{Naming{Prefix: "legacy"}, // no slash is inserted
			"legacy2026/12/31/23/clicks-3-2026-12-31-23-30-15-" + uuid + ".gz",
			"legacyprocessing-failed/2026/12/31/23/clicks-3-2026-12-31-23-30-15-" + uuid},
		{Naming{Prefix: "raw/", CustomTimeZone: "Europe/Berlin"}, // prefix and suffix alike
			"raw/2027/01/01/00/clicks-3-2027-01-01-00-30-15-" + uuid + ".gz",
			"raw/processing-failed/2027/01/01/00/clicks-3-2027-01-01-00-30-15-" + uuid},
		{Naming{Prefix: "a/dt=!{timestamp:yyyy-MM-dd}/", ErrorOutputPrefix: "failures/!{firehose:error-output-type}/"},
			"a/dt=2026-12-31/clicks-3-2026-12-31-23-30-15-" + uuid + ".gz",
			"failures/processing-failed/clicks-3-2026-12-31-23-30-15-" + uuid},
		{Naming{Prefix: "a/!{timestamp:yyyy}", ErrorOutputPrefix: "literal-"},
			"a/2026clicks-3-2026-12-31-23-30-15-" + uuid + ".gz",
			"literal-clicks-3-2026-12-31-23-30-15-" + uuid},
		{Naming{Prefix: "!{firehose:random-string}/!{firehose:random-string}/", ErrorOutputPrefix: "e/"},
			random("0") + "/" + random("1") + "/clicks-3-2026-12-31-23-30-15-" + uuid + ".gz",
			"e/clicks-3-2026-12-31-23-30-15-" + uuid},
		{Naming{Prefix: "!{timestamp:YYYY}/!{timestamp:yyyy}/", ErrorOutputPrefix: "e/"},
			"2027/2026/clicks-3-2026-12-31-23-30-15-" + uuid + ".gz",
			"e/clicks-3-2026-12-31-23-30-15-" + uuid},
	} {
		names, err := test.naming.Names("clicks", 3, ".gz")
		if err != nil {
			t.Errorf("%+v: %v", test.naming, err)
			continue
		}
		if got, err := names.object(p, id); got != test.wantKey || err != nil {
			t.Errorf("%+v: key\n%s, %v, want\n%s", test.naming, got, err, test.wantKey)
		}
		if got, err := names.failed(p, id, "processing-failed"); got != test.wantError || err != nil {
			t.Errorf("%+v: error key\n%s, %v, want\n%s", test.naming, got, err, test.wantError)
		}
	}
}

func TestNamingMistakes(t *testing.T) {
	for _, test := range []struct {
		naming Naming
		want   string
	}{
		{Naming{Prefix: "a/!{timestamp:yyyy}/"}, "error_output_prefix: needed when prefix has expressions"},
		{Naming{Prefix: "a/!{firehose:random-string}/"}, "error_output_prefix: needed"},
		{Naming{ErrorOutputPrefix: "e/!{timestamp:yyyy}/"}, "error_output_prefix: an error_output_prefix with expressions must contain"},
		{Naming{Prefix: "!{firehose:error-output-type}/"}, "prefix: !{firehose:error-output-type} is not allowed"},
		{Naming{Prefix: "a/!{timestamp:yyyy", ErrorOutputPrefix: "e/"}, "prefix: expression \"!{timestamp:yyyy\" has no closing }"},
		{Naming{Prefix: "!{timestamp:}"}, "needs a pattern"},
		{Naming{Prefix: "!{timestamp:bb}"}, "not known"},
		{Naming{Prefix: "!{firehose:random}"}, "not known"},
		{Naming{Prefix: "!{time:yyyy}"}, "not known"},
		{Naming{Prefix: "!{partitionKeyFromQuery:country}/"}, "dynamic partitioning"},
		{Naming{ErrorOutputPrefix: "!{partitionKeyFromLambda:x}/"}, "dynamic partitioning"},
		{Naming{CustomTimeZone: "Mars/Olympus"}, "custom_time_zone: time zone \"Mars/Olympus\" is not known"},
		{Naming{CustomTimeZone: "Local"}, "custom_time_zone"},
		{Naming{CustomTimeZone: "../etc"}, "custom_time_zone"},
		{Naming{Prefix: "/absolute/"}, "begins with a slash"},
		{Naming{Prefix: "a//b/"}, "two slashes"},
		{Naming{Prefix: "a/../b/"}, `segment ".."`},
		{Naming{Prefix: "./"}, `segment "."`},
		{Naming{Prefix: "a/!{timestamp:'..'}/", ErrorOutputPrefix: "e/"}, `segment ".."`},
		{Naming{ErrorOutputPrefix: "e/../"}, "error_output_prefix"},
		{Naming{Prefix: "a\nb/"}, "control characters"},
		{Naming{Prefix: "a\xff/"}, "UTF-8"},
		{Naming{Prefix: strings.Repeat("x", 530)}, "at most 512"},
		{Naming{Prefix: strings.Repeat("x", 1100)}, "at most 1024"},
	} {
		_, err := test.naming.Names("clicks", 1, "")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+.60v: %v, want %q", test.naming, err, test.want)
		}
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	_, err := Naming{Prefix: "!{x:}", ErrorOutputPrefix: "!{y:}", CustomTimeZone: "z"}.Names("s", 1, "")
	for _, want := range []string{"prefix:", "error_output_prefix:", "custom_time_zone:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

// TestGuidesTimeZones has the two that the API model's pattern forgets.
func TestGuidesTimeZones(t *testing.T) {
	for _, zone := range []string{"", "UTC", "Europe/Berlin", "Africa/Porto-Novo", "America/Port-au-Prince", "America/Argentina/Buenos_Aires"} {
		if _, err := (Naming{CustomTimeZone: zone}).Names("s", 1, ""); err != nil {
			t.Errorf("time zone %q: %v", zone, err)
		}
	}
}

func TestErrorTypesAreSafeInKeys(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "processing-failed",
		"AmazonOpenSearchService-failed": "AmazonOpenSearchService-failed",
		"../../etc":                      "______etc",
		"a/b\nc":                         "a_b_c",
	} {
		if got := errorType(in); got != want {
			t.Errorf("errorType(%q) = %q, want %q", in, got, want)
		}
	}
}
