package crashtest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

var everyFlag = flag.Bool("every", false, "damage the directory in every way, which takes minutes")

// TestOneFlippedBitCostsOneFrame flips bits in every byte of the directory:
// with -every all of them, otherwise one of each byte, and of the zeros that
// fill a header block one of every 16 bytes: one checksum covers them all.
func TestOneFlippedBitCostsOneFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSample(t, false)
		m.wantWhole(t)
		var d damages
		for _, name := range m.fs.Files() {
			data, err := m.fs.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for at := range data {
				bits, fill := 1, (isSegment(name) || isJournal(name)) && 80 <= at && at < 4084
				switch {
				case *everyFlag:
					bits = 8
				case fill && at%16 != 0, testing.Short() && at%5 != 0:
					continue
				}
				for b := range bits {
					bit := (at + at/8 + b) % 8
					d.add(fmt.Sprintf("%s: bit %d of byte %d flipped", name, bit, at), func(m *sample) error {
						return m.flip(name, at, bit)
					})
				}
			}
		}
		d.run(t, m)
	})
}

func (m *sample) flip(name string, at, bit int) error {
	fsys := m.clone()
	err := fsys.Edit(name, func(b []byte) []byte { b[at] ^= 1 << bit; return b })
	if err != nil {
		return err
	}
	v, err := recoverDamaged(fsys)
	if err != nil {
		return err
	}
	if isJournal(name) {
		return m.judgeJournal(v)
	}
	if !slices.Equal(v.plans, m.plans) {
		return fmt.Errorf("unfinished plans are\n%+v, want\n%+v", v.plans, m.plans)
	}
	return m.judge(v, func(f frame) bool { return f.file == name && at < int(f.end) && at >= int(f.end)-int(m.size(f)) })
}

// TestTruncationIsContained cuts every file at every length.
func TestTruncationIsContained(t *testing.T) {
	cutOff(t, "cut at", func(b []byte, at int) []byte { return b[:at] })
}

// TestZerosAreContained zeroes the end of every file from everywhere.
func TestZerosAreContained(t *testing.T) {
	cutOff(t, "zero from", func(b []byte, at int) []byte { clear(b[at:]); return b })
}

func cutOff(t *testing.T, what string, cut func(b []byte, at int) []byte) {
	synctest.Test(t, func(t *testing.T) {
		m := newSample(t, true)
		m.wantWhole(t)
		var d damages
		for _, name := range m.fs.Files() {
			data, err := m.fs.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for at := range data {
				fill := (isSegment(name) || isJournal(name)) && 80 <= at && at < 4084
				if !*everyFlag && (fill && at%64 != 0 || testing.Short() && at%13 != 0) {
					continue
				}
				d.add(fmt.Sprintf("%s: %s %d", name, what, at), func(m *sample) error {
					fsys := m.clone()
					if err := fsys.Edit(name, func(b []byte) []byte { return cut(b, at) }); err != nil {
						return err
					}
					v, err := recoverDamaged(fsys)
					if err != nil {
						return err
					}
					if isJournal(name) {
						return m.judgeJournal(v)
					}
					return m.judge(v, func(f frame) bool { return f.file == name && int64(at) < f.end })
				})
			}
		}
		d.run(t, m)
	})
}

// TestMissingFilesAreContained deletes every file.
func TestMissingFilesAreContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSample(t, true)
		m.wantWhole(t)
		var d damages
		for _, name := range m.fs.Files() {
			d.add(name+" deleted", func(m *sample) error {
				fsys := m.clone()
				if err := fsys.Remove(name); err != nil {
					return err
				}
				v, err := recoverDamaged(fsys)
				if err != nil {
					return err
				}
				if isJournal(name) {
					return m.judgeJournal(v)
				}
				return m.judge(v, func(f frame) bool { return f.file == name })
			})
		}
		d.run(t, m)
	})
}

// TestSwappedFilesAreContained puts the contents of every file in the place
// of every other, as well the segments of one stream in those of another.
func TestSwappedFilesAreContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, other := newSample(t, true), newSample(t, true)
		m.wantWhole(t)
		var d damages
		for _, source := range []*sample{m, other} {
			for _, from := range source.fs.Files() {
				for _, to := range m.fs.Files() {
					if from == to || path.Base(to) == "LOCK" {
						continue
					}
					if pair := path.Base(from) + path.Base(to); source == other &&
						(strings.HasPrefix(pair, "META") || strings.HasPrefix(pair, "IDENTITY")) {
						continue // a good document of another directory: which one is right, nobody can tell
					}
					d.add(fmt.Sprintf("%s put in the place of %s", from, to), func(m *sample) error {
						data, err := source.fs.ReadFile(from)
						if err != nil {
							return err
						}
						fsys := m.clone()
						if err := fsys.Edit(to, func([]byte) []byte { return data }); err != nil {
							return err
						}
						v, err := recoverDamaged(fsys)
						if err != nil {
							return err
						}
						if isJournal(to) {
							return m.judgeJournal(v)
						}
						return m.judge(v, func(f frame) bool { return f.file == to })
					})
				}
			}
		}
		d.run(t, m)
	})
}

