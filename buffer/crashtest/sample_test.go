package crashtest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

// sample is a small data directory at rest: sealed segments and a live one
// that ends in an idle pad, a plan that is done and one that is not.
type sample struct {
	fs      *crashfs.FS
	records []record // not settled
	frames  []frame  // that hold them
	plans   []buffer.Plan
	feed    string
	settled buffer.Count
}

// frame is where the records of one call are.
type frame struct {
	call
	file string
	end  int64
}

const sampleSegment = 4096 + 700

// newSample must run in a bubble. With planLast the journal was written after
// all records, so it knows how far the log was durable; otherwise only the
// frames themselves tell.
func newSample(t *testing.T, planLast bool) *sample {
	s := newSession(crashfs.New(), newHistory(), luckOf(1, 1))
	s.options.SegmentSize = sampleSegment
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// The second segment takes a moment, so that the first one holds settled
	// and other records.
	s.fs.Inject(crashfs.Fault{On: crashfs.OpCreate, Path: "*.seg", After: 1, Times: 1, Delay: time.Second})
	check(s.open())
	m := &sample{}
	appendFrame := func(count int) {
		c, err := s.append(count)
		check(err)
		m.frames = append(m.frames, frame{call: c})
		s.waiting += count
		synctest.Wait() // the next segment is ready
	}
	planSome := func() {
		for s.waiting > 0 {
			check(s.next())
		}
		check(s.plan(8))
	}
	appendFrame(3)
	for s.waiting > 0 {
		check(s.next())
	}
	check(s.plan(3))
	check(s.done())
	for i, n := range []int{2, 1, 4, 1, 3, 2, 5, 1, 2, 3, 1, 1, 1, 1} {
		if !planLast && i == 4 {
			planSome()
		}
		appendFrame(n)
		if i == 0 {
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
	}
	if planLast {
		planSome()
	}
	time.Sleep(time.Second)
	synctest.Wait()

	m.frames, m.plans, m.feed, m.settled = m.frames[1:], s.plans, s.feed.ID(), s.log.Ledger().Delivered
	m.settled = s.log.Ledger().Delivered.Add(s.log.Ledger().Failed).Add(s.log.Ledger().Dropped)
	m.fs = s.fs.CrashClone(1, crashfs.Mode{Data: crashfs.DataNone, Dirs: crashfs.DirsNone})
	sure := s.history.expect().sure
	for seq := uint64(4); sure[seq] != (record{}); seq++ {
		m.records = append(m.records, sure[seq])
	}
	check(s.close())
	check(m.locate())
	if settled, first := s.history.expect().sure[1].pos, m.records[0].pos; settled.Epoch != first.Epoch {
		t.Fatalf("the first record is at %v and the first that is not settled at %v: want one segment", settled, first)
	}
	return m
}

// locate finds the file and the end of every frame.
func (m *sample) locate() error {
	at, live := 0, 0
	var last segment.Frame
	for _, name := range m.fs.Files() {
		if !isSegment(name) {
			continue
		}
		data, err := m.fs.ReadFile(name)
		if err != nil {
			return err
		}
		sc := segment.NewScanner(strings.NewReader(string(data)), segmentID(name), segment.HeaderSize, int64(len(data)))
		for f, off, err := sc.Next(); err == nil; f, off, err = sc.Next() {
			switch last = f; f.Type {
			case segment.OpenType:
				live = 0
			case segment.Data:
				live++
			}
			if f.Type == segment.Data && f.Seq >= m.records[0].pos.Seq {
				m.frames[at].file, m.frames[at].end = name, off+f.Size()
				at++
			}
		}
	}
	if at != len(m.frames) {
		return fmt.Errorf("%d data frames are in the files, want %d", at, len(m.frames))
	}
	if live < 2 || last.Type != segment.Pad {
		return fmt.Errorf("the live segment has %d data frames and ends in type %d, want a pad", live, last.Type)
	}
	return nil
}

func isSegment(name string) bool { return strings.HasSuffix(name, ".seg") }

func segmentID(name string) uint64 {
	_, hex, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".seg"), "-")
	id, err := strconv.ParseUint(hex, 16, 64)
	if err != nil {
		panic("not a segment: " + name)
	}
	return id
}

// verdict is what a damaged directory gave.
type verdict struct {
	found
	ledger  buffer.Ledger
	damage  []buffer.Damage
	foreign []string
	feed    string
}

// endMark is the number of the record that ends a reading.
const endMark = 1 << 30

