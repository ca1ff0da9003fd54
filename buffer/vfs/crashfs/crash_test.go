package crashfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

var (
	nothing    = Mode{DataNone, DirsNone}
	everything = Mode{DataAll, DirsAll}
)

func TestOnlySyncedDataSurvives(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	must(t, f.SyncDir("."))
	mustWrite(t, a, "synced", 0)
	must(t, a.Sync())
	mustWrite(t, a, "+pending", 6)
	must(t, a.Close()) // which syncs nothing

	wantContents(t, f.CrashClone(1, nothing), "a", "synced")
	wantContents(t, f.CrashClone(1, everything), "a", "synced+pending")
	wantContents(t, f, "a", "synced+pending")
}

func TestNamesNeedTheirDirectorySynced(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	mustWrite(t, a, "x", 0)
	must(t, a.Sync())
	wantFiles(t, f.CrashClone(1, nothing))
	must(t, f.SyncDir("."))
	wantFiles(t, f.CrashClone(1, nothing), "a")

	must(t, f.Rename("a", "b"))
	wantFiles(t, f.CrashClone(1, nothing), "a")
	must(t, f.SyncDir("."))
	wantFiles(t, f.CrashClone(1, nothing), "b")

	must(t, f.Remove("b"))
	wantFiles(t, f.CrashClone(1, nothing), "b")
	must(t, f.SyncDir("."))
	wantFiles(t, f.CrashClone(1, nothing))
}

// Syncing a directory does not save the directory's own name.
func TestDirectoriesNeedTheirParentSynced(t *testing.T) {
	f := New()
	must(t, f.Mkdir("d"))
	mustCreate(t, f, "d/a")
	must(t, f.SyncDir("d"))
	wantFiles(t, f.CrashClone(1, nothing))
	must(t, f.SyncDir("."))
	wantFiles(t, f.CrashClone(1, nothing), "d/a")
}

func TestPrefixIsAPrefix(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	want := ""
	for i := range 5 {
		part := strings.Repeat(string(rune('a'+i)), 700)
		mustWrite(t, a, part, int64(len(want)))
		want += part
	}
	lengths := map[int]bool{}
	for seed := range uint64(300) {
		got := contents(t, f.CrashClone(seed, Mode{DataPrefix, DirsAll}), "a")
		if !strings.HasPrefix(want, got) {
			t.Fatalf("seed %d: %q... is not a prefix of what was written", seed, got[:min(20, len(got))])
		}
		lengths[len(got)] = true
	}
	if !lengths[0] || !lengths[len(want)] || len(lengths) < 50 {
		t.Errorf("300 seeds gave only %d lengths, none of them: %v, all of it: %v", len(lengths), lengths[0], lengths[len(want)])
	}
}

// Every sector is as it was at some moment, and over the seeds every
// combination of sectors turns up.
func TestSectorsAreLostOneByOne(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	mustWrite(t, a, strings.Repeat("0", 4*sectorSize), 0)
	must(t, a.Sync())
	mustWrite(t, a, strings.Repeat("1", 4*sectorSize), 0)
	mustWrite(t, a, strings.Repeat("2", 2*sectorSize), sectorSize)
	seen := map[string]bool{}
	for seed := range uint64(4000) {
		got := contents(t, f.CrashClone(seed, Mode{DataSectors, DirsAll}), "a")
		if len(got) != 4*sectorSize {
			t.Fatalf("seed %d: %d bytes left, although no write changed the size", seed, len(got))
		}
		var states string
		for at := 0; at < len(got); at += sectorSize {
			sector := got[at : at+sectorSize]
			if strings.Trim(sector, sector[:1]) != "" {
				t.Fatalf("seed %d: the sector at %d is a mixture", seed, at)
			}
			states += sector[:1]
		}
		seen[states] = true
	}
	if want := 2 * 3 * 3 * 2; len(seen) != want {
		t.Errorf("saw %d combinations of sectors, want all %d", len(seen), want)
	}
}

