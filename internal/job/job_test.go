package job

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openStore opens the jobs of a fresh data directory, with the lock of stream
// s.
func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lock, err := s.Lock("s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	return s
}

func entry(key string) object.Entry { return object.Entry{Key: key, Size: 10, Tag: "tag of " + key} }

func create(t *testing.T, s *Store, m Manifest) *Job {
	t.Helper()
	m.Stream = "s"
	j, err := s.Create(m)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func list(t *testing.T, s *Store) []*Job {
	t.Helper()
	jobs, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestJobsAreListedAsTheyWereMade(t *testing.T) {
	s := openStore(t)
	if jobs := list(t, s); len(jobs) != 0 {
		t.Errorf("jobs in a fresh directory: %v", jobs)
	}
	first := create(t, s, Manifest{Kind: Replay, From: "a", Inputs: []Input{{Entry: entry("k"), Lines: lines(1, 3)}}, Decisions: map[string][]byte{"x": {0, 1}}})
	second := create(t, s, Manifest{Kind: Backfill, From: "b", Source: "c"})
	if first.ID == second.ID {
		t.Errorf("two jobs are called %s", first.ID)
	}
	third := create(t, s, Manifest{Kind: Backfill})
	jobs := list(t, s)
	if len(jobs) != 3 {
		t.Fatalf("%d jobs", len(jobs))
	}
	if diff := cmp.Diff([]Manifest{first.Manifest, second.Manifest, third.Manifest}, []Manifest{jobs[0].Manifest, jobs[1].Manifest, jobs[2].Manifest}); diff != "" {
		t.Errorf("jobs (-made +listed):\n%s", diff)
	}
	if got := Unfinished(jobs, Replay, "s"); got == nil || got.ID != first.ID {
		t.Errorf("unfinished: %v", got)
	}
	if got := Unfinished(jobs, Replay, "other"); got != nil {
		t.Errorf("unfinished of another stream: %v", got.ID)
	}
}

func TestLookingMakesNoDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if jobs := list(t, s); len(jobs) != 0 {
		t.Error(jobs)
	}
	if d, err := s.Decisions("s"); err != nil || len(d) != 0 {
		t.Error(d, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("there is a data directory now")
	}
}

func TestOneJobOfAStreamAtATime(t *testing.T) {
	s := openStore(t)
	other, err := OpenStore(s.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Lock("s"); err == nil || !strings.Contains(err.Error(), "another job of stream s is running") {
		t.Errorf("second lock: %v", err)
	}
	lock, err := other.Lock("t")
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
}

// TestADirectoryWithoutJobIsNoJob: the process died before it began.
func TestADirectoryWithoutJobIsNoJob(t *testing.T) {
	s := openStore(t)
	j := create(t, s, Manifest{Kind: Replay})
	name := filepath.Join(s.root, Dir, j.ID, jobName)
	if err := os.Rename(name, name+".new"); err != nil {
		t.Fatal(err)
	}
	if jobs := list(t, s); len(jobs) != 0 {
		t.Errorf("listed: %v", jobs[0])
	}
}

// TestADamagedJobStopsEverything: going on without it would deliver again.
func TestADamagedJobStopsEverything(t *testing.T) {
	s := openStore(t)
	j := create(t, s, Manifest{Kind: Replay})
	name := filepath.Join(s.root, Dir, j.ID, jobName)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] ^= 1
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.List(); err == nil {
			t.Fatalf("bit 0 of byte %d is wrong and nobody notices", i)
		}
		text[i] ^= 1
	}
}

func TestTakenIsWhatJobsTook(t *testing.T) {
	a, b, c := entry("a"), entry("b"), entry("c")
	done := func(accepted uint64, abandoned bool, input int) *Result {
		return &Result{Ledger: buffer.Ledger{Accepted: buffer.Count{Records: accepted}}, Abandoned: abandoned, Mark: mark{Input: input}}
	}
	jobs := []*Job{
		{Manifest: Manifest{Kind: Replay, Stream: "s", From: "p", Inputs: []Input{{a, lines(1, 2)}, {b, lines(5)}}}, Result: done(3, false, 0)},
		// Of this one only three lines were taken in.
		{Manifest: Manifest{Kind: Replay, Stream: "s", From: "p", Inputs: []Input{{a, lines(4, 5)}, {b, lines(6, 7, 8)}, {c, lines(1)}}}, Result: done(3, true, 0)},
		{Manifest: Manifest{Kind: Replay, Stream: "s", From: "p", Inputs: []Input{{b, lines(9)}}}}, // not finished
		{Manifest: Manifest{Kind: Replay, Stream: "t", From: "p", Inputs: []Input{{a, lines(10)}}}},
		{Manifest: Manifest{Kind: Replay, Stream: "s", From: "q", Inputs: []Input{{a, lines(11)}}}},
		{Manifest: Manifest{Kind: Backfill, Stream: "s", From: "p", Inputs: []Input{{Entry: a}, {Entry: b}, {Entry: c}}}, Result: done(7, true, 1)},
	}
	taken := Take(jobs, Replay, "s", "p")
	for e, want := range map[object.Entry]Lines{a: lines(1, 2, 4, 5), b: lines(5, 6, 9), c: nil} {
		if diff := cmp.Diff(want, taken.Lines(e)); diff != "" {
			t.Errorf("lines of %s (-want +got):\n%s", e.Key, diff)
		}
	}
	a.Tag = "another"
	if l := taken.Lines(a); l != nil {
		t.Errorf("lines of another object of that name: %v", l)
	}
	backfilled := Take(jobs, Backfill, "s", "p")
	for e, want := range map[object.Entry]bool{entry("a"): true, b: false, c: false, a: false} {
		if backfilled.Whole(e) != want {
			t.Errorf("Whole(%v) = %v", e, !want)
		}
	}
}
