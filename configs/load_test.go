package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/s3"
)

// parse loads one file from memory.
func parse(t *testing.T, text string) (*Config, Problems) {
	t.Helper()
	return Parse("test.yaml", t.TempDir(), []byte(text), environment)
}

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, problems := parse(t, text)
	if err := problems.Err(); err != nil {
		t.Fatalf("load:\n%s\n%v", text, err)
	}
	return c
}

func ids(problems Problems) (found []string) {
	for _, p := range problems {
		found = append(found, p.ID)
	}
	return found
}

const minimal = `
streams:
  clicks:
    source: {direct_put: {}}
    destination: {s3: {bucket: lake}}
`

func TestDefaultsStayWhereNothingIsWritten(t *testing.T) {
	for _, text := range []string{
		minimal,
		strings.Replace(minimal, "{direct_put: {}}", "{direct_put: }", 1),
		"version: 1\nserver:\nconnections: {}\n" + minimal,
		"server: {buffer: , api: {listen: }}\n" + minimal,
		strings.Replace(minimal, "bucket: lake", "bucket: lake, compression_format: , buffering_hints: {size: }", 1),
	} {
		c := mustParse(t, text)
		if diff := cmp.Diff(*DefaultServer(), c.Server, cmp.AllowUnexported(field.Secret{})); diff != "" {
			t.Errorf("%s\nserver (-default +got):\n%s", text, diff)
		}
		s := c.Stream("clicks")
		if s == nil || s.Shards != 1 || s.Source.Kind != "direct_put" || s.Destination.Kind != "s3" {
			t.Fatalf("%s\nstream = %+v", text, s)
		}
		size, interval := s.Destination.Config.(*s3.Config).Hints()
		if size != 5<<20 || interval != time.Minute {
			t.Errorf("%s\nhints = %d %v, want 5 MiB and 60s", text, size, interval)
		}
	}
}

func TestEveryExampleLoadsWithoutAWord(t *testing.T) {
	examples, err := filepath.Glob("*.yaml")
	if err != nil || len(examples) < 3 {
		t.Fatalf("examples = %v, %v", examples, err)
	}
	for _, name := range examples {
		c, problems := Load([]string{name}, environment)
		if len(problems) > 0 {
			t.Errorf("%v", problems)
		}
		if len(c.Streams) == 0 {
			t.Errorf("%s has no stream", name)
		}
	}
}

func TestFilesOfAFolderAreMerged(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "1-server.yaml", "server: {log: {level: DEBUG}}\nconnections: {lake: {s3: {endpoint: 'http://minio:9000'}}}\n")
	write(t, dir, "3-b.yml", "streams: {b: {source: {direct_put: {}}, destination: {s3: {connection: lake, bucket: b-bucket}}}}\n")
	write(t, dir, "2-a.yaml", "streams: {a: {source: {direct_put: {}}, destination: {s3: {connection: lake, bucket: a-bucket}}}}\n")
	write(t, dir, ".hidden.yaml", "streams: {hidden: 1}\n")
	write(t, dir, "notes.txt", "streams: {notes: 1}\n")
	c, problems := Load([]string{dir}, environment)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var names []string
	for _, s := range c.Streams {
		names = append(names, s.Name)
		if got := s.Destination.Config.(*s3.Config).Endpoint; got != "http://minio:9000" {
			t.Errorf("%s: endpoint = %q, want that of the connection", s.Name, got)
		}
	}
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
	if c.Server.Log.Level != "debug" {
		t.Errorf("log level = %q, want debug", c.Server.Log.Level)
	}
}

func TestWhatIsFreeOfErrorsIsLoaded(t *testing.T) {
	c, problems := parse(t, minimal+`
  broken:
    source: {direct_put: {}}
    destination: {s3: {bucket: lake, prefix: broken/, buffering_hints: {interval: 0}}}
`)
	if !problems.Failed() || c.Stream("clicks") == nil || c.Stream("broken") != nil {
		t.Errorf("streams = %v, problems = %v; want clicks alone and an error", c.Streams, problems)
	}
}

func TestUnreadableFilesAreProblems(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "large.yaml", "# "+strings.Repeat("x", maxFile))
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, id := range map[string]string{
		filepath.Join(dir, "missing.yaml"): "unreadable-file",
		empty:                              "unreadable-file",
		filepath.Join(dir, "large.yaml"):   "file-too-large",
		"/dev/zero":                        "file-too-large",
	} {
		_, problems := Load([]string{path}, environment)
		if diff := cmp.Diff([]string{id}, ids(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if len(problems) > 0 && problems[0].Help == "" {
			t.Errorf("%s: no help", path)
		}
	}
}

func TestAnchorsAndMergeKeysWorkWithinAFile(t *testing.T) {
	c := mustParse(t, `
streams:
  a:
    source: &put {direct_put: {}}
    destination:
      s3: &base {bucket: lake, prefix: a/, compression_format: gzip}
  b:
    source: *put
    destination:
      s3: {<<: *base, prefix: b/}
`)
	b := c.Stream("b").Destination.Config.(*s3.Config)
	if b.Bucket != "lake" || b.Prefix != "b/" || b.CompressionFormat != "GZIP" {
		t.Errorf("b = %+v", b)
	}
}

func TestWarningsAreSilencedOnTheirLineOnly(t *testing.T) {
	const text = `
streams:
  a:
    source: {direct_put: {}}
    destination: {s3: {bucket: lake, prefix: a/, buffering_hints: {interval: 5s}}} %s
  b:
    source: {direct_put: {}}
    destination: {s3: {bucket: lake, prefix: b/, buffering_hints: {interval: 5s}}}
`
	for comment, want := range map[string][]string{
		"":                              {"small-objects", "small-objects"},
		"# hydrant:allow small-objects": {"small-objects"},
		"# hydrant:allow literal-secret,small-objects": {"small-objects"},
		"# hydrant:allow literal-secret":               {"small-objects", "small-objects"},
	} {
		_, problems := parse(t, strings.Replace(text, "%s", comment, 1))
		if diff := cmp.Diff(want, ids(problems)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", comment, diff)
		}
	}
}

func TestErrorsCannotBeSilenced(t *testing.T) {
	_, problems := parse(t, "streams: {a: {shard: 1}} # hydrant:allow unknown-field, missing-field\n")
	if !problems.Failed() {
		t.Error("an error was silenced")
	}
}

func TestProblemsAreInTheOrderOfTheirPlaces(t *testing.T) {
	_, problems := parse(t, "streams: {a: {shard: 1}}\nserver: {buffer: {max_size: 5, min_fre: 5%}}\nserved: 1\n")
	line, column := 0, 0
	for _, p := range problems {
		if p.Line < line || p.Line == line && p.Column < column {
			t.Errorf("%d:%d comes after %d:%d", p.Line, p.Column, line, column)
		}
		line, column = p.Line, p.Column
	}
	if len(problems) < 4 {
		t.Errorf("problems = %v, want all at once", problems)
	}
}

func TestWarningsAlsoSayWhatToDo(t *testing.T) {
	_, problems := Load([]string{"testdata/warnings.bad.yaml"}, environment)
	for _, p := range problems {
		if p.Severity != Warning || !strings.Contains(p.Help, "# hydrant:allow "+p.ID) {
			t.Errorf("%s: %s, help %q", p.ID, p.Severity, p.Help)
		}
	}
	if problems.Err() != nil {
		t.Error("warnings are no error")
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