// recoverDamaged opens a damaged directory and reads all of it.
func recoverDamaged(fsys *crashfs.FS) (v verdict, err error) {
	var mu sync.Mutex
	dir, err := buffer.OpenDir(fsys, buffer.DirOptions{SegmentSize: sampleSegment, MinFree: -1, Events: buffer.Events{
		Damaged: func(_ string, d buffer.Damage) { mu.Lock(); defer mu.Unlock(); v.damage = append(v.damage, d) },
		Foreign: func(name string) { mu.Lock(); defer mu.Unlock(); v.foreign = append(v.foreign, name) },
	}})
	if err != nil {
		return v, fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	log, err := dir.OpenLog(stream, buffer.LogOptions{})
	if err != nil {
		return v, fmt.Errorf("open: %w", err)
	}
	feed := log.Feeds()[0]
	v.feed, v.plans = feed.ID(), feed.Unfinished()
	for _, p := range v.plans {
		r, err := feed.Replay(p)
		if err != nil {
			return v, err
		}
		records, err := readAll(r, nil)
		if err = errors.Join(err, r.Close()); err != nil {
			return v, err
		}
		v.records = append(v.records, records...)
	}
	var end buffer.Entries
	end.Add(payload(endMark))
	ctx, cancel := patience()
	defer cancel()
	if _, err := log.Append(ctx, &end); err != nil {
		return v, fmt.Errorf("append: %w", err)
	}
	records, err := readAll(feed, func(n int) bool { return n == endMark })
	if err != nil {
		return v, err
	}
	v.records = append(v.records, records[:len(records)-1]...)
	v.ledger = log.Ledger()
	one := buffer.Count{Records: 1, Bytes: uint64(len(payload(endMark)))}
	v.ledger.Accepted, v.ledger.Buffered = v.ledger.Accepted.Sub(one), v.ledger.Buffered.Sub(one)
	return v, nil
}

// judge compares a verdict with the sample. mayLose tells which frames the
// damage has touched.
func (m *sample) judge(v verdict, mayLose func(frame) bool) error {
	got := map[record]bool{}
	for i, r := range v.records {
		if i > 0 && r.pos.Seq <= v.records[i-1].pos.Seq {
			return fmt.Errorf("record %d at %v comes after %v", r.n, r.pos, v.records[i-1].pos)
		}
		if r.pos.Seq >= m.records[0].pos.Seq && !slices.Contains(m.records, r) {
			return fmt.Errorf("record %d at %v was never there", r.n, r.pos)
		}
		got[r] = true
	}
	var buffered buffer.Count
	for r := range got {
		buffered = buffered.Add(buffer.Count{Records: 1, Bytes: uint64(len(payload(r.n)))})
	}
	var missing buffer.Count
	for _, f := range m.frames {
		for i := range f.count {
			at := slices.IndexFunc(m.records, func(r record) bool { return r.n == f.first+i })
			if got[m.records[at]] {
				continue
			}
			if !mayLose(f) {
				return fmt.Errorf("record %d is missing; it is in %s, in the frame before %d, which is whole", f.first+i, f.file, f.end)
			}
			missing = missing.Add(buffer.Count{Records: 1, Bytes: uint64(len(payload(f.first + i)))})
		}
	}
	switch {
	case v.ledger.Gap() != 0:
		return fmt.Errorf("the ledger has a gap of %d: %+v", v.ledger.Gap(), v.ledger)
	case v.ledger.Lost != missing:
		return fmt.Errorf("the ledger counts %+v lost, want %+v", v.ledger.Lost, missing)
	case v.ledger.Buffered != buffered:
		return fmt.Errorf("the ledger has %+v buffered, want %+v", v.ledger.Buffered, buffered)
	case missing.Records > 0 && len(v.damage) == 0:
		return errors.New("records are lost and nothing was reported")
	case v.feed != m.feed:
		return fmt.Errorf("the feed is %s, want %s", v.feed, m.feed)
	}
	return nil
}

// judgeJournal is for damage to the journal: no record may be missing, but
// records that were settled may come again or be counted as lost, and plans
// may have to be made again.
func (m *sample) judgeJournal(v verdict) error {
	for i, r := range v.records {
		if i > 0 && r.pos.Seq <= v.records[i-1].pos.Seq {
			return fmt.Errorf("record %d at %v comes after %v", r.n, r.pos, v.records[i-1].pos)
		}
	}
	for _, r := range m.records {
		if !slices.Contains(v.records, r) {
			return fmt.Errorf("record %d at %v is missing", r.n, r.pos)
		}
	}
	switch {
	case v.ledger.Gap() != 0:
		return fmt.Errorf("the ledger has a gap of %d: %+v", v.ledger.Gap(), v.ledger)
	case v.ledger.Lost.Records > m.settled.Records:
		return fmt.Errorf("the ledger counts %+v lost", v.ledger.Lost)
	case v.feed != m.feed:
		return fmt.Errorf("the feed is %s, want %s", v.feed, m.feed)
	}
	return nil
}
