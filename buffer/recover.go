package buffer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// recover finds out what is durable, makes the end of it unmistakable, and
// leaves everything ready for a new segment. It may be interrupted and run
// again at any point. What is damaged is reported here when it is metadata,
// and by the reader when it is records.
func (s *shard) recover() error {
	missing, err := s.load()
	if err != nil {
		return err
	}
	v := survey{fs: s.log.dir.fs, shard: s, high: s.mark(), passed: s.passed(), report: s.own.damaged, foreign: s.log.dir.o.Events.foreign}
	if err := v.run(); err != nil {
		return err
	}
	if err := s.clearAway(&v); err != nil {
		return err
	}
	if err := s.finishTail(&v); err != nil {
		return err
	}
	for _, f := range v.kept {
		s.log.grow(f.seg.end)
	}
	s.adoptSurvey(&v)
	s.tail = tail{accepted: s.synced}
	s.high = v.highest
	for _, k := range s.cursors {
		if cause := missing[k]; cause != nil && k.of != nil {
			if err := k.begin(cause); err != nil {
				return err
			}
		}
		if k.buffered, err = k.countBuffered(); err != nil {
			return err
		}
	}
	fault.Point("K13-journal")
	for _, k := range s.cursors {
		if err := k.save(); err != nil {
			return err
		}
	}
	return nil
}

// load reads the journals, and returns which are missing and why. For the
// shard's own one reconcile takes the copy in the newest segment.
func (s *shard) load() (missing map[*cursor]error, err error) {
	missing = map[*cursor]error{}
	for _, k := range s.cursors {
		switch err := k.load(); {
		case err == nil:
		case err == errNoCheckpoint, errors.Is(err, fs.ErrNotExist):
			missing[k] = err
		default:
			return nil, err
		}
	}
	return missing, nil
}

// mark returns the most that a journal knows of the log.
func (s *shard) mark() high {
	var most high
	for _, k := range s.cursors {
		h := k.state.High
		if h.Accepted.Records > most.Accepted.Records || h.Accepted == most.Accepted && h.End > most.End {
			most = h
		}
	}
	return most
}

// passed returns what all streams had settled by what their journals say. No
// segment was deleted that holds a record behind it.
func (s *shard) passed() (least Count) {
	first := true
	for _, k := range s.cursors {
		if k.state.Generation == 0 || k.finished() {
			continue // its journal says nothing, or that it needs nothing
		}
		if c := k.state.settledCount(); first || c.Records < least.Records {
			least, first = c, false
		}
	}
	return least
}

// adoptSurvey takes over what was found.
func (s *shard) adoptSurvey(v *survey) {
	s.own.state = v.reconcile(s.own.state)
	for _, f := range v.kept {
		s.segs = append(s.segs, f.seg)
	}
	s.synced = v.accepted(s.cursors)
}

// clearAway removes segments nothing was acknowledged from and puts those of
// others aside. It syncs the directory in any case: what the page cache kept
// over a crash of the process may be gone after a power loss.
func (s *shard) clearAway(v *survey) error {
	for _, p := range v.strange {
		if err := s.quarantineFile(p); err != nil {
			return err
		}
	}
	for _, p := range v.unused {
		if err := removeIfThere(s.log.dir.fs, p); err != nil {
			return err
		}
		fault.Point("K13")
	}
	return syncDir(s.log.dir.fs, path.Join(s.path, "log"))
}

// finishTail ends the newest segment where the durable frames end. A torn
// tail is cut off, and the rest is synced, before anything is delivered.
func (s *shard) finishTail(v *survey) error {
	if len(v.kept) == 0 {
		return nil
	}
	f := v.kept[len(v.kept)-1]
	finish := s.cutAndSeal
	switch {
	case f.short:
		return nil // what is missing was durable once, and so is the rest
	case f.sealed:
		finish = s.saveSeal
	}
	if err := s.log.dir.space.must(func() error { return finish(f) }); err != nil {
		return fmt.Errorf("recover %s: %w", f.seg.path, err)
	}
	return nil
}

