package buffer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// sample is a data directory with delivered, planned and waiting records in
// several segments, as a clean or an unclean stop leaves it.
type sample struct {
	disk    *crashfs.FS
	records []string
	settled int
	frame   int // records in each frame
}

func newSample(t *testing.T, clean bool) sample {
	t.Helper()
	disk := crashfs.New()
	r := &rig{t: t, fs: disk, o: DirOptions{SegmentSize: 6 << 10, MinFree: -1}}
	r.open()
	s := sample{disk: disk, records: numbered(1, 200), frame: 5}
	for i := 0; i < 100; i += s.frame {
		r.append(s.records[i : i+s.frame]...)
	}
	s.settled = len(r.deliver(1))
	for i := 100; i < 200; i += s.frame {
		r.append(s.records[i : i+s.frame]...)
	}
	next, first, last := r.read(1)
	r.plan(first, last, next)
	waitFor(t, func() bool { return r.padded() })
	if !clean {
		s.disk = disk.KillClone()
	}
	r.close()
	if clean {
		s.disk = disk.KillClone()
	}
	return s
}

// padded reports whether the newest segment says itself that it is durable.
func (r *rig) padded() bool {
	s := r.log.shards[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := r.fs.Open(s.cur.path)
	if err != nil {
		return false
	}
	defer f.Close()
	w := walker{sc: segment.NewScanner(f, s.cur.id, segment.HeaderSize, s.cur.end)}
	var last segment.Frame
	for {
		f, off, err := w.frame()
		if err != nil {
			return last.Type == segment.Pad || last.Type == segment.OpenType
		}
		w.pass(f, off)
		last = f
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in 10 s")
		}
		time.Sleep(time.Millisecond)
	}
}