// TestStrangeFilesAreIgnored puts copies of our files, empty files and files
// of others everywhere.
func TestStrangeFilesAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSample(t, true)
		m.wantWhole(t)
		var d damages
		dirs := map[string]bool{}
		for _, name := range m.fs.Files() {
			for dir := path.Dir(name); ; dir = path.Dir(dir) {
				dirs[dir] = true
				if dir == "." {
					break
				}
			}
		}
		contents := map[string][]byte{"empty": nil, "zero": make([]byte, 5000), "text": []byte("hello\n")}
		for _, name := range m.fs.Files() {
			if isSegment(name) || isJournal(name) {
				data, err := m.fs.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				contents[path.Base(name)] = data
			}
		}
		names := []string{
			"x", "core.123", ".hidden", "META.new", "journal.new", "journal.copy", "00", "01",
			"0000000000000002-00000000000000aa.seg", "9999999999999999-ffffffffffffffff.seg",
			"0000000000000000-0000000000000000.seg", "1-2.seg", ".seg", "00000000000000000000000000000000",
		}
		for dir := range dirs {
			for _, name := range names {
				for what, data := range contents {
					d.add(fmt.Sprintf("%s/%s added, holding %s", dir, name, what), func(m *sample) error {
						fsys := m.clone()
						if err := add(fsys, path.Join(dir, name), data); err != nil {
							return err
						}
						v, err := recoverDamaged(fsys)
						if err != nil {
							return err
						}
						if !slices.Equal(v.plans, m.plans) {
							return fmt.Errorf("unfinished plans are\n%+v, want\n%+v", v.plans, m.plans)
						}
						return m.judge(v, func(frame) bool { return false })
					})
				}
			}
		}
		d.run(t, m)
	})
}

func add(fsys *crashfs.FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return nil // the name is taken by one of ours
	}
	_, err = f.WriteAt(data, 0)
	return errors.Join(err, f.Close())
}

// TestStaleBlocksAreNotTakenForFrames: a file system may hand out blocks with
// the bytes of deleted files, and a crash may show them behind the end.
func TestStaleBlocksAreNotTakenForFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSample(t, true)
		var files []string
		for _, name := range m.fs.Files() {
			if isSegment(name) {
				files = append(files, name)
			}
		}
		live := m.frames[len(m.frames)-1].file
		var d damages
		for _, stale := range files {
			for shift := int64(-512); shift <= 512; shift += 8 {
				d.add(fmt.Sprintf("%s goes on with the frames of %s, moved by %d", live, stale, shift), func(m *sample) error {
					old, err := m.fs.ReadFile(stale)
					if err != nil {
						return err
					}
					if stale == live {
						old = old[segment.HeaderSize:] // its own frames once more
					}
					fsys := m.clone()
					err = fsys.Edit(live, func(b []byte) []byte {
						block := bytes.Repeat(old, 2)[len(old)+int(shift):]
						return append(b, block...)
					})
					if err != nil {
						return err
					}
					v, err := recoverDamaged(fsys)
					if err != nil {
						return err
					}
					return m.judge(v, func(frame) bool { return false })
				})
			}
		}
		d.run(t, m)
	})
}

func isJournal(name string) bool { return path.Base(name) == "journal" }

func (m *sample) clone() *crashfs.FS {
	return m.fs.CrashClone(0, crashfs.Mode{Data: crashfs.DataAll, Dirs: crashfs.DirsAll})
}

// size returns the length of a frame in its file.
func (m *sample) size(f frame) int64 {
	n := int64(segment.FrameHeaderSize)
	for i := range f.count {
		n += 4 + int64(len(payload(f.first+i)))
	}
	return (n + 7) / 8 * 8
}

// wantWhole makes sure that the sample is what the tests believe.
func (m *sample) wantWhole(t *testing.T) {
	t.Helper()
	v, err := recoverDamaged(m.clone())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.judge(v, func(frame) bool { return false }); err != nil {
		t.Fatalf("without damage: %v", err)
	}
	segments := 0
	for _, name := range m.fs.Files() {
		if isSegment(name) {
			segments++
		}
	}
	if len(v.damage) > 0 || segments < 4 || len(m.plans) != 1 || !slices.Equal(v.plans, m.plans) {
		t.Fatalf("the sample has %d segments and %d plans; reported: %v", segments, len(m.plans), v.damage)
	}
}

// damages are things to do to a sample.
type damages struct {
	names []string
	try   []func(*sample) error
}

func (d *damages) add(name string, try func(*sample) error) {
	d.names, d.try = append(d.names, name), append(d.try, try)
}

// run tries them all and shows the first failures.
func (d *damages) run(t *testing.T, m *sample) {
	const show = 5
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(d.try)); i = next.Add(1) - 1 {
				if err := d.try[i](m); err != nil && failed.Add(1) <= show {
					t.Errorf("%s: %v", d.names[i], err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d damaged directories, %d wrong", len(d.try), failed.Load())
	if len(d.try) < 10 {
		t.Errorf("only %d damages were tried", len(d.try))
	}
}