func (s *shard) cutAndSeal(f *foundSegment) (err error) {
	file, err := s.log.dir.fs.OpenWrite(f.seg.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Truncate(f.tail.end); err != nil {
		return err
	}
	fault.Point("K13-cut")
	if err := rewrite(file, f.tail.proven, f.tail.end); err != nil {
		return err
	}
	sync := file.Sync
	if fault.Bug("no-recovery-sync") {
		sync = func() error { return nil }
	}
	if err := sync(); err != nil {
		return err
	}
	g := f.seg
	seal := segment.Seal{First: g.first(), Records: g.last.Records, Bytes: g.last.Bytes, Frames: f.tail.frames, Sum: f.tail.sum}
	frame := segment.Append(nil, g.id, segment.Frame{
		Type: segment.SealType, Seq: g.last.Records + 1, Before: f.tail.before, Watermark: f.tail.end,
	}, seal.Encode())
	_, err = file.WriteAt(frame, f.tail.end)
	fault.Point("K13-seal")
	if err == nil {
		err = sync()
	}
	if isNoSpace(err) && !s.log.dir.space.holds() {
		return nil // the cut is durable; the next segment will name the end
	}
	if err != nil {
		return err
	}
	g.end = f.tail.end + int64(len(frame))
	return nil
}

// saveSeal syncs a seal; all before it was durable when it was written.
func (s *shard) saveSeal(f *foundSegment) error {
	if fault.Bug("no-recovery-sync") {
		return nil
	}
	file, err := s.log.dir.fs.OpenWrite(f.seg.path)
	if err != nil {
		return err
	}
	err = rewrite(file, f.size-segment.SealSize, f.size)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// rewrite writes bytes that may be in the page cache only once more, the same
// in the same place. After a failed sync such pages count as clean, and no
// sync would ever save them.
func rewrite(file vfs.File, from, to int64) error {
	block := make([]byte, min(1<<20, max(0, to-from)))
	for from < to {
		b := block[:min(int64(len(block)), to-from)]
		if err := readSteady(file, b, from); err != nil {
			return err
		}
		if _, err := file.WriteAt(b, from); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return nil
}

// readSteady fills b with bytes that two reads agree on, for a bit that went
// wrong on its way from the disk must not be written back.
func readSteady(file io.ReaderAt, b []byte, off int64) error {
	again := make([]byte, len(b))
	for range 5 {
		for _, to := range [][]byte{b, again} {
			if n, err := file.ReadAt(to, off); n < len(to) {
				return err
			}
		}
		if bytes.Equal(b, again) {
			return nil
		}
	}
	return fmt.Errorf("read %d bytes at %d: every time they are others; check the disk of the data directory", len(b), off)
}

// quarantineFile moves a file out of the way, keeping it for the operator.
func (s *shard) quarantineFile(name string) error {
	to, err := freeName(s.log.dir.fs, path.Join(s.log.path, "quarantine", shardName(s.n)+"-"+path.Base(name)))
	if err != nil {
		return err
	}
	if err := s.log.dir.fs.Rename(name, to); err != nil {
		return err
	}
	if err := syncDir(s.log.dir.fs, path.Dir(to)); err != nil {
		return err
	}
	return syncDir(s.log.dir.fs, path.Dir(name))
}

// freeName returns name, or name with a number that is not taken.
func freeName(fsys vfs.FS, name string) (string, error) {
	free := name
	for n := 1; ; n++ {
		if _, err := fsys.Stat(free); errors.Is(err, fs.ErrNotExist) {
			return free, nil
		} else if err != nil {
			return "", err
		}
		free = fmt.Sprintf("%s.%d", name, n)
	}
}

// bytesWithin returns the bytes of the records in g before seq, if damage does
// not hide where seq starts.
func bytesWithin(fsys vfs.FS, g *seg, seq uint64) (bytes uint64, known bool, err error) {
	file, err := fsys.Open(g.path)
	if err != nil {
		return 0, false, err
	}
	defer file.Close() // nothing was written
	w := walker{sc: segment.NewScanner(file, g.id, segment.HeaderSize, g.end), next: g.first()}
	for {
		f, off, err := w.frame()
		if err != nil {
			return w.bytes, w.next == seq, ignoreEnd(err)
		}
		switch {
		case f.Seq+uint64(f.Count) <= seq:
			w.pass(f, off)
		case seq <= w.next && w.lost:
			return w.bytes, seq == w.next, nil
		case seq < f.Seq:
			return 0, false, nil
		case f.Type == segment.Data && seq > f.Seq:
			part, known := partBytes(w.sc, f, off, seq-f.Seq)
			return w.bytes + w.gap(f, off) + part, known, nil
		default:
			return w.bytes + w.gap(f, off), true, nil
		}
	}
}

// partBytes returns the bytes of the first n records of a frame, if it is good.
func partBytes(sc *segment.Scanner, f segment.Frame, off int64, n uint64) (bytes uint64, known bool) {
	payload, err := sc.Payload(&f, off)
	if err != nil {
		return 0, false
	}
	_, end, err := segment.Record(payload, f.Count, int(n)-1)
	return uint64(end) - 4*uint64(f.Count), err == nil
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, errNoMore) {
		return nil
	}
	return err
}
