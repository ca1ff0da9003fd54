package configs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/sinks/s3"
)

const shared = `
server: {data_dir: /elsewhere}
connections:
  lake:
    s3: {endpoint: "http://minio:9000", access_key_id: "${S3_ACCESS_KEY_ID}", secret_access_key: "${file:secret}"}
  unused:
    s3: {endpoint: "http://other:9000"}
streams:
  clicks:
    shards: ${SHARDS}
    source: {direct_put: {}}
    destination: {s3: {connection: lake, bucket: lake, prefix: clicks/}}
  orders:
    source: {direct_put: {}}
    destination: {s3: {bucket: lake, prefix: orders/}}
`

func loadShared(t *testing.T, dir, text, secret string) *Stream {
	t.Helper()
	write(t, dir, "secret", secret)
	c, problems := Parse("test.yaml", dir, []byte(text), environment)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return c.Stream("clicks")
}

func TestSnapshotOpensTheStreamAgainElsewhere(t *testing.T) {
	s := loadShared(t, t.TempDir(), shared, "canary")
	t.Chdir(t.TempDir())
	again, err := LoadSnapshot(s.Snapshot, environment)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Snapshot)
	}
	if again.Hash != s.Hash || !again.Equal(s) || string(again.Snapshot) != string(s.Snapshot) {
		t.Errorf("the snapshot of a snapshot differs:\n%s", cmp.Diff(string(s.Snapshot), string(again.Snapshot)))
	}
	config := again.Destination.Config.(*s3.Config)
	if again.Name != "clicks" || again.Shards != 4 || config.Endpoint != "http://minio:9000" || config.SecretAccessKey.Reveal() != "canary" {
		t.Errorf("stream = %+v, destination = %+v", again, config)
	}
}

func TestSnapshotHoldsNoContentOfVariables(t *testing.T) {
	s := loadShared(t, t.TempDir(), shared, "canary-in-a-file")
	for _, not := range []string{"canary", "AKIDEXAMPLE", "unused", "orders", "/elsewhere"} {
		if strings.Contains(string(s.Snapshot), not) {
			t.Errorf("%q is in the snapshot:\n%s", not, s.Snapshot)
		}
	}
}

func TestHashIsOfTheMeaningNotTheLayout(t *testing.T) {
	dir := t.TempDir()
	base := loadShared(t, dir, shared, "canary")
	for name, test := range map[string]struct {
		old, new string
		same     bool
	}{
		"comment":          {"shards: ${SHARDS}", "shards: ${SHARDS} # four", true},
		"order":            {"bucket: lake, prefix: clicks/", "prefix: clicks/, bucket: lake", true},
		"quotes":           {"prefix: clicks/", `prefix: "clicks/"`, true},
		"another stream":   {"prefix: orders/", "prefix: purchases/", true},
		"server":           {"/elsewhere", "/here", true},
		"other connection": {"http://other", "http://another", true},
		"prefix":           {"prefix: clicks/", "prefix: other/", false},
		"connection":       {"http://minio", "http://minio2", false},
		"variable":         {"shards: ${SHARDS}", "shards: 4", false},
		"field more":       {"prefix: clicks/", "prefix: clicks/, compression_format: GZIP", false},
	} {
		changed := strings.Replace(shared, test.old, test.new, 1)
		if changed == shared {
			t.Fatalf("%s changes nothing", name)
		}
		s := loadShared(t, dir, changed, "canary")
		if same := s.Hash == base.Hash; same != test.same {
			t.Errorf("%s: same hash = %v, want %v\n%s", name, same, test.same, cmp.Diff(string(base.Snapshot), string(s.Snapshot)))
		}
		if s.Equal(base) != test.same {
			t.Errorf("%s: Equal = %v, want %v", name, !test.same, test.same)
		}
	}
}

// TestRotatedSecretIsAChange is why Equal is not only the hash: the snapshot
// must not tell of secrets, and a reload must see them change.
func TestRotatedSecretIsAChange(t *testing.T) {
	dir := t.TempDir()
	before, after := loadShared(t, dir, shared, "old"), loadShared(t, dir, shared, "new")
	if before.Hash != after.Hash {
		t.Error("the hash tells of a secret")
	}
	if before.Equal(after) {
		t.Error("a rotated secret is no change")
	}
}

func TestSnapshotThatCannotBeOpenedSaysWhy(t *testing.T) {
	s := loadShared(t, t.TempDir(), shared, "canary")
	_, err := LoadSnapshot(s.Snapshot, func(string) (string, bool) { return "", false })
	if err == nil || !strings.Contains(err.Error(), "S3_ACCESS_KEY_ID is not set") {
		t.Errorf("err = %v", err)
	}
	if _, err := LoadSnapshot([]byte("version: 1\n"), environment); err == nil {
		t.Error("a snapshot without a stream was opened")
	}
}