func TestSectorsLoseSizes(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	mustWrite(t, a, "12345", 0)
	must(t, a.Sync())
	must(t, a.Truncate(2))
	mustWrite(t, a, "678", 2000)
	sizes := map[int]bool{}
	for seed := range uint64(500) {
		got := contents(t, f.CrashClone(seed, Mode{DataSectors, DirsAll}), "a")
		sizes[len(got)] = true
		for i, b := range []byte(got) {
			old, cut, grown := "12345", "12", "678"
			switch {
			case b == 0:
			case i < 2 && b == cut[i], i < 5 && b == old[i], i >= 2000 && b == grown[i-2000]:
			default:
				t.Fatalf("seed %d: byte %d is %q", seed, i, b)
			}
		}
	}
	if !sizes[2] || !sizes[5] || !sizes[2003] {
		t.Errorf("sizes seen: %v, want 2, 5 and 2003", sizes)
	}
}

func TestZerosInPlaceOfNewData(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	mustWrite(t, a, "durable", 0)
	must(t, a.Sync())
	mustWrite(t, a, strings.Repeat("x", 3000), 7)
	zeros := 0
	for seed := range uint64(200) {
		got := contents(t, f.CrashClone(seed, Mode{DataZeros, DirsAll}), "a")
		if len(got) != 3007 || !strings.HasPrefix(got, "durable") || strings.Trim(got[7:], "x\x00") != "" {
			t.Fatalf("seed %d: %d bytes, %q...", seed, len(got), got[:20])
		}
		zeros += strings.Count(got, "\x00")
	}
	if zeros == 0 || zeros == 200*3000 {
		t.Errorf("%d of %d bytes are zero, want some", zeros, 200*3000)
	}
}

func TestOrderedKeepsAPrefixOfAllDirectories(t *testing.T) {
	f := New()
	must(t, f.Mkdir("d"))
	must(t, f.Mkdir("e"))
	must(t, f.SyncDir("."))
	for i := range 6 {
		mustCreate(t, f, fmt.Sprintf("%c/%d", 'd'+rune(i%2), i))
	}
	seen := map[int]bool{}
	for seed := range uint64(200) {
		var kept []int
		for _, name := range f.CrashClone(seed, Mode{DataNone, DirsOrdered}).Files() {
			kept = append(kept, int(name[2]-'0'))
		}
		slices.Sort(kept)
		for i, k := range kept {
			if i != k {
				t.Fatalf("seed %d: kept the creations %v, which is no prefix", seed, kept)
			}
		}
		seen[len(kept)] = true
	}
	if len(seen) != 7 {
		t.Errorf("saw prefixes of %d lengths, want all 7", len(seen))
	}
}

func TestWorstLosesNamesOneByOne(t *testing.T) {
	f := New()
	mustCreate(t, f, "a")
	must(t, f.SyncDir("."))
	must(t, f.Remove("a"))
	mustCreate(t, f, "b")
	mustCreate(t, f, "c")
	seen := map[string]bool{}
	for seed := range uint64(300) {
		seen[fmt.Sprint(f.CrashClone(seed, Mode{DataNone, DirsWorst}).Files())] = true
	}
	if len(seen) != 8 {
		t.Errorf("saw %d combinations, want all 8: %v", len(seen), seen)
	}
}

// Between the names of a rename there is no moment without either.
func TestRenameIsAtomicInItsDirectory(t *testing.T) {
	f := New()
	must(t, f.Mkdir("d"))
	for name, data := range map[string]string{"d/a": "old", "d/a.new": "new"} {
		file := mustCreate(t, f, name)
		mustWrite(t, file, data, 0)
		must(t, file.Sync())
	}
	must(t, f.SyncDir("d"))
	must(t, f.SyncDir("."))
	must(t, f.Rename("d/a.new", "d/a"))
	for _, m := range Modes() {
		for seed := range uint64(20) {
			c := f.CrashClone(seed, m)
			got := contents(t, c, "d/a")
			if got != "old" && got != "new" || (got == "old") != slices.Contains(c.Files(), "d/a.new") {
				t.Fatalf("%v, seed %d: a holds %q beside %v", m, seed, got, c.Files())
			}
		}
	}
}

func TestClonesAreIndependent(t *testing.T) {
	f := New()
	a := mustCreate(t, f, "a")
	mustWrite(t, a, strings.Repeat("x", 10_000), 0)
	c := f.CrashClone(1, everything)
	d := c.CrashClone(1, everything)
	for fsys, mark := range map[*FS]string{f: "f", c: "c", d: "d"} {
		w, err := fsys.OpenWrite("a")
		must(t, err)
		mustWrite(t, w, mark, 5000)
		must(t, w.Truncate(6000))
		must(t, w.Close())
	}
	for fsys, mark := range map[*FS]string{f: "f", c: "c", d: "d"} {
		want := strings.Repeat("x", 5000) + mark + strings.Repeat("x", 999)
		if got := contents(t, fsys, "a"); got != want {
			t.Errorf("%s holds %q at 5000", mark, got[4998:5002])
		}
	}
}

