package configs

import (
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/sinks/s3"
)

func TestVariablesStandForValues(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "secret", "from a file\n")
	write(t, dir, "two-lines", "one\ntwo\n\n")
	for written, want := range map[string]string{
		`${S3_ACCESS_KEY_ID}`:           "AKIDEXAMPLE",
		`"${S3_ACCESS_KEY_ID}"`:         "AKIDEXAMPLE",
		`a-${S3_ACCESS_KEY_ID}-b`:       "a-AKIDEXAMPLE-b",
		`${NOT_SET:-a default}`:         "a default",
		`${EMPTY:-a default}`:           "a default",
		`${EMPTY}`:                      "",
		`${NULL}`:                       "null",
		`${NOT_SET:-}`:                  "",
		`${S3_ACCESS_KEY_ID:?set it}`:   "AKIDEXAMPLE",
		`$${S3_ACCESS_KEY_ID}`:          "${S3_ACCESS_KEY_ID}",
		`$$${S3_ACCESS_KEY_ID}`:         "$${S3_ACCESS_KEY_ID}",
		`$S3_ACCESS_KEY_ID`:             "$S3_ACCESS_KEY_ID",
		`${file:secret}`:                "from a file",
		`${file:` + dir + `/two-lines}`: "one\ntwo\n",
		`${SHARDS}`:                     "4",
		`${NOT_SET:-0x10}`:              "0x10",
		`${NOT_SET:-true}`:              "true",
		`${NOT_SET:-2026-11-22}`:        "2026-11-22",
		`'!{timestamp:yyyy}'`:           "!{timestamp:yyyy}",
		`${NOT_SET:-{a: b}}`:            "{a: b}",
	} {
		text := "streams: {a: {description: x, source: {direct_put: {}}, destination: {s3: {bucket: lake}}}}\n"
		text = strings.Replace(text, "description: x", "description: "+quoteFlow(written), 1)
		c, problems := Parse("test.yaml", dir, []byte(text), environment)
		if len(problems) > 0 {
			t.Errorf("%s: %v", written, problems)
			continue
		}
		if got := c.Stream("a").Description; got != want {
			t.Errorf("%s = %q, want %q", written, got, want)
		}
	}
}

// quoteFlow makes a value fit for a flow mapping, where braces have a meaning.
func quoteFlow(s string) string {
	if strings.ContainsAny(s[:1], `"'`) {
		return s
	}
	return `"` + s + `"`
}

func TestUnquotedVariablesTakeTheTypeOfTheirContent(t *testing.T) {
	c := mustParse(t, `
streams:
  a:
    shards: ${SHARDS}
    description: ${SHARDS}
    source: {direct_put: {}}
    destination:
      s3:
        bucket: lake
        path_style: ${PATH_STYLE:-true}
        buffering_hints:
          interval: ${NOT_SET:-2m}
`)
	s := c.Stream("a")
	d := s.Destination.Config.(*s3.Config)
	if s.Shards != 4 || s.Description != "4" || !d.PathStyle || d.BufferingHints.Interval.String() != "2m" {
		t.Errorf("stream = %+v, destination = %+v", s, d)
	}
}

// TestVariablesCannotChangeTheStructure is what expanding after parsing is for.
func TestVariablesCannotChangeTheStructure(t *testing.T) {
	evil := func(string) (string, bool) { return "x\nshards: 99\n{a: [", true }
	text := strings.Replace(minimal, "  clicks:\n", "  clicks:\n    description: ${EVIL}\n", 1)
	c, problems := Parse("test.yaml", t.TempDir(), []byte(text), evil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if s := c.Stream("clicks"); s.Shards != 1 || s.Description != "x\nshards: 99\n{a: [" {
		t.Errorf("stream = %+v", s)
	}
}

func TestVariablesInKeysAreNotReplaced(t *testing.T) {
	_, problems := parse(t, strings.Replace(minimal, "bucket: lake", `bucket: lake, "${SHARDS}": 1`, 1))
	if len(problems) != 1 || problems[0].ID != "unknown-field" || !strings.Contains(problems[0].Text, "${SHARDS}") {
		t.Errorf("problems = %v", problems)
	}
}

func TestValuesOfVariablesAreNeverShown(t *testing.T) {
	secret := func(string) (string, bool) { return "canary-7", true }
	text := `
server: {shutdown_timeout: "${X}", buffer: {max_size: "${X}", min_free: "${X}"}, log: {level: "${X}"}, admin: {listen: "${X}"}}
connections: {lake: {s3: {endpoint: "${X}", tls: {insecure_skip_verify: "${X}"}}}}
streams:
  a:
    shards: ${X}
    source: {direct_put: {}}
    destination: {s3: {connection: "${X}", bucket: "${X}$$", compression_format: "${X}", custom_time_zone: "${X}", file_extension: "${X}"}}
`
	_, problems := Parse("test.yaml", t.TempDir(), []byte(text), secret)
	if len(problems) < 8 {
		t.Errorf("%d problems, want one for each value", len(problems))
	}
	js, err := problems.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{problems.Error(), string(js)} {
		if strings.Contains(shown, "canary-7") {
			t.Errorf("the content of a variable is shown:\n%s", shown)
		}
	}
}
