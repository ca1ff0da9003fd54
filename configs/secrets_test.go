package configs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hydrant-dev/hydrant/sinks/elasticsearch"
	"github.com/hydrant-dev/hydrant/sinks/httpendpoint"
	"github.com/hydrant-dev/hydrant/sinks/splunk"
)

// Secrets that stand in files of their own follow them, wherever they are; what
// is only part of a value, or is no secret, stays as it was read.
func TestSecretsInFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old\n")
	c, problems := Parse("test.yaml", dir, []byte(`
connections:
  search: {elasticsearch: {urls: [http://search:9200], api_key: "${file:secret}"}}
streams:
  a:
    source: {direct_put: {}}
    destination:
      splunk: {hec_endpoint: http://splunk, hec_token: "${file:`+dir+`/secret}", event: {index: "${file:secret}"}, s3_backup: {bucket: failed}}
  b:
    source: {direct_put: {}}
    destination:
      http_endpoint:
        url: http://endpoint
        format: ndjson
        bearer_token: "x${file:secret}"
        secret_headers: {X-Key: "${file:secret}", X-Other: "$${file:secret}"}
        s3_backup: {bucket: failed}
  c:
    source: {direct_put: {}}
    destination: {elasticsearch: {connection: search, index_name: x, s3_backup: {bucket: failed}}}
`), environment)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s := c.Stream("a").Destination.Config.(*splunk.Config)
	h := c.Stream("b").Destination.Config.(*httpendpoint.Config)
	e := c.Stream("c").Destination.Config.(*elasticsearch.Config)
	expect := func(when string, want map[string]string) {
		t.Helper()
		for place, got := range map[string]string{
			"token": s.HECToken.Reveal(), "index": s.Event.Index, "bearer": h.BearerToken.Reveal(),
			"key": h.SecretHeaders["X-Key"].Reveal(), "other": h.SecretHeaders["X-Other"].Reveal(), "shared": e.APIKey.Reveal(),
		} {
			if got != want[place] {
				t.Errorf("%s: %s is %q, want %q", when, place, got, want[place])
			}
		}
	}
	expect("first", map[string]string{"token": "old", "index": "old", "bearer": "xold", "key": "old", "other": "${file:secret}", "shared": "old"})
	write("another\n")
	expect("then", map[string]string{"token": "another", "index": "old", "bearer": "xold", "key": "another", "other": "${file:secret}", "shared": "another"})

	// Work that was left behind finds them, too.
	again, err := LoadSnapshot(c.Stream("a").Snapshot, environment)
	if err != nil {
		t.Fatal(err)
	}
	write("third\n")
	if got := again.Destination.Config.(*splunk.Config).HECToken.Reveal(); got != "third" {
		t.Errorf("the token of a snapshot is %q", got)
	}
}
