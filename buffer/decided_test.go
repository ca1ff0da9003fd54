package buffer

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

func decide(t *testing.T, l *Log, text string) (string, error) {
	t.Helper()
	got, err := l.Decide("schema.json", func() ([]byte, error) { return []byte(text), nil })
	return string(got), err
}

func TestDecisionIsTakenOnce(t *testing.T) {
	r := newRig(t, DirOptions{})
	refused := errors.New("not yet")
	if _, err := r.log.Decide("schema.json", func() ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("err = %v", err)
	}
	for _, text := range []string{"first", "second"} {
		if got, err := decide(t, r.log, text); got != "first" || err != nil {
			t.Errorf("decided %q, %v; want first", got, err)
		}
	}
	if got, err := Decided(r.fs, "clicks", "schema.json"); string(got) != "first" || err != nil {
		t.Errorf("beside the process: %q, %v", got, err)
	}
	for _, name := range []string{"clicks", "other"} {
		if _, err := Decided(r.fs, name, "else.json"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: err = %v, want fs.ErrNotExist", name, err)
		}
	}
}

// decisionFaults are what may fail on the way to a decision.
var decisionFaults = []crashfs.Fault{
	{}, // nothing
	{On: crashfs.OpCreate, Path: "schema.json.new", Times: 1, Err: syscall.ENOSPC},
	{On: crashfs.OpWrite, Path: "schema.json.new", Times: 1, Err: syscall.ENOSPC, Keep: 2},
	{On: crashfs.OpSync, Path: "schema.json.new", Times: 1, Err: syscall.EIO, Drop: true},
	{On: crashfs.OpRename, Path: "schema.json.new", Times: 1, Err: syscall.EIO},
	{On: crashfs.OpSyncDir, Path: "streams/*", Times: 1, Err: syscall.EIO},
}

// Whatever fails on the way to a decision, and whatever is lost with the
// power right after: what Decide returned is what it returns from then on.
func TestDecisionSurvivesWhateverFails(t *testing.T) {
	for _, f := range decisionFaults {
		t.Run(f.String(), func(t *testing.T) {
			for _, mode := range crashfs.Modes() {
				r, disk := newDiskRig(t, DirOptions{})
				if f.Err != nil {
					disk.Inject(f)
				}
				first, err := decide(t, r.log, "first")
				if f.Err != nil && err == nil {
					t.Fatal("the fault went unseen")
				}
				killed := &rig{t: t, fs: disk.KillClone(), o: r.o}
				killed.open()
				second, err := decide(t, killed.log, "second")
				if err != nil {
					t.Fatal(err)
				}
				if first != "" && second != first {
					t.Errorf("decided %q and then %q", first, second)
				}
				lost := &rig{t: t, fs: killed.fs.(*crashfs.FS).CrashClone(1, mode), o: r.o}
				killed.close()
				lost.open()
				if third, err := decide(t, lost.log, "third"); third != second || err != nil {
					t.Errorf("%v: decided %q and after a power loss %q, %v", mode, second, third, err)
				}
				lost.close()
			}
		})
	}
}

func revise(l *Log, text string) (was, is string, err error) {
	got, err := l.Revise("schema.json", func(decided []byte) ([]byte, error) {
		was = string(decided)
		return []byte(text), nil
	})
	return was, string(got), err
}

func TestDecisionIsRevised(t *testing.T) {
	r := newRig(t, DirOptions{})
	for _, step := range []struct{ was, is string }{{"", "first"}, {"first", "second"}, {"second", "second"}, {"second", "third"}} {
		if was, is, err := revise(r.log, step.is); was != step.was || is != step.is || err != nil {
			t.Errorf("%q was revised to %q, %v; want %q to %q", was, is, err, step.was, step.is)
		}
	}
	refused := errors.New("not now")
	if _, err := r.log.Revise("schema.json", func([]byte) ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("err = %v", err)
	}
	if got, err := decide(t, r.log, "fourth"); got != "third" || err != nil {
		t.Errorf("decided %q, %v; want third", got, err)
	}
}

// Two revise from what the other made of it.
func TestRevisionsFollowEachOther(t *testing.T) {
	r := newRig(t, DirOptions{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.log.Revise("schema.json", func(decided []byte) ([]byte, error) { return append(decided, 'x'), nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := decide(t, r.log, ""); got != "xxxxxxxx" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// Whatever fails on the way to a revision, the one or the other is decided,
// whole; and the other, once Revise returned it.
func TestRevisionSurvivesWhateverFails(t *testing.T) {
	for _, f := range decisionFaults {
		t.Run(f.String(), func(t *testing.T) {
			for _, mode := range crashfs.Modes() {
				r, disk := newDiskRig(t, DirOptions{})
				if _, err := decide(t, r.log, "first"); err != nil {
					t.Fatal(err)
				}
				if f.Err != nil {
					disk.Inject(f)
				}
				_, _, err := revise(r.log, "second")
				if f.Err != nil && err == nil {
					t.Fatal("the fault went unseen")
				}
				killed := &rig{t: t, fs: disk.KillClone(), o: r.o}
				killed.open()
				seen, goon := decide(t, killed.log, "third")
				if seen != "second" && (err == nil || seen != "first") || goon != nil {
					t.Errorf("%q is decided, %v, after %v", seen, goon, err)
				}
				lost := &rig{t: t, fs: killed.fs.(*crashfs.FS).CrashClone(1, mode), o: r.o}
				killed.close()
				lost.open()
				if kept, err := decide(t, lost.log, "third"); kept != seen || err != nil {
					t.Errorf("%v: decided %q and after a power loss %q, %v", mode, seen, kept, err)
				}
				lost.close()
			}
		})
	}
}
