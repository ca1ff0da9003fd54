package buffer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// TestTheJournalOfAFollowerIsDamaged: where it was is lost, and no record.
func TestTheJournalOfAFollowerIsDamaged(t *testing.T) {
	root := t.TempDir()
	fsys, err := vfs.OS(root)
	if err != nil {
		t.Fatal(err)
	}
	x := newFan(t, fsys, DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 300)
	f := x.follow("f", "all", Oldest)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	x.done(x.take(f.Feeds()[1], 100))
	x.drain(x.log("all", 1))
	x.close()
	journals, err := filepath.Glob(filepath.Join(root, "streams", "*", "follows", "*", "00", "journal"))
	if err != nil || len(journals) != 1 {
		t.Fatalf("journals of followers: %v, %v", journals, err)
	}
	if err := os.WriteFile(journals[0], make([]byte, 9000), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := CheckDir(fsys)
	if err != nil || len(report.Damages) == 0 {
		t.Errorf("check: %v, damages %v", err, report.Damages)
	}
	x.openDir()
	f = x.follow("f", "all", Newest)
	if len(x.dmg) == 0 {
		t.Error("nothing was reported")
	}
	got := x.drain(f)
	if lost := missing(want[100:], got); len(lost) > 0 {
		t.Errorf("missing %q", lost)
	}
	x.expect(f, Ledger{Accepted: count(got), Delivered: count(got)})
	x.expect(x.log("all", 1), Ledger{Accepted: count(want), Delivered: count(want)})
}

// TestDamagedRecordsAreLostForEveryStream: each has it in its own account.
func TestDamagedRecordsAreLostForEveryStream(t *testing.T) {
	root := t.TempDir()
	fsys, err := vfs.OS(root)
	if err != nil {
		t.Fatal(err)
	}
	x := newFan(t, fsys, DirOptions{})
	x.follow("a", "all", Oldest)
	x.follow("b", "all", Oldest)
	want := numbered(1, 90)
	for i := range 9 {
		x.append(x.log("all", 1), want[10*i:10*i+10]...)
	}
	if err := x.log("b", 1).Unfollow(); err != nil {
		t.Fatal(err)
	}
	x.close()
	segments, err := filepath.Glob(filepath.Join(root, "streams", "*", "shards", "00", "log", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range segments {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.Index(string(data), "record 35"); i > 0 {
			data[i] ^= 4
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	x.openDir()
	left := append(append([]string{}, want[:30]...), want[40:]...)
	b := x.log("b", 1)
	for _, l := range []*Log{x.log("all", 1), x.follow("a", "all", Oldest), b} {
		if l == b {
			if err := b.Unfollow(); err != nil {
				t.Fatal(err)
			}
		}
		diff(t, l.stream, left, x.drain(l))
		x.expect(l, Ledger{Accepted: count(want), Delivered: count(left), Lost: count(want[30:40])})
	}
	if len(x.dmg) != 3 {
		t.Errorf("damages: %v, want one for each stream", x.dmg)
	}
}

// edit changes a file, durably.
func edit(t *testing.T, disk *crashfs.FS, name string, change func([]byte) []byte) {
	t.Helper()
	if err := disk.Edit(name, change); err != nil {
		t.Fatal(err)
	}
}

func zero(text []byte) []byte { return make([]byte, len(text)) }

// newer makes a file one of the next format version.
func newer(text []byte) []byte {
	binary.LittleEndian.PutUint32(text[8:], segment.Version+1)
	binary.LittleEndian.PutUint32(text[4092:], segment.Sum(text[:4092]))
	return text
}

// journalOf returns the path of a follower's journal of shard 0.
func (x *fan) journalOf(name, leader string) string {
	return x.log(name, 1).path + "/follows/" + filepath.Base(x.log(leader, 1).path) + "/00/journal"
}

// TestAStartThatDiesForgetsNoFollowerWithADamagedJournal stops the power at
// every operation of a start that finds the journal of a follower damaged.
func TestAStartThatDiesForgetsNoFollowerWithADamagedJournal(t *testing.T) {
	disk := crashfs.New()
	x := newFan(t, disk, DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 200)
	x.follow("f", "all", Oldest)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	x.drain(x.log("all", 1))
	journal := x.journalOf("f", "all")
	x.close()
	edit(t, disk, journal, zero)

	var left []*crashfs.FS
	var mu sync.Mutex
	disk.Observe(func(crashfs.Op) {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, disk.KillClone(), disk.CrashClone(uint64(len(left)), crashfs.Modes()[len(left)%len(crashfs.Modes())]))
	})
	x.openDir()
	x.log("all", 1)
	x.close()
	disk.Observe(nil)
	for i, fsys := range left {
		y := newFan(t, fsys, DirOptions{SegmentSize: smallSegment})
		y.log("all", 1) // alone, and it may delete what nobody needs
		y.reopen()
		if got := y.drain(y.follow("f", "all", Newest)); len(got) != len(want) {
			t.Fatalf("after operation %d of %d: f has %d records, want %d", i/2, len(left)/2, len(got), len(want))
		}
		y.close()
	}
}

// TestASegmentThatIsNothingButZerosCostsItsOwnRecords: the other streams have
// passed it and the ones behind it, a follower has not.
func TestASegmentThatIsNothingButZerosCostsItsOwnRecords(t *testing.T) {
	disk := crashfs.New()
	x := newFan(t, disk, DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 300)
	x.follow("f", "all", Oldest)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	x.drain(x.log("all", 1))
	first, second := x.log("all", 1).shards[0].segs[0].path, x.log("all", 1).shards[0].segs[1].start
	x.close()
	edit(t, disk, first, zero)

	x.openDir()
	f := x.follow("f", "all", Oldest)
	got := x.drain(f)
	diff(t, "records", want[second.Records:], got)
	x.expect(f, Ledger{Accepted: count(want), Delivered: count(got), Lost: second})
	x.expect(x.log("all", 1), Ledger{Accepted: count(want), Delivered: count(want)})
}

func TestCheckSeesWhatOnlyAFollowerMisses(t *testing.T) {
	disk := crashfs.New()
	x := newFan(t, disk, DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 300)
	x.follow("f", "all", Oldest)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	x.drain(x.log("all", 1))
	shard := x.log("all", 1).shards[0]
	gone, next := shard.segs[0].path, shard.segs[1].first()
	x.close()
	if err := disk.Remove(gone); err != nil {
		t.Fatal(err)
	}
	for _, delivered := range []bool{false, true} {
		report, err := CheckDir(disk)
		if err != nil {
			t.Fatal(err)
		}
		var missing []Damage
		for _, d := range report.Damages {
			if d.First == 1 && d.Last == next-1 && !strings.Contains(d.Reason, "counted already") {
				missing = append(missing, d)
			}
		}
		if found := len(missing) == 1; found == delivered {
			t.Errorf("the follower has counted it %v: damages %v", delivered, report.Damages)
		}
		x.openDir()
		x.drain(x.follow("f", "all", Oldest))
		x.close()
	}
}

// TestALastEntryThatIsDamagedForgetsNoReturn: the entry before it says that the
// follower has left.
func TestALastEntryThatIsDamagedForgetsNoReturn(t *testing.T) {
	disk := crashfs.New()
	x := newFan(t, disk, DirOptions{SegmentSize: smallSegment})
	f := x.follow("f", "all", Oldest)
	x.append(x.log("all", 1), "old")
	x.drain(f)
	if err := f.Unfollow(); err != nil {
		t.Fatal(err)
	}
	x.follow("f", "all", Newest)
	want := numbered(1, 200)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	journal := x.journalOf("f", "all")
	crash := disk.KillClone() // a stop writes nothing more, but a start would
	edit(t, crash, journal, func(text []byte) []byte { text[len(text)-20] ^= 1; return text })

	y := newFan(t, crash, DirOptions{SegmentSize: smallSegment})
	y.drain(y.log("all", 1)) // f does not follow yet in this life
	y.reopen()
	if lost := missing(want, y.drain(y.follow("f", "all", Newest))); len(lost) > 0 {
		t.Errorf("missing %d records", len(lost))
	}
}

// TestAJournalOfANewerFormatIsLeftAlone: neither the log it holds nor the
// stream whose it is can be opened, and nothing is deleted.
func TestAJournalOfANewerFormatIsLeftAlone(t *testing.T) {
	disk := crashfs.New()
	x := newFan(t, disk, DirOptions{SegmentSize: smallSegment})
	want := numbered(1, 200)
	x.follow("f", "all", Oldest)
	for _, r := range want {
		x.append(x.log("all", 1), r)
	}
	x.drain(x.log("all", 1))
	journal := x.journalOf("f", "all")
	x.close()
	var before []byte
	edit(t, disk, journal, func(text []byte) []byte { before = bytes.Clone(text); return newer(text) })

	x.openDir()
	for _, name := range []string{"all", "f"} {
		if _, err := x.dir.OpenLog(name, LogOptions{}); !errors.Is(err, segment.ErrVersion) || !strings.Contains(err.Error(), journal) {
			t.Errorf("open %s: %v, want ErrVersion and the name of the file", name, err)
		}
	}
	x.close()
	edit(t, disk, journal, func([]byte) []byte { return before })
	x.openDir()
	diff(t, "records", want, x.drain(x.follow("f", "all", Newest)))
	x.undamaged()
}

// TestNobodyFollowsALogThatIsBeingClosed: no file is open afterwards.
func TestNobodyFollowsALogThatIsBeingClosed(t *testing.T) {
	for range 50 {
		disk := crashfs.New()
		x := newFan(t, disk, DirOptions{})
		leader, f := x.log("all", 2), x.log("f", 1)
		over := make(chan error)
		go func() { over <- leader.Close() }()
		if err := f.Follow(leader, Oldest); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("follow: %v, want ErrClosed", err)
		}
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		x.close()
		if n := disk.OpenHandles(); n > 0 {
			t.Fatalf("%d files are open", n)
		}
	}
}
