//go:build linux

package e2e

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

// smallDisk mounts a file system of its own at the program's data directory.
func smallDisk(t *testing.T, b *testbed.Bed, options string) {
	t.Helper()
	if err := os.Mkdir(b.DataDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("hydrant-test", b.DataDir(), "tmpfs", 0, options); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: a small file system needs root and the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(b.DataDir(), syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullDiskRefusesPutsAndRecoversByItself(t *testing.T) {
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), busy("raw"))
	smallDisk(t, b, "size=256m")
	b.Configure("  buffer: {segment_size: 4MiB}", b.StreamsYAML(""))
	b.Store.Stop()
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	until(t, "puts are refused", time.Minute, func() bool { return b.Calls().Refused > 20 })
	if calls := b.Calls(); calls.Lost > 0 {
		t.Errorf("calls without an answer: %+v", calls)
	}
	b.Store.Start()
	before := b.Calls().Acked
	until(t, "puts are accepted again", 2*time.Minute, func() bool { return b.Calls().Acked > before+1000 })
	stop()
	settle(t, b)
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

// A disk without inodes is as full as one without space.
func TestADiskWithoutInodesRefusesPutsAndRecoversByItself(t *testing.T) {
	s := busy("raw")
	s.Batch = 50
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), s)
	smallDisk(t, b, "size=1g,nr_inodes=60")
	b.Configure("  buffer: {segment_size: 1MiB}", b.StreamsYAML(""))
	b.Store.Stop()
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	until(t, "puts are refused", time.Minute, func() bool { return b.Calls().Refused > 20 })
	b.Store.Start()
	before := b.Calls().Acked
	until(t, "puts are accepted again", 2*time.Minute, func() bool { return b.Calls().Acked > before+1000 })
	stop()
	settle(t, b)
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

func TestAReadOnlyDiskIsRefusedWithAReason(t *testing.T) {
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), calm("raw"))
	smallDisk(t, b, "size=64m,ro")
	p := b.Start()
	if code := p.Wait(10 * time.Second); code <= 0 {
		t.Errorf("exit code %d, want a positive one", code)
	}
	if text := p.Log(); !strings.Contains(text, b.DataDir()) || !strings.Contains(text, "read-only") {
		t.Errorf("the message does not say what is read-only:\n%s", text)
	}
}

// Bytes that change on the disk cost the frames they are in, and nothing else;
// what they cost is counted to the record.
func TestDamageOnTheDiskIsContainedAndCounted(t *testing.T) {
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), busy("raw"))
	b.Configure("  buffer: {segment_size: 1MiB}", b.StreamsYAML("5m"))
	b.Store.Stop()
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	acked(t, b, 20_000)
	stop()
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.Log())
	}

	segments, err := filepath.Glob(filepath.Join(b.DataDir(), "streams", "*", "shards", "*", "log", "*.seg"))
	if err != nil || len(segments) < 8 {
		t.Fatalf("only %d segments: %v", len(segments), err)
	}
	slices.Sort(segments)
	for _, path := range []string{segments[len(segments)/2], segments[len(segments)*3/4]} {
		flip(t, path, 300_000)
	}

	b.Store.Start()
	b.Configure("  buffer: {segment_size: 1MiB}", b.StreamsYAML(""))
	p = b.Start()
	p.Ready(20 * time.Second)
	if err := b.Quiesce(90 * time.Second); err != nil {
		t.Fatal(err)
	}
	m, err := b.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	tally, _ := b.Read(b.Streams[0])
	lost := uint64(m.Stream("hydrant_ledger_lost_records_total", "raw"))
	accepted := uint64(m.Stream("hydrant_ledger_accepted_records_total", "raw"))
	if lost == 0 || tally.Records+lost != accepted {
		t.Errorf("accepted %d records, %d are in the bucket, %d are counted as lost", accepted, tally.Records, lost)
	}
	if gap := m.Stream("hydrant_ledger_gap_records", "raw"); gap != 0 {
		t.Errorf("the ledger has a gap of %v records", gap)
	}
	kept, err := filepath.Glob(filepath.Join(b.DataDir(), "streams", "*", "quarantine", "*"))
	if err != nil || len(kept) < 2 {
		t.Errorf("quarantine holds %v, want the two damaged ranges: %v", kept, err)
	}
	if !strings.Contains(p.Log(), "quarantine") {
		t.Errorf("the log does not report the damage:\n%s", p.Log())
	}
	for _, v := range oracle.Judge(tally, b.Ledgers("raw")) {
		if v.Kind != oracle.Missing {
			t.Error(v)
		}
	}
	t.Logf("%d of %d records lost in two damaged frames", lost, accepted)
}

// flip changes one bit at an offset.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(content)
	changed[min(at, len(changed)-1)] ^= 0x10
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
}