func TestEqualSeedsGiveEqualClones(t *testing.T) {
	f := New()
	for i := range 5 {
		a := mustCreate(t, f, fmt.Sprint(i))
		for j := range 5 {
			mustWrite(t, a, strings.Repeat("x", 300), int64(j*250))
		}
	}
	image := func(seed uint64, m Mode) string {
		c := f.CrashClone(seed, m)
		s := c.String()
		for _, name := range c.Files() {
			s += contents(t, c, name)
		}
		return s
	}
	for _, m := range Modes() {
		if first, second := image(7, m), image(7, m); first != second {
			t.Errorf("%v: two clones of one seed differ", m)
		}
	}
	if image(7, Mode{DataSectors, DirsWorst}) == image(8, Mode{DataSectors, DirsWorst}) {
		t.Error("two seeds gave the same clone")
	}
}

// A killed process leaves everything readable and nothing more durable.
func TestKillKeepsThePageCache(t *testing.T) {
	f := New()
	held, err := f.Lock("LOCK")
	must(t, err)
	a := mustCreate(t, f, "a")
	must(t, f.SyncDir("."))
	mustWrite(t, a, "pending", 0)
	must(t, f.Rename("a", "b"))

	k := f.KillClone()
	wantContents(t, k, "b", "pending")
	again, err := k.Lock("LOCK")
	must(t, err)
	must(t, again.Close())
	wantContents(t, k.CrashClone(1, nothing), "a", "")
	must(t, k.SyncDir("."))
	b, err := k.OpenWrite("b")
	must(t, err)
	must(t, b.Sync())
	wantContents(t, k.CrashClone(1, nothing), "b", "pending")
	wantContents(t, f.CrashClone(1, nothing), "a", "")
	must(t, held.Close())
}

func TestCrashReleasesLocks(t *testing.T) {
	f := New()
	_, err := f.Lock("LOCK")
	must(t, err)
	if _, err := f.CrashClone(1, everything).Lock("LOCK"); err != nil {
		t.Error(err)
	}
	if _, err := f.Lock("LOCK"); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("the original lost its lock: %v", err)
	}
}

func TestEditIsDurable(t *testing.T) {
	f := New()
	mustWrite(t, mustCreate(t, f, "a"), "abc", 0)
	must(t, f.SyncDir("."))
	must(t, f.Edit("a", func(b []byte) []byte { return append(bytes.ToUpper(b), '!') }))
	wantContents(t, f.CrashClone(1, nothing), "a", "ABC!")
	if err := f.Edit("b", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Edit of a missing file = %v", err)
	}
}

func BenchmarkCrashClone(b *testing.B) {
	f := New()
	for i := range 20 {
		name := fmt.Sprint(i)
		a, err := f.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		for j := range 4 {
			a.WriteAt(make([]byte, 4000), int64(4000*j))
			if j == 2 {
				a.Sync()
			}
		}
	}
	f.SyncDir(".")
	for _, m := range []Mode{nothing, {DataSectors, DirsWorst}} {
		b.Run(m.String(), func(b *testing.B) {
			b.ReportAllocs()
			for seed := range uint64(b.N) {
				f.CrashClone(seed, m)
			}
		})
	}
}

func mustCreate(t *testing.T, f *FS, name string) vfs.File {
	t.Helper()
	file, err := f.Create(name)
	must(t, err)
	return file
}

func mustWrite(t *testing.T, f vfs.File, data string, off int64) {
	t.Helper()
	_, err := f.WriteAt([]byte(data), off)
	must(t, err)
}

func contents(t *testing.T, f *FS, name string) string {
	t.Helper()
	b, err := f.ReadFile(name)
	must(t, err)
	return string(b)
}

func wantContents(t *testing.T, f *FS, name, want string) {
	t.Helper()
	if got := contents(t, f, name); got != want {
		t.Errorf("%s holds %q, want %q", name, got, want)
	}
}

func wantFiles(t *testing.T, f *FS, want ...string) {
	t.Helper()
	if got := f.Files(); !slices.Equal(got, want) {
		t.Errorf("files are %q, want %q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
