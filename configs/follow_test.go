package configs

import "testing"

func TestTheShortFormOfASourceMeansTheSame(t *testing.T) {
	load := func(source string) *Stream {
		t.Helper()
		c, problems := Parse("x.yaml", ".", []byte(`{streams: {all: {source: {direct_put: {}}, destination: {s3: {bucket: lake, prefix: a/}}},
			some: {source: {stream: `+source+`}, destination: {s3: {bucket: lake, prefix: b/}}}}}`), func(string) (string, bool) { return "all", true })
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		return c.Stream("some")
	}
	short, long := load("all"), load("{name: all}")
	if short.Hash != long.Hash {
		t.Errorf("the snapshots differ:\n%s\n%s", short.Snapshot, long.Snapshot)
	}
	want := StreamSource{Name: "all", StartAt: StartOldest}
	for _, s := range []*Stream{short, long, load(`"${LEADER}"`)} {
		if got := s.follows(); got == nil || *got != want {
			t.Errorf("source is %+v, want %+v", got, want)
		}
	}
	if got := load("{name: all, start_at: Newest}").follows(); got.StartAt != StartNewest {
		t.Errorf("start_at is %q", got.StartAt)
	}
}

// TestASnapshotNeedsNoLeader: it holds one stream, and finishes what that one
// has begun whatever became of the other.
func TestASnapshotNeedsNoLeader(t *testing.T) {
	c, problems := Parse("x.yaml", ".", []byte(`{streams: {all: {source: {direct_put: {}}, destination: {s3: {bucket: lake, prefix: a/}}},
		some: {source: {stream: all}, destination: {s3: {bucket: lake, prefix: b/}}}}}`), environment)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := LoadSnapshot(c.Stream("some").Snapshot, environment)
	if err != nil {
		t.Fatal(err)
	}
	if s.follows() == nil || s.follows().Name != "all" || s.Hash != c.Stream("some").Hash {
		t.Errorf("the snapshot is of %+v", s)
	}
}