// recovered opens a damaged copy, delivers all there is, and returns what was
// delivered, the ledger and the damages.
func recovered(t *testing.T, disk *crashfs.FS) (records []string, l Ledger, damages []Damage, err error) {
	t.Helper()
	o := DirOptions{SegmentSize: 6 << 10, MinFree: -1, Events: Events{Damaged: func(_ string, d Damage) { damages = append(damages, d) }}}
	dir, err := OpenDir(disk, o)
	if err != nil {
		return nil, l, damages, err
	}
	defer func() {
		if closeErr := dir.Close(); closeErr != nil {
			t.Error(closeErr)
		}
	}()
	log, err := dir.OpenLog("clicks", LogOptions{})
	if err != nil {
		return nil, l, damages, err
	}
	// A last record shows that the log still works, and ends the reading.
	if _, err := log.Append(t.Context(), entries("end")); err != nil {
		return nil, l, damages, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	feed := log.Feeds()[0]
	var c Chunk
	settle := func(p Plan, from Reader) error {
		var n Count
		for n.Records < p.Count.Records || p.Count == (Count{}) {
			if err := from.Next(ctx, &c); err != nil {
				if p.Feed != "" {
					break
				}
				return err
			}
			if p.Feed == "" {
				p = Plan{Feed: feed.ID(), First: c.Position(0), Last: c.Position(c.Len() - 1)}
				for i := range c.Len() {
					p.Count = p.Count.Add(Count{1, uint64(len(c.Bytes(i)))})
				}
				if err := feed.Plan(ctx, p); err != nil {
					return err
				}
			}
			for i := range c.Len() {
				records = append(records, string(c.Bytes(i)))
				n = n.Add(Count{1, uint64(len(c.Bytes(i)))})
			}
		}
		return feed.Done(ctx, p, Outcome{Delivered: n})
	}
	for _, p := range feed.Unfinished() {
		again, err := feed.Replay(p)
		if err != nil {
			return nil, l, damages, err
		}
		if err := settle(p, again); err != nil {
			return nil, l, damages, err
		}
	}
	for len(records) == 0 || records[len(records)-1] != "end" {
		if err := settle(Plan{}, feed); err != nil {
			return records, log.Ledger(), damages, err
		}
	}
	return records[:len(records)-1], log.Ledger(), damages, nil
}

// TestAnyFlippedBitCostsAtMostOneFrame damages every eighth byte of every file, and
// all bytes of headers.
func TestAnyFlippedBitCostsAtMostOneFrame(t *testing.T) {
	for _, clean := range []bool{true, false} {
		s, losses := newSample(t, clean), 0
		defer func() {
			if losses < 50 {
				t.Errorf("only %d flips cost anything: the test looks in the wrong place", losses)
			}
		}()
		for _, name := range s.disk.Files() {
			data, err := s.disk.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < len(data); at += stride(name, at) {
				if s.flip(t, fmt.Sprintf("clean %v, %s byte %d of %d", clean, name, at, len(data)), name, at) {
					losses++
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

func stride(name string, at int) int {
	if strings.HasSuffix(name, ".seg") || strings.HasSuffix(name, "journal") {
		if at > 96 && at < 4080 {
			return 509
		}
		if testing.Short() || strings.HasSuffix(name, "journal") {
			return 13
		}
		return 3
	}
	return 7
}

func (s sample) flip(t *testing.T, what, name string, at int) (lost bool) {
	disk := s.disk.KillClone()
	err := disk.Edit(name, func(b []byte) []byte { b[at] ^= 1 << (at % 8); return b })
	if err != nil {
		t.Fatal(err)
	}
	got, l, damages, err := recovered(t, disk)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	want := s.records[s.settled:]
	journal := path.Base(name) == "journal"
	if journal && len(got) > len(want) {
		// An older checkpoint: what was settled is delivered again.
		want = s.records
		if len(got) > len(want) {
			t.Errorf("%s: %d records delivered, %d exist", what, len(got), len(want))
			return false
		}
		want = want[len(want)-len(got):]
	}
	missing := 0
	for i, x := range want {
		if i-missing >= len(got) || got[i-missing] != x {
			missing++
		}
	}
	if len(got)+missing != len(want) {
		t.Errorf("%s: delivered what was not sent, or out of order: %q", what, got)
	}
	if missing > s.frame || journal && missing > 0 {
		t.Errorf("%s: %d records are missing; damages %v", what, missing, damages)
	}
	if missing > 0 && len(damages) == 0 {
		t.Errorf("%s: %d records are missing and nothing was reported", what, missing)
	}
	all := count(append([]string{"end"}, s.records...))
	if l.Gap() != 0 || l.Accepted != all || l.Lost.Records != uint64(missing) || l.Buffered != (Count{}) {
		t.Errorf("%s: %d missing, gap %d, want accepted %+v: ledger %+v\n%v", what, missing, l.Gap(), all, l, damages)
	}
	if sum := l.Delivered.Add(l.Lost); sum != l.Accepted {
		t.Errorf("%s: delivered and lost are %+v, accepted %+v", what, sum, l.Accepted)
	}
	return missing > 0
}

func TestTruncatedZeroedAndDeletedSegmentsAreCountedExactly(t *testing.T) {
	for _, clean := range []bool{true, false} {
		s := newSample(t, clean)
		for _, name := range s.disk.Files() {
			if !strings.HasSuffix(name, ".seg") {
				continue
			}
			data, err := s.disk.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			damage := map[string]func(*crashfs.FS) error{
				"deleted": func(d *crashfs.FS) error {
					return errors.Join(d.Remove(name), d.SyncDir(path.Dir(name)))
				},
				"zeroed": func(d *crashfs.FS) error {
					return d.Edit(name, func(b []byte) []byte { return make([]byte, len(b)) })
				},
				"swapped": func(d *crashfs.FS) error {
					return d.Edit(name, func(b []byte) []byte { return bytes.Repeat(b[:8], len(b)/8) })
				},
			}
			for _, size := range []int{0, 100, 4096, 4097, 4264, 4300, len(data) / 2, len(data) - 200, len(data) - 1} {
				if size < len(data) {
					damage[fmt.Sprintf("cut to %d of %d", size, len(data))] = func(d *crashfs.FS) error {
						return d.Edit(name, func(b []byte) []byte { return b[:size] })
					}
				}
			}
			for how, do := range damage {
				what := fmt.Sprintf("clean %v, %s %s", clean, name, how)
				disk := s.disk.KillClone()
				if err := do(disk); err != nil {
					t.Fatal(err)
				}
				got, l, damages, err := recovered(t, disk)
				if err != nil {
					t.Errorf("%s: %v\n%+v\n%v", what, err, l, damages)
					return
				}
				if t.Failed() {
					return
				}
				missing := len(s.records) - s.settled - len(got)
				if missing > 0 && len(damages) == 0 {
					t.Errorf("%s: %d records are missing and nothing was reported", what, missing)
				}
				all := count(append([]string{"end"}, s.records...))
				if l.Gap() != 0 || l.Accepted.Records != all.Records || int(l.Lost.Records) != missing || l.Buffered.Records != 0 {
					t.Errorf("%s: %d missing, gap %d: ledger %+v\n%v", what, missing, l.Gap(), l, damages)
				}
			}
		}
	}
}
