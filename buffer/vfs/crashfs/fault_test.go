package crashfs

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

func TestFaultsAreCountedAndChosenByPath(t *testing.T) {
	f := New()
	f.Inject(Fault{On: OpCreate, Path: "*.seg", After: 1, Times: 2, Err: syscall.EIO})
	for _, c := range []struct {
		name string
		want error
	}{{"other", nil}, {"1.seg", nil}, {"2.seg", syscall.EIO}, {"3.seg", syscall.EIO}, {"4.seg", nil}} {
		if _, err := f.Create(c.name); !errors.Is(err, c.want) {
			t.Errorf("Create(%q) = %v, want %v", c.name, err, c.want)
		}
	}
	wantFiles(t, f, "1.seg", "4.seg", "other")
	if n := f.Heal(); n != 2 {
		t.Errorf("Heal = %d, want 2", n)
	}
}

func TestPatternWithASlashIsForThePath(t *testing.T) {
	f := New()
	must(t, f.Mkdir("d"))
	f.Inject(Fault{On: OpCreate, Path: "d/*", Err: syscall.EMFILE})
	if _, err := f.Create("d/a"); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Create(d/a) = %v", err)
	}
	mustCreate(t, f, "a")
}

// The pages are clean after a failed sync, so the next one succeeds and saves
// nothing: what PostgreSQL learned in 2018.
func TestFailedSyncForgets(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	must(t, f.SyncDir("."))
	mustWrite(t, a, "first", 0)
	f.Inject(Fault{On: OpSync, Times: 1, Drop: true, Err: syscall.EIO})
	if err := a.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Sync = %v", err)
	}
	must(t, a.Sync())
	wantContents(t, f, "a", "first") // a read-back proves nothing either
	wantContents(t, f.CrashClone(1, everything), "a", "")

	mustWrite(t, a, "later", 5)
	wantContents(t, f.CrashClone(1, everything), "a", "\x00\x00\x00\x00\x00later")
	must(t, a.Sync())
	wantContents(t, f.CrashClone(1, nothing), "a", "\x00\x00\x00\x00\x00later")
}

func TestLyingDisk(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	f.Inject(Fault{On: OpSync | OpSyncDir, Drop: true})
	mustWrite(t, a, "x", 0)
	must(t, a.Sync())
	must(t, f.SyncDir("."))
	wantFiles(t, f.CrashClone(1, everything))
	wantContents(t, f, "a", "x")
}

func TestShortWrite(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	f.Inject(Fault{On: OpWrite, Times: 1, Keep: 3, Err: syscall.EIO})
	if n, err := a.WriteAt([]byte("abcdef"), 0); n != 3 || !errors.Is(err, syscall.EIO) {
		t.Errorf("WriteAt = %d, %v, want 3 and EIO", n, err)
	}
	wantContents(t, f, "a", "abc")
}

func TestFullDisk(t *testing.T) {
	f := New()
	f.SetCapacity(10)
	a := mustCreate(t, f, "a")
	if n, err := a.WriteAt([]byte("0123456789abc"), 0); n != 10 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("WriteAt = %d, %v, want 10 and ENOSPC", n, err)
	}
	mustWrite(t, a, "x", 0) // no new space
	if _, err := f.Create("b"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Create on a full disk = %v", err)
	}
	if err := a.Truncate(11); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Truncate beyond the disk = %v", err)
	}
	must(t, a.Truncate(4))
	if free, total, err := f.Free(); free != 6 || total != 10 || err != nil {
		t.Errorf("Free = %d, %d, %v, want 6, 10", free, total, err)
	}
	must(t, f.Remove("a"))
	if free, _, _ := f.CrashClone(1, everything).Free(); free != 10 {
		t.Errorf("%d bytes are free after the file is gone, want 10", free)
	}
}

func TestReadFaults(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	mustWrite(t, a, "00000000", 0)
	f.Inject(
		Fault{On: OpRead, Times: 1, Flip: true},
		Fault{On: OpRead, After: 0, Times: 1, Err: syscall.EIO},
	)
	b := make([]byte, 8)
	if _, err := a.ReadAt(b, 0); err != nil || strings.Count(string(b), "0") != 7 {
		t.Errorf("the first read gives %q, %v, want one byte wrong", b, err)
	}
	if n, err := a.ReadAt(b, 0); n != 0 || !errors.Is(err, syscall.EIO) {
		t.Errorf("the second read = %d, %v, want EIO", n, err)
	}
	if _, err := a.ReadAt(b, 0); err != nil || string(b) != "00000000" {
		t.Errorf("the third read gives %q, %v", b, err)
	}
}

func TestSlowSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New()
		a := mustCreate(t, f, "a")
		f.Inject(Fault{On: OpSync, Delay: time.Minute})
		start := time.Now()
		must(t, a.Sync())
		if took := time.Since(start); took != time.Minute {
			t.Errorf("Sync took %v, want 1m", took)
		}
	})
}

func TestFaultPrints(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{On: OpSync, Path: "*.seg", After: 3, Times: 1, Drop: true, Err: syscall.EIO},
			`sync *.seg after 3 once: drops what is pending "input/output error"`},
		{Fault{On: OpWrite | OpTruncate, Keep: 512, Times: 2, Err: syscall.ENOSPC},
			`write|truncate 2 times: writes 512 bytes "no space left on device"`},
		{Fault{On: OpAny, Delay: time.Second}, `any always: takes 1s`},
		{Fault{On: OpRead, Flip: true}, `read always: flips a bit`},
	} {
		if got := c.fault.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestObserverSeesChanges(t *testing.T) {
	f := New()
	var seen []string
	f.Observe(func(op Op) {
		seen = append(seen, op.String())
		f.CrashClone(1, nothing) // must not deadlock
	})
	must(t, f.Mkdir("d"))
	a := mustCreate(t, f, "d/a")
	mustWrite(t, a, "abc", 2)
	must(t, a.Sync())
	must(t, a.Truncate(1))
	must(t, f.Rename("d/a", "d/b"))
	must(t, f.SyncDir("d"))
	f.Stat("d/b")
	must(t, f.Remove("d/b"))
	got := strings.Join(seen, "\n")
	want := "mkdir d\ncreate d/a\nwrite d/a 2+3\nsync d/a\ntruncate d/a 1\nrename d/a d/b\nsyncdir d\nremove d/b"
	if got != want {
		t.Errorf("saw:\n%s\nwant:\n%s", got, want)
	}
}

func TestOpenHandlesAreCounted(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	b, err := f.Open("a")
	must(t, err)
	f.Inject(Fault{On: OpClose, Times: 1, Err: syscall.EIO})
	if err := a.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close = %v", err)
	}
	if err := a.Close(); !errors.Is(err, fs.ErrClosed) { // a failed close has closed, as close(2)
		t.Errorf("second Close = %v", err)
	}
	if n := f.OpenHandles(); n != 1 {
		t.Errorf("%d handles are open, want 1", n)
	}
	must(t, b.Close())
	if n := f.OpenHandles(); n != 0 {
		t.Errorf("%d handles are open, want 0", n)
	}
}

var _ vfs.FS = (*FS)(nil)
